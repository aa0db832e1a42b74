//! The settings of one server connection: the context's, with what the answer to its ClientHello
//! puts in their place.

use std::sync::{Arc, Weak};

use arc_swap::ArcSwap;

use super::Identity;
use super::{Inner, SecureContext};
use crate::engine::{self, OldService, Service};
use crate::pki::TrustStore;
use crate::reading::ClientHello;
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

/// For which clients settings are: how they are asked for a certificate, and whether they are to agree
/// in a post-quantum group.
type Variant = (ClientAuth, bool);

impl SecureContext {
    /// The engine's settings for a server connection: the shared ones, or a clone (about 100 ns)
    /// with what differs replaced.
    pub(crate) fn server_config(
        &self,
        serving: Serving<'_>,
        hello: &ClientHello,
    ) -> engine::ServerConfig {
        let Serving { client_auth, alpn, credentials, identity, ocsp_staple } = serving;
        let variant = (client_auth, self.0.settings.manner().wants_post_quantum(hello));
        let shared = match credentials {
            Some(other) if !Arc::ptr_eq(&other.0, &self.0) => self.borrowed(variant, other),
            _ => self.0.servers[usize::from(variant.1)][client_auth as usize]
                .get_or_init(|| self.0.build_server(variant, &self.0))
                .clone(),
        };
        if alpn.is_empty() && identity.is_none() && ocsp_staple.is_none() {
            return shared;
        }
        let only = identity.map(|identity| self.0.credentials.shown(&identity));
        self.0.settings.adapted(&shared, alpn, only.as_ref(), ocsp_staple)
    }

    /// How the engine for old peers serves a connection with this client, if it is to.
    pub(crate) fn old_server<'a>(
        &'a self,
        serving: &Serving<'a>,
        hello: &'a ClientHello,
    ) -> Option<(&'a engine::Old, OldService<'a>)> {
        let old = self.0.old.as_ref()?;
        let Serving { client_auth, alpn, credentials, identity, .. } = serving;
        let from = credentials.map_or(&self.0, |other| &other.0);
        let is_another = !Arc::ptr_eq(from, &self.0) && !from.credentials.identities.is_empty();
        let others = match identity {
            Some(identity) => Some(vec![self.0.credentials.shown(identity)]),
            None => is_another.then(|| from.credentials.shown.clone()),
        };
        old.speaks_with(hello, others.as_deref()).then(|| {
            let named = advertised(&from.credentials.named);
            let granting = self.0.granting(*client_auth);
            let (client_auth, staple) = (*client_auth, serving.ocsp_staple.clone());
            (old, OldService { client_auth, alpn, named, others, staple, granting, hello })
        })
    }

    /// Settings made once for each pair of contexts, and again when either was replaced.
    fn borrowed(&self, variant: Variant, from: &Self) -> engine::ServerConfig {
        let known = &self.0.borrowed.0;
        let is_it =
            |made: &Made| made.variant == variant && std::ptr::eq(made.from.as_ptr(), &*from.0);
        if let Some(made) = known.load().iter().find(|made| is_it(made)) {
            return made.config.clone();
        }
        let config = self.0.build_server(variant, &from.0);
        let made = Made { variant, from: Arc::downgrade(&from.0), config: config.clone() };
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
    variant: Variant,
    /// Weak: a context that was replaced is not kept; and while this is here, no other context
    /// can be at its address.
    from: Weak<Inner>,
    config: engine::ServerConfig,
}

impl Inner {
    /// Settings for servers of this context that show the identities of `from` and name its CAs;
    /// usually those are its own.
    fn build_server(&self, variant: Variant, from: &Self) -> engine::ServerConfig {
        let (client_auth, post_quantum) = variant;
        // A context with trust only keeps the identities of this one, as in Node's `addContext`.
        let ours = from.credentials.identities.is_empty();
        let credentials = if ours { &self.credentials.shown } else { &from.credentials.shown };
        self.settings.server(Service {
            post_quantum,
            client_auth,
            named: advertised(&from.credentials.named),
            credentials,
            sessions: self.granting(client_auth),
        })
    }
}

/// The CA names for the certificate request. A whole root program is many kilobytes of names that
/// help no client to choose: then none are sent, which means any
/// ([RFC 8446, 4.2.4](https://www.rfc-editor.org/rfc/rfc8446#section-4.2.4)).
fn advertised(trust: &TrustStore) -> Vec<Vec<u8>> {
    const TOO_MANY: usize = 64;
    match trust.certificates() {
        cas if cas.len() > TOO_MANY => Vec::new(),
        cas => cas.iter().map(|ca| ca.subject().der().to_vec()).collect(),
    }
}
