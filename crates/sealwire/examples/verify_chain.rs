//! Would this chain be trusted, and if not, what is wrong with it? All of it, not only the first.
//!
//! `cargo run --example verify_chain -- chain.pem ca.pem www.example.com`, or without arguments for
//! an example of its own

use std::path::Path;
use std::slice::from_ref;
use std::time::{SystemTime, UNIX_EPOCH};

use sealwire::pki::{
    self, Certificate, CertificateBuilder, ChainCheck, Issuer, KeyAlgorithm, PrivateKey, Purpose,
};
use sealwire::verify::{NameCheck, check_server_identity};
use sealwire::{ServerName, TrustStore};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [chain, ca, name] => {
            let chain = pki::certificates_from_file(Path::new(chain))?;
            judge(&chain, &TrustStore::from_pem_file(ca)?, &name.parse()?);
        }
        _ => {
            let root_key = PrivateKey::generate(KeyAlgorithm::EcdsaP256)?;
            let root = CertificateBuilder::new("/CN=Example Root".parse()?)
                .authority(None)
                .self_signed(&root_key)?;
            let trust = TrustStore::from_certificates([root.clone()])?;
            let root = Issuer::new(root, root_key)?;
            let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256)?;
            let leaf = CertificateBuilder::for_names(vec!["www.example.com".parse()?])?
                .signed_by(&root, key.spki_der())?;
            judge(from_ref(&leaf), &trust, &"www.example.com".parse()?);
            judge(from_ref(&leaf), &trust, &"other.example.com".parse()?);
            judge(from_ref(&leaf), &TrustStore::bundled(), &"www.example.com".parse()?);
        }
    }
    Ok(())
}

fn judge(chain: &[Certificate], trust: &TrustStore, name: &ServerName) {
    let rules = NameCheck::Rfc9525;
    let check = ChainCheck {
        presented: chain,
        trust,
        crls: &[],
        purpose: Purpose::Server,
        name: Some((name.clone(), rules.clone())),
        time: SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs() as i64),
        security_level: 2,
    };
    let verdict = check.verdict();
    println!("{name}: trusted = {}", verdict.is_trusted());
    for certificate in verdict.chain() {
        println!("  {}", certificate.subject());
    }
    for finding in verdict.findings() {
        println!("  {finding}");
    }
    // The name alone, in Node's words.
    if let Err(mismatch) = check_server_identity(name, &chain[0], &rules) {
        println!("  {mismatch}");
    }
}
