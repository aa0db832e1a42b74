//! How a context resumes sessions.

use std::sync::Arc;
use std::time::Duration;

use super::{Inner, SecureContext, SecureContextBuilder};
use crate::engine::resumption::{
    ClientSessions, Granting, MAX_AGE, SessionCache, Terms, TicketKeys, TicketRing,
};
use crate::words::{ClientAuth, ConfigError, ServerName, TimeSource, now};

/// What the builder gathers.
pub(super) struct Settings {
    ticket_keys: Option<TicketKeys>,
    tickets: usize,
    stateless: bool,
    renew: bool,
    timeout: Duration,
    id_context: Arc<[u8]>,
    /// Of the context that is replaced.
    kept: Option<(Arc<TicketRing>, Arc<SessionCache>)>,
}

/// The parts of a context that resume sessions.
pub(super) struct Resumption {
    ring: Arc<TicketRing>,
    tickets: usize,
    stateless: bool,
    renew: bool,
    /// In seconds.
    lifetime: u32,
    id_context: Arc<[u8]>,
    cache: Arc<SessionCache>,
}

/// As in OpenSSL.
const MAX_ID_CONTEXT: usize = 32;

impl Default for Settings {
    fn default() -> Self {
        Self {
            ticket_keys: None,
            tickets: 2,
            stateless: true,
            renew: true,
            timeout: Duration::from_secs(300),
            id_context: Arc::from([]),
            kept: None,
        }
    }
}

impl SecureContextBuilder {
    /// Protects a server's session tickets with these keys, so that servers that share them resume
    /// each other's sessions. Without, a context has random ones, which it changes every six hours
    /// (or every [`session_timeout`](Self::session_timeout), when that is longer).
    #[must_use]
    pub fn ticket_keys(mut self, keys: TicketKeys) -> Self {
        self.sessions.ticket_keys = Some(keys);
        self
    }

    /// Takes over the ticket keys of `other` and the sessions that it keeps as a client: for a
    /// context that replaces it, with a renewed certificate or other trust. Without, sessions end
    /// with their context, since random keys are its own. Both contexts then have the same keys,
    /// also later. [`ticket_keys`](Self::ticket_keys) given beside it are set for both.
    #[must_use]
    pub fn sessions_of(mut self, other: &SecureContext) -> Self {
        let Resumption { ring, cache, .. } = &other.0.resumption;
        self.sessions.kept = Some((ring.clone(), cache.clone()));
        self
    }

    /// How many tickets a server sends in a full TLS 1.3 handshake; each resumes one connection. 2
    /// by default. 0 disables tickets, in TLS 1.2 too. A connection that resumes a session is sent
    /// one, as by OpenSSL.
    #[must_use]
    pub fn tickets(mut self, count: usize) -> Self {
        self.sessions.tickets = count;
        self
    }

    /// Whether clients keep a server's sessions for it, in tickets: the default. Otherwise
    /// (OpenSSL's `SSL_OP_NO_TICKET`) the program stores them itself, see
    /// [`ServerOptions::ask_store_session`](crate::ServerOptions::ask_store_session) and
    /// `Acceptor::session_store`; without a store no session is resumed.
    #[must_use]
    pub fn stateless_tickets(mut self, stateless: bool) -> Self {
        self.sessions.stateless = stateless;
        self
    }

    /// Whether a connection that resumes a session is given a ticket for another, as
    /// [RFC 8446 (C.4)](https://www.rfc-editor.org/rfc/rfc8446#appendix-C.4)
    /// recommends: the default. OpenSSL's servers do so in TLS 1.3; in TLS 1.2, and in Node in both,
    /// they send none then, and clients reuse theirs.
    #[must_use]
    pub fn renew_tickets(mut self, renew: bool) -> Self {
        self.sessions.renew = renew;
        self
    }

    /// How long a session can be resumed; 300 seconds by default, as in OpenSSL and Node. With 0
    /// none is. TLS 1.3 allows seven days at most
    /// ([RFC 8446, 4.6.1](https://www.rfc-editor.org/rfc/rfc8446#section-4.6.1)):
    /// a longer time is cut to that.
    /// A client uses it when the server sends no lifetime.
    #[must_use]
    pub fn session_timeout(mut self, timeout: Duration) -> Self {
        self.sessions.timeout = timeout;
        self
    }

    /// Resumes only sessions made under the same name, of at most 32 bytes: services that share
    /// ticket keys or a store but must not resume each other's sessions
    /// (`SSL_CTX_set_session_id_context`). Empty by default.
    ///
    /// # Errors
    /// When it is longer than 32 bytes.
    pub fn session_id_context(mut self, context: impl AsRef<[u8]>) -> Result<Self, ConfigError> {
        let context = context.as_ref();
        if context.len() > MAX_ID_CONTEXT {
            let reason = format!("is {} bytes long; the maximum is 32", context.len());
            return Err(ConfigError::new("session_id_context", reason));
        }
        self.sessions.id_context = context.into();
        Ok(self)
    }
}

impl SecureContext {
    /// The keys that protect session tickets now: those given, or the random ones.
    pub fn ticket_keys(&self) -> TicketKeys {
        self.0.resumption.ring.keys()
    }

    /// Protects the tickets of later handshakes with these keys. Tickets made with others no longer
    /// resume anything, unless `keys` [accept](TicketKeys::accepting) them. Clones of this context
    /// are this context.
    pub fn set_ticket_keys(&self, keys: TicketKeys) {
        self.0.resumption.ring.set(keys);
    }

    /// Drops the sessions with this server.
    pub(crate) fn forget_sessions(&self, server: &ServerName) {
        self.0.resumption.cache.forget(server);
    }

    /// A client connection's part in resumption.
    pub(crate) fn client_sessions(&self, server: ServerName, use_cache: bool) -> ClientSessions {
        let Resumption { cache, lifetime, .. } = &self.0.resumption;
        let identity = self.0.client.identity();
        let (cache, time) = (cache.clone(), self.0.settings.manner().time.clone());
        ClientSessions::new(server, cache, use_cache, identity, time, *lifetime)
    }
}

impl Settings {
    pub(super) fn build(self, time: &dyn TimeSource) -> Result<Resumption, ConfigError> {
        let most = u32::try_from(MAX_AGE).expect("seven days are few seconds");
        let lifetime = u32::try_from(self.timeout.as_secs()).map_or(most, |s| s.min(most));
        let (ring, cache) = match (self.kept, self.ticket_keys) {
            (None, keys) => {
                let ring = TicketRing::new(keys, u64::from(lifetime), now(time))?;
                (Arc::new(ring), Arc::default())
            }
            (Some(kept), None) => kept,
            (Some(kept), Some(keys)) => {
                kept.0.set(keys);
                kept
            }
        };
        Ok(Resumption {
            ring,
            tickets: self.tickets,
            stateless: self.stateless,
            renew: self.renew,
            lifetime,
            id_context: self.id_context,
            cache,
        })
    }
}

impl Inner {
    /// How servers of this context issue sessions. A session without a certificate request must
    /// not be resumed where one is asked for, so `client_auth` is bound into it.
    pub(super) fn granting(&self, client_auth: ClientAuth) -> Granting {
        let Resumption { ring, tickets, stateless, renew, lifetime, id_context, .. } =
            &self.resumption;
        let (id_context, lifetime) = (id_context.clone(), *lifetime);
        let time = self.settings.manner().time.clone();
        Granting {
            terms: Terms { client_auth, id_context, lifetime, renew: *renew, time },
            ring: ring.clone(),
            tickets: *tickets,
            stateless: *stateless,
        }
    }
}
