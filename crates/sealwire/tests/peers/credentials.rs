//! Keys and certificates for tests, made by the openssl program.

use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;

use sealwire::pki::{Certificate, Crl};
use sealwire::{Identity, SecureContext, SecureContextBuilder, TrustStore};

use super::run;

/// A certificate file and its key file.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    pub(crate) cert: PathBuf,
    pub(crate) key: PathBuf,
}

/// A folder with a CA and certificates of it; made once for each test binary.
///
/// The names: `ca` and `other-ca` are roots, of which the second issued nothing. `rsa`, `p256`,
/// `p384`, `ed25519` are for localhost and 127.0.0.1, for both purposes; `client` is for
/// client.example. One thing is special about `rsa-1024`, `expired`, `early`, `wrong-name`, `server-only`,
/// `client-only`, `no-san` (only a common name), `revoked` (see [`Credentials::crl`]), `sha1`,
/// `sha1-expired`,
/// `forged` (not signed by the CA that it names) and `v1-leaf` (X.509 v1, issued by the CA).
/// `deep` is issued by the intermediate `inter`; `deep-chain`, `deep-full` and `deep-shuffled`
/// are its chain without, with and before the root. `tutorial` is X.509 v1 and self-signed,
/// `self-signed` is v3.
pub(crate) struct Credentials {
    folder: tempfile::TempDir,
}

/// The kinds of key that TLS certificates have.
pub(crate) const KEYS: [&str; 4] = ["rsa", "p256", "p384", "ed25519"];

/// The credentials of this test binary.
pub(crate) fn credentials() -> &'static Credentials {
    static CREDENTIALS: LazyLock<Credentials> = LazyLock::new(Credentials::make);
    &CREDENTIALS
}

/// A context that shows `identity` (or nothing, when it is empty) and trusts exactly the
/// certificates of the names in `trusted`.
pub(crate) fn context(identity: &str, trusted: &str) -> SecureContextBuilder {
    let builder = SecureContext::builder().trust(credentials().trust(trusted));
    if identity.is_empty() {
        return builder;
    }
    builder.identity(credentials().identity(identity))
}

/// As [`context`], but the identity is sent as it is, without the CAs that are trusted; and it may
/// be as weak as it likes.
pub(crate) fn bare_context(identity: &str, trusted: &str) -> SecureContextBuilder {
    SecureContext::builder()
        .trust(credentials().trust(trusted))
        .auto_chain(false)
        .identity(credentials().identity(identity))
        .security_level(0)
}

impl Credentials {
    /// The files of a name.
    pub(crate) fn files(&self, name: &str) -> Files {
        let key = if name.starts_with("deep") { "deep" } else { name };
        Files { cert: self.path(&format!("{name}.pem")), key: self.path(&format!("{key}.key")) }
    }

    pub(crate) fn identity(&self, name: &str) -> Identity {
        let Files { cert, key } = self.files(name);
        Identity::from_pem_files(cert, key).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    /// The certificate of a name, a CA's too.
    pub(crate) fn certificate(&self, name: &str) -> Certificate {
        self.identity(name).leaf().clone()
    }

    /// The certificates of the names in `names`.
    pub(crate) fn trust(&self, names: &str) -> TrustStore {
        names.split_whitespace().fold(TrustStore::empty(), |all, name| {
            all.and(&TrustStore::from_pem_file(self.files(name).cert).expect("a certificate"))
        })
    }

    /// The CA's revocation list: `revoked` is on it.
    pub(crate) fn crl(&self) -> Vec<Crl> {
        let pem = std::fs::read(self.path("crl.pem")).expect("the list was made");
        Crl::all_from_pem(&pem).expect("a revocation list")
    }

    /// The CA's revocation list in every form that OpenSSL writes, by a name.
    pub(crate) fn crl_forms(&self) -> Vec<(&'static str, Vec<Crl>)> {
        let generate = "ca -config ca.conf -cert ca.pem -keyfile ca.key -gencrl -crldays 30";
        let mut made = Vec::new();
        for (name, more) in [("v1", ""), ("v2", "-crlexts crl"), ("SHA-512", "-md sha512")] {
            self.openssl(&format!("{generate} {more} -out form.pem"));
            self.openssl("crl -in form.pem -outform DER -out form.der");
            let [pem, der] = ["form.pem", "form.der"]
                .map(|file| std::fs::read(self.path(file)).expect("it was made"));
            made.push((name, Crl::all_from_pem(&pem).expect(name)));
            made.push((name, vec![Crl::from_der(&der).expect(name)]));
        }
        made
    }

    /// A self-signed certificate with this common name and these alternative names, as OpenSSL's
    /// configuration has them; none when empty. It is made now; only its names are of use.
    pub(crate) fn named(&self, common_name: &str, names: &str) -> PathBuf {
        let extension = match names {
            "" => String::new(),
            names => format!("-addext subjectAltName={names}"),
        };
        let (key, file) = ("p256.key", "named.pem");
        self.openssl(&format!(
            "req -x509 -new -key {key} -subj /CN={common_name} -days 1 {extension} -out {file}"
        ));
        self.path(file)
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    fn make() -> Self {
        let made = Self { folder: tempfile::tempdir().expect("a temporary folder") };
        for ca in ["ca", "other-ca"] {
            made.root(ca, &format!("Test-{ca}"));
        }
        made.write("ca.index", "");
        made.write("ca.conf", CA_CONFIG);
        for key in KEYS {
            made.leaf(key, key, "localhost", BOTH);
        }
        made.leaf("rsa-1024", "rsa-1024", "localhost", BOTH);
        made.leaf("client", "p256", "client.example", BOTH);
        made.leaf("wrong-name", "p256", "elsewhere.example", BOTH);
        made.leaf("server-only", "p256", "localhost", "extendedKeyUsage=serverAuth");
        made.leaf("client-only", "p256", "localhost", "extendedKeyUsage=clientAuth");
        made.request("no-san", "p256", "localhost");
        made.issue("no-san", "ca", BOTH, "");
        made.leaf("sha1", "p256", "localhost", BOTH);
        made.issue("sha1", "ca", &format!("{LOCALHOST}\n{BOTH}"), "-sha1");
        made.root("forger", "Test-ca");
        made.request("forged", "p256", "localhost");
        // Without a key identifier only the signature tells that the CA did not issue it.
        let unidentified = format!("{LOCALHOST}\n{BOTH}\nauthorityKeyIdentifier=none");
        made.issue("forged", "forger", &unidentified, "");
        made.dated("expired", "200101000000Z -enddate 210101000000Z");
        made.dated("early", "480101000000Z -enddate 490101000000Z");
        made.dated("revoked", "250101000000Z -enddate 490101000000Z");
        made.dated("sha1-expired", "200101000000Z -enddate 210101000000Z -md sha1");
        made.openssl("ca -config ca.conf -cert ca.pem -keyfile ca.key -revoke revoked.pem");
        made.openssl(
            "ca -config ca.conf -cert ca.pem -keyfile ca.key -gencrl -crldays 30 -out crl.pem",
        );
        made.deep();
        made.version_1("v1-leaf", "p256", Some("ca"));
        made.version_1("tutorial", "rsa", None);
        made.key("self-signed", "p256");
        made.openssl(
            "req -x509 -new -key self-signed.key -subj /CN=localhost -days 30 -out self-signed.pem \
             -addext subjectAltName=DNS:localhost -addext basicConstraints=critical,CA:false",
        );
        made
    }

    /// A root with a name of its own.
    fn root(&self, name: &str, subject: &str) {
        self.key(name, "p256");
        self.openssl(&format!(
            "req -x509 -new -key {name}.key -subj /CN={subject} -days 3650 -out {name}.pem \
             -addext basicConstraints=critical,CA:true -addext keyUsage=critical,keyCertSign,cRLSign"
        ));
    }

    /// The intermediate, its leaf, and the chains.
    fn deep(&self) {
        self.request("inter", "p256", "Test-inter");
        self.issue("inter", "ca", "basicConstraints=critical,CA:true,pathlen:0", "");
        self.request("deep", "p256", "localhost");
        self.issue("deep", "inter", &format!("{LOCALHOST}\n{BOTH}"), "");
        for (chain, parts) in [
            ("deep-chain", &["deep", "inter"][..]),
            ("deep-full", &["deep", "inter", "ca"]),
            ("deep-shuffled", &["deep", "ca", "inter"]),
        ] {
            let read = |part: &&str| std::fs::read_to_string(self.files(part).cert).expect("made");
            self.write(&format!("{chain}.pem"), &parts.iter().map(read).collect::<String>());
        }
    }

    /// An X.509 v1 certificate for the common name localhost, of `issuer` or self-signed: what
    /// `x509 -req` makes. From OpenSSL 3.2 on it makes v3, and `req -x509v1` makes v1.
    fn version_1(&self, name: &str, kind: &str, issuer: Option<&str>) {
        let signer = issuer.map(|ca| format!("-CA {ca}.pem -CAkey {ca}.key")).unwrap_or_default();
        self.request(name, kind, "localhost");
        if self.openssl("list -options req").contains("x509v1") {
            self.openssl(&format!(
                "req -x509v1 -new -key {name}.key {signer} -subj /CN=localhost -days 30 -out {name}.pem"
            ));
        } else {
            let signer = if issuer.is_some() { signer } else { format!("-signkey {name}.key") };
            self.openssl(&format!(
                "x509 -req -in {name}.csr {signer} -set_serial 7 -days 30 -out {name}.pem"
            ));
        }
        let text = self.openssl(&format!("x509 -in {name}.pem -noout -text"));
        assert!(text.contains("Version: 1 (0x0)"), "{name} is not X.509 v1:\n{text}");
    }

    /// A leaf of the CA for the DNS name `host` (and 127.0.0.1, when it is localhost).
    fn leaf(&self, name: &str, kind: &str, host: &str, usage: &str) {
        self.request(name, kind, host);
        let names = match host {
            "localhost" => LOCALHOST.to_owned(),
            host => format!("subjectAltName=DNS:{host}"),
        };
        self.issue(name, "ca", &format!("{names}\n{usage}"), "");
    }

    fn issue(&self, name: &str, issuer: &str, extensions: &str, more: &str) {
        self.write(&format!("{name}.ext"), extensions);
        self.openssl(&format!(
            "x509 -req -in {name}.csr -CA {issuer}.pem -CAkey {issuer}.key -CAcreateserial \
             -extfile {name}.ext -days 30 {more} -out {name}.pem"
        ));
    }

    /// A leaf valid from and until given times; only `openssl ca` can choose both.
    fn dated(&self, name: &str, start_date_and_more: &str) {
        self.request(name, "p256", "localhost");
        self.openssl(&format!(
            "ca -batch -notext -config ca.conf -cert ca.pem -keyfile ca.key -in {name}.csr \
             -startdate {start_date_and_more} -out {name}.pem"
        ));
    }

    fn request(&self, name: &str, kind: &str, subject: &str) {
        self.key(name, kind);
        self.openssl(&format!(
            "req -new -sha256 -key {name}.key -subj /CN={subject} -out {name}.csr"
        ));
    }

    fn key(&self, name: &str, kind: &str) {
        let how = match kind {
            "rsa" => "-algorithm RSA -pkeyopt rsa_keygen_bits:2048",
            "rsa-1024" => "-algorithm RSA -pkeyopt rsa_keygen_bits:1024",
            "p256" => "-algorithm EC -pkeyopt ec_paramgen_curve:P-256",
            "p384" => "-algorithm EC -pkeyopt ec_paramgen_curve:P-384",
            "ed25519" => "-algorithm ED25519",
            other => panic!("no such kind of key: {other}"),
        };
        self.openssl(&format!("genpkey {how} -out {name}.key"));
    }

    fn openssl(&self, line: &str) -> String {
        run(Command::new("openssl").args(line.split_whitespace()).current_dir(self.folder.path()))
    }

    fn write(&self, file: &str, text: &str) {
        std::fs::write(self.path(file), text).expect("a writable folder");
    }
}

const BOTH: &str = "extendedKeyUsage=serverAuth,clientAuth";

const LOCALHOST: &str = "subjectAltName=DNS:localhost,IP:127.0.0.1";

const CA_CONFIG: &str = "\
[ca]
default_ca = c
[c]
database = ca.index
unique_subject = no
new_certs_dir = .
rand_serial = yes
default_md = sha256
policy = p
x509_extensions = e
[p]
commonName = supplied
[e]
subjectAltName = DNS:localhost
extendedKeyUsage = serverAuth,clientAuth
[crl]
authorityKeyIdentifier = keyid:always
";
