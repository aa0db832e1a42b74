//! Sets of trusted certificates.

use std::collections::HashSet;

use napi::bindgen_prelude::{Buffer, Either};
use napi_derive::napi;
use sealwire::pki::{Certificate, Problem};

use crate::failure::{Thrown, material};

/// A set of trusted certificates; cheap to keep, and shared by the contexts that use it.
#[napi]
pub struct TrustStore(pub(crate) sealwire::TrustStore);

#[napi]
impl TrustStore {
    /// Mozilla's roots.
    #[napi(factory)]
    pub fn bundled() -> Self {
        Self(sealwire::TrustStore::bundled())
    }

    /// The roots of the operating system; empty when it has none.
    #[napi(factory)]
    pub fn system() -> Self {
        Self(sealwire::TrustStore::system().unwrap_or_else(|_| sealwire::TrustStore::empty()))
    }

    /// The certificates of PEM texts. As OpenSSL does for a CA list, what is between is passed
    /// over, and a text is read up to the first certificate that is broken.
    #[napi(factory)]
    pub fn from_pem(texts: Vec<Either<String, Buffer>>) -> Result<Self, Thrown> {
        let mut all = Vec::new();
        for text in &texts {
            all.extend(readable(bytes(text)));
        }
        sealwire::TrustStore::from_certificates(all).map(Self).map_err(material)
    }

    /// The certificates of PEM texts, each of which must be whole; a text without any is passed
    /// over.
    #[napi(factory)]
    pub fn from_whole_pem(texts: Vec<Either<String, Buffer>>) -> Result<Self, Thrown> {
        let mut all: Vec<Certificate> = Vec::new();
        for text in &texts {
            match Certificate::all_from_pem(bytes(text)) {
                Ok(certificates) => all.extend(certificates),
                Err(error) if error.problem() == Problem::NoPemBlock => {}
                Err(error) => return Err(material(error)),
            }
        }
        let mut seen = HashSet::new();
        all.retain(|certificate| seen.insert(certificate.der().to_vec()));
        sealwire::TrustStore::from_certificates(all).map(Self).map_err(material)
    }

    /// Both sets.
    #[napi]
    #[allow(clippy::use_self, reason = "the macro cannot have Self as the type of an argument")]
    pub fn and(&self, other: &TrustStore) -> Self {
        Self(self.0.and(&other.0))
    }

    /// How many certificates are in it.
    #[napi(getter)]
    pub fn size(&self) -> u32 {
        u32::try_from(self.0.certificates().len()).unwrap_or(u32::MAX)
    }

    /// The certificates as PEM, without a line end after the last line, as Node gives them.
    #[napi]
    pub fn pems(&self) -> Vec<String> {
        let pems = self.0.certificates().iter().map(Certificate::to_pem);
        pems.map(|pem| pem.trim_end().to_owned()).collect()
    }
}

fn bytes(text: &Either<String, Buffer>) -> &[u8] {
    match text {
        Either::A(text) => text.as_bytes(),
        Either::B(bytes) => bytes,
    }
}

/// The certificates of a PEM text up to the first broken one.
pub(crate) fn readable(pem: &[u8]) -> Vec<Certificate> {
    match Certificate::all_from_pem(pem) {
        Ok(all) => all,
        Err(error) if error.problem() == Problem::NoPemBlock => Vec::new(),
        Err(_) => one_by_one(pem),
    }
}

fn one_by_one(pem: &[u8]) -> Vec<Certificate> {
    const END: &[u8] = b"-----END";
    let mut found = Vec::new();
    let mut rest = pem;
    while let Some(at) = rest.windows(END.len()).position(|window| window == END) {
        let line_end =
            rest[at..].iter().position(|&b| b == b'\n').map_or(rest.len(), |n| at + n + 1);
        let (block, after) = rest.split_at(line_end);
        match Certificate::all_from_pem(block) {
            Ok(certificates) => found.extend(certificates),
            Err(error) if error.problem() == Problem::NoPemBlock => {}
            Err(_) => break,
        }
        rest = after;
    }
    found
}
