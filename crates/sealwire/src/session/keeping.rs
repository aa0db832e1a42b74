//! A session's part in resumption: what it offers, what it stores, what it tells.

use sealwire_x509::Certificate;

use super::resumption::{ClientSessions, SessionData};
use super::tap::Desk;
use super::{Engine, Event, Question, Session, Stage};
use crate::context::SecureContext;
use crate::options::ClientOptions;
use crate::peer::Peer;

/// Sessions of a server that are still to be stored, the next one last.
pub(super) type ToStore = Vec<(Vec<u8>, SessionData)>;

/// How many new sessions wait for the program; it may never ask, and a server may never stop.
const MAX_WAITING: usize = 8;

/// Chooses the session that a client offers, and leaves its chain and verdict at the desk.
pub(super) fn choose(
    context: &SecureContext,
    options: &ClientOptions,
    desk: &mut Desk,
) -> Option<Box<ClientSessions>> {
    let settings = &options.settings;
    let mut sessions = context.client_sessions(options.server_name.clone(), settings.resume);
    let given = settings.session.as_ref();
    desk.resumed = sessions.choose(given, context.versions(), &desk.examiner, desk.refuse_at_once);
    Some(Box::new(sessions))
}

impl Session {
    /// Asks to store the next session of a server, or opens the connection.
    pub(super) fn store_or_open(&mut self, engine: Box<dyn Engine>, mut to_store: ToStore) {
        let Some((id, data)) = to_store.pop() else { return self.open(engine) };
        self.events.push_back(Event::Question(Question::StoreSession { id, data }));
        self.stage = Stage::StoreAsked(engine, to_store);
    }

    /// A client has judged its server: what the server gives from now on are sessions with it.
    pub(super) fn note_server(&mut self, peer: &Peer) {
        if let Some(sessions) = &mut self.client_sessions {
            sessions.complete(peer.certificates(), peer.authorized(), peer.is_resumed());
        }
    }

    /// Tells of the sessions that the server has given.
    pub(super) fn tell_sessions(&mut self) {
        let Some(sessions) = &mut self.client_sessions else { return };
        for session in sessions.take_new() {
            let waiting = |event: &Event| matches!(event, Event::NewSession(_));
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
