//! Private keys.

use napi_derive::napi;
use sealwire::pki::{Error, KeyAlgorithm, KeyEncryption, PrivateKey};

use super::{Made, Order, parse};

/// A key to be made, or one that is there to be written in another way.
#[napi(object, object_to_js = false)]
#[derive(Default)]
pub struct KeyOrder {
    /// `p256`, `rsa:2048` and the like.
    pub kind: Option<String>,
    /// A key that is there, in PEM, and what opens it.
    pub key: Option<String>,
    pub passphrase: Option<String>,
    /// What the key that is given is encrypted with.
    pub new_passphrase: Option<String>,
}

impl Order for KeyOrder {
    fn make(self) -> Result<Made, Error> {
        let key = match &self.key {
            Some(pem) => read(pem, self.passphrase.as_deref(), "key")?,
            None => generate(self.kind.as_deref(), "type")?,
        };
        Ok(Made {
            key: Some(write(&key, self.new_passphrase.as_deref())?),
            public_key: Some(key.public_pem()),
            ..Made::default()
        })
    }
}

pub(super) fn generate(kind: Option<&str>, option: &str) -> Result<PrivateKey, Error> {
    let algorithm = kind.map_or(Ok(KeyAlgorithm::EcdsaP256), |text| parse(text, option))?;
    PrivateKey::generate(algorithm)
}

pub(super) fn read(pem: &str, passphrase: Option<&str>, option: &str) -> Result<PrivateKey, Error> {
    PrivateKey::from_pem(pem.as_bytes(), passphrase.map(str::as_bytes))
        .map_err(|error| error.at(format!("options.{option}")))
}

/// PKCS#8 in PEM, encrypted if there is a passphrase.
pub(super) fn write(key: &PrivateKey, passphrase: Option<&str>) -> Result<String, Error> {
    match passphrase {
        Some(text) => key.to_encrypted_pem(text.as_bytes(), KeyEncryption::default()),
        None => Ok(key.to_pem().to_string()),
    }
}
