//! `seal pfx export`.

use std::fmt;
use std::path::PathBuf;

use clap::Args;
use sealwire::pki::{self, Pfx, PfxContents, PrivateKey};
use sealwire_files::Access;
use serde::Serialize;

use crate::files::output::Output;
use crate::files::passphrase::{self, Source};
use crate::say::failure::Failure;
use crate::say::report::{self, Answer};

/// Bundle a key, its certificate and the chain in a PFX
///
/// For Windows, Java and the `pfx` option of Node. Encrypts with AES-256 and SHA-256 with 600 000
/// iterations, which OpenSSL 1.1, Node, Java 8u301, Windows Server 2019 and later versions read.
///
/// With OpenSSL: openssl pkcs12 -export -in cert.pem -inkey key.pem -certfile chain.pem -out id.pfx
#[derive(Args)]
pub(crate) struct Export {
    /// Certificate of the key; further certificates in the file become the chain
    #[arg(long, value_name = "FILE", required_unless_present = "trust")]
    cert: Option<PathBuf>,
    /// The private key
    #[arg(long, value_name = "FILE", required_unless_present = "trust")]
    key: Option<PathBuf>,
    /// Make a trust store instead: the certificates of this file without a key, marked as trusted
    /// for Java; may be repeated
    #[arg(long, value_name = "FILE", conflicts_with_all = ["cert", "key", "chain", "friendly_name", "legacy", "iterations", "key_passphrase_file"])]
    trust: Vec<PathBuf>,
    /// Additional certificates for the chain
    #[arg(long, value_name = "FILE")]
    chain: Option<PathBuf>,
    /// Friendly name, as Windows, Java and Firefox show it
    #[arg(long, value_name = "NAME")]
    friendly_name: Option<String>,
    #[command(flatten)]
    output: Output,
    /// Read the passphrase of the PFX from FILE, `-` for standard input, or env:NAME
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<Source>,
    /// Read the passphrase of the key from FILE, `-` for standard input, or env:NAME
    #[arg(long, value_name = "FILE")]
    key_passphrase_file: Option<Source>,
    /// Encrypt with 3DES and SHA-1, for Windows up to 7, macOS up to 14 and Java before 8u301; this
    /// protects the key poorly
    #[arg(long, conflicts_with = "iterations")]
    legacy: bool,
    /// Iterations of the key derivation [default: 600000; OpenSSL's is 2048]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    iterations: Option<u32>,
    /// Report as JSON
    #[arg(long, requires = "out")]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    file: String,
    /// The owner of the key; absent for a trust store.
    subject: Option<String>,
    certificates: usize,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, subject, certificates } = self;
        let plural = if *certificates == 1 { "" } else { "s" };
        match subject {
            Some(subject) => {
                write!(f, "{file}: key and {certificates} certificate{plural} of {subject}")
            }
            None => write!(f, "{file}: {certificates} trusted certificate{plural}"),
        }
    }
}

impl Export {
    pub(super) fn run(self) -> Result<Answer, Failure> {
        self.output.check()?;
        let (Some(cert), Some(key_file)) = (&self.cert, &self.key) else {
            return self.trust_store();
        };
        let key = passphrase::open(
            self.key_passphrase_file.as_ref(),
            &key_file.display().to_string(),
            |passphrase| PrivateKey::from_file(key_file, passphrase.map(str::as_bytes)),
        )?;
        let mut chain = pki::certificates_from_file(cert)?;
        let certificate = chain.remove(0);
        if let Some(path) = &self.chain {
            chain.extend(pki::certificates_from_file(path)?);
        }
        chain.retain(|other| other.der() != certificate.der());
        let subject = certificate.subject().to_string();
        let certificates = 1 + chain.len();
        let mut pfx = Pfx::new(key, certificate, chain).map_err(|e| {
            let mismatch = format!("the key is not the one of {}", cert.display());
            pki::Error::new(e.problem(), mismatch).at(key_file.display().to_string())
        })?;
        if let Some(name) = &self.friendly_name {
            pfx = pfx.friendly_name(name);
        }
        let passphrase = passphrase::choose(self.passphrase_file.as_ref(), "the PFX")?;
        let der = match self.iterations {
            _ if self.legacy => pfx.to_der_legacy(&passphrase)?,
            Some(iterations) => pfx.to_der_with_iterations(&passphrase, iterations)?,
            None => pfx.to_der(&passphrase)?,
        };
        self.output.write(&der, Access::Private)?;
        if let Some(file) = self.output.file() {
            let file = file.display().to_string();
            report::print(&Report { file, subject: Some(subject), certificates }, self.json)?;
        }
        Ok(Answer::Yes)
    }

    fn trust_store(&self) -> Result<Answer, Failure> {
        let mut all = Vec::new();
        for path in &self.trust {
            all.extend(pki::certificates_from_file(path)?);
        }
        let passphrase = passphrase::choose(self.passphrase_file.as_ref(), "the PFX")?;
        let der = PfxContents::trust_store(&all, &passphrase)?;
        self.output.write(&der, Access::Public)?;
        if let Some(file) = self.output.file() {
            let file = file.display().to_string();
            let certificates = all.len();
            report::print(&Report { file, subject: None, certificates }, self.json)?;
        }
        Ok(Answer::Yes)
    }
}
