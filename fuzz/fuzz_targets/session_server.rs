//! A hostile client against our server: raw bytes, or the flights of a real client, of which one
//! was changed on the way. The server must neither panic, nor let in whom it does not know, nor
//! give a byte that was not said.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealwire_fuzz::{End, Input, edit};

fuzz_target!(|data: &[u8]| {
    let mut input = Input(data);
    let (kind, options, portion) = (input.byte(), input.byte(), usize::from(input.byte()) * 8);
    let tls13 = kind & 1 == 0;
    let mut server = End::server(tls13, options);
    if kind & 2 == 0 {
        server.receive(input.0, portion);
        assert!(server.plaintext.is_empty() && server.session().peer().is_none());
        return server.check(false);
    }
    let mut client = End::client(tls13, 0);
    let changed = kind >> 2 & 3;
    for flight in 0..4 {
        let mut wire = client.output();
        if client.complete && client.error.is_none() {
            client.driver.write_in(b"said", &mut wire).expect("open");
        }
        if flight == changed {
            edit(&mut wire, &mut input);
        }
        server.receive(&wire, portion);
        client.receive(&server.output(), usize::MAX);
    }
    assert!(b"saidsaidsaidsaid".starts_with(&server.plaintext));
    server.check(options & 3 != 0);
});
