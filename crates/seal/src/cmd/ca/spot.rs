//! Certificates that a server of ours gets from a CA's folder when it starts.

use sealwire::Identity;
use sealwire::pki::{CaStore, CertificateBuilder, KeyAlgorithm, PrivateKey};

use super::check_allowed;
use crate::files::ledger::Ledger;
use crate::files::passphrase;
use crate::say::failure::Failure;

/// Signs what `builder` says for a new key, which lives in memory only, and enters it into the CA's index.
///
/// # Errors
/// When the CA's key cannot be had, or the CA does not sign for these names.
pub(crate) fn on_the_spot(
    store: &CaStore,
    builder: CertificateBuilder,
) -> Result<Identity, Failure> {
    let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256)?;
    let folder = store.folder().display().to_string();
    let issuer = passphrase::open(None, &format!("the CA in {folder}"), |passphrase| {
        store.issuer(passphrase.map(str::as_bytes))
    })?;
    let certificate = builder.signed_by(&issuer, key.spki_der())?;
    check_allowed(store, &issuer, &certificate)?;
    let mut chain = vec![certificate.clone()];
    chain.extend(store.chain()?.into_iter().filter(|c| !c.is_self_signed()));
    let identity = Identity::new(chain, &key)?;
    Ledger::of(store)?.record(&certificate, || Ok(()))?;
    Ok(identity)
}
