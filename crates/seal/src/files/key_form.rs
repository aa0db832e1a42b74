//! The form in which a command writes a private key.

use clap::Args;
use sealwire::pki::{KeyEncryption, MlDsaForm, PrivateKey};
use sealwire_files::Access;

use crate::files::output::Output;
use crate::say::failure::Failure;

/// PKCS#8 in PEM unless told otherwise.
#[derive(Args)]
pub(crate) struct KeyForm {
    /// Write DER instead of PEM
    #[arg(long)]
    der: bool,
    /// Write the traditional format: RSA PRIVATE KEY or EC PRIVATE KEY
    #[arg(long, conflicts_with = "der")]
    traditional: bool,
    /// Encrypt with scrypt instead of PBKDF2: harder to brute-force, not supported by Java and
    /// Windows
    #[arg(long)]
    scrypt: bool,
    /// Form of an ML-DSA private key: `seed` (Node, Python), `expanded` (Java; the seed cannot be
    /// recovered from it) or `both` (OpenSSL; read by OpenSSL, Node and seal)
    #[arg(long, value_name = "FORM", value_parser = ml_dsa_form, conflicts_with = "traditional")]
    ml_dsa_form: Option<MlDsaForm>,
}

fn ml_dsa_form(text: &str) -> Result<MlDsaForm, String> {
    match text {
        "seed" => Ok(MlDsaForm::Seed),
        "expanded" => Ok(MlDsaForm::Expanded),
        "both" => Ok(MlDsaForm::Both),
        _ => Err("the forms are seed, expanded and both".to_owned()),
    }
}

impl KeyForm {
    /// Whether these options can go together, found out before the work.
    pub(crate) fn check(&self, encrypted: bool) -> Result<(), Failure> {
        match (self.traditional, self.scrypt, encrypted) {
            (true, _, true) => Err(Failure::usage("--traditional keys cannot be encrypted")
                .advise("their encryption is broken (MD5, one round); leave --traditional out")),
            (_, true, false) => Err(Failure::usage("--scrypt is of use for an encrypted key only")),
            _ => Ok(()),
        }
    }

    /// Writes `key`, encrypted when there is a passphrase.
    pub(crate) fn write(
        &self,
        key: &PrivateKey,
        passphrase: Option<&str>,
        output: &Output,
    ) -> Result<(), Failure> {
        let private = Access::Private;
        let formed = self.ml_dsa_form.map(|form| key.in_ml_dsa_form(form)).transpose()?;
        let key = formed.as_ref().unwrap_or(key);
        match (passphrase, self.der) {
            (None, true) => output.write(key.to_pkcs8_der(), private),
            (None, false) if self.traditional => {
                output.write(key.to_traditional_pem()?.as_bytes(), private)
            }
            (None, false) => output.write(key.to_pem().as_bytes(), private),
            (Some(passphrase), der) => {
                let encryption =
                    if self.scrypt { KeyEncryption::Scrypt } else { KeyEncryption::default() };
                let passphrase = passphrase.as_bytes();
                if der {
                    output.write(&key.to_encrypted_der(passphrase, encryption)?, private)
                } else {
                    let pem = key.to_encrypted_pem(passphrase, encryption)?;
                    output.write(pem.as_bytes(), private)
                }
            }
        }
    }
}
