//! The verifiers that rustls calls: they check the handshake signature and judge the chain in
//! the state of the connection; a refusal ends the handshake when the session wants that.

use std::fmt;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls13_signature_with_raw_key};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    AlertDescription, CertificateError, DigitallySignedStruct, DistinguishedName, Error,
    OtherError, PeerMisbehaved, SignatureScheme,
};
use rustls_pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use sealwire_x509::Certificate;

use super::{pss, slot};
use crate::engine::state::Objection;
use crate::pki::{self, KeyAlgorithm, PssDigest};
use crate::words::Alert;

/// The verifier of client sessions whose servers may sign by these schemes. One for the process
/// and each list: what differs between connections is in their state, and the engine resumes a session
/// only under the verifier that made it.
pub(super) fn server_cert_verifier(schemes: &[SignatureScheme]) -> Arc<dyn ServerCertVerifier> {
    static KNOWN: Mutex<Vec<Arc<PeerVerifier>>> = Mutex::new(Vec::new());

    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(verifier) = known.iter().find(|verifier| *verifier.schemes == *schemes) {
        return verifier.clone();
    }
    let (subjects, schemes) = (Vec::new(), schemes.into());
    let verifier = Arc::new(PeerVerifier { subjects, mandatory: false, schemes });
    known.push(verifier.clone());
    verifier
}

/// The verifier of server sessions that ask for a certificate, naming `subjects` as the CAs whose
/// certificates are welcome (RFC 8446, 4.2.4).
pub(super) fn client_cert_verifier(
    subjects: Vec<DistinguishedName>,
    mandatory: bool,
    schemes: &Arc<[SignatureScheme]>,
) -> Arc<dyn ClientCertVerifier> {
    Arc::new(PeerVerifier { subjects, mandatory, schemes: schemes.clone() })
}

#[derive(Debug)]
struct PeerVerifier {
    subjects: Vec<DistinguishedName>,
    mandatory: bool,
    /// Those that the peer is told of, best first, and may use.
    schemes: Arc<[SignatureScheme]>,
}

impl PeerVerifier {
    fn key(&self, cert: &CertificateDer<'_>) -> Result<SubjectPublicKeyInfoDer<'static>, Error> {
        leaf_key(cert)
    }
}

/// That the peer signed as it was told, which the engine leaves to its verifier.
pub(super) fn check_scheme(
    schemes: &[SignatureScheme],
    dss: &DigitallySignedStruct,
) -> Result<(), Error> {
    if schemes.contains(&dss.scheme) {
        Ok(())
    } else {
        Err(PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme.into())
    }
}

/// What all of rustls' traits ask of a handshake's signature, in the same words: the peer's scheme is
/// one that it was told of (`schemes`), and the signature is its key's (`key`).
macro_rules! signatures {
    () => {
        fn verify_tls12_signature(
            &self,
            message: &[u8],
            cert: &CertificateDer<'_>,
            dss: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            super::verifier::check_scheme(&self.schemes, dss)?;
            let key = self.key(cert)?;
            super::verifier::verify_tls12_signature(message, &key, dss)
        }

        fn verify_tls13_signature(
            &self,
            message: &[u8],
            cert: &CertificateDer<'_>,
            dss: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            super::verifier::check_scheme(&self.schemes, dss)?;
            let key = self.key(cert)?;
            super::verifier::verify_tls13_signature(message, &key, dss)
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            self.schemes.to_vec()
        }
    };
}
#[cfg(feature = "rustls-config")]
pub(super) use signatures;

impl ServerCertVerifier for PeerVerifier {
    #[expect(clippy::disallowed_methods, reason = "one of the places that may say yes")]
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if let ServerName::DnsName(name) = server_name {
            slot::handshake(|handshake| handshake.asked_for(name.as_ref()));
        }
        if !ocsp_response.is_empty() {
            slot::handshake(|handshake| handshake.ocsp_response = Some(ocsp_response.to_vec()));
        }
        examine(end_entity, intermediates, now)?;
        Ok(ServerCertVerified::assertion())
    }

    signatures!();
}

impl ClientCertVerifier for PeerVerifier {
    fn client_auth_mandatory(&self) -> bool {
        self.mandatory
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.subjects
    }

    #[expect(clippy::disallowed_methods, reason = "one of the places that may say yes")]
    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        examine(end_entity, intermediates, now)?;
        Ok(ClientCertVerified::assertion())
    }

    signatures!();
}

/// Judges the chain in the connection's state.
fn examine(
    end_entity: &CertificateDer<'_>,
    intermediates: &[CertificateDer<'_>],
    now: UnixTime,
) -> Result<(), Error> {
    let time = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    let intermediates = intermediates.iter().map(AsRef::as_ref);
    let outcome = slot::handshake(|handshake| handshake.examine(end_entity, intermediates, time));
    outcome.ok_or_else(nobody)?.map_err(|objection| Error::InvalidCertificate(kind_of(objection)))
}

/// rustls chooses the alert by the kind of certificate error, so the kind is chosen by the alert.
fn kind_of(objection: Objection) -> CertificateError {
    let alert = match objection {
        Objection::Unreadable => return CertificateError::BadEncoding,
        Objection::Refused(alert) => alert,
    };
    let kinds = [
        CertificateError::NotValidForName,
        CertificateError::InvalidPurpose,
        CertificateError::Revoked,
        CertificateError::Expired,
        CertificateError::UnknownIssuer,
        CertificateError::BadSignature,
    ];
    let sends = |kind: &CertificateError| u8::from(AlertDescription::from(kind.clone()));
    let kind = kinds.into_iter().find(|kind| sends(kind) == alert.number());
    // certificate_unknown
    kind.unwrap_or_else(|| CertificateError::Other(OtherError(Arc::new(Refused(alert)))))
}

/// What rustls is told of a refusal; the reason itself is in the connection's state.
#[derive(Debug)]
struct Refused(Alert);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "refused with {}", self.0)
    }
}

impl std::error::Error for Refused {}

/// RFC 8446, 4.4.3. The key is taken from the certificate by AWS-LC and checked as a raw key, so
/// that X.509 v1 certificates are held to the same proof as all others.
pub(super) fn verify_tls13_signature(
    message: &[u8],
    spki: &SubjectPublicKeyInfoDer<'_>,
    dss: &DigitallySignedStruct,
) -> Result<HandshakeSignatureValid, Error> {
    if let Some(digest) = pss::digest_of(dss.scheme) {
        return verify_pss(digest, message, spki, dss);
    }
    verify_tls13_signature_with_raw_key(message, spki, dss, &algorithms()).map_err(|error| {
        if names_another_curve(dss.scheme, spki) {
            return PeerMisbehaved::SignedKxWithWrongAlgorithm.into();
        }
        explained(error)
    })
}

/// By a key that is for RSASSA-PSS only, which the provider does not know.
#[expect(clippy::disallowed_methods, reason = "one of the places that may say yes")]
fn verify_pss(
    digest: PssDigest,
    message: &[u8],
    spki: &SubjectPublicKeyInfoDer<'_>,
    dss: &DigitallySignedStruct,
) -> Result<HandshakeSignatureValid, Error> {
    if pki::is_signed_by_pss_key(spki.as_ref(), digest, message, dss.signature()) {
        Ok(HandshakeSignatureValid::assertion())
    } else {
        Err(explained(Error::InvalidCertificate(CertificateError::BadSignature)))
    }
}

/// Whether the key is on another curve than the one that the scheme names (RFC 8446, 4.2.3).
fn names_another_curve(scheme: SignatureScheme, spki: &SubjectPublicKeyInfoDer<'_>) -> bool {
    use KeyAlgorithm as K;
    let named = match scheme {
        SignatureScheme::ECDSA_NISTP256_SHA256 => K::EcdsaP256,
        SignatureScheme::ECDSA_NISTP384_SHA384 => K::EcdsaP384,
        SignatureScheme::ECDSA_NISTP521_SHA512 => K::EcdsaP521,
        _ => return false,
    };
    matches!(K::of_spki(spki.as_ref()), Ok(of @ (K::EcdsaP256 | K::EcdsaP384 | K::EcdsaP521)) if of != named)
}

/// RFC 5246, 7.4.3. A TLS 1.2 scheme names no curve, so each algorithm that it maps to is tried.
#[expect(clippy::disallowed_methods, reason = "one of the places that may say yes")]
pub(super) fn verify_tls12_signature(
    message: &[u8],
    spki: &SubjectPublicKeyInfoDer<'_>,
    dss: &DigitallySignedStruct,
) -> Result<HandshakeSignatureValid, Error> {
    if let Some(digest) = pss::digest_of(dss.scheme) {
        return verify_pss(digest, message, spki, dss);
    }
    let key = webpki::RawPublicKeyEntity::try_from(spki)
        .map_err(|_| Error::InvalidCertificate(CertificateError::BadEncoding))?;
    let algorithms = algorithms();
    let (_, candidates) = algorithms
        .mapping
        .iter()
        .find(|(scheme, _)| *scheme == dss.scheme)
        .ok_or(PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme)?;
    for algorithm in *candidates {
        if key.verify_signature(*algorithm, message, dss.signature()).is_ok() {
            return Ok(HandshakeSignatureValid::assertion());
        }
    }
    Err(explained(Error::InvalidCertificate(CertificateError::BadSignature)))
}

/// rustls verifies with RSA keys of 2048 to 8192 bits, and calls the signatures of all others bad.
fn explained(error: Error) -> Error {
    match slot::handshake(|handshake| handshake.refuse_unusable_key()).flatten() {
        Some(objection) => Error::InvalidCertificate(kind_of(objection)),
        None => error,
    }
}

fn leaf_key(cert: &CertificateDer<'_>) -> Result<SubjectPublicKeyInfoDer<'static>, Error> {
    let spki = slot::handshake(|handshake| {
        handshake
            .leaf
            .as_ref()
            .filter(|leaf| leaf.der() == cert.as_ref())
            .map(Certificate::spki_der)
    });
    let spki = spki.ok_or_else(nobody)?;
    // The engine always shows the certificate before the signature made with it.
    let spki = spki.ok_or(Error::InvalidCertificate(CertificateError::BadEncoding))?;
    Ok(SubjectPublicKeyInfoDer::from(spki))
}

fn algorithms() -> WebPkiSupportedAlgorithms {
    static ALGORITHMS: LazyLock<WebPkiSupportedAlgorithms> = LazyLock::new(|| {
        rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms
    });
    *ALGORITHMS
}

fn nobody() -> Error {
    Error::General("a verifier was called outside a session".to_owned())
}
