//! Two drivers back to back: a proxy that sees what goes through it.

use sealwire::session::{Event, HelloReply, Question};
use sealwire::wire::{Driver, Next, Received, WRITE_SIZE};
use sealwire::{ClientOptions, SecureContext, ServerOptions, Session};

use crate::{VERSIONS, carry, client, contexts, go_on, server, word};

/// A proxy between a client and the server that the client names.
struct Proxy {
    /// Towards the client: it speaks for every server.
    front: Driver,
    /// Towards the server, once its name is known.
    back: Option<Driver>,
    serving: SecureContext,
    trusting: SecureContext,
    /// All data, as the proxy saw them.
    seen: Vec<u8>,
}

impl Proxy {
    fn new(serving: SecureContext, trusting: SecureContext) -> Self {
        let options = ServerOptions::new().ask_client_hello(true);
        // Nothing of its own is said before the name is known.
        let empty = SecureContext::builder().build().unwrap();
        let front = Driver::new(Session::server(&empty, &options));
        Self { front, back: None, serving, trusting, seen: Vec::new() }
    }

    /// The server is connected to before the client is answered. False: it waits for bytes.
    fn shake(&mut self) -> bool {
        loop {
            match self.front.next() {
                Next::Event(Event::Question) => {
                    let raw = self.front.unconsumed().to_vec();
                    let Some(Question::ClientHello(asked)) = self.front.question() else {
                        panic!("only the hello is asked about")
                    };
                    // One record here: its header, and the message.
                    assert_eq!(raw[5..], *asked.hello().as_bytes());
                    let back = self.back.get_or_insert_with(|| {
                        let name = asked.hello().server_name().unwrap().parse().unwrap();
                        let options = ClientOptions::new(name);
                        Driver::new(Session::client(&self.trusting, &options).unwrap())
                    });
                    if !go_on(back).unwrap() {
                        return false;
                    }
                    asked.answer(HelloReply::new().context(self.serving.clone())).unwrap();
                }
                Next::Event(Event::HandshakeComplete) => return true,
                Next::Event(_) => {}
                Next::Transport => return false,
                Next::Failed(error) => panic!("{error}"),
            }
        }
    }

    /// Moves data from the client to the server, while the server takes them.
    fn relay(&mut self) {
        let back = self.back.as_mut().expect("the handshakes are complete");
        while !back.is_congested() {
            let mut room = vec![0; 8 * 1024];
            match self.front.read(&mut &mut room[..]).unwrap() {
                Received::Data(count) => {
                    self.seen.extend_from_slice(&room[..count]);
                    assert_eq!(back.write(&room[..count]).unwrap(), count);
                }
                Received::Blocked => return,
                Received::End => {
                    back.close();
                    return;
                }
            }
        }
    }
}

#[test]
fn a_relay_sees_all_and_holds_little() {
    for version in VERSIONS {
        let (serving, trusting) = contexts("target.example", version);
        let (forged, believing) = contexts("target.example", version);
        let mut client = client(&believing, "target.example");
        let mut target = server(&serving);
        let mut proxy = Proxy::new(forged, trusting);
        let mut complete = [false; 3];
        while complete != [true; 3] {
            complete[0] |= go_on(&mut client).unwrap();
            carry(&mut client, &mut proxy.front);
            complete[1] |= proxy.shake();
            carry(&mut proxy.front, &mut client);
            if let Some(back) = &mut proxy.back {
                carry(back, &mut target);
                complete[2] |= go_on(&mut target).unwrap();
                carry(&mut target, back);
            }
        }
        let data = word(4 * 1024 * 1024);
        let (mut written, mut heard, mut most) = (0, Vec::new(), 0);
        loop {
            // The client writes whenever it may; its transport holds as much as a write.
            if written < data.len() && !client.is_congested() {
                written += client.write(&data[written..]).unwrap();
                if written == data.len() {
                    client.close();
                }
            }
            // The proxy reads no more while it has to send.
            if proxy.front.unconsumed().len() < WRITE_SIZE {
                carry(&mut client, &mut proxy.front);
            }
            proxy.relay();
            let back = proxy.back.as_mut().unwrap();
            most = most.max(back.outgoing().len() + proxy.front.unconsumed().len());
            // The server is slow: it takes 5000 bytes at a time.
            let part = back.outgoing().len().min(5000);
            target.push(&back.outgoing()[..part]);
            back.sent(part);
            match target.read(&mut heard).unwrap() {
                Received::End => break,
                Received::Data(_) | Received::Blocked => {}
            }
        }
        assert!(heard == data && proxy.seen == data, "{version}");
        assert!(most < 4 * WRITE_SIZE, "{version}: {most} bytes are held");
    }
}
