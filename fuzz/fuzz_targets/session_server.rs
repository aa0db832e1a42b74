//! A hostile client: any bytes, in any portions, into a server that wants a certificate. It must
//! neither panic, nor complete the handshake, nor give a byte of data.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use sealwire::{ClientAuth, Identity, SecureContext, ServerOptions, Session, pki};

static CONTEXT: LazyLock<SecureContext> = LazyLock::new(|| {
    let (certificate, key) = pki::self_signed(["localhost"]).expect("a certificate");
    let identity = Identity::new(vec![certificate], &key).expect("its key");
    SecureContext::builder().identity(identity).build().expect("a context")
});

fuzz_target!(|data: &[u8]| {
    let Some((&portion, data)) = data.split_first() else { return };
    let options = ServerOptions::new().client_auth(ClientAuth::Require).alpn(["h2"]);
    let mut session = Session::server(&CONTEXT, &options);
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
