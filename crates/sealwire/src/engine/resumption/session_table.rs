//! Sessions that programs keep as bytes: a handle outside, the session in here.

use std::collections::{BTreeMap, HashMap};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use aws_lc_rs::rand;

use super::handle::ClientSession;

/// How many sessions there is room for. With a parsed chain each, some 20 MiB.
const ROOM: usize = 2048;

/// Before a handle's random bytes, so that other bytes are told from it.
const MAGIC: &[u8; 16] = b"sealwire:session";

/// A name that cannot be guessed.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Handle([u8; 16]);

impl Handle {
    pub(super) fn random() -> Self {
        let mut bytes = [0; 16];
        // Without random bytes the handles are all the same one: they find the newest session,
        // which is resumed with its own server only.
        let _ = rand::fill(&mut bytes);
        Self(bytes)
    }

    pub(super) fn to_bytes(self) -> Vec<u8> {
        [*MAGIC, self.0].concat()
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.strip_prefix(MAGIC)?.try_into().ok().map(Self)
    }
}

/// Keeps `session`; what has been here longest unasked for gives way.
pub(super) fn keep(handle: Handle, session: &ClientSession) {
    table().keep(handle, session);
}

pub(super) fn find(handle: Handle) -> Option<ClientSession> {
    table().find(handle)
}

#[derive(Default)]
struct SessionTable {
    sessions: HashMap<Handle, (u64, ClientSession)>,
    /// When each was last asked for, in turns.
    turns: BTreeMap<u64, Handle>,
    turn: u64,
}

fn table() -> MutexGuard<'static, SessionTable> {
    static TABLE: LazyLock<Mutex<SessionTable>> = LazyLock::new(Mutex::default);
    TABLE.lock().unwrap_or_else(PoisonError::into_inner)
}

impl SessionTable {
    fn keep(&mut self, handle: Handle, session: &ClientSession) {
        self.remove(handle);
        if session.is_expired() {
            return;
        }
        if self.sessions.len() >= ROOM
            && let Some((_, oldest)) = self.turns.pop_first()
        {
            self.sessions.remove(&oldest);
        }
        self.turn += 1;
        self.turns.insert(self.turn, handle);
        self.sessions.insert(handle, (self.turn, session.clone()));
    }

    fn find(&mut self, handle: Handle) -> Option<ClientSession> {
        let session = self.remove(handle)?;
        self.keep(handle, &session);
        (!session.is_expired()).then_some(session)
    }

    fn remove(&mut self, handle: Handle) -> Option<ClientSession> {
        let (turn, session) = self.sessions.remove(&handle)?;
        self.turns.remove(&turn);
        Some(session)
    }
}
