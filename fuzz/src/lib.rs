//! What the fuzz targets share: contexts, an end of a connection, and edits of what is on the wire.

use std::sync::LazyLock;

use sealwire::session::{Event, HelloReply, PeerAnswer, Question};
use sealwire::wire::{Driver, Next, Received};
use sealwire::{
    ClientAuth, ClientOptions, Error, Identity, Legacy, PeerVerification, ProtocolVersion, Psk,
    SecureContext, ServerOptions, Session, TrustStore, pki,
};

/// An identity for localhost, and everybody who trusts it.
pub static IDENTITY: LazyLock<Identity> = LazyLock::new(|| {
    let (certificate, key) = pki::self_signed(["localhost"]).expect("a certificate");
    Identity::new(vec![certificate], &key).expect("its key")
});

/// A context that shows and trusts [`IDENTITY`], for each version.
static CONTEXTS: LazyLock<[SecureContext; 2]> = LazyLock::new(|| {
    let trust = TrustStore::from_certificates([IDENTITY.leaf().clone()]).expect("a certificate");
    [ProtocolVersion::Tls12, ProtocolVersion::Tls13].map(|version| {
        SecureContext::builder()
            .identity(IDENTITY.clone())
            .trust(trust.clone())
            .versions(version..=version)
            .build()
            .expect("a context")
    })
});

/// The same of the second engine, for all that it speaks: TLS 1.0 to 1.3 by a certificate, then with
/// a key that both knew before. Whoever it is may negotiate again.
static OLD: LazyLock<[SecureContext; 8]> = LazyLock::new(|| {
    use ProtocolVersion::{Tls10, Tls11, Tls12, Tls13};
    let (certificate, key) = (IDENTITY.leaf().clone(), IDENTITY.clone());
    let trust = TrustStore::from_certificates([certificate]).expect("a certificate");
    let context = |version, psk: bool| {
        let legacy = Legacy::new().every_connection(true).renegotiation(true).psk(psk);
        let builder = SecureContext::builder().legacy(legacy).trust(trust.clone());
        let builder = if psk { builder } else { builder.identity(key.clone()) };
        let list = if psk { "PSK:@SECLEVEL=0" } else { "ALL:@SECLEVEL=0" };
        builder.versions(version..=version).cipher_list(list).expect("a list").build().expect("one")
    };
    let both = [Tls10, Tls11, Tls12, Tls13].map(|version| [false, true].map(|psk| context(version, psk)));
    let [[a, e], [b, f], [c, g], [d, h]] = both;
    [a, b, c, d, e, f, g, h]
});

/// How many kinds of connections the second engine has here.
pub const OLD_KINDS: u8 = 8;

/// The input, from its front. At the end there are only zeros.
pub struct Input<'a>(pub &'a [u8]);

impl<'a> Input<'a> {
    pub fn byte(&mut self) -> u8 {
        let Some((&first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        first
    }

    pub fn number(&mut self) -> usize {
        usize::from(u16::from_be_bytes([self.byte(), self.byte()]))
    }

    pub fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// One end: a session with its driver, and what came out of it.
pub struct End {
    pub driver: Driver,
    pub plaintext: Vec<u8>,
    pub complete: bool,
    pub error: Option<Error>,
}

impl End {
    pub fn client(tls13: bool, options: u8) -> Self {
        Self::client_of(&CONTEXTS[usize::from(tls13)], options)
    }

    /// A client of the second engine's; `kind` is below [`OLD_KINDS`].
    pub fn old_client(kind: u8, options: u8) -> Self {
        Self::client_of(&OLD[usize::from(kind)], options)
    }

    fn client_of(context: &SecureContext, options: u8) -> Self {
        let mode = match options & 1 {
            0 => PeerVerification::Required,
            _ => PeerVerification::Recorded,
        };
        let options = ClientOptions::new("localhost".parse().expect("a name"))
            .verification(mode)
            .alpn(["h2"])
            .resume(options & 2 != 0)
            .ask_about_peer(options & 4 != 0);
        Self::new(Session::client(context, &options).expect("random bytes"))
    }

    pub fn server(tls13: bool, options: u8) -> Self {
        Self::server_of(&CONTEXTS[usize::from(tls13)], options)
    }

    /// A server of the second engine's.
    pub fn old_server(kind: u8, options: u8) -> Self {
        Self::server_of(&OLD[usize::from(kind)], options)
    }

    fn server_of(context: &SecureContext, options: u8) -> Self {
        let client_auth = match options & 3 {
            0 => ClientAuth::None,
            1 => ClientAuth::Request,
            _ => ClientAuth::Require,
        };
        let options = ServerOptions::new()
            .client_auth(client_auth)
            .alpn(["h2"])
            .ask_client_hello(options & 4 != 0)
            .ask_about_peer(options & 8 != 0);
        Self::new(Session::server(context, &options))
    }

    pub fn new(session: Session) -> Self {
        let driver = Driver::new(session);
        Self { driver, plaintext: Vec::new(), complete: false, error: None }
    }

    /// Receives `wire` in portions of `portion` bytes, and says yes to all questions.
    pub fn receive(&mut self, wire: &[u8], portion: usize) {
        for part in wire.chunks(portion.max(1)) {
            self.driver.push(part);
            self.go_on();
        }
    }

    /// Goes on as far as the bytes lead.
    pub fn go_on(&mut self) {
        loop {
            match self.driver.next() {
                Next::Event(event) => self.hear(&event),
                Next::Transport => break,
                Next::Failed(error) => {
                    self.error = Some(error);
                    break;
                }
            }
        }
        while self.complete
            && let Ok(Received::Data(_)) = self.driver.read(&mut self.plaintext)
        {}
        assert!(self.plaintext.is_empty() || self.session().peer().is_some(), "data too early");
        self.error = self.session().error().cloned().or(self.error.take());
    }

    fn hear(&mut self, event: &Event) {
        self.complete |= matches!(event, Event::HandshakeComplete);
        // Who cannot be served is refused now; the next call says it again.
        let _ = match self.driver.question() {
            Some(Question::ClientHello(asked)) => asked.answer(HelloReply::new()),
            Some(Question::VerifyPeer(asked)) => asked.answer(PeerAnswer::Accept),
            Some(Question::Psk(asked)) => {
                // A client is asked without an identity.
                let known = asked.identity().is_none_or(|identity| identity == b"known");
                asked.answer(known.then(|| Psk::new("known", [7; 16])))
            }
            Some(other) => panic!("not asked for: {other:?}"),
            None => Ok(()),
        };
    }

    pub fn session(&self) -> &Session {
        self.driver.session()
    }

    pub fn output(&mut self) -> Vec<u8> {
        let mut out = Vec::new();
        self.driver.take_outgoing(&mut out);
        out
    }

    /// What must hold whatever the peer did: whoever is let in is whom we trust, and a session
    /// that failed stays so.
    pub fn check(&mut self, insists: bool) {
        assert!(!self.complete || self.session().peer().is_some());
        if let Some(peer) = self.session().peer()
            && insists
        {
            assert!(peer.authorized());
            if peer.psk_identity().is_none() {
                assert_eq!(peer.certificate(), Some(IDENTITY.leaf()));
            }
        }
        if self.error.is_some() {
            // What was heard before, a ticket say, is told first.
            let mut next = self.driver.next();
            while matches!(next, Next::Event(_)) {
                next = self.driver.next();
            }
            assert!(matches!(next, Next::Failed(_)));
            assert!(self.driver.write(b"x").is_err());
        }
        self.driver.close();
        self.output();
    }
}

/// Changes what is on the wire as the input says.
pub fn edit(wire: &mut Vec<u8>, input: &mut Input<'_>) {
    for _ in 0..input.byte() % 8 {
        let (what, length) = (input.byte(), usize::from(input.byte()));
        let at = input.number() % (wire.len() + 1);
        let end = (at + length).min(wire.len());
        match what % 6 {
            0 if at < wire.len() => wire[at] ^= input.byte().max(1),
            1 => drop(wire.drain(at..end)),
            2 => drop(wire.splice(at..at, input.take(length).iter().copied())),
            3 => {
                let part = wire[at..end].to_vec();
                wire.splice(end..end, part);
            }
            4 => wire.truncate(at),
            5 => split_record(wire, at, length),
            _ => {}
        }
    }
}

/// Makes two records of the one that `at` is in.
fn split_record(wire: &mut Vec<u8>, at: usize, length: usize) {
    let mut start = 0;
    while let Some([kind, major, minor, high, low]) = wire.get(start..start + 5) {
        let whole = usize::from(u16::from_be_bytes([*high, *low]));
        let (kind, major, minor) = (*kind, *major, *minor);
        if at < start + 5 + whole && length > 0 && length < whole && start + 5 + whole <= wire.len()
        {
            let [first, second] = [length, whole - length].map(|part| (part as u16).to_be_bytes());
            wire.splice(start + 5 + length..start + 5 + length, {
                [kind, major, minor, second[0], second[1]]
            });
            wire[start + 3..start + 5].copy_from_slice(&first);
            return;
        }
        start += 5 + whole;
    }
}
