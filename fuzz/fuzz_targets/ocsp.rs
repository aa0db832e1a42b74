//! Any bytes as an OCSP response: everything is asked of it, and nobody's word is taken for that of
//! an issuer who never answered.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use sealwire::pki::{Certificate, CertificateBuilder, KeyAlgorithm, OcspResponse, PrivateKey, Subject};

static ISSUER: LazyLock<Certificate> = LazyLock::new(|| {
    let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).expect("a key");
    let name = Subject::from_common_name("issuer").expect("a name");
    CertificateBuilder::new(name).authority(None).self_signed(&key).expect("a certificate")
});

fuzz_target!(|data: &[u8]| {
    let Ok(response) = OcspResponse::from_der(data) else { return };
    let _ = response.refusal();
    if let Some(responder) = response.responder() {
        let shown = responder.to_string();
        assert!(!shown.chars().any(char::is_control), "{shown}");
    }
    assert_eq!(response.answer(&ISSUER, &ISSUER), None);
    assert!(response.verify(&ISSUER, &ISSUER, ISSUER.not_before()).is_err());
});
