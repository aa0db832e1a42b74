//! A hostile server against our client: raw bytes, or the flights of a real server, of which one
//! was changed on the way. The client must neither panic, nor take another for its server, nor
//! give a byte that was not said.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealwire_fuzz::{End, Input, edit};

fuzz_target!(|data: &[u8]| {
    let mut input = Input(data);
    let (kind, options, portion) = (input.byte(), input.byte(), usize::from(input.byte()) * 8);
    let tls13 = kind & 1 == 0;
    let mut client = End::client(tls13, options);
    if kind & 2 == 0 {
        client.receive(input.0, portion);
        assert!(client.plaintext.is_empty() && client.session().peer().is_none());
        return client.check(false);
    }
    let mut server = End::server(tls13, 0);
    let changed = kind >> 2 & 3;
    for flight in 0..5 {
        server.receive(&client.output(), usize::MAX);
        let mut wire = server.output();
        if server.complete && flight > 1 && server.error.is_none() {
            server.driver.write_in(b"said", &mut wire).expect("open");
        }
        if flight == changed {
            edit(&mut wire, &mut input);
        }
        client.receive(&wire, portion);
    }
    assert!(b"saidsaidsaidsaid".starts_with(&client.plaintext));
    client.check(true);
});
