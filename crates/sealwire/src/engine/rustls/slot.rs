//! How what rustls shares between connections (its verifiers, the choice of the identity, the stores
//! of sessions, the key log, the key derivation) reaches the one connection that is being driven.
//!
//! Everything happens in one call on one thread: the engine puts its connection's state into a
//! thread-local slot, calls rustls, and takes the state back. With an empty slot the verifiers
//! refuse, nothing is offered and nothing is kept.

use std::cell::RefCell;

use super::SessionValue;
use crate::engine::resumption::ClientSessions;
use crate::engine::{Desk, Papers};

thread_local! {
    static DESK: RefCell<Desk> = const {
        RefCell::new(Desk { papers: None, sessions: None, copy: None })
    };
}

/// Calls rustls with `desk` in the slot and gives the desk back.
pub(super) fn with<T>(desk: &mut Desk, rustls: impl FnOnce() -> T) -> T {
    DESK.set(std::mem::take(desk));
    let result = rustls();
    *desk = DESK.take();
    result
}

/// Calls rustls outside a connection for one session, and gives it.
pub(super) fn copied(rustls: impl FnOnce()) -> Option<SessionValue> {
    let mut desk = Desk { copy: Some(Box::default()), ..Desk::default() };
    with(&mut desk, rustls);
    *desk.copy?
}

/// Keeps a session that rustls has made.
pub(super) fn keep(value: SessionValue) {
    DESK.with_borrow_mut(|desk| match (&mut desk.sessions, &mut desk.copy) {
        (Some(sessions), _) => sessions.keep(value),
        (None, Some(copy)) => **copy = Some(value),
        (None, None) => {}
    });
}

/// What is done with the papers of the handshake; `None` when nobody drives one on this thread.
pub(super) fn papers<T>(work: impl FnOnce(&mut Papers) -> T) -> Option<T> {
    DESK.with_borrow_mut(|desk| desk.papers.as_deref_mut().map(work))
}

/// Calls `work` with a client's sessions; `None` when this thread drives no client.
pub(super) fn sessions<T>(work: impl FnOnce(&mut ClientSessions) -> T) -> Option<T> {
    DESK.with_borrow_mut(|desk| desk.sessions.as_deref_mut().map(work))
}
