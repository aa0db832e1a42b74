//! PFX (PKCS#12).

use napi_derive::napi;
use sealwire::pki::{Certificate, Error, Pfx, Problem};

use super::{Made, Order, key};

/// A PFX to be made.
#[napi(object, object_to_js = false)]
pub struct PfxOrder {
    pub key: String,
    /// What opens the key.
    pub key_passphrase: Option<String>,
    /// The certificate, and any that follow it in the chain.
    pub cert: String,
    pub ca: Option<Vec<String>>,
    pub passphrase: String,
    pub name: Option<String>,
    /// In the form that Windows before 2019 and Java before 8u301 read.
    pub is_legacy: Option<bool>,
}

impl Order for PfxOrder {
    fn make(self) -> Result<Made, Error> {
        let key = key::read(&self.key, self.key_passphrase.as_deref(), "key")?;
        let mut chain = Certificate::all_from_pem(self.cert.as_bytes())
            .map_err(|error| error.at("options.cert"))?;
        if chain.is_empty() {
            return Err(Error::new(Problem::NoPemBlock, "options.cert: no certificate"));
        }
        let certificate = chain.remove(0);
        for pem in self.ca.unwrap_or_default() {
            let more = Certificate::all_from_pem(pem.as_bytes());
            chain.extend(more.map_err(|error| error.at("options.ca"))?);
        }
        let mut pfx = Pfx::new(key, certificate, chain)?;
        if let Some(name) = self.name {
            pfx = pfx.friendly_name(name);
        }
        let der = if self.is_legacy == Some(true) {
            pfx.to_der_legacy(&self.passphrase)?
        } else {
            pfx.to_der(&self.passphrase)?
        };
        Ok(Made { pfx: Some(der.into()), ..Made::default() })
    }
}

/// A PFX to be read.
pub(super) struct PfxToRead {
    pub(super) pfx: Vec<u8>,
    pub(super) passphrase: Option<String>,
}

impl Order for PfxToRead {
    fn make(self) -> Result<Made, Error> {
        let pfx = Pfx::from_der(&self.pfx, self.passphrase.as_deref())?;
        Ok(Made {
            key: Some(key::write(pfx.key(), None)?),
            cert: Some(pfx.certificate().to_pem()),
            ca: Some(pfx.chain().iter().map(Certificate::to_pem).collect()),
            name: pfx.name().map(str::to_owned),
            ..Made::default()
        })
    }
}
