//! Which of several identities is shown, and how it signs: what rustls asks for.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};

use rustls::client::ResolvesClientCert;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::{CertifiedKey, Signer, SigningKey};
use rustls::{SignatureAlgorithm, SignatureScheme};
use rustls_pki_types::SubjectPublicKeyInfoDer;
use sealwire_x509::Certificate;

use super::{names, slot};
use crate::engine::{Credential, Manner, Order};
use crate::words::CipherSuite;

/// The identities of a server.
pub(super) struct ServerIdentities {
    /// With keys that keep to the schemes.
    members: Vec<Credential>,
    manner: Arc<Manner>,
}

/// The identities of a client: the first that can sign as the server wants, in its order. As in
/// OpenSSL, the certificate is shown whatever CA names the server lists.
pub(super) struct ClientIdentities {
    members: Vec<Credential>,
    schemes: Arc<[SignatureScheme]>,
}

/// One identity, whatever the client offers.
pub(super) struct Only(Credential);

/// The identity that another resolver chooses, with an OCSP response (RFC 6066, section 8).
pub(super) struct Stapled {
    pub(super) inner: Arc<dyn ResolvesServerCert>,
    pub(super) staple: Vec<u8>,
}

impl ServerIdentities {
    pub(super) fn new(
        credentials: &[Credential],
        manner: &Arc<Manner>,
        schemes: &Arc<[SignatureScheme]>,
    ) -> Self {
        let limited = |one| limited(one, schemes, manner.order);
        Self { members: credentials.iter().map(limited).collect(), manner: manner.clone() }
    }
}

impl ResolvesServerCert for ServerIdentities {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let offered = |suite: &CipherSuite| {
            hello.cipher_suites().iter().position(|one| u16::from(*one) == suite.number())
        };
        let schemes: Vec<u16> = hello.signature_schemes().iter().map(names::number).collect();
        let found = self.manner.choose(&self.members, offered, &schemes);
        // When it is suites that are not shared, rustls is to say so: it asks for this first.
        let shares = || self.manner.shares_suite(|suite| offered(suite).is_some());
        let found = found.or_else(|| (!shares()).then_some(0));
        let shown = found.and_then(|found| self.members.get(found)).map(show);
        if shown.is_none() {
            slot::handshake(|handshake| handshake.no_identity = true);
        }
        shown
    }
}

impl ClientIdentities {
    /// The resolver for these identities. Equal ones share it, also across contexts: rustls
    /// resumes a session only under the resolver that it was made under.
    pub(super) fn shared(
        credentials: &[Credential],
        schemes: &Arc<[SignatureScheme]>,
    ) -> Arc<Self> {
        static NOBODY: LazyLock<Arc<ClientIdentities>> = LazyLock::new(|| {
            Arc::new(ClientIdentities { members: Vec::new(), schemes: Arc::from([]) })
        });
        static KNOWN: LazyLock<Mutex<HashMap<Likeness, Weak<ClientIdentities>>>> =
            LazyLock::new(Mutex::default);

        if credentials.is_empty() {
            return NOBODY.clone();
        }
        let likeness = Likeness::of(credentials, schemes);
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shared) = known.get(&likeness).and_then(Weak::upgrade) {
            return shared;
        }
        known.retain(|_, resolver| resolver.strong_count() > 0);
        let members = credentials.iter().map(|one| limited(one, schemes, Order::Peers)).collect();
        let made = Arc::new(Self { members, schemes: schemes.clone() });
        known.insert(likeness, Arc::downgrade(&made));
        made
    }
}

impl ResolvesClientCert for ClientIdentities {
    fn resolve(
        &self,
        root_hint_subjects: &[&[u8]],
        schemes: &[SignatureScheme],
    ) -> Option<Arc<CertifiedKey>> {
        slot::handshake(|handshake| {
            handshake.requested = Some(root_hint_subjects.iter().map(|it| it.to_vec()).collect());
            handshake.requested_schemes = schemes.iter().map(names::number).collect();
        });
        let ours = schemes.iter().filter(|scheme| self.schemes.contains(scheme));
        let named = ours.filter_map(names::scheme);
        let who_can = |scheme| self.members.iter().find(|member| member.can(&scheme));
        named.map(who_can).find_map(|found| found).map(show)
    }

    fn has_certs(&self) -> bool {
        !self.members.is_empty()
    }
}

impl Only {
    pub(super) fn new(
        credential: &Credential,
        manner: &Manner,
        schemes: &Arc<[SignatureScheme]>,
    ) -> Self {
        Self(limited(credential, schemes, manner.order))
    }
}

impl ResolvesServerCert for Only {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(show(&self.0))
    }
}

impl ResolvesServerCert for Stapled {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let mut certified = CertifiedKey::clone(&*self.inner.resolve(hello)?);
        certified.ocsp = Some(self.staple.clone());
        Some(Arc::new(certified))
    }
}

/// Gives it to rustls, and notes that.
fn show(credential: &Credential) -> Arc<CertifiedKey> {
    slot::handshake(|handshake| handshake.shown = Some(credential.chain().clone()));
    credential.certified().clone()
}

/// What makes two lists of identities equal: chains (a key is its leaf's) and schemes.
#[derive(PartialEq, Eq, Hash)]
struct Likeness {
    chains: Vec<Vec<Vec<u8>>>,
    schemes: Vec<u16>,
}

impl Likeness {
    fn of(credentials: &[Credential], schemes: &[SignatureScheme]) -> Self {
        let der = |one: &Certificate| one.der().to_vec();
        let chain = |one: &Credential| one.chain().iter().map(der).collect();
        Self {
            chains: credentials.iter().map(chain).collect(),
            schemes: schemes.iter().map(names::number).collect(),
        }
    }
}

/// The same credential with a key that signs by these schemes only.
fn limited(credential: &Credential, schemes: &Arc<[SignatureScheme]>, order: Order) -> Credential {
    let CertifiedKey { cert, key, ocsp } = CertifiedKey::clone(credential.certified());
    let key = Arc::new(Limited { key, schemes: schemes.clone(), order });
    credential.with_certified(CertifiedKey { cert, key, ocsp })
}

/// A key that signs by some schemes only.
struct Limited {
    key: Arc<dyn SigningKey>,
    schemes: Arc<[SignatureScheme]>,
    order: Order,
}

impl SigningKey for Limited {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        let ordered = match self.order {
            Order::Ours => common(&self.schemes, offered),
            Order::Peers => common(offered, &self.schemes),
        };
        ordered.iter().find_map(|scheme| self.key.choose_scheme(&[*scheme]))
    }

    fn public_key(&self) -> Option<SubjectPublicKeyInfoDer<'_>> {
        self.key.public_key()
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        self.key.algorithm()
    }
}

/// What is in both, in the order of the first.
fn common(first: &[SignatureScheme], second: &[SignatureScheme]) -> Vec<SignatureScheme> {
    first.iter().filter(|scheme| second.contains(scheme)).copied().collect()
}

impl fmt::Debug for Limited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limited").field("schemes", &self.schemes).finish_non_exhaustive()
    }
}

impl fmt::Debug for Only {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Only").finish_non_exhaustive()
    }
}

impl fmt::Debug for ServerIdentities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerIdentities").finish_non_exhaustive()
    }
}

impl fmt::Debug for ClientIdentities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientIdentities").finish_non_exhaustive()
    }
}

impl fmt::Debug for Stapled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stapled").field("inner", &self.inner).finish_non_exhaustive()
    }
}
