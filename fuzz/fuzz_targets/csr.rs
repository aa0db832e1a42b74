//! Any bytes as a certificate request, and a certificate made from what is read.
#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use sealwire::pki::{CertificateBuilder, Csr, Issuer, KeyAlgorithm, PrivateKey, Subject};

static ISSUER: OnceLock<Issuer> = OnceLock::new();

fuzz_target!(|data: &[u8]| {
    let Ok(csr) = Csr::from_der(data).or_else(|_| Csr::from_pem(data)) else { return };
    let _ = csr.verify();
    let _ = (csr.names(), csr.key_usage(), csr.extended_key_usage());
    let _ = (csr.challenge_password(), csr.unstructured_name(), csr.subject().to_string());
    let issuer = ISSUER.get_or_init(|| {
        let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).expect("a key");
        let subject = Subject::from_common_name("fuzz").expect("a name");
        let root = CertificateBuilder::new(subject).authority(None).self_signed(&key);
        Issuer::new(root.expect("a root"), key).expect("an issuer")
    });
    if let Ok(builder) = CertificateBuilder::for_csr(&csr).copy_extensions(&csr) {
        let _ = builder.signed_by(issuer, csr.spki_der());
    }
});
