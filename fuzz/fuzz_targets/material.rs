//! Foreign files: any bytes as a certificate, a key, a trust store and a request, in PEM and DER,
//! through the fence.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealwire::pki::{Certificate, Csr, PrivateKey};
use sealwire::verify::{NameCheck, check_server_identity};
use sealwire::{Identity, TrustStore};

fuzz_target!(|data: &[u8]| {
    let _ = Identity::from_encrypted_pem(data, data, "passphrase");
    let _ = TrustStore::from_pem(data);
    let _ = PrivateKey::from_der(data, None);
    let _ = Csr::from_pem(data);
    let _ = Csr::from_der(data);
    if let Ok(certificate) = Certificate::from_der(data) {
        let _ = certificate.text();
        let _ = certificate.public_key();
        let name = "localhost".parse().expect("a name");
        for rules in [NameCheck::Rfc9525, NameCheck::Node] {
            let _ = check_server_identity(&name, &certificate, &rules);
        }
    }
});
