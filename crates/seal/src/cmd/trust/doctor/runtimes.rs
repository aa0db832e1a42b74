//! The programs that are tried, and how each gets an address over TLS.

/// A program, or a library of one, that has roots.
pub(super) struct Runtime {
    pub(super) name: &'static str,
    pub(super) program: &'static str,
    /// Prints its version; fails where it is not there.
    pub(super) version: &'static [&'static str],
    /// Gets `{url}`. Whether it succeeds is not asked: the server sees whether its request came.
    pub(super) get: &'static [&'static str],
    /// What it needs in its environment for that.
    pub(super) environment: &'static [(&'static str, &'static str)],
    /// Variables that say something about its roots.
    pub(super) reads: &'static [&'static str],
    /// How it is kept from its configuration files, where they may name roots.
    pub(super) bare: Option<Bare>,
    /// Where its roots are when no variable says so.
    pub(super) store: Store,
}

/// Keeps a program from its configuration files.
pub(super) struct Bare {
    pub(super) first: &'static [&'static str],
    pub(super) environment: &'static [(&'static str, &'static str)],
    /// What those files are called.
    pub(super) files: &'static str,
}

/// Where a program's own roots are.
pub(super) enum Store {
    Words(&'static str),
    /// It is asked: its arguments for that.
    Ask(&'static [&'static str]),
}

const SYSTEM: Store = Store::Words("the system's store");
const OPENSSL: &[&str] = &["SSL_CERT_FILE", "SSL_CERT_DIR"];

/// In Java, which has no such program: compiled when it is run.
pub(super) const JAVA: &str = "public class Get {
  public static void main(String[] a) throws Exception {
    new java.net.URL(a[0]).openStream().readAllBytes();
  }
}
";

/// Each was run (`just trust-runtimes`), but for .NET, which is after its manual.
pub(super) const RUNTIMES: &[Runtime] = &[
    Runtime {
        name: "node",
        program: "node",
        version: &["--version"],
        get: &[
            "-e",
            "require('https').get('{url}',r=>r.resume()).on('error',e=>{console.error(`${e.code}: ${e.message}`);process.exit(1)})",
        ],
        environment: &[],
        reads: &[
            "NODE_EXTRA_CA_CERTS",
            "NODE_USE_SYSTEM_CA",
            "NODE_OPTIONS",
            "SSL_CERT_FILE",
            "SSL_CERT_DIR",
        ],
        bare: None,
        store: Store::Words("the roots that it is built with"),
    },
    Runtime {
        name: "deno",
        program: "deno",
        version: &["--version"],
        get: &[
            "eval",
            "fetch('{url}').then(r=>r.text()).catch(e=>{console.error(`${e.message} ${e.cause??''}`);Deno.exit(1)})",
        ],
        environment: &[("DENO_NO_UPDATE_CHECK", "1"), ("NO_COLOR", "1")],
        reads: &[
            "DENO_CERT",
            "NODE_EXTRA_CA_CERTS",
            "DENO_TLS_CA_STORE",
            "SSL_CERT_FILE",
            "SSL_CERT_DIR",
        ],
        bare: None,
        store: Store::Words("the roots that it is built with"),
    },
    Runtime {
        name: "bun",
        program: "bun",
        version: &["--version"],
        get: &[
            "-e",
            "fetch('{url}').then(r=>r.text()).catch(e=>{console.error(`${e.code}: ${e.message}`);process.exit(1)})",
        ],
        environment: &[],
        reads: &["NODE_EXTRA_CA_CERTS", "NODE_USE_SYSTEM_CA", "SSL_CERT_FILE", "SSL_CERT_DIR"],
        bare: None,
        store: Store::Words("the roots that it is built with"),
    },
    Runtime {
        name: "python ssl",
        program: "python3",
        version: &["--version"],
        get: &["-c", "import urllib.request as u;u.urlopen('{url}').read()"],
        environment: &[],
        reads: OPENSSL,
        bare: None,
        store: Store::Ask(&[
            "-c",
            "import ssl;p=ssl.get_default_verify_paths();print(p.cafile or p.capath)",
        ]),
    },
    Runtime {
        name: "python requests",
        program: "python3",
        version: &["-c", "import requests;print(requests.__version__)"],
        get: &["-c", "import requests;requests.get('{url}')"],
        environment: &[],
        reads: &["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"],
        bare: None,
        store: Store::Ask(&["-c", "import requests;print(requests.certs.where())"]),
    },
    Runtime {
        name: "go",
        program: "go",
        version: &["version"],
        get: &["list", "-m", "-versions", "example.invalid/x"],
        environment: &[
            ("GOPROXY", "{url}"),
            ("GOFLAGS", "-mod=mod -modcacherw"),
            ("GOMODCACHE", "{folder}/go"),
            ("GOCACHE", "{folder}/go-build"),
            ("GONOSUMDB", "*"),
            ("GOTOOLCHAIN", "local"),
            ("GO111MODULE", "on"),
        ],
        reads: OPENSSL,
        bare: None,
        store: SYSTEM,
    },
    Runtime {
        name: "java",
        program: "java",
        version: &["-version"],
        get: &["Get.java", "{url}"],
        environment: &[],
        reads: &["JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS"],
        bare: None,
        store: Store::Words("its cacerts"),
    },
    Runtime {
        name: "curl",
        program: "curl",
        version: &["--version"],
        get: &["-sS", "-o", "out", "--noproxy", "*", "{url}"],
        environment: &[],
        reads: &["CURL_CA_BUNDLE", "SSL_CERT_DIR", "SSL_CERT_FILE"],
        bare: Some(Bare { first: &["-q"], environment: &[], files: "its .curlrc" }),
        store: SYSTEM,
    },
    Runtime {
        name: "git",
        program: "git",
        version: &["--version"],
        get: &["ls-remote", "{url}"],
        environment: &[("GIT_TERMINAL_PROMPT", "0")],
        reads: &["GIT_SSL_CAINFO", "GIT_SSL_CAPATH"],
        bare: Some(Bare {
            first: &[],
            environment: &[("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_CONFIG_NOSYSTEM", "1")],
            files: "its configuration (git config http.sslCAInfo)",
        }),
        store: SYSTEM,
    },
    Runtime {
        name: "cargo",
        program: "cargo",
        version: &["--version"],
        get: &["search", "--index", "sparse+{url}/", "x"],
        environment: &[
            ("CARGO_HOME", "{folder}/cargo"),
            ("CARGO_NET_RETRY", "0"),
            ("CARGO_NET_OFFLINE", "false"),
        ],
        reads: &["CARGO_HTTP_CAINFO", "SSL_CERT_FILE", "SSL_CERT_DIR"],
        bare: None,
        store: Store::Words("the system's store, or http.cainfo in its configuration"),
    },
    Runtime {
        name: "ruby",
        program: "ruby",
        version: &["--version"],
        get: &["-ropen-uri", "-e", "URI.open('{url}').read"],
        environment: &[],
        reads: OPENSSL,
        bare: None,
        store: Store::Ask(&["-ropenssl", "-e", "puts OpenSSL::X509::DEFAULT_CERT_FILE"]),
    },
    Runtime {
        name: "php",
        program: "php",
        version: &["--version"],
        get: &["-r", "exit(file_get_contents('{url}')===false?1:0);"],
        environment: &[],
        reads: OPENSSL,
        bare: Some(Bare { first: &["-n"], environment: &[], files: "php.ini (openssl.cafile)" }),
        store: SYSTEM,
    },
    Runtime {
        name: "wget",
        program: "wget",
        version: &["--version"],
        get: &["-nv", "-O", "out", "--tries=1", "--no-hsts", "{url}"],
        environment: &[],
        reads: &["SYSTEM_WGETRC", "WGETRC", "SSL_CERT_FILE", "SSL_CERT_DIR"],
        bare: Some(Bare { first: &["--no-config"], environment: &[], files: "its wgetrc" }),
        store: SYSTEM,
    },
    Runtime {
        name: "dotnet",
        program: "dotnet",
        version: &["--version"],
        get: &["package", "search", "x", "--source", "{url}/index.json"],
        environment: &[("DOTNET_CLI_TELEMETRY_OPTOUT", "1"), ("DOTNET_NOLOGO", "1")],
        reads: OPENSSL,
        bare: None,
        store: SYSTEM,
    },
];

#[cfg(test)]
mod tests {
    use super::RUNTIMES;
    use crate::truststore::runtimes::VARIABLES;

    /// Of each program that is tried, `trust env` sets a variable that it reads.
    #[test]
    fn there_is_a_variable_for_each() {
        for runtime in RUNTIMES {
            let told = runtime.reads.iter().any(|name| VARIABLES.iter().any(|v| v.name == *name));
            assert!(told, "{}", runtime.name);
        }
    }
}
