//! How what rustls shares between connections (its verifiers, the choice of the identity, the stores
//! of sessions, the key log, the key derivation) reaches the one connection that is being driven.
//!
//! Everything happens in one call on one thread: the engine puts its connection's state into a
//! thread-local slot, calls rustls, and takes the state back. With an empty slot the verifiers
//! refuse, nothing is offered and nothing is kept.

use std::cell::RefCell;

use super::SessionValue;
use crate::engine::resumption::ClientSessions;
use crate::engine::{EngineState, HandshakeState};

thread_local! {
    static CURRENT: RefCell<EngineState> = const {
        RefCell::new(EngineState { handshake: None, sessions: None, copy: None })
    };
}

/// Calls rustls with `conn` in the slot and gives it back.
pub(super) fn with<T>(conn: &mut EngineState, rustls: impl FnOnce() -> T) -> T {
    CURRENT.set(std::mem::take(conn));
    let result = rustls();
    *conn = CURRENT.take();
    result
}

/// Calls rustls outside a connection for one session, and gives it.
pub(super) fn copied(rustls: impl FnOnce()) -> Option<SessionValue> {
    let mut conn = EngineState { copy: Some(Box::default()), ..EngineState::default() };
    with(&mut conn, rustls);
    *conn.copy?
}

/// Keeps a session that rustls has made.
pub(super) fn keep(value: SessionValue) {
    CURRENT.with_borrow_mut(|conn| match (&mut conn.sessions, &mut conn.copy) {
        (Some(sessions), _) => sessions.keep(value),
        (None, Some(copy)) => **copy = Some(value),
        (None, None) => {}
    });
}

/// Calls `work` with the state of the handshake; `None` when this thread drives no handshake.
pub(super) fn handshake<T>(work: impl FnOnce(&mut HandshakeState) -> T) -> Option<T> {
    CURRENT.with_borrow_mut(|conn| conn.handshake.as_deref_mut().map(work))
}

/// Calls `work` with a client's sessions; `None` when this thread drives no client.
pub(super) fn sessions<T>(work: impl FnOnce(&mut ClientSessions) -> T) -> Option<T> {
    CURRENT.with_borrow_mut(|conn| conn.sessions.as_deref_mut().map(work))
}
