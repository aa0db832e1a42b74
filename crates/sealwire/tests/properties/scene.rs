//! Who meets whom, and how.

use std::sync::LazyLock;

use proptest::prelude::*;
use sealwire::{
    ClientAuth, ClientOptions, PeerVerification, ProtocolVersion, SecureContext, ServerOptions,
};

use crate::pair::Pair;
use crate::peers::credentials::context;

/// What a property is tried with: made once, since it is the sessions that vary.
pub(crate) struct Contexts {
    pub(crate) client: SecureContext,
    stranger: SecureContext,
    expired: SecureContext,
    pub(crate) servers: [SecureContext; 2],
}

pub(crate) static CONTEXTS: LazyLock<Contexts> = LazyLock::new(|| {
    use ProtocolVersion::{Tls12, Tls13};
    let server = |version| context("p256", "ca").versions(version..=version).build().unwrap();
    Contexts {
        client: context("client", "ca").build().unwrap(),
        stranger: context("", "other-ca").build().unwrap(),
        expired: context("expired", "ca").build().unwrap(),
        servers: [Tls12, Tls13].map(server),
    }
});

/// Who meets whom.
#[derive(Debug, Clone)]
pub(crate) struct Scene {
    pub(crate) tls13: bool,
    pub(crate) client: usize,
    pub(crate) recorded: bool,
    pub(crate) client_auth: ClientAuth,
    pub(crate) ask: bool,
}

pub(crate) fn scenes() -> impl Strategy<Value = Scene> {
    let client_auth =
        prop_oneof![Just(ClientAuth::None), Just(ClientAuth::Request), Just(ClientAuth::Require)];
    (any::<bool>(), 0..3usize, any::<bool>(), client_auth, any::<bool>()).prop_map(
        |(tls13, client, recorded, client_auth, ask)| Scene {
            tls13,
            client,
            recorded,
            client_auth,
            ask,
        },
    )
}

impl Scene {
    pub(crate) fn pair(&self) -> Pair {
        let clients = [&CONTEXTS.client, &CONTEXTS.stranger, &CONTEXTS.expired];
        let verification = match self.recorded {
            true => PeerVerification::Recorded,
            false => PeerVerification::Required,
        };
        let options = ClientOptions::new("localhost".parse().unwrap())
            .verification(verification)
            .ask_about_peer(self.ask)
            .resume(false);
        let server = &CONTEXTS.servers[usize::from(self.tls13)];
        let serving = ServerOptions::new()
            .client_auth(self.client_auth)
            .ask_client_hello(self.ask)
            .ask_about_peer(self.ask);
        Pair::new((clients[self.client], &options), (server, &serving))
    }
}

/// An open connection.
pub(crate) fn open(tls13: bool) -> Pair {
    let scene =
        Scene { tls13, client: 0, recorded: false, client_auth: ClientAuth::Require, ask: false };
    let mut pair = scene.pair();
    pair.settle();
    assert!(pair.client.complete && pair.server.complete);
    pair
}
