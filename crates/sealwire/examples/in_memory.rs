//! TLS without any I/O: two sessions that hand each other bytes. Any transport can carry them.
//!
//! `cargo run --example in_memory`

use sealwire::session::Event;
use sealwire::{ClientOptions, Error, Identity, SecureContext, ServerOptions, Session, TrustStore};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let identity = Identity::self_signed(["localhost"])?;
    let trust = TrustStore::from_certificates([identity.leaf().clone()])?;
    let server = SecureContext::builder().identity(identity).build()?;
    let client = SecureContext::builder().trust(trust).build()?;

    let mut client = End::new(Session::client(&client, &ClientOptions::new("localhost".parse()?))?);
    let mut server = End::new(Session::server(&server, &ServerOptions::new()));
    while client.session.is_handshaking() || server.session.is_handshaking() {
        client.send_to(&mut server)?;
        server.send_to(&mut client)?;
    }
    let peer = client.session.peer().expect("the handshake is complete");
    println!("{} {}, authorized: {}", peer.protocol(), peer.cipher(), peer.authorized());

    client.session.encrypt(b"hello, server", &mut client.outgoing)?;
    client.session.send_close_notify();
    client.send_to(&mut server)?;
    println!("the server heard {:?}", String::from_utf8_lossy(&server.heard));
    assert!(server.session.peer_has_closed());
    Ok(())
}

/// A session, what it wants to send, what it has not consumed, and what it was told.
struct End {
    session: Session,
    outgoing: Vec<u8>,
    incoming: Vec<u8>,
    heard: Vec<u8>,
}

impl End {
    fn new(session: Session) -> Self {
        Self { session, outgoing: Vec::new(), incoming: Vec::new(), heard: Vec::new() }
    }

    fn send_to(&mut self, other: &mut Self) -> Result<(), Error> {
        self.session.take_output(&mut self.outgoing);
        other.incoming.append(&mut self.outgoing);
        let consumed = other.session.receive(&mut other.incoming, &mut other.heard)?;
        other.incoming.drain(..consumed);
        while let Some(event) = other.session.poll_event() {
            // Only sessions whose options say so ask something.
            assert!(!matches!(event, Event::Question));
        }
        Ok(())
    }
}
