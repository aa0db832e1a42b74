//! A hostile peer against the second engine, in both roles and all versions that it speaks, with a
//! certificate or a key that both know: raw bytes, or the flights of a real peer, of which one was
//! changed on the way, and a handshake begun again between them. We must neither panic, nor let in
//! whom we do not know, nor give a byte that was not said.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealwire_fuzz::{End, Input, OLD_KINDS, edit};

fuzz_target!(|data: &[u8]| {
    let mut input = Input(data);
    let (kind, how, options) = (input.byte() % OLD_KINDS, input.byte(), input.byte());
    let portion = usize::from(input.byte()) * 8;
    let ours_is_client = how & 1 == 0;
    let new = |client: bool, options| {
        if client { End::old_client(kind, options) } else { End::old_server(kind, options) }
    };
    let mut ours = new(ours_is_client, options);
    if how & 2 == 0 {
        ours.receive(input.0, portion);
        assert!(ours.plaintext.is_empty() && !ours.complete);
        return ours.check(false);
    }
    let mut peer = new(!ours_is_client, 0);
    let (changed, again) = (how >> 2 & 7, how >> 5);
    for flight in 0..8 {
        peer.receive(&ours.output(), usize::MAX);
        if flight == again && peer.complete && peer.error.is_none() {
            // In TLS 1.3, or when one is under way, it says no.
            let _ = peer.driver.renegotiate(None);
            peer.go_on();
        }
        let mut wire = peer.output();
        if peer.complete && peer.error.is_none() {
            // While it negotiates again, it keeps them.
            let _ = peer.driver.write_in(b"said", &mut wire);
        }
        if flight == changed {
            edit(&mut wire, &mut input);
        }
        ours.receive(&wire, portion);
    }
    assert!(b"said".repeat(8).starts_with(&ours.plaintext));
    let with_key = kind >= OLD_KINDS / 2;
    // A client insists by its options; a server, where it requires a certificate.
    ours.check(with_key || if ours_is_client { options & 1 == 0 } else { options & 3 > 1 });
});
