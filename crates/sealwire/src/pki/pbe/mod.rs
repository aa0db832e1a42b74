//! Encryption by a passphrase, of keys and of PFX files: PBES1 and PBES2
//! ([RFC 8018](https://www.rfc-editor.org/rfc/rfc8018)), and PKCS#12's
//! own ([RFC 7292, appendix C](https://www.rfc-editor.org/rfc/rfc7292#appendix-C)).
//!
//! The author of a file decides how much work it takes to open it. So every reader has one
//! [`Opener`], which opens all parts of the file and has one budget for the sum of their work; what
//! would exceed it is refused before it is begun.

pub(super) mod kdf;
mod pbes1;
mod pbes2;
pub(super) mod pkcs12;

use const_oid::ObjectIdentifier;
use spki::AlgorithmIdentifierOwned;
use zeroize::Zeroizing;

use super::signature::name_of;
use super::{Error, Problem};
pub(super) use pbes2::prf_of;

/// What opening one file may cost, in rounds of HMAC-SHA-256: some three seconds. Files in use have
/// 2048 to a million for each of their two or three parts.
const BUDGET: u64 = 10_000_000;

/// A passphrase in the forms that a file may want, and how much work may still be done.
pub(super) struct Opener {
    /// What is opened, for errors: `the key`.
    what: &'static str,
    utf8: Zeroizing<Vec<u8>>,
    /// As PKCS#12's own derivation takes it; `None` when the passphrase is not text.
    bmp: Option<Zeroizing<Vec<u8>>>,
    budget: u64,
}

impl Opener {
    pub(super) fn new(what: &'static str, passphrase: Option<&[u8]>) -> Self {
        let mut opener = Self { what, utf8: Zeroizing::default(), bmp: None, budget: BUDGET };
        opener.set_passphrase(passphrase);
        opener
    }

    /// Continues with another passphrase, and with the rest of the budget.
    pub(super) fn set_passphrase(&mut self, passphrase: Option<&[u8]>) {
        self.utf8 = Zeroizing::new(passphrase.unwrap_or_default().to_vec());
        self.bmp = match passphrase {
            // No passphrase is no bytes at all; an empty one is its final NUL.
            None => Some(Zeroizing::default()),
            Some(bytes) => std::str::from_utf8(bytes).ok().map(kdf::bmp),
        };
    }

    /// The passphrase as it was given.
    pub(super) fn utf8(&self) -> &[u8] {
        &self.utf8
    }

    /// The passphrase as PKCS#12 has it.
    pub(super) fn bmp(&self) -> Result<&[u8], Error> {
        self.bmp.as_ref().map(|bmp| bmp.as_slice()).ok_or_else(|| {
            Error::new(Problem::WrongPassphrase, "a PKCS#12 passphrase must be UTF-8")
        })
    }

    /// Refuses what is known to cost more than may be spent, before any of it is done.
    pub(super) fn check_sum(&self, costs: impl IntoIterator<Item = u64>) -> Result<(), Error> {
        let sum = costs.into_iter().fold(0u64, u64::saturating_add);
        if sum > self.budget { Err(self.too_much()) } else { Ok(()) }
    }

    /// Takes work from what the file may cost.
    pub(super) fn spend(&mut self, cost: u64) -> Result<(), Error> {
        match self.budget.checked_sub(cost.max(1)) {
            Some(rest) => self.budget = rest,
            None => return Err(self.too_much()),
        }
        Ok(())
    }

    /// Decrypts one part of the file. What comes out by a wrong passphrase may be noise.
    pub(super) fn open(
        &mut self,
        algorithm: &AlgorithmIdentifierOwned,
        ciphertext: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, Error> {
        let method = Method::of(algorithm).map_err(|name| self.unsupported(&name))?;
        self.spend(method.cost())?;
        let plain = match &method {
            Method::Pbes1(parameters) => pbes1::decrypt(parameters, &self.utf8, ciphertext)?,
            Method::Pbes2(parameters) => parameters.decrypt(&self.utf8, ciphertext)?,
            Method::Pkcs12(parameters) => parameters.decrypt(self.bmp()?, ciphertext)?,
        };
        plain.ok_or_else(|| self.wrong_passphrase())
    }

    pub(super) fn wrong_passphrase(&self) -> Error {
        let detail = format!("the passphrase does not open {}", self.what);
        Error::new(Problem::WrongPassphrase, detail)
    }

    pub(super) fn unsupported(&self, name: &str) -> Error {
        Error::new(Problem::Unsupported, format!("{} is encrypted with {name}", self.what))
    }

    fn too_much(&self) -> Error {
        let detail = format!("{} requires too much work (iterations or scrypt cost)", self.what);
        Error::new(Problem::Unsupported, detail)
    }
}

/// The work of opening one part, as far as its algorithm is known.
pub(super) fn cost(algorithm: &AlgorithmIdentifierOwned) -> u64 {
    Method::of(algorithm).map_or(0, |method| method.cost())
}

enum Method {
    Pbes1(pkcs5::pbes1::Algorithm),
    Pbes2(pbes2::Parameters),
    Pkcs12(pkcs12::Parameters),
}

impl Method {
    /// The method, or the name of an unsupported one.
    fn of(algorithm: &AlgorithmIdentifierOwned) -> Result<Self, String> {
        if algorithm.oid == pkcs5::pbes2::PBES2_OID {
            return pbes2::Parameters::of(algorithm).map(Self::Pbes2);
        }
        if let Some(parameters) = pkcs12::Parameters::of(algorithm)? {
            return Ok(Self::Pkcs12(parameters));
        }
        pbes1::of(algorithm)?.map(Self::Pbes1).ok_or_else(|| name_of(&algorithm.oid))
    }

    fn cost(&self) -> u64 {
        match self {
            // One digest a round, where HMAC has two.
            Self::Pbes1(algorithm) => u64::from(algorithm.parameters.iteration_count) / 2,
            Self::Pbes2(parameters) => parameters.cost(),
            Self::Pkcs12(parameters) => parameters.cost(),
        }
    }
}

const fn oid(text: &str) -> ObjectIdentifier {
    ObjectIdentifier::new_unwrap(text)
}
