//! Who meets whom, and how.

use std::sync::LazyLock;

use proptest::prelude::*;
use sealwire::{
    ClientAuth, ClientOptions, PeerVerification, ProtocolVersion, SecureContext,
    SecureContextBuilder, ServerOptions,
};

use crate::pair::Pair;
use crate::peers::credentials::context;

/// What a property is tried with, of one engine and version: made once, since it is the sessions
/// that vary.
pub(crate) struct World {
    /// One that passes, one that trusts nobody here, and one whose certificate has expired.
    pub(crate) clients: [SecureContext; 3],
    pub(crate) server: SecureContext,
}

/// How many there are: TLS 1.2, TLS 1.3, and the second engine's.
pub(crate) const WORLDS: usize = if cfg!(feature = "legacy") { 4 } else { 2 };

/// The place of TLS 1.3.
pub(crate) const TLS13: usize = 1;

pub(crate) static ALL: LazyLock<Vec<World>> = LazyLock::new(|| {
    use ProtocolVersion::{Tls12, Tls13};
    let new = |version| World::of(|builder| builder.versions(version..=version));
    #[cfg_attr(not(feature = "legacy"), expect(unused_mut, reason = "there is no more"))]
    let mut worlds = vec![new(Tls12), new(Tls13)];
    #[cfg(feature = "legacy")]
    for (version, list) in [
        (ProtocolVersion::Tls10, "AES128-SHA:ECDHE-ECDSA-AES128-SHA"),
        (Tls12, "ECDHE-ECDSA-AES256-SHA384"),
    ] {
        worlds.push(World::of(|builder| {
            let old = builder.legacy(sealwire::Legacy::new()).versions(version..=version);
            old.cipher_list(list).expect("a list")
        }));
    }
    worlds
});

impl World {
    fn of(speaks: impl Fn(SecureContextBuilder) -> SecureContextBuilder) -> Self {
        let made = |identity, trust| speaks(context(identity, trust)).build().expect("a context");
        Self {
            clients: [made("client", "ca"), made("", "other-ca"), made("expired", "ca")],
            server: made("p256", "ca"),
        }
    }
}

/// Who meets whom.
#[derive(Debug, Clone)]
pub(crate) struct Scene {
    pub(crate) world: usize,
    pub(crate) client: usize,
    pub(crate) recorded: bool,
    pub(crate) client_auth: ClientAuth,
    pub(crate) ask: bool,
}

pub(crate) fn scenes() -> impl Strategy<Value = Scene> {
    let client_auth =
        prop_oneof![Just(ClientAuth::None), Just(ClientAuth::Request), Just(ClientAuth::Require)];
    (0..WORLDS, 0..3usize, any::<bool>(), client_auth, any::<bool>()).prop_map(
        |(world, client, recorded, client_auth, ask)| Scene {
            world,
            client,
            recorded,
            client_auth,
            ask,
        },
    )
}

impl Scene {
    pub(crate) fn pair(&self) -> Pair {
        let World { clients, server } = &ALL[self.world];
        let verification = match self.recorded {
            true => PeerVerification::Recorded,
            false => PeerVerification::Required,
        };
        let options = ClientOptions::new("localhost".parse().unwrap())
            .verification(verification)
            .ask_about_peer(self.ask)
            .resume(false);
        let serving = ServerOptions::new()
            .client_auth(self.client_auth)
            .ask_client_hello(self.ask)
            .ask_about_peer(self.ask);
        Pair::new((&clients[self.client], &options), (server, &serving))
    }
}

/// An open connection.
pub(crate) fn open(world: usize) -> Pair {
    let scene =
        Scene { world, client: 0, recorded: false, client_auth: ClientAuth::Require, ask: false };
    let mut pair = scene.pair();
    pair.settle();
    assert!(pair.client.complete && pair.server.complete);
    pair
}
