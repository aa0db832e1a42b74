//! A CA that lasts: a folder with its key, an index of what it has signed, and revocation lists.
//! It survives crashes and two processes at once, and `openssl ca` can go on with it.
//!
//! `cargo run --example ca_folder -- FOLDER`, or without a folder in a temporary one

use std::path::PathBuf;
use std::time::Duration;

use sealwire::pki::{
    CaStore, CertificateBuilder, Error, KeyAlgorithm, PrivateKey, RevocationReason, Validity,
};

fn main() -> Result<(), Error> {
    let temporary = std::env::temp_dir().join(format!("sealwire-ca-{}", std::process::id()));
    let given = std::env::args().nth(1).filter(|argument| !argument.starts_with('-'));
    let folder = given.map_or_else(|| temporary.clone(), PathBuf::from);

    // seal ca init
    let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256)?;
    let root = CertificateBuilder::new("/CN=Example Development CA".parse()?)
        .authority(Some(1))
        .name_constraints(["DNS:localhost".parse()?, "DNS:test".parse()?], [])
        .validity(Validity::days(3650)?)
        .self_signed(&key)?;
    CaStore::create(&folder, &root, &key.to_pem(), &[])?;

    // seal ca issue app.test
    let store = CaStore::open(&folder)?;
    let issuer = store.issuer(None)?;
    let leaf_key = PrivateKey::generate(KeyAlgorithm::EcdsaP256)?;
    let leaf = CertificateBuilder::for_names(vec!["app.test".parse()?])?
        .signed_by(&issuer, leaf_key.spki_der())?;
    // Noted in the index before it is handed out: what is not there cannot be revoked.
    store.record(&leaf, || {
        let file = folder.join("app.test.pem");
        std::fs::write(&file, leaf.to_pem()).map_err(|e| Error::io(&file, &e))
    })?;

    // seal ca revoke
    store.revoke(&leaf.serial_hex(), Some(&leaf), RevocationReason::Superseded)?;
    let list = store.publish_crl(&issuer, Duration::from_secs(30 * 86_400))?;
    print!("{}", list.to_pem());
    for entry in store.entries()? {
        let state = if entry.revoked().is_some() { "revoked" } else { "good" };
        println!("{} {} {state}", entry.serial(), entry.subject());
    }
    if folder == temporary {
        let _ = std::fs::remove_dir_all(&folder);
    }
    Ok(())
}
