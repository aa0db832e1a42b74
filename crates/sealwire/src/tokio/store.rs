//! Stores for a server's sessions, when clients do not keep them in tickets.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};

use crate::session::{ClientHello, HelloAnswer, SessionData};

/// A store of server sessions: in memory, or one that many servers share.
///
/// For contexts built with
/// [`stateless_tickets(false)`](crate::SecureContextBuilder::stateless_tickets); with tickets on,
/// it serves TLS 1.2 clients without ticket support. Methods may be written as `async fn`. The handshake
/// waits for them, within the acceptor's timeout. A store that fails gives `None`: a full
/// handshake follows.
///
/// Sessions are good for the context's
/// [`session_timeout`](crate::SecureContextBuilder::session_timeout); a store should drop them
/// then. It need not check anything: what does not fit the connection is passed over. Their bytes
/// are **secret**.
pub trait SessionStore: Send + Sync + 'static {
    /// The session of this id.
    fn get(&self, id: &[u8]) -> impl Future<Output = Option<SessionData>> + Send;

    /// Keeps a session under an id of 32 bytes.
    fn put(&self, id: Vec<u8>, session: SessionData) -> impl Future<Output = ()> + Send;
}

/// A [`SessionStore`] in the memory of this process, for so many sessions; the oldest give way.
pub struct MemorySessionStore {
    capacity: usize,
    kept: Mutex<Sessions>,
}

#[derive(Default)]
struct Sessions {
    sessions: HashMap<Vec<u8>, SessionData>,
    /// Their ids, oldest first.
    order: VecDeque<Vec<u8>>,
}

impl MemorySessionStore {
    /// An empty store. A session takes about 300 bytes, and those of the client's chain.
    pub fn new(capacity: usize) -> Self {
        Self { capacity, kept: Mutex::default() }
    }
}

impl SessionStore for MemorySessionStore {
    async fn get(&self, id: &[u8]) -> Option<SessionData> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).sessions.get(id).cloned()
    }

    async fn put(&self, id: Vec<u8>, session: SessionData) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.sessions.insert(id.clone(), session).is_none() {
            kept.order.push_back(id);
        }
        while kept.order.len() > self.capacity {
            if let Some(oldest) = kept.order.pop_front() {
                kept.sessions.remove(&oldest);
            }
        }
    }
}

impl fmt::Debug for MemorySessionStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemorySessionStore")
            .field("capacity", &self.capacity)
            .finish_non_exhaustive()
    }
}

/// A store whose futures have one type.
pub(super) trait AnyStore: Send + Sync {
    fn get<'a>(&'a self, id: &'a [u8]) -> Answer<'a, Option<SessionData>>;

    fn put(&self, id: Vec<u8>, session: SessionData) -> Answer<'_, ()>;
}

type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

impl<S: SessionStore> AnyStore for S {
    fn get<'a>(&'a self, id: &'a [u8]) -> Answer<'a, Option<SessionData>> {
        Box::pin(SessionStore::get(self, id))
    }

    fn put(&self, id: Vec<u8>, session: SessionData) -> Answer<'_, ()> {
        Box::pin(SessionStore::put(self, id, session))
    }
}

/// The first session of the client's that `store` has.
pub(super) async fn look_up(store: &dyn AnyStore, hello: &ClientHello) -> Option<SessionData> {
    for id in hello.session_ids() {
        if let Some(found) = store.get(id).await {
            return Some(found);
        }
    }
    None
}

/// `answer`, which also resumes `found`, unless it refuses or says already what to resume.
pub(super) fn resuming(mut answer: HelloAnswer, found: Option<SessionData>) -> HelloAnswer {
    if let (HelloAnswer::Serve(reply), Some(found)) = (&mut answer, found) {
        reply.resume.get_or_insert(found);
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::{MemorySessionStore, SessionStore};
    use crate::session::SessionData;

    #[tokio::test]
    async fn the_oldest_sessions_give_way() {
        let store = MemorySessionStore::new(2);
        for id in [1, 2, 2, 3] {
            SessionStore::put(&store, vec![id], SessionData::from(vec![id, id])).await;
        }
        for (id, kept) in [(1, false), (2, true), (3, true), (4, false)] {
            let found = SessionStore::get(&store, &[id]).await;
            assert_eq!(found, kept.then(|| SessionData::from(vec![id, id])), "{id}");
        }
        SessionStore::put(&MemorySessionStore::new(0), vec![1], SessionData::from(vec![1])).await;
    }
}
