//! Any text as keys, certificates and revocation lists in PEM, and as the names that people type.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealwire::pki::{Certificate, Crl, NameConstraint, PrivateKey, Subject, SubjectAltName, lint};

fuzz_target!(|data: &[u8]| {
    let _ = PrivateKey::from_pem(data, None);
    let _ = Crl::all_from_pem(data);
    for certificate in Certificate::all_from_pem(data).unwrap_or_default() {
        let _ = lint(&certificate, 1_800_000_000);
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    let _ = text.parse::<NameConstraint>();
    // What is taken must come back the same from its own text.
    if let Ok(name) = text.parse::<SubjectAltName>() {
        assert_eq!(name.to_string().parse::<SubjectAltName>().ok(), Some(name));
    }
    if let Ok(subject) = text.parse::<Subject>() {
        assert_eq!(Subject::from_der(&subject.to_der()).ok().as_ref(), Some(&subject));
        let _ = subject.to_string().parse::<Subject>();
        let _ = subject.to_openssl().parse::<Subject>();
    }
});
