//! TLS without any I/O: two drivers that hand each other bytes. Any transport can carry them.
//!
//! `cargo run --example in_memory`

use sealwire::session::Event;
use sealwire::wire::{Driver, Next, Received};
use sealwire::{ClientOptions, Error, Identity, SecureContext, ServerOptions, Session, TrustStore};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let identity = Identity::self_signed(["localhost"])?;
    let trust = TrustStore::from_certificates([identity.leaf().clone()])?;
    let server = SecureContext::builder().identity(identity).build()?;
    let client = SecureContext::builder().trust(trust).build()?;

    let options = ClientOptions::new("localhost".parse()?);
    let mut client = Driver::new(Session::client(&client, &options)?);
    let mut server = Driver::new(Session::server(&server, &ServerOptions::new()));
    let mut open = [false, false];
    while open != [true, true] {
        open[0] |= advance(&mut client)?;
        carry(&mut client, &mut server);
        open[1] |= advance(&mut server)?;
        carry(&mut server, &mut client);
    }
    let peer = client.session().peer().expect("the handshake is complete");
    println!("{} {}, authorized: {}", peer.protocol(), peer.cipher(), peer.authorized());

    client.write(b"hello, server")?;
    client.close();
    carry(&mut client, &mut server);
    let mut heard = Vec::new();
    while server.read(&mut heard)? != Received::End {}
    println!("the server heard {:?}", String::from_utf8_lossy(&heard));
    Ok(())
}

/// Goes on until the transport is wanted. True: the handshake was completed.
fn advance(driver: &mut Driver) -> Result<bool, Error> {
    loop {
        match driver.next() {
            Next::Event(Event::HandshakeComplete) => return Ok(true),
            Next::Event(_) => {}
            Next::Transport => return Ok(false),
            Next::Failed(error) => return Err(error),
        }
    }
}

/// The transport.
fn carry(from: &mut Driver, to: &mut Driver) {
    to.push(from.outgoing());
    let count = from.outgoing().len();
    from.sent(count);
}
