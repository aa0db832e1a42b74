//! Any bytes as a PFX: BER, MAC, encryption, bags. The passphrase is the one of the seeds.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealwire::pki::Pfx;

fuzz_target!(|data: &[u8]| {
    for passphrase in [Some("secret"), None] {
        for pfx in Pfx::all_from_der(data, passphrase).unwrap_or_default() {
            assert!(pfx.key().matches(pfx.certificate()));
        }
    }
});
