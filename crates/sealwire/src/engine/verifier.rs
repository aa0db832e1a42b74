//! The engine's verifiers: they check the handshake signature and judge the chain; a refusal ends
//! the handshake when the session wants that. The verdict itself is `tap::Examiner`'s.

use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls13_signature_with_raw_key};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError, PeerMisbehaved,
    SignatureScheme,
};
use rustls_pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use sealwire_x509::Certificate;

use super::tap;
use crate::verify::{Refusal, Verdict};

/// The verifier of client sessions whose servers may sign by these schemes. One for the process
/// and each list: what differs between connections is at the tap, and the engine resumes a session
/// only under the verifier that made it.
pub(crate) fn server_cert_verifier(schemes: &[SignatureScheme]) -> Arc<dyn ServerCertVerifier> {
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
pub(crate) fn client_cert_verifier(
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
    /// That the peer signed as it was told, which the engine leaves to its verifier.
    fn check_scheme(&self, dss: &DigitallySignedStruct) -> Result<(), Error> {
        match self.schemes.contains(&dss.scheme) {
            true => Ok(()),
            false => Err(PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme.into()),
        }
    }
}

impl ServerCertVerifier for PeerVerifier {
    #[expect(clippy::disallowed_methods, reason = "one of the places that may say yes")]
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if !ocsp_response.is_empty() {
            tap::at(|desk| desk.ocsp_response = Some(ocsp_response.to_vec()));
        }
        examine(end_entity, intermediates, now)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.check_scheme(dss)?;
        verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.check_scheme(dss)?;
        verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes.to_vec()
    }
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

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.check_scheme(dss)?;
        verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.check_scheme(dss)?;
        verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes.to_vec()
    }
}

/// Judges the chain and leaves leaf and verdict at the tap; a refusal is an error only if the
/// session wants that now. An unreadable leaf is an error in every mode: its key could not be
/// checked.
fn examine(
    end_entity: &CertificateDer<'_>,
    intermediates: &[CertificateDer<'_>],
    now: UnixTime,
) -> Result<(), Error> {
    let time = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    let outcome = tap::at(|desk| {
        let leaf = desk.examiner.read_leaf(end_entity);
        let leaf = leaf.map_err(|_| CertificateError::BadEncoding)?;
        desk.leaf = Some(leaf);
        let chain = std::iter::once(end_entity).chain(intermediates).map(AsRef::as_ref);
        let (certificates, verdict) = desk.examiner.examine(desk.leaf.as_ref(), chain, time);
        let refusal = verdict.clone().refusal().filter(|_| desk.refuse_at_once);
        desk.examined = Some((certificates, verdict));
        refusal.map_or(Ok(()), |refusal| Err(alert_for(refusal)))
    });
    outcome.ok_or_else(nobody)?.map_err(Error::InvalidCertificate)
}

/// The engine chooses the alert by the kind of certificate error, so the kind is chosen by the
/// alert that OpenSSL sends (`ssl_x509err2alert`); the reason itself is at the tap.
fn alert_for(refusal: Refusal) -> CertificateError {
    match refusal.code().name() {
        // unknown_ca
        "CERT_CHAIN_TOO_LONG"
        | "DEPTH_ZERO_SELF_SIGNED_CERT"
        | "INVALID_CA"
        | "PATH_LENGTH_EXCEEDED"
        | "SELF_SIGNED_CERT_IN_CHAIN"
        | "UNABLE_TO_GET_CRL"
        | "UNABLE_TO_GET_CRL_ISSUER"
        | "UNABLE_TO_GET_ISSUER_CERT"
        | "UNABLE_TO_GET_ISSUER_CERT_LOCALLY"
        | "UNABLE_TO_VERIFY_LEAF_SIGNATURE" => CertificateError::UnknownIssuer,
        // certificate_expired
        "CERT_HAS_EXPIRED" | "CRL_HAS_EXPIRED" => CertificateError::Expired,
        // certificate_revoked
        "CERT_REVOKED" => CertificateError::Revoked,
        // decrypt_error
        "CERT_SIGNATURE_FAILURE" | "CRL_SIGNATURE_FAILURE" => CertificateError::BadSignature,
        // unsupported_certificate
        "INVALID_PURPOSE" => CertificateError::InvalidPurpose,
        // bad_certificate
        "CA_KEY_TOO_SMALL"
        | "CA_MD_TOO_WEAK"
        | "CERT_NOT_YET_VALID"
        | "CERT_REJECTED"
        | "CERT_UNTRUSTED"
        | "CRL_NOT_YET_VALID"
        | "EE_KEY_TOO_SMALL"
        | "ERROR_IN_CERT_NOT_AFTER_FIELD"
        | "ERROR_IN_CERT_NOT_BEFORE_FIELD"
        | "ERROR_IN_CRL_LAST_UPDATE_FIELD"
        | "ERROR_IN_CRL_NEXT_UPDATE_FIELD"
        | "ERR_TLS_CERT_ALTNAME_INVALID"
        | "HOSTNAME_MISMATCH"
        | "SUBTREE_MINMAX"
        | "UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY"
        | "UNABLE_TO_DECRYPT_CERT_SIGNATURE"
        | "UNABLE_TO_DECRYPT_CRL_SIGNATURE" => CertificateError::NotValidForName,
        // certificate_unknown
        _ => CertificateError::Other(OtherError(Arc::new(refusal))),
    }
}

/// RFC 8446, 4.4.3. The key is taken from the certificate by AWS-LC and checked as a raw key, so
/// that X.509 v1 certificates are held to the same proof as all others.
fn verify_tls13_signature(
    message: &[u8],
    cert: &CertificateDer<'_>,
    dss: &DigitallySignedStruct,
) -> Result<HandshakeSignatureValid, Error> {
    let spki = leaf_key(cert)?;
    verify_tls13_signature_with_raw_key(message, &spki, dss, &algorithms()).map_err(explained)
}

/// RFC 5246, 7.4.3. A TLS 1.2 scheme names no curve, so each algorithm that it maps to is tried.
#[expect(clippy::disallowed_methods, reason = "one of the places that may say yes")]
fn verify_tls12_signature(
    message: &[u8],
    cert: &CertificateDer<'_>,
    dss: &DigitallySignedStruct,
) -> Result<HandshakeSignatureValid, Error> {
    let spki = leaf_key(cert)?;
    let key = webpki::RawPublicKeyEntity::try_from(&spki)
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

/// The engine verifies with RSA keys of 2048 to 8192 bits, and calls the signatures of all others
/// bad. A low security level lets such a chain pass; then it is the key that is refused.
fn explained(error: Error) -> Error {
    let refusal = tap::at(|desk| {
        let verdict = Verdict::unusable_key(desk.leaf.as_ref()?)?;
        let certificates = desk.examined.take().map(|(certificates, _)| certificates);
        desk.examined = Some((certificates.unwrap_or_default(), verdict.clone()));
        verdict.refusal()
    });
    match refusal.flatten() {
        Some(refusal) => Error::InvalidCertificate(alert_for(refusal)),
        None => error,
    }
}

fn leaf_key(cert: &CertificateDer<'_>) -> Result<SubjectPublicKeyInfoDer<'static>, Error> {
    let spki = tap::at(|desk| {
        desk.leaf.as_ref().filter(|leaf| leaf.der() == cert.as_ref()).map(Certificate::spki_der)
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
