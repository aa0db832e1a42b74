//! Certificates made by the `openssl` program in a folder of their own, for the tests to judge.
#![allow(dead_code, reason = "every test program uses its own part of this")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use sealwire_x509::{Certificate, Crl, PrivateKey};

/// A time at which everything made without dates of its own is valid: 2030-01-01.
pub(crate) const NOW: i64 = 1_893_456_000;

/// Periods of validity: over at that time, not begun, and neither.
pub(crate) const EXPIRED: (&str, &str) = ("20250101000000Z", "20250201000000Z");
pub(crate) const FUTURE: (&str, &str) = ("20400101000000Z", "20450101000000Z");
pub(crate) const CURRENT: (&str, &str) = ("20250101000000Z", "20450101000000Z");

/// A folder with a small certificate authority, removed when dropped.
pub(crate) struct Workshop {
    folder: tempfile::TempDir,
}

/// What a certificate is to be.
#[derive(Clone, Copy)]
pub(crate) struct Spec<'a> {
    /// The name of its files: `NAME.pem`, `NAME.key`.
    pub(crate) name: &'a str,
    pub(crate) subject: &'a str,
    /// Whose key and certificate sign it; itself when `None`.
    pub(crate) issuer: Option<&'a str>,
    /// Lines of an OpenSSL extension section. Without any, the certificate is X.509 v1.
    pub(crate) extensions: &'a str,
    /// `YYYYMMDDHHMMSSZ`.
    pub(crate) start: &'a str,
    pub(crate) end: &'a str,
    pub(crate) key: Key<'a>,
    pub(crate) digest: &'a str,
}

#[derive(Clone, Copy)]
pub(crate) enum Key<'a> {
    P256,
    Rsa(u32),
    /// Any other arguments of `openssl genpkey`.
    Genpkey(&'a [&'a str]),
    /// The key of another certificate.
    Of(&'a str),
}

pub(crate) const ROOT: Spec<'_> = Spec {
    name: "root",
    subject: "/CN=Root",
    issuer: None,
    extensions: "basicConstraints=critical,CA:TRUE\n\
                 keyUsage=critical,keyCertSign,cRLSign\n\
                 subjectKeyIdentifier=hash",
    start: "20250101000000Z",
    end: "20450101000000Z",
    key: Key::P256,
    digest: "sha256",
};

pub(crate) const INTERMEDIATE: Spec<'_> = Spec {
    name: "int",
    subject: "/CN=Intermediate",
    issuer: Some("root"),
    extensions: "basicConstraints=critical,CA:TRUE\n\
                 keyUsage=critical,keyCertSign,cRLSign\n\
                 subjectKeyIdentifier=hash\n\
                 authorityKeyIdentifier=keyid",
    ..ROOT
};

pub(crate) const LEAF: Spec<'_> = Spec {
    name: "leaf",
    subject: "/CN=localhost",
    issuer: Some("int"),
    extensions: "basicConstraints=CA:FALSE\n\
                 keyUsage=critical,digitalSignature\n\
                 extendedKeyUsage=serverAuth,clientAuth\n\
                 subjectAltName=DNS:localhost\n\
                 subjectKeyIdentifier=hash\n\
                 authorityKeyIdentifier=keyid",
    ..ROOT
};

/// A workshop, or `None` when there is no openssl.
pub(crate) fn workshop() -> Option<Workshop> {
    sealwire_testing::installed("openssl").then(Workshop::new)
}

impl Workshop {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let attributes = [
            "countryName",
            "stateOrProvinceName",
            "localityName",
            "organizationName",
            "organizationalUnitName",
            "commonName",
            "emailAddress",
        ];
        let policy: String = attributes.map(|name| format!("{name}=optional\n")).concat();
        let config = format!(
            "[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\nunique_subject=no\nnew_certs_dir=issued\n\
             default_md=sha256\npolicy=p\nemail_in_dn=yes\npreserve=yes\nrand_serial=yes\n\
             crlnumber=crlnumber\ndefault_crl_days=30\n[p]\n{policy}"
        );
        std::fs::write(folder.path().join("ca.cnf"), config).unwrap();
        std::fs::write(folder.path().join("crlnumber"), "01\n").unwrap();
        std::fs::create_dir(folder.path().join("issued")).unwrap();
        Self { folder }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub(crate) fn write(&self, name: &str, contents: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), contents).unwrap();
    }

    /// Runs openssl in the folder, whatever comes of it.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        Command::new("openssl").args(arguments).current_dir(self.folder()).output().unwrap()
    }

    /// Runs openssl in the folder; a failure fails the test.
    pub(crate) fn openssl(&self, arguments: &[&str]) -> Vec<u8> {
        let output = self.run(arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "openssl {arguments:?}: {said}");
        output.stdout
    }

    /// As [`openssl`](Self::openssl), with an argument line that has no spaces within arguments.
    pub(crate) fn line(&self, line: &str) -> Vec<u8> {
        self.openssl(&line.split_whitespace().collect::<Vec<_>>())
    }

    /// Makes `NAME.key` and `NAME.pem`, and returns the certificate.
    pub(crate) fn make(&self, spec: Spec<'_>) -> Certificate {
        let Spec { name, subject, issuer, extensions, start, end, key, digest } = spec;
        match key {
            Key::P256 => {
                self.line(&format!("ecparam -name prime256v1 -genkey -noout -out {name}.key"));
            }
            Key::Rsa(bits) => {
                self.line(&format!("genrsa -out {name}.key {bits}"));
            }
            Key::Genpkey(arguments) => {
                let key = format!("{name}.key");
                self.openssl(&[&["genpkey", "-out", &key], arguments].concat());
            }
            Key::Of(other) => {
                std::fs::copy(
                    self.path(&format!("{other}.key")),
                    self.path(&format!("{name}.key")),
                )
                .unwrap();
            }
        }
        self.write("index.txt", "");
        let (key, csr, pem) = (format!("{name}.key"), format!("{name}.csr"), format!("{name}.pem"));
        self.openssl(&["req", "-new", "-utf8", "-key", &key, "-subj", subject, "-out", &csr]);
        let mut arguments = vec!["ca", "-batch", "-notext", "-config", "ca.cnf"];
        arguments.extend(["-in", &csr, "-out", &pem, "-startdate", start, "-enddate", end]);
        arguments.extend(["-md", digest]);
        let files = issuer.map(|issuer| (format!("{issuer}.pem"), format!("{issuer}.key")));
        match &files {
            Some((pem, key)) => arguments.extend(["-cert", pem, "-keyfile", key]),
            None => arguments.extend(["-selfsign", "-keyfile", &key]),
        }
        if !extensions.is_empty() {
            // OpenSSL refuses to write the key identifier of an issuer that has none.
            let nameless = issuer.is_some_and(|it| self.certificate(it).subject_key_id().is_none());
            let dropped = if nameless { "authorityKeyIdentifier=keyid" } else { "\0" };
            self.write("ext.cnf", extensions.replace(dropped, ""));
            arguments.extend(["-extfile", "ext.cnf"]);
        }
        self.openssl(&arguments);
        self.certificate(name)
    }

    pub(crate) fn certificate(&self, name: &str) -> Certificate {
        let mut all = Certificate::all_from_pem(&self.read(&format!("{name}.pem"))).unwrap();
        assert_eq!(all.len(), 1);
        all.remove(0)
    }

    pub(crate) fn private_key(&self, name: &str) -> PrivateKey {
        PrivateKey::from_pem(&self.read(&format!("{name}.key")), None).unwrap()
    }

    /// A CRL of `issuer` that revokes the certificates named, valid for the days given from `start`.
    pub(crate) fn crl(
        &self,
        issuer: &str,
        revoked: &[&str],
        start: &str,
        end: &str,
        name: &str,
    ) -> Crl {
        let index: String = revoked
            .iter()
            .map(|name| {
                let certificate = self.certificate(name);
                let subject = certificate.subject().to_string().replace(", ", "/");
                let serial = certificate.serial_hex();
                format!("R\t450101000000Z\t250601000000Z\t{serial}\tunknown\t/{subject}\n")
            })
            .collect();
        self.write("index.txt", index);
        let (pem, key) = (format!("{issuer}.pem"), format!("{issuer}.key"));
        let out = format!("{name}.crl");
        let arguments = ["ca", "-config", "ca.cnf", "-gencrl", "-cert", &pem, "-keyfile", &key];
        let dates = ["-crl_lastupdate", start, "-crl_nextupdate", end, "-out", &out];
        let extensions = ["-crlexts", "crl_ext"];
        // The extension section must be in the configuration itself.
        let config = String::from_utf8(self.read("ca.cnf")).unwrap();
        if !config.contains("[crl_ext]") {
            self.write("ca.cnf", config + "\n[crl_ext]\nauthorityKeyIdentifier=keyid\n");
        }
        self.openssl(&[&arguments[..], &dates, &extensions].concat());
        Crl::all_from_pem(&self.read(&out)).unwrap().remove(0)
    }
}
