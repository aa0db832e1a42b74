//! The settings of one server connection: the context's, with what the answer to its ClientHello
//! puts in their place.

use std::fmt;
use std::sync::{Arc, Weak};

use arc_swap::ArcSwap;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::Identity;
use super::credentials::Shown;
use super::{Inner, SecureContext};
use crate::words::ClientAuth;

/// How one connection is to be served.
pub(crate) struct Serving<'a> {
    pub(crate) client_auth: ClientAuth,
    pub(crate) alpn: &'a [Vec<u8>],
    /// Whose identities are shown and whose CAs are named, if not the context's own.
    pub(crate) credentials: Option<&'a SecureContext>,
    /// The identity shown, whatever the context has.
    pub(crate) identity: Option<Identity>,
    pub(crate) ocsp_staple: Option<Vec<u8>>,
}

impl SecureContext {
    /// The engine's settings for a server connection: the shared ones, or a clone (about 100 ns)
    /// with what differs replaced.
    pub(crate) fn server_config(&self, serving: Serving<'_>) -> Arc<rustls::ServerConfig> {
        let Serving { client_auth, alpn, credentials, identity, ocsp_staple } = serving;
        let shared = match credentials {
            Some(other) if !Arc::ptr_eq(&other.0, &self.0) => self.borrowed(client_auth, other),
            _ => self.0.servers[client_auth as usize]
                .get_or_init(|| Arc::new(self.0.build_server(client_auth, &self.0)))
                .clone(),
        };
        if alpn.is_empty() && identity.is_none() && ocsp_staple.is_none() {
            return shared;
        }
        let mut config = rustls::ServerConfig::clone(&shared);
        config.alpn_protocols = alpn.to_vec();
        if let Some(identity) = identity {
            let shown = Shown::of(&identity, &self.0.credentials.named);
            config.cert_resolver = Arc::new(self.0.rules.only(&shown));
        }
        if let Some(staple) = ocsp_staple {
            config.cert_resolver = Arc::new(Stapled { inner: config.cert_resolver, staple });
        }
        Arc::new(config)
    }

    /// Settings made once for each pair of contexts, and again when either was replaced.
    fn borrowed(&self, client_auth: ClientAuth, from: &Self) -> Arc<rustls::ServerConfig> {
        let known = &self.0.borrowed.0;
        let is_it = |made: &Made| {
            made.client_auth == client_auth && std::ptr::eq(made.from.as_ptr(), &*from.0)
        };
        if let Some(made) = known.load().iter().find(|made| is_it(made)) {
            return made.config.clone();
        }
        let config = Arc::new(self.0.build_server(client_auth, &from.0));
        let made = Made { client_auth, from: Arc::downgrade(&from.0), config: config.clone() };
        known.rcu(|list| {
            let alive = list.iter().filter(|made| made.from.strong_count() > 0 && !is_it(made));
            alive.chain([&made]).cloned().collect::<Vec<_>>()
        });
        config
    }
}

/// Settings with the credentials of other contexts, as many as are in use. Read without a lock.
#[derive(Default)]
pub(super) struct Borrowed(ArcSwap<Vec<Made>>);

#[derive(Clone)]
struct Made {
    client_auth: ClientAuth,
    /// Weak: a context that was replaced is not kept; and while this is here, no other context
    /// can be at its address.
    from: Weak<Inner>,
    config: Arc<rustls::ServerConfig>,
}

/// The identity that `inner` chooses, with an OCSP response (RFC 6066, section 8).
struct Stapled {
    inner: Arc<dyn ResolvesServerCert>,
    staple: Vec<u8>,
}

impl ResolvesServerCert for Stapled {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let mut certified = CertifiedKey::clone(&*self.inner.resolve(hello)?);
        certified.ocsp = Some(self.staple.clone());
        Some(Arc::new(certified))
    }
}

impl fmt::Debug for Stapled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stapled").field("inner", &self.inner).finish_non_exhaustive()
    }
}
