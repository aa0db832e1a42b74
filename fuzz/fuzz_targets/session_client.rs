//! A hostile server: any bytes, in any portions, into a client. It must neither panic, nor
//! complete the handshake, nor give a byte of data.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use sealwire::{ClientOptions, SecureContext, Session, TrustStore};

static CONTEXT: LazyLock<SecureContext> = LazyLock::new(|| {
    SecureContext::builder().trust(TrustStore::empty()).build().expect("a context")
});

fuzz_target!(|data: &[u8]| {
    let Some((&portion, data)) = data.split_first() else { return };
    let options = ClientOptions::new("localhost".parse().expect("a name"));
    let mut session = Session::client(&CONTEXT, &options).expect("random bytes");
    let (mut received, mut plaintext) = (Vec::new(), Vec::new());
    for part in data.chunks(usize::from(portion).max(1)) {
        received.extend_from_slice(part);
        match session.receive(&mut received, &mut plaintext) {
            Ok(consumed) => drop(received.drain(..consumed)),
            Err(_) => break,
        }
    }
    assert!(plaintext.is_empty() && session.peer().is_none());
    session.take_output(&mut Vec::new());
});
