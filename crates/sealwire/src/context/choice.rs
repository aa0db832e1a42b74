//! Which of several identities is shown, and how it signs.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};

use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::{CertifiedKey, Signer, SigningKey};
use rustls::{CipherSuite, SignatureAlgorithm, SignatureScheme, SupportedCipherSuite};
use rustls_pki_types::SubjectPublicKeyInfoDer;
use sealwire_x509::Certificate;

use super::credentials::Shown;
use crate::engine::{note_no_identity, note_requested, note_shown};

/// Whose order of preference counts where both sides have one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Ours,
    Peers,
}

/// By what a server chooses.
#[derive(Clone)]
pub(super) struct ServerRules {
    pub(super) suites: Vec<SupportedCipherSuite>,
    pub(super) schemes: Arc<[SignatureScheme]>,
    pub(super) order: Order,
}

/// The identities of a server.
///
/// As in OpenSSL (`tls_choose_sigalg`, `ssl3_choose_cipher`): in TLS 1.3 the first signature
/// scheme decides for which there is a key, in TLS 1.2 the first suite and then the scheme. By
/// the order of the default schemes that is ECDSA before RSA. Among identities with the same kind
/// of key the first counts.
pub(super) struct ServerIdentities {
    members: Vec<Member>,
    rules: ServerRules,
}

/// The identities of a client: the first that can sign as the server wants, in its order. As in
/// OpenSSL, the certificate is shown whatever CA names the server lists.
pub(super) struct ClientIdentities(Vec<Member>);

struct Member {
    /// With a key that keeps to the schemes.
    certified: Arc<CertifiedKey>,
    chain: Arc<[Certificate]>,
    /// The schemes that it can sign by.
    schemes: Vec<SignatureScheme>,
}

impl ServerIdentities {
    pub(super) fn new(identities: &[Shown], rules: ServerRules) -> Self {
        let member = |identity| Member::new(identity, &rules.schemes, rules.order);
        let members = identities.iter().map(member).collect();
        Self { members, rules }
    }

    /// The place of the identity that goes with these offers of a client.
    pub(super) fn choose(
        &self,
        suites: &[CipherSuite],
        schemes: &[SignatureScheme],
    ) -> Option<usize> {
        let ordered = match self.rules.order {
            Order::Ours => common(&self.rules.schemes, schemes),
            Order::Peers => common(schemes, &self.rules.schemes),
        };
        let shared: Vec<SupportedCipherSuite> = match self.rules.order {
            Order::Ours => {
                let ours = self.rules.suites.iter();
                ours.filter(|ours| suites.contains(&ours.suite())).copied().collect()
            }
            Order::Peers => {
                let ours = |wanted| self.rules.suites.iter().find(|ours| ours.suite() == wanted);
                suites.iter().filter_map(|wanted| ours(*wanted)).copied().collect()
            }
        };
        if shared.iter().any(|suite| suite.tls13().is_some()) {
            let mut schemes = ordered.iter().filter(|scheme| fits_tls13(**scheme));
            let who_can = |scheme| self.members.iter().position(|member| member.can(scheme));
            if let Some(found) = schemes.find_map(who_can) {
                return Some(found);
            }
        }
        shared.iter().filter(|suite| suite.tls13().is_none()).find_map(|suite| {
            let fits = |member: &Member| {
                suite.usable_for_signature_algorithm(member.certified.key.algorithm())
            };
            ordered.iter().find_map(|scheme| {
                self.members.iter().position(|member| fits(member) && member.can(scheme))
            })
        })
    }
}

impl ResolvesServerCert for ServerIdentities {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let found = self.choose(hello.cipher_suites(), hello.signature_schemes());
        let shares = |suite: &SupportedCipherSuite| hello.cipher_suites().contains(&suite.suite());
        // When it is suites that are not shared, the engine is to say so: it asks for this first.
        let found = found.or_else(|| (!self.rules.suites.iter().any(shares)).then_some(0));
        let shown = found.and_then(|found| self.members.get(found)).map(Member::show);
        if shown.is_none() {
            note_no_identity();
        }
        shown
    }
}

impl ClientIdentities {
    /// The resolver for these identities. Equal ones share it, also across contexts: the engine
    /// resumes a session only under the resolver that it was made under.
    pub(super) fn shared(identities: &[Shown], schemes: &Arc<[SignatureScheme]>) -> Arc<Self> {
        static NOBODY: LazyLock<Arc<ClientIdentities>> =
            LazyLock::new(|| Arc::new(ClientIdentities(Vec::new())));
        static KNOWN: LazyLock<Mutex<HashMap<Likeness, Weak<ClientIdentities>>>> =
            LazyLock::new(Mutex::default);

        if identities.is_empty() {
            return NOBODY.clone();
        }
        let likeness = Likeness::of(identities, schemes);
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shared) = known.get(&likeness).and_then(Weak::upgrade) {
            return shared;
        }
        known.retain(|_, resolver| resolver.strong_count() > 0);
        let member = |identity| Member::new(identity, schemes, Order::Peers);
        let made = Arc::new(Self(identities.iter().map(member).collect()));
        known.insert(likeness, Arc::downgrade(&made));
        made
    }
}

impl rustls::client::ResolvesClientCert for ClientIdentities {
    fn resolve(
        &self,
        _root_hint_subjects: &[&[u8]],
        schemes: &[SignatureScheme],
    ) -> Option<Arc<CertifiedKey>> {
        note_requested(schemes);
        let who_can = |scheme| self.0.iter().find(|member| member.can(scheme));
        schemes.iter().find_map(who_can).map(Member::show)
    }

    fn has_certs(&self) -> bool {
        !self.0.is_empty()
    }
}

/// What makes two lists of identities equal: chains (a key is its leaf's) and schemes.
#[derive(PartialEq, Eq, Hash)]
struct Likeness {
    chains: Vec<Vec<Vec<u8>>>,
    schemes: Vec<u16>,
}

impl Likeness {
    fn of(identities: &[Shown], schemes: &[SignatureScheme]) -> Self {
        let chain = |one: &Shown| one.chain.iter().map(|one| one.der().to_vec()).collect();
        Self {
            chains: identities.iter().map(chain).collect(),
            schemes: schemes.iter().map(|scheme| u16::from(*scheme)).collect(),
        }
    }
}

impl Member {
    fn new(identity: &Shown, schemes: &Arc<[SignatureScheme]>, order: Order) -> Self {
        let key = identity.certified.key.clone();
        let can = |scheme: &&SignatureScheme| key.choose_scheme(&[**scheme]).is_some();
        let can = schemes.iter().filter(can).copied().collect();
        let certified = Arc::new(CertifiedKey {
            cert: identity.certified.cert.clone(),
            key: Arc::new(Limited { key, schemes: schemes.clone(), order }),
            ocsp: identity.certified.ocsp.clone(),
        });
        Self { certified, chain: identity.chain.clone(), schemes: can }
    }

    fn can(&self, scheme: &SignatureScheme) -> bool {
        self.schemes.contains(scheme)
    }

    /// Gives it to the engine, and notes that.
    fn show(&self) -> Arc<CertifiedKey> {
        note_shown(&self.chain);
        self.certified.clone()
    }
}

impl ServerRules {
    /// The resolver that shows this identity, whatever the client offers.
    pub(super) fn only(&self, identity: &Shown) -> impl ResolvesServerCert + use<> {
        Only(Member::new(identity, &self.schemes, self.order))
    }
}

struct Only(Member);

impl ResolvesServerCert for Only {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.show())
    }
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

/// RFC 8446, 4.2.3: PKCS#1 signatures are for certificates only.
fn fits_tls13(scheme: SignatureScheme) -> bool {
    use SignatureScheme as S;
    !matches!(scheme, S::RSA_PKCS1_SHA256 | S::RSA_PKCS1_SHA384 | S::RSA_PKCS1_SHA512)
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
