//! The sessions that a client's context keeps by itself.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::handle::ClientSession;
use crate::words::{NamedGroup, ProtocolVersion, ServerName};

/// With how many servers sessions are kept; the one unused longest gives way.
const SERVERS: usize = 256;

/// How many TLS 1.3 sessions are kept for each: each is good for one connection, and a browser's
/// worth of parallel ones is resumed.
const TICKETS: usize = 8;

/// The sessions of one context, by server name.
#[derive(Default)]
pub(crate) struct SessionCache(Mutex<Servers>);

#[derive(Default)]
struct Servers {
    of: HashMap<ServerName, Known>,
    turn: u64,
}

/// What is known of one server.
#[derive(Default)]
struct Known {
    /// The group that it chose last: a first guess that spares a round trip.
    group: Option<NamedGroup>,
    tls12: Option<ClientSession>,
    tls13: VecDeque<ClientSession>,
    used: u64,
}

impl SessionCache {
    /// The newest session with `server` that can still be used in one of these versions. One of
    /// TLS 1.3 is taken out.
    pub(super) fn take(
        &self,
        server: &ServerName,
        speaks: &dyn Fn(ProtocolVersion) -> bool,
    ) -> Option<ClientSession> {
        let mut servers = self.servers();
        let turn = servers.next_turn();
        let known = servers.of.get_mut(server)?;
        known.used = turn;
        if speaks(ProtocolVersion::Tls13) {
            while let Some(newest) = known.tls13.pop_back() {
                if !newest.is_expired() {
                    return Some(newest);
                }
            }
        }
        known.tls12 = known.tls12.take().filter(|session| !session.is_expired());
        known.tls12.clone().filter(|session| speaks(session.protocol()))
    }

    pub(super) fn insert(&self, session: ClientSession) {
        self.edit(&session.server_name().clone(), |known| match session.protocol() {
            ProtocolVersion::Tls13 => {
                if known.tls13.len() == TICKETS {
                    known.tls13.pop_front();
                }
                known.tls13.push_back(session);
            }
            _ => known.tls12 = Some(session),
        });
    }

    /// Drops the sessions with `server`. What was refused once must not be offered again: the
    /// server may have another certificate by now, which only a full handshake shows.
    pub(crate) fn forget(&self, server: &ServerName) {
        if let Some(known) = self.servers().of.get_mut(server) {
            known.tls12 = None;
            known.tls13.clear();
        }
    }

    pub(super) fn forget_tls12(&self, server: &ServerName) {
        if let Some(known) = self.servers().of.get_mut(server) {
            known.tls12 = None;
        }
    }

    pub(super) fn group(&self, server: &ServerName) -> Option<NamedGroup> {
        self.servers().of.get(server)?.group
    }

    pub(super) fn set_group(&self, server: &ServerName, group: NamedGroup) {
        self.edit(server, |known| known.group = Some(group));
    }

    fn edit(&self, server: &ServerName, edit: impl FnOnce(&mut Known)) {
        let mut servers = self.servers();
        let turn = servers.next_turn();
        if !servers.of.contains_key(server) && servers.of.len() >= SERVERS {
            let unused = servers.of.iter().min_by_key(|(_, known)| known.used);
            if let Some(unused) = unused.map(|(name, _)| name.clone()) {
                servers.of.remove(&unused);
            }
        }
        let known = servers.of.entry(server.clone()).or_default();
        known.used = turn;
        edit(known);
    }

    fn servers(&self) -> MutexGuard<'_, Servers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Servers {
    fn next_turn(&mut self) -> u64 {
        self.turn += 1;
        self.turn
    }
}

impl fmt::Debug for SessionCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionCache").field("servers", &self.servers().of.len()).finish()
    }
}
