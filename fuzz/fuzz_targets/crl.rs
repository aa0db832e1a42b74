//! Any bytes as a revocation list, DER or PEM: everything is asked of it, and what is written is
//! read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealwire::pki::Crl;

fuzz_target!(|data: &[u8]| {
    if let Ok(crl) = Crl::from_der(data) {
        look_at(&crl);
        let again = Crl::all_from_pem(crl.to_pem().as_bytes()).expect("what we wrote");
        assert_eq!(again, [crl]);
    }
    for crl in Crl::all_from_pem(data).unwrap_or_default() {
        look_at(&crl);
    }
});

fn look_at(crl: &Crl) {
    let _ = (crl.number(), crl.this_update(), crl.next_update(), crl.issuer().to_string());
    assert!(crl.text().chars().all(|c| c == '\n' || !c.is_control()), "{}", crl.text());
}
