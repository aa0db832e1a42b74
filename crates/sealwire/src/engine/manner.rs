//! How a context speaks, in our words: what an engine makes its settings of.

use std::sync::Arc;

use super::Credential;
use super::resumption::Granting;
use crate::reading::ClientHello;
use crate::words::{
    CertCompression, CipherSuite, ClientAuth, NamedGroup, ProtocolVersion, SignatureScheme,
    TimeSource,
};

/// What is said in every connection of a context.
pub(crate) struct Manner {
    /// The newest first.
    pub(crate) versions: Vec<ProtocolVersion>,
    /// Best first, all of these versions.
    pub(crate) suites: Vec<CipherSuite>,
    /// Best first.
    pub(crate) groups: Vec<NamedGroup>,
    /// Whether a server asks a client that can do one of the post-quantum groups, and has sent no
    /// share for it, for another hello.
    pub(crate) retry_for_post_quantum: bool,
    /// By which we sign and by which peers may, best first.
    pub(crate) schemes: Arc<[SignatureScheme]>,
    pub(crate) order: Order,
    /// Best first.
    pub(crate) compression: Vec<CertCompression>,
    pub(crate) time: Arc<dyn TimeSource>,
}

/// Whose order of preference counts where both sides have one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    Ours,
    Peers,
}

/// What a server's connections have in common beyond that.
pub(crate) struct Service<'a> {
    /// Whether its clients agree in a post-quantum group, or not at all.
    pub(crate) post_quantum: bool,
    pub(crate) client_auth: ClientAuth,
    /// The CAs whose certificates are welcome, by the DER of their names (RFC 8446, 4.2.4).
    pub(crate) named: Vec<Vec<u8>>,
    pub(crate) credentials: &'a [Credential],
    pub(crate) sessions: Granting,
}

impl Manner {
    /// Whether this client is to agree in a post-quantum group: it can, and our list has one before
    /// every other that it can. By itself the engine goes by the client's list, and takes the first of
    /// it that we have.
    pub(crate) fn wants_post_quantum(&self, hello: &ClientHello) -> bool {
        const TLS13: u16 = 0x0304;
        let listed = hello.named_groups();
        let first = self.groups.iter().find(|group| listed.contains(&group.number()));
        self.retry_for_post_quantum
            && first.is_some_and(|group| group.is_post_quantum())
            && self.versions.contains(&ProtocolVersion::Tls13)
            && hello.supported_versions().contains(&TLS13)
    }

    /// The place of the credential that goes with these offers of a client.
    ///
    /// As in OpenSSL (`tls_choose_sigalg`, `ssl3_choose_cipher`): in TLS 1.3 the first signature
    /// scheme decides for which there is a key, in TLS 1.2 the first suite and then the scheme. By
    /// the order of the default schemes that is ECDSA before RSA. Among credentials with the same
    /// kind of key the first counts.
    pub(crate) fn choose(
        &self,
        credentials: &[Credential],
        suites: impl Fn(&CipherSuite) -> Option<usize>,
        schemes: &[u16],
    ) -> Option<usize> {
        let mut shared: Vec<(usize, CipherSuite)> =
            self.suites.iter().filter_map(|suite| Some((suites(suite)?, *suite))).collect();
        if self.order == Order::Peers {
            shared.sort_by_key(|(place, _)| *place);
        }
        let ordered = self.shared_schemes(schemes);
        let is_tls13 = |suite: &CipherSuite| suite.protocol() == ProtocolVersion::Tls13;
        if shared.iter().any(|(_, suite)| is_tls13(suite)) {
            let mut schemes = ordered.iter().filter(|scheme| scheme.fits_tls13());
            let who_can = |scheme| credentials.iter().position(|one| one.can(scheme));
            if let Some(found) = schemes.find_map(who_can) {
                return Some(found);
            }
        }
        shared.iter().filter_map(|(_, suite)| suite.wants_rsa()).find_map(|rsa| {
            ordered.iter().find_map(|scheme| {
                credentials.iter().position(|one| one.is_rsa() == rsa && one.can(scheme))
            })
        })
    }

    /// Whether one of the suites that `offered` knows is spoken.
    pub(crate) fn shares_suite(&self, offered: impl Fn(&CipherSuite) -> bool) -> bool {
        self.suites.iter().any(offered)
    }

    /// The schemes that both have, in the order that counts.
    fn shared_schemes(&self, of_peer: &[u16]) -> Vec<SignatureScheme> {
        match self.order {
            Order::Ours => {
                let ours = self.schemes.iter().filter(|ours| of_peer.contains(&ours.number()));
                ours.copied().collect()
            }
            Order::Peers => {
                let ours = |number: &u16| self.schemes.iter().find(|ours| ours.number() == *number);
                of_peer.iter().filter_map(ours).copied().collect()
            }
        }
    }
}
