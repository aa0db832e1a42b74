//! Certificates and keys as Node is given them: apart, several at once, in any order.

use sealwire::Identity;
use sealwire::pki::{Certificate, Error, KeyAlgorithm, PrivateKey, Problem};

/// One place for each kind of key, as an OpenSSL context has it: a later certificate or key of the
/// same kind takes the place of the earlier one.
#[derive(Default)]
pub(crate) struct Places(Vec<Place>);

struct Place {
    kind: Kind,
    chain: Option<Vec<Certificate>>,
    key: Option<PrivateKey>,
}

/// A key that the engine cannot sign with.
pub(crate) struct Unusable {
    pub(crate) chain: Vec<Certificate>,
    pub(crate) algorithm: KeyAlgorithm,
    pub(crate) error: Error,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Rsa,
    RsaPss,
    Ecdsa,
    Ed25519,
    MlDsa44,
    MlDsa65,
    MlDsa87,
}

impl Places {
    /// Sets a chain, leaf first. A key that is there and not the leaf's is forgotten
    /// (`ssl_set_cert`).
    pub(crate) fn set_chain(&mut self, chain: Vec<Certificate>) -> Result<(), Error> {
        let Some(leaf) = chain.first() else {
            return Err(Error::new(Problem::NoPemBlock, "no certificate"));
        };
        let kind = Kind::of(&KeyAlgorithm::of_spki(&leaf.spki_der())?);
        let place = self.place(kind);
        if place.key.as_ref().is_some_and(|key| !key.matches(leaf)) {
            place.key = None;
        }
        place.chain = Some(chain);
        Ok(())
    }

    /// Sets a key. It must be that of the certificate in its place, if there is one
    /// (`ssl_set_pkey`).
    pub(crate) fn set_key(&mut self, key: PrivateKey) -> Result<(), Error> {
        let place = self.place(Kind::of(&key.algorithm()));
        if let Some([leaf, ..]) = place.chain.as_deref()
            && !key.matches(leaf)
        {
            return Err(Error::new(
                Problem::KeyMismatch,
                format!(
                    "the private key does not belong to the certificate \"{}\"",
                    leaf.subject()
                ),
            ));
        }
        place.key = Some(key);
        Ok(())
    }

    /// The identities that are complete and that the engine can use, and why another is not one. A
    /// certificate without its key, or a key alone, is not an identity, as in Node.
    pub(crate) fn identities(&self) -> (Vec<Identity>, Vec<Unusable>) {
        let mut identities = Vec::new();
        let mut unusable = Vec::new();
        for place in &self.0 {
            let (Some(chain), Some(key)) = (&place.chain, &place.key) else { continue };
            match Identity::new(chain.clone(), key) {
                Ok(identity) => identities.push(identity),
                Err(error) => unusable.push(Unusable {
                    chain: chain.clone(),
                    algorithm: key.algorithm(),
                    error,
                }),
            }
        }
        (identities, unusable)
    }

    /// The certificate set last, with or without a key: Node's `getCertificate()`.
    pub(crate) fn current(&self) -> Option<&Certificate> {
        self.0.last()?.chain.as_ref()?.first()
    }

    /// The place for a kind of key, moved to the end: it is the current one now.
    fn place(&mut self, kind: Kind) -> &mut Place {
        let place = match self.0.iter().position(|place| place.kind == kind) {
            Some(at) => self.0.remove(at),
            None => Place { kind, chain: None, key: None },
        };
        self.0.push(place);
        self.0.last_mut().expect("one was pushed")
    }
}

impl Kind {
    fn of(algorithm: &KeyAlgorithm) -> Self {
        match algorithm {
            KeyAlgorithm::Rsa { .. } => Self::Rsa,
            KeyAlgorithm::RsaPss { .. } => Self::RsaPss,
            KeyAlgorithm::Ed25519 => Self::Ed25519,
            KeyAlgorithm::MlDsa44 => Self::MlDsa44,
            KeyAlgorithm::MlDsa65 => Self::MlDsa65,
            KeyAlgorithm::MlDsa87 => Self::MlDsa87,
            _ => Self::Ecdsa,
        }
    }
}
