//! Programs that keep roots of their own, and the variables that let them trust another.

use std::path::Path;

/// A variable of the environment by which a program is told of roots.
pub(crate) struct Variable {
    pub(crate) name: &'static str,
    /// Who reads it.
    pub(crate) readers: &'static str,
    pub(crate) effect: Effect,
}

/// What the value of a variable does to the roots that its readers have.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// The file's roots are added to theirs.
    Adds,
    /// The file's roots take the place of theirs, so the file must hold those of the system, too.
    Replaces,
    /// Not a file: this value lets them use the system's store.
    System(&'static str),
}

/// Each was tried with the program named first, or is in its manual.
pub(crate) const VARIABLES: &[Variable] = &[
    Variable {
        name: "NODE_EXTRA_CA_CERTS",
        readers: "Node.js, Bun, Electron's command line",
        effect: Effect::Adds,
    },
    Variable { name: "DENO_CERT", readers: "Deno", effect: Effect::Adds },
    Variable {
        name: "DENO_TLS_CA_STORE",
        readers: "Deno",
        effect: Effect::System("system,mozilla"),
    },
    Variable {
        name: "REQUESTS_CA_BUNDLE",
        readers: "Python's requests, pip, Azure's command line",
        effect: Effect::Replaces,
    },
    Variable {
        name: "SSL_CERT_FILE",
        readers: "OpenSSL's programs: Python's ssl and httpx, Ruby, Perl; Go",
        effect: Effect::Replaces,
    },
    Variable { name: "CURL_CA_BUNDLE", readers: "curl built for itself", effect: Effect::Replaces },
    Variable { name: "GIT_SSL_CAINFO", readers: "git built for itself", effect: Effect::Replaces },
    Variable { name: "CARGO_HTTP_CAINFO", readers: "cargo", effect: Effect::Replaces },
    Variable { name: "PIP_CERT", readers: "pip", effect: Effect::Replaces },
    Variable { name: "NIX_SSL_CERT_FILE", readers: "Nix's programs", effect: Effect::Replaces },
    Variable { name: "HEX_CACERTS_PATH", readers: "Elixir's mix", effect: Effect::Replaces },
    Variable { name: "AWS_CA_BUNDLE", readers: "AWS's command line", effect: Effect::Replaces },
    Variable {
        name: "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
        readers: "gRPC for C++, Python, Ruby, PHP",
        effect: Effect::Replaces,
    },
];

/// A variable of the environment that has a program go through a proxy.
pub(crate) struct ProxyVariable {
    pub(crate) name: &'static str,
    pub(crate) way: Way,
}

/// What such a variable is set to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// The proxy's URL.
    Url,
    /// Exactly this.
    Word(&'static str),
}

/// In both spellings: curl reads `http_proxy` in small letters only, others the capitals only.
pub(crate) const PROXY_VARIABLES: &[ProxyVariable] = &[
    ProxyVariable { name: "HTTP_PROXY", way: Way::Url },
    ProxyVariable { name: "http_proxy", way: Way::Url },
    ProxyVariable { name: "HTTPS_PROXY", way: Way::Url },
    ProxyVariable { name: "https_proxy", way: Way::Url },
    ProxyVariable { name: "ALL_PROXY", way: Way::Url },
    ProxyVariable { name: "all_proxy", way: Way::Url },
    ProxyVariable { name: "WS_PROXY", way: Way::Url },
    ProxyVariable { name: "WSS_PROXY", way: Way::Url },
    ProxyVariable { name: "grpc_proxy", way: Way::Url },
    // This machine's own servers are what developers talk to.
    ProxyVariable { name: "NO_PROXY", way: Way::Word("") },
    ProxyVariable { name: "no_proxy", way: Way::Word("") },
    // Node.js from 22.21 and 24 on.
    ProxyVariable { name: "NODE_USE_ENV_PROXY", way: Way::Word("1") },
];

impl Variable {
    /// Its value: `root` is the file of the one root, `bundle` that of the system's and the root.
    /// `None` where a bundle is needed and the system has none.
    pub(crate) fn value(&self, root: &Path, bundle: Option<&Path>) -> Option<String> {
        match self.effect {
            Effect::Adds => Some(root.display().to_string()),
            Effect::Replaces => bundle.map(|path| path.display().to_string()),
            Effect::System(value) => Some(value.to_owned()),
        }
    }
}
