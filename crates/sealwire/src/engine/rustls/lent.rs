//! rustls' own configuration, lent to a client that drives rustls itself: reqwest, say. Identity and
//! trust stay the context's, and are read for each handshake.

use std::fmt;
use std::sync::Arc;

use rustls::client::ResolvesClientCert;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use sealwire_x509::{Certificate, Purpose};

use super::settings::ClientIdentity;
use super::verifier::signatures;
use crate::engine::Examiner;
use crate::verify::{NameCheck, Policy};
use crate::words::{self, Pin};

/// What is lent: a `rustls::ClientConfig`.
pub(crate) type LentConfig = rustls::ClientConfig;

/// The policy and the client identity of a handshake that begins now.
type Terms = dyn Fn() -> (Arc<Policy>, ClientIdentity) + Send + Sync;

/// What a configuration is lent with.
pub(crate) struct Loan {
    pub(crate) terms: Arc<Terms>,
    pub(crate) name_check: NameCheck,
    pub(crate) pins: Option<Arc<[Pin]>>,
    pub(crate) alpn: Vec<Vec<u8>>,
    pub(crate) send_sni: bool,
}

/// The two that rustls asks.
pub(super) fn faces(
    loan: &Loan,
    schemes: &Arc<[SignatureScheme]>,
) -> (Arc<dyn ServerCertVerifier>, Arc<dyn ResolvesClientCert>) {
    let (name_check, pins, schemes) = (loan.name_check.clone(), loan.pins.clone(), schemes.clone());
    let terms = loan.terms.clone();
    let verifier = LentVerifier { terms: terms.clone(), name_check, pins, schemes };
    (Arc::new(verifier), Arc::new(LentIdentities(terms)))
}

struct LentVerifier {
    terms: Arc<Terms>,
    name_check: NameCheck,
    pins: Option<Arc<[Pin]>>,
    schemes: Arc<[SignatureScheme]>,
}

struct LentIdentities(Arc<Terms>);

impl LentVerifier {
    /// The key by which the handshake has to be signed.
    fn key(&self, cert: &CertificateDer<'_>) -> Result<SubjectPublicKeyInfoDer<'static>, Error> {
        Ok(SubjectPublicKeyInfoDer::from(read(cert)?.spki_der()))
    }
}

impl ServerCertVerifier for LentVerifier {
    #[expect(clippy::disallowed_methods, reason = "one of the places that may say yes")]
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let name: words::ServerName = server_name
            .to_str()
            .parse()
            .map_err(|_| Error::InvalidCertificate(CertificateError::NotValidForName))?;
        let (policy, _) = (self.terms)();
        let examiner = Examiner {
            policy,
            name: Some((name, self.name_check.clone())),
            pins: self.pins.clone(),
            purpose: Purpose::Server,
        };
        let leaf = examiner.read_leaf(end_entity).map_err(|_| unreadable())?;
        let chain = std::iter::once(end_entity).chain(intermediates).map(AsRef::as_ref);
        let time = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        let (_, verdict) = examiner.examine(Some(&leaf), chain, time);
        match verdict.refusal() {
            None => Ok(ServerCertVerified::assertion()),
            // The caller has nothing of us but this error: the whole reason is in it.
            Some(refusal) => Err(Error::InvalidCertificate(CertificateError::Other(OtherError(
                Arc::new(refusal),
            )))),
        }
    }

    signatures!();
}

impl ResolvesClientCert for LentIdentities {
    fn resolve(
        &self,
        root_hint_subjects: &[&[u8]],
        schemes: &[SignatureScheme],
    ) -> Option<Arc<CertifiedKey>> {
        (self.0)().1.0.resolve(root_hint_subjects, schemes)
    }

    /// There may be some by the time that they are asked for.
    fn has_certs(&self) -> bool {
        true
    }
}

fn read(cert: &CertificateDer<'_>) -> Result<Certificate, Error> {
    Certificate::from_der(cert).map_err(|_| unreadable())
}

fn unreadable() -> Error {
    Error::InvalidCertificate(CertificateError::BadEncoding)
}

impl fmt::Debug for LentVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LentVerifier").field("schemes", &self.schemes).finish_non_exhaustive()
    }
}

impl fmt::Debug for LentIdentities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LentIdentities").finish_non_exhaustive()
    }
}
