//! A CA: a root that may sign for some names only, an intermediate, a leaf for somebody's request,
//! a revocation list, and the verdict before and after.
//!
//! `cargo run --example local_ca`

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sealwire::TrustStore;
use sealwire::pki::{
    CertificateBuilder, ChainCheck, Crl, CrlBuilder, Csr, Error, ExtendedKeyUsage, Issuer,
    KeyAlgorithm, PrivateKey, Purpose, RevocationReason, Revoked, Subject, Validity,
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root_key = PrivateKey::generate(KeyAlgorithm::EcdsaP384)?;
    let root = CertificateBuilder::new("/O=Example/CN=Example Root".parse()?)
        .authority(Some(1))
        .name_constraints(["example.test".parse()?], [])
        .validity(Validity::days(3650)?)
        .self_signed(&root_key)?;
    let root = Issuer::new(root, root_key)?;

    let middle_key = PrivateKey::generate(KeyAlgorithm::EcdsaP256)?;
    let middle = CertificateBuilder::new("/O=Example/CN=Example CA 1".parse()?)
        .authority(Some(0))
        .signed_by(&root, middle_key.spki_der())?;
    let middle = Issuer::new(middle, middle_key)?;

    // What somebody else sends; their key stays with them.
    let csr = their_request()?;
    csr.verify()?;
    println!("{} asks for {:?}", csr.subject(), csr.names());
    let leaf = CertificateBuilder::for_csr(&csr)
        .copy_names(&csr)
        .extended_key_usage([ExtendedKeyUsage::SERVER_AUTH])
        .validity(Validity::days(90)?)
        .signed_by(&middle, csr.spki_der())?;

    let chain = [leaf.clone(), middle.certificate().clone()];
    let trust = TrustStore::from_certificates([root.certificate().clone()])?;
    let judge = |crls: &[Crl]| {
        ChainCheck {
            presented: &chain,
            trust: &trust,
            crls,
            purpose: Purpose::Server,
            name: None,
            time: seconds(SystemTime::now()),
            security_level: 2,
        }
        .verdict()
    };
    println!("without lists: trusted = {}", judge(&[]).is_trusted());

    let revoked = Revoked::now(&leaf, RevocationReason::KeyCompromise);
    let lists = [list(&middle, vec![revoked])?, list(&root, vec![])?];
    for finding in judge(&lists).findings() {
        println!("with lists: {finding}");
    }
    Ok(())
}

fn their_request() -> Result<Csr, Error> {
    let key = PrivateKey::generate(KeyAlgorithm::Rsa { bits: 2048 })?;
    Csr::builder(Subject::from_common_name("www.example.test")?)
        .names(["www.example.test".parse()?, "example.test".parse()?])
        .sign(&key)
}

fn list(issuer: &Issuer, revoked: Vec<Revoked>) -> Result<Crl, Error> {
    let now = SystemTime::now();
    let next_update = now + Duration::from_secs(30 * 86_400);
    CrlBuilder { number: 1.into(), this_update: now, next_update, revoked }.signed_by(issuer)
}

fn seconds(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64)
}
