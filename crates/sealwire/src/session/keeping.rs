//! A session's part in resumption: what it offers, what it stores, what it tells.

use sealwire_x509::Certificate;

use super::{ClientOptions, Core, Event};
use crate::context::SecureContext;
use crate::engine::resumption::{ClientSession, ClientSessions};
use crate::engine::{HandshakeState, Old};
use crate::words::ProtocolVersion;

/// How many new sessions wait for the program; it may never ask, and a server may never stop.
const MAX_WAITING: usize = 8;

/// Chooses the session that a client offers, and leaves its chain and verdict in the handshake's state.
pub(super) fn choose(
    context: &SecureContext,
    options: &ClientOptions,
    handshake: &mut HandshakeState,
    old: Option<&Old>,
) -> Box<ClientSessions> {
    let settings = &options.settings;
    let mut sessions = context.client_sessions(options.server_name.clone(), settings.resume);
    sessions.reuse(settings.reuse_sessions);
    let given = settings.session.as_ref();
    handshake.resumed = sessions.choose(
        given,
        &|version| old.map_or_else(|| context.speaks(version), |old| old.speaks(version)),
        &handshake.examiner,
        handshake.refuse_at_once,
        old.is_some(),
    );
    Box::new(sessions)
}

impl Core {
    /// A client's handshake is complete: tells of the session that it made, and keeps what is
    /// needed for those to come. Up to TLS 1.2 none come.
    pub(super) fn tell_first_session(&mut self) {
        let (Some(sessions), Some(peer)) = (&mut self.conn.sessions, &self.peer) else { return };
        let made = sessions.complete(peer.certificates(), peer.authorized(), peer.is_resumed());
        if peer.protocol() < ProtocolVersion::Tls13 {
            self.conn.sessions = None;
        }
        self.tell(made);
    }

    /// Tells of the sessions that the server has given since.
    pub(super) fn tell_sessions(&mut self) {
        if let Some(sessions) = &mut self.conn.sessions {
            let made = sessions.take_more();
            self.tell(made);
        }
    }

    fn tell(&mut self, made: Vec<ClientSession>) {
        let waiting = |event: &Event| matches!(event, Event::NewSession(_));
        for session in made {
            if self.events.iter().filter(|event| waiting(event)).count() >= MAX_WAITING
                && let Some(oldest) = self.events.iter().position(waiting)
            {
                self.events.remove(oldest);
            }
            self.events.push_back(Event::NewSession(session));
        }
    }
}

/// Compares the chain that was judged with the one that the engine resumed.
pub(super) fn is_chain(judged: &[Certificate], resumed: &[&[u8]]) -> bool {
    judged.iter().map(Certificate::der).eq(resumed.iter().copied())
}
