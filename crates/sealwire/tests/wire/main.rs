//! Drivers without any transport: what they hold, when they stop, and two of them back to back.

mod buffers;
mod relay;

use sealwire::session::Event;
use sealwire::wire::{Driver, Next};
use sealwire::{
    ClientOptions, Error, Identity, ProtocolVersion, SecureContext, ServerOptions, Session,
    TrustStore,
};

const VERSIONS: [ProtocolVersion; 2] = [ProtocolVersion::Tls12, ProtocolVersion::Tls13];

/// A server for `name`, and who trusts it.
fn contexts(name: &str, version: ProtocolVersion) -> (SecureContext, SecureContext) {
    let identity = Identity::self_signed([name]).unwrap();
    let trust = TrustStore::from_certificates([identity.leaf().clone()]).unwrap();
    let builder = || SecureContext::builder().versions(version..=version);
    let server = builder().identity(identity).build().unwrap();
    (server, builder().trust(trust).build().unwrap())
}

fn client(context: &SecureContext, name: &str) -> Driver {
    let options = ClientOptions::new(name.parse().unwrap());
    Driver::new(Session::client(context, &options).unwrap())
}

fn server(context: &SecureContext) -> Driver {
    Driver::new(Session::server(context, &ServerOptions::new()))
}

/// A client and a server whose handshake is complete.
fn pair(version: ProtocolVersion) -> (Driver, Driver) {
    let (serving, trusting) = contexts("localhost", version);
    let (mut client, mut server) = (client(&trusting, "localhost"), server(&serving));
    let mut complete = [false; 2];
    while complete != [true; 2] {
        complete[0] |= go_on(&mut client).unwrap();
        carry(&mut client, &mut server);
        complete[1] |= go_on(&mut server).unwrap();
        carry(&mut server, &mut client);
    }
    (client, server)
}

/// Goes on until the transport is wanted. True: the handshake was completed.
fn go_on(driver: &mut Driver) -> Result<bool, Error> {
    loop {
        match driver.next() {
            Next::Event(Event::HandshakeComplete) => return Ok(true),
            Next::Event(Event::Question) => panic!("nothing is asked"),
            Next::Event(_) => {}
            Next::Transport => return Ok(false),
            Next::Failed(error) => return Err(error),
        }
    }
}

fn carry(from: &mut Driver, to: &mut Driver) -> usize {
    let count = from.outgoing().len();
    to.push(from.outgoing());
    from.sent(count);
    count
}

fn word(length: usize) -> Vec<u8> {
    (0..length).map(|i| (i * 31 + i / 251) as u8).collect()
}
