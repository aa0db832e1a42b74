//! Programs that keep roots of their own, and the variables that let them trust another.

/// A variable of the environment by which a program is told of roots.
pub(crate) struct Variable {
    pub(crate) name: &'static str,
    /// The programs that read it.
    pub(crate) readers: &'static str,
    pub(crate) effect: Effect,
}

/// What a variable does to the roots that its readers have, by which its value is chosen.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// A file whose roots are added to theirs: the CA's alone.
    Adds,
    /// A file whose roots take the place of theirs, so it holds those of the system, too.
    Replaces,
    /// Not a file: this word lets them use the system's store, which is where `SSL_CERT_FILE` says.
    Word(&'static str),
    /// A configuration file of wget's, which names the file that replaces.
    Wgetrc,
    /// Options for Java, which name a key store that replaces; behind those that are there already.
    JavaOptions,
}

/// Each was tried with the program named first (`just trust-runtimes`), or is in its manual.
pub(crate) const VARIABLES: &[Variable] = &[
    Variable {
        name: "NODE_EXTRA_CA_CERTS",
        readers: "Node.js, Bun, Deno, Electron's command line",
        effect: Effect::Adds,
    },
    Variable {
        name: "NODE_USE_SYSTEM_CA",
        readers: "Node.js from 22.19 and 24.6 on, Bun",
        effect: Effect::Word("1"),
    },
    Variable { name: "DENO_CERT", readers: "Deno", effect: Effect::Adds },
    Variable { name: "DENO_TLS_CA_STORE", readers: "Deno", effect: Effect::Word("system,mozilla") },
    Variable {
        name: "REQUESTS_CA_BUNDLE",
        readers: "Python's requests, pip, Azure's command line",
        effect: Effect::Replaces,
    },
    Variable {
        name: "SSL_CERT_FILE",
        readers: "OpenSSL's programs: Python's ssl and httpx, Ruby, PHP, Perl; Go, Deno, Bun",
        effect: Effect::Replaces,
    },
    Variable { name: "CURL_CA_BUNDLE", readers: "curl, requests", effect: Effect::Replaces },
    Variable { name: "GIT_SSL_CAINFO", readers: "git", effect: Effect::Replaces },
    Variable { name: "CARGO_HTTP_CAINFO", readers: "cargo", effect: Effect::Replaces },
    Variable { name: "PIP_CERT", readers: "pip", effect: Effect::Replaces },
    Variable { name: "SYSTEM_WGETRC", readers: "wget", effect: Effect::Wgetrc },
    Variable { name: "JAVA_TOOL_OPTIONS", readers: "Java", effect: Effect::JavaOptions },
    Variable { name: "NIX_SSL_CERT_FILE", readers: "Nix's programs", effect: Effect::Replaces },
    Variable { name: "HEX_CACERTS_PATH", readers: "Elixir's mix", effect: Effect::Replaces },
    Variable { name: "AWS_CA_BUNDLE", readers: "AWS's command line", effect: Effect::Replaces },
    Variable {
        name: "CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE",
        readers: "Google Cloud's command line",
        effect: Effect::Replaces,
    },
    Variable { name: "HTTPLIB2_CA_CERTS", readers: "Python's httplib2", effect: Effect::Replaces },
    Variable {
        name: "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
        readers: "gRPC for C++, Python, Ruby, PHP",
        effect: Effect::Replaces,
    },
];

/// A variable of the environment that has a program go through a proxy.
pub(crate) struct ProxyVariable {
    pub(crate) name: &'static str,
    pub(crate) way: VariableValue,
}

/// What such a variable is set to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum VariableValue {
    /// The proxy's URL.
    Url,
    /// Exactly this.
    Word(&'static str),
}

/// In both spellings: curl reads `http_proxy` in small letters only, others the capitals only.
pub(crate) const PROXY_VARIABLES: &[ProxyVariable] = &[
    ProxyVariable { name: "HTTP_PROXY", way: VariableValue::Url },
    ProxyVariable { name: "http_proxy", way: VariableValue::Url },
    ProxyVariable { name: "HTTPS_PROXY", way: VariableValue::Url },
    ProxyVariable { name: "https_proxy", way: VariableValue::Url },
    ProxyVariable { name: "ALL_PROXY", way: VariableValue::Url },
    ProxyVariable { name: "all_proxy", way: VariableValue::Url },
    ProxyVariable { name: "WS_PROXY", way: VariableValue::Url },
    ProxyVariable { name: "WSS_PROXY", way: VariableValue::Url },
    ProxyVariable { name: "grpc_proxy", way: VariableValue::Url },
    // This machine's own servers are what developers talk to.
    ProxyVariable { name: "NO_PROXY", way: VariableValue::Word("") },
    ProxyVariable { name: "no_proxy", way: VariableValue::Word("") },
    // Node.js from 22.21 and 24 on.
    ProxyVariable { name: "NODE_USE_ENV_PROXY", way: VariableValue::Word("1") },
];
