//! `seal key new`.

use std::fmt;

use clap::Args;
use sealwire::pki::{KeyAlgorithm, PrivateKey};
use serde::Serialize;

use crate::files::key_form::KeyForm;
use crate::files::output::Output;
use crate::files::passphrase::{self, Source};
use crate::say::failure::Failure;
use crate::say::progress;
use crate::say::report::{self, Answer};

/// Generate a private key
///
/// Writes PKCS#8 in PEM, readable by its owner only (mode 0600). The default is ECDSA on P-256:
/// small, fast, and supported by nearly all software since about 2012.
///
/// With OpenSSL: openssl genrsa -out key.pem 2048, or openssl genpkey
#[derive(Args)]
pub(crate) struct New {
    /// RSA key of BITS bits: 2048, 3072, 4096 or 8192
    #[arg(long, value_name = "BITS", num_args = 0..=1, default_missing_value = "2048", group = "kind")]
    rsa: Option<usize>,
    /// ECDSA key on this curve: p256, p384 or p521 (browsers refuse p521)
    #[arg(long, value_name = "CURVE", group = "kind", value_parser = curve)]
    ec: Option<KeyAlgorithm>,
    /// Ed25519 key (browsers refuse it in certificates)
    #[arg(long, group = "kind")]
    ed25519: bool,
    /// ML-DSA-44 key (for TLS 1.3 between programs of 2025 and later; browsers refuse it)
    #[arg(long = "ml-dsa-44", group = "kind")]
    ml_dsa_44: bool,
    /// An ML-DSA-65 key (as above; larger)
    #[arg(long = "ml-dsa-65", group = "kind")]
    ml_dsa_65: bool,
    /// An ML-DSA-87 key (as above; largest)
    #[arg(long = "ml-dsa-87", group = "kind")]
    ml_dsa_87: bool,
    #[command(flatten)]
    form: KeyForm,
    #[command(flatten)]
    output: Output,
    /// Encrypt the key; prompts for the passphrase, or reads it from --passphrase-file
    #[arg(long)]
    encrypt: bool,
    /// Read the passphrase for the new key from FILE, `-` for standard input, or env:NAME
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<Source>,
    /// Report as JSON
    #[arg(long, requires = "out")]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    file: String,
    algorithm: String,
    encrypted: bool,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = if self.encrypted { "encrypted" } else { "not encrypted" };
        write!(f, "{}: {} private key, {how}", self.file, self.algorithm)
    }
}

impl New {
    pub(super) fn run(self) -> Result<Answer, Failure> {
        let encrypted = self.encrypt || self.passphrase_file.is_some();
        self.form.check(encrypted)?;
        self.output.check()?;
        let passphrase = if encrypted {
            Some(passphrase::choose(self.passphrase_file.as_ref(), "the new key")?)
        } else {
            None
        };
        let algorithm = self.algorithm();
        let key = progress::watched(&format!("making an {algorithm} key"), || {
            PrivateKey::generate(algorithm)
        })?;
        self.form.write(&key, passphrase.as_ref().map(|text| text.as_str()), &self.output)?;
        if let Some(file) = self.output.file() {
            let report = Report {
                file: file.display().to_string(),
                algorithm: key.algorithm().to_string(),
                encrypted,
            };
            report::print(&report, self.json)?;
        }
        Ok(Answer::Yes)
    }

    fn algorithm(&self) -> KeyAlgorithm {
        let named = [
            (self.ed25519, KeyAlgorithm::Ed25519),
            (self.ml_dsa_44, KeyAlgorithm::MlDsa44),
            (self.ml_dsa_65, KeyAlgorithm::MlDsa65),
            (self.ml_dsa_87, KeyAlgorithm::MlDsa87),
        ];
        let named = named.into_iter().find_map(|(wanted, kind)| wanted.then_some(kind));
        match (self.rsa, self.ec, named) {
            (Some(bits), ..) => KeyAlgorithm::Rsa { bits },
            (_, Some(curve), _) => curve,
            (_, _, Some(kind)) => kind,
            _ => KeyAlgorithm::EcdsaP256,
        }
    }
}

fn curve(text: &str) -> Result<KeyAlgorithm, String> {
    match text.parse() {
        Ok(
            curve @ (KeyAlgorithm::EcdsaP256 | KeyAlgorithm::EcdsaP384 | KeyAlgorithm::EcdsaP521),
        ) => Ok(curve),
        _ => Err("the curves are p256, p384 and p521".to_owned()),
    }
}
