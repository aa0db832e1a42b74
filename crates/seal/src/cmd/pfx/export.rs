//! `seal pfx export`.

use std::fmt;
use std::path::PathBuf;

use clap::Args;
use sealwire::pki::{self, Pfx, PrivateKey};
use sealwire_files::Access;
use serde::Serialize;

use crate::files::output::Output;
use crate::files::passphrase::{self, Source};
use crate::say::failure::Failure;
use crate::say::report::{self, Answer};

/// Put a key, its certificate and the chain into one encrypted file
///
/// What Windows, Java and Node's `pfx` option want. AES-256 and SHA-256 with 600 000 iterations;
/// OpenSSL 1.1, Node, Java 8u301, Windows Server 2019 and everything later read it.
///
/// With OpenSSL: openssl pkcs12 -export -in cert.pem -inkey key.pem -certfile chain.pem -out id.pfx
#[derive(Args)]
pub(crate) struct Export {
    /// The certificate of the key; further certificates in the file become the chain
    #[arg(long, value_name = "FILE")]
    cert: PathBuf,
    /// The private key
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// More certificates for the chain
    #[arg(long, value_name = "FILE")]
    chain: Option<PathBuf>,
    /// The name that Windows, Java and Firefox show
    #[arg(long, value_name = "NAME")]
    friendly_name: Option<String>,
    #[command(flatten)]
    output: Output,
    /// The passphrase of the PFX: a file, `-` for standard input, or env:NAME
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<Source>,
    /// The passphrase of the key: a file, `-` for standard input, or env:NAME
    #[arg(long, value_name = "FILE")]
    key_passphrase_file: Option<Source>,
    /// Encrypt with 3DES and SHA-1, for Windows up to 7, macOS up to 14 and Java before 8u301; such
    /// a file protects the key badly
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
    subject: String,
    certificates: usize,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, subject, certificates } = self;
        let plural = if *certificates == 1 { "" } else { "s" };
        write!(f, "{file}: key and {certificates} certificate{plural} of {subject}")
    }
}

impl Export {
    pub(super) fn run(self) -> Result<Answer, Failure> {
        self.output.check()?;
        let key = passphrase::open(
            self.key_passphrase_file.as_ref(),
            &self.key.display().to_string(),
            |passphrase| PrivateKey::from_file(&self.key, passphrase.map(str::as_bytes)),
        )?;
        let mut chain = pki::certificates_from_file(&self.cert)?;
        let certificate = chain.remove(0);
        if let Some(path) = &self.chain {
            chain.extend(pki::certificates_from_file(path)?);
        }
        chain.retain(|other| other.der() != certificate.der());
        let subject = pki::Subject::from_der(certificate.subject().der())?.to_string();
        let certificates = 1 + chain.len();
        let mut pfx = Pfx::new(key, certificate, chain).map_err(|e| {
            let mismatch = format!("the key is not the one of {}", self.cert.display());
            pki::Error::new(e.problem(), mismatch).at(self.key.display().to_string())
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
            report::print(&Report { file, subject, certificates }, self.json)?;
        }
        Ok(Answer::Yes)
    }
}
