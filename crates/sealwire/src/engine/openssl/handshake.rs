//! The handshake of one side of one connection.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use sealwire_openssl::{Connection, Progress};
use sealwire_x509::Certificate;

use super::answers::Answers;
use super::channel::Open;
use super::failure::failure;
use super::psk::Watch;
use super::sessions::Giving;
use super::{facts, whole_record};
use crate::engine::last_word;
use crate::engine::short::Short;
use crate::engine::{
    Channel, Credential, Engine, EngineState, Facts, Failure, HandshakeState, Step,
};
use crate::error::Error;
use crate::words::{Alert, CipherSuite, ProtocolVersion, TimeSource};

/// What the engine is started with.
pub(super) struct Beginning {
    pub(super) connection: Connection,
    pub(super) is_server: bool,
    /// A server's protocols, best first.
    pub(super) alpn: Vec<Vec<u8>>,
    pub(super) time: Arc<dyn TimeSource>,
    /// Of which one may be shown.
    pub(super) credentials: Vec<Credential>,
    pub(super) renegotiable: bool,
    pub(super) psk: Option<Watch>,
    /// How a server gives sessions.
    pub(super) giving: Option<Giving>,
    /// What a server staples (DER).
    pub(super) staple: Option<Vec<u8>>,
}

pub(super) struct Handshake {
    /// Never locked but for [`Engine::export`]: all else has it to itself.
    connection: Mutex<Connection>,
    rest: Rest,
    /// A client's, which speaks first: whether it has.
    begun: bool,
    psk: Option<Watch>,
    credentials: Vec<Credential>,
    facts: Option<Facts>,
    staple: Option<Vec<u8>>,
    /// What the last step has to send: it goes out, or not, with the decision about the peer.
    last_flight: Vec<u8>,
}

/// What stays when the connection opens.
pub(super) struct Rest {
    pub(super) is_server: bool,
    pub(super) alpn: Vec<Vec<u8>>,
    pub(super) time: Arc<dyn TimeSource>,
    pub(super) renegotiable: bool,
    pub(super) giving: Option<Giving>,
    /// As the peer sent it.
    pub(super) chain: Vec<Vec<u8>>,
}

impl Handshake {
    pub(super) fn new(beginning: Beginning) -> Self {
        let Beginning { connection, is_server, alpn, time, credentials, renegotiable, psk, .. } =
            beginning;
        let (giving, staple) = (beginning.giving, beginning.staple);
        Self {
            connection: Mutex::new(connection),
            rest: Rest { is_server, alpn, time, renegotiable, giving, chain: Vec::new() },
            begun: is_server,
            psk,
            credentials,
            facts: None,
            staple,
            last_flight: Vec::new(),
        }
    }

    /// Whether the program is to be asked before OpenSSL is shown `next`.
    fn asks(&mut self, next: &[u8], handshake: &mut HandshakeState) -> bool {
        let Some(watch) = &mut self.psk else { return false };
        if self.rest.is_server {
            let connection = self.connection.get_mut().unwrap_or_else(PoisonError::into_inner);
            watch.by_server(next, connection.pending_suite());
        } else {
            watch.by_client(next);
        }
        while let Some(asked) = watch.ahead.first() {
            // Of several names of a client one with a key is enough.
            let enough = self.rest.is_server && handshake.psk.has_key();
            if !enough && handshake.psk.ask(asked) {
                return true;
            }
            watch.ahead.remove(0);
        }
        false
    }

    /// Writes down what the complete handshake came to.
    fn note(&mut self, handshake: &mut HandshakeState) -> Result<(), Failure> {
        let connection = self.connection.get_mut().unwrap_or_else(PoisonError::into_inner);
        let agreed = connection.negotiated();
        let unknown = || Failure {
            error: Error::Misused("OpenSSL negotiated something that was not enabled"),
            alert: None,
        };
        let agreed = agreed.ok_or_else(unknown)?;
        // A key that was offered and not taken proves nothing.
        let suite = CipherSuite::old_or_new_from_number(agreed.suite);
        let by_psk = match agreed.version {
            0x0304 => agreed.resumed,
            _ => suite.is_some_and(CipherSuite::wants_psk),
        };
        if !by_psk {
            handshake.psk.used = None;
        }
        let facts = facts(&agreed, handshake.psk.used.is_some()).ok_or_else(unknown)?;
        if facts.resumed {
            // No certificate was shown; the chain that was judged is that of this session.
            let judged = handshake.resumed.as_ref().map_or(&[][..], |(chain, _)| chain);
            if judged.first().map(|leaf| leaf.der()) == agreed.peer_leaf.as_deref() {
                self.rest.chain = judged.iter().map(|one| one.der().to_vec()).collect();
            }
        }
        handshake.ocsp_response = agreed.ocsp_response;
        handshake.shown = shown(&self.credentials, agreed.own_certificate);
        let finished = |value: &[u8]| Short::of(value).unwrap_or_default();
        let (ours, theirs) = (finished(&agreed.finished), finished(&agreed.peer_finished));
        let kept = &mut handshake.secrets.finished;
        (kept.server, kept.client) =
            if self.rest.is_server { (ours, theirs) } else { (theirs, ours) };
        self.facts = Some(facts);
        Ok(())
    }
}

impl Engine for Handshake {
    fn advance(
        &mut self,
        conn: &mut EngineState,
        tls: &mut [u8],
        out: &mut Vec<u8>,
    ) -> (usize, Result<Step, Failure>) {
        let EngineState { handshake, sessions, .. } = conn;
        let Some(handshake) = handshake.as_deref_mut() else {
            let error = Error::Misused("a handshake without its state");
            return (0, Err(Failure { error, alert: None }));
        };
        let mut consumed = 0;
        loop {
            let next = if self.begun {
                let Some(length) = whole_record(&tls[consumed..]) else {
                    return (consumed, Ok(Step::NeedInput));
                };
                &tls[consumed..consumed + length]
            } else {
                &[]
            };
            if self.asks(next, handshake) {
                return (consumed, Ok(Step::AskPsk));
            }
            self.begun = true;
            consumed += next.len();
            let start = out.len();
            let connection = self.connection.get_mut().unwrap_or_else(PoisonError::into_inner);
            let Rest { alpn, time, chain, giving, .. } = &mut self.rest;
            let mut answers = Answers {
                handshake: Some(handshake),
                alpn,
                time,
                sessions: sessions.as_deref_mut(),
                giving: giving.as_ref(),
                staple: self.staple.as_deref(),
                chain,
            };
            let went = connection.feed(next).and_then(|()| connection.handshake(&mut answers, out));
            if !self.rest.is_server && handshake.requested.is_none() {
                handshake.requested = connection.requested_authorities();
                if handshake.requested.is_some() {
                    handshake.shown = shown(&self.credentials, connection.own_certificate());
                }
            }
            match went {
                Ok(Progress::NeedsInput) => {}
                Ok(Progress::Done) => {
                    self.last_flight = out.split_off(start);
                    let noted = self.note(handshake);
                    return (consumed, noted.map(|()| Step::HandshakeComplete));
                }
                Err(told) => return (consumed, Err(failure(told, Some(handshake)))),
            }
        }
    }

    /// OpenSSL has sent its own.
    fn say_last(&self, _: Alert, _: &EngineState, _: usize, _: &mut Vec<u8>) -> bool {
        false
    }

    fn version(&self) -> Option<ProtocolVersion> {
        self.facts.as_ref().map(|facts| facts.protocol)
    }

    fn facts(&self) -> Option<Facts> {
        self.facts.clone()
    }

    fn peer_chain(&self) -> Vec<&[u8]> {
        self.rest.chain.iter().map(Vec::as_slice).collect()
    }

    fn open(
        mut self: Box<Self>,
        conn: &mut EngineState,
        out: &mut Vec<u8>,
    ) -> Result<Box<dyn Channel>, Failure> {
        out.append(&mut self.last_flight);
        // To judge the peer again, when the connection is negotiated again.
        let handshake = conn.handshake.take().filter(|_| self.rest.renegotiable);
        Ok(Box::new(Open::new(self.connection, self.rest, handshake)))
    }

    /// OpenSSL sends no alert that it was not led to by the protocol. Where our Finished is still to
    /// be sent, nothing of ours is encrypted yet, and one can be said in its place; otherwise the
    /// connection ends without a word, which is an error to the peer, too.
    fn refuse(self: Box<Self>, alert: Alert, _: &mut EngineState, out: &mut Vec<u8>) {
        let up_to_tls12 = self.version().is_some_and(|version| version < ProtocolVersion::Tls13);
        if up_to_tls12 && last_word::has_begun_to_encrypt(&self.last_flight) {
            // Under the version that was agreed on, or the peer finds fault with that.
            let [kind, _, _, rest @ ..] = alert.plain_record();
            let [_, major, minor, ..] = self.last_flight[..] else { return };
            out.extend([kind, major, minor]);
            out.extend(rest);
        } else if !self.rest.is_server {
            out.extend(self.last_flight);
        }
    }

    fn is_openssl(&self) -> bool {
        true
    }

    fn trace(&mut self) {
        self.connection.get_mut().unwrap_or_else(PoisonError::into_inner).trace();
    }

    fn take_trace(&mut self) -> Option<Vec<u8>> {
        self.connection.get_mut().unwrap_or_else(PoisonError::into_inner).take_trace()
    }

    fn export(
        &self,
        output: &mut [u8],
        label: &[u8],
        context: Option<&[u8]>,
    ) -> Option<Result<(), Error>> {
        Some(export(&self.connection, output, label, context))
    }
}

/// Which of our chains has this leaf (DER).
fn shown(credentials: &[Credential], leaf: Option<Vec<u8>>) -> Option<Arc<[Certificate]>> {
    let leaf = leaf?;
    let mut chains = credentials.iter().map(Credential::chain);
    chains.find(|chain| chain.first().is_some_and(|first| first.der() == leaf)).cloned()
}

pub(super) fn export(
    connection: &Mutex<Connection>,
    output: &mut [u8],
    label: &[u8],
    context: Option<&[u8]>,
) -> Result<(), Error> {
    if label.is_empty() || output.is_empty() {
        return Err(Error::Misused("exported keying material needs a label and a length"));
    }
    let mut connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
    let misused = "OpenSSL rejects the label or length of the exported keying material";
    connection.export(output, label, context).map_err(|_| Error::Misused(misused))
}

impl fmt::Debug for Handshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenSsl").field("facts", &self.facts).finish_non_exhaustive()
    }
}
