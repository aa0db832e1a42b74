//! Renewing a certificate: the same content, a new serial number and a new validity.

use aws_lc_rs::digest;
use const_oid::db::rfc5280;
use der::Decode;
use der::asn1::OctetString;
use spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoRef};
use x509_cert::certificate::{CertificateInner, Raw};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::AuthorityKeyIdentifier;

use super::key::is_same_key;
use super::signature::unencodable;
use super::store::bytes_of_hex;
use super::{Certificate, Error, Issuer, Problem, extension};

/// The signer.
#[derive(Clone, Copy)]
pub(super) enum By<'a> {
    Itself,
    Issuer(&'a Issuer),
}

/// What a renewal takes from the certificate that it replaces.
#[derive(Debug, Clone)]
pub(super) struct Old {
    extensions: Vec<Extension>,
    spki: Vec<u8>,
    /// How it was signed.
    pub(super) signed: AlgorithmIdentifierOwned,
}

impl Old {
    pub(super) fn of(certificate: &Certificate) -> Result<Self, Error> {
        // The raw profile reads what real CAs have made: long serials, odd times.
        let parsed = CertificateInner::<Raw>::from_der(certificate.der())
            .map_err(|e| Error::new(Problem::Malformed, format!("the certificate: {e}")))?;
        let extensions = parsed.tbs_certificate().extensions().cloned().unwrap_or_default();
        let signed = parsed.signature_algorithm().clone();
        Ok(Self { extensions, spki: certificate.spki_der(), signed })
    }

    /// A public key as the old certificate writes it, if it has it.
    pub(super) fn spki<'a>(&'a self, spki: &'a [u8]) -> &'a [u8] {
        if is_same_key(spki, &self.spki) { &self.spki } else { spki }
    }

    /// The extensions of the successor: all of the old ones in their order and as they are. Only
    /// what identifies keys follows keys that have changed: everything that a CA has signed names
    /// its identifier, so the identifier of a key that stays has to stay.
    pub(super) fn extensions(&self, spki: &[u8], by: By<'_>) -> Result<Vec<Extension>, Error> {
        let mut all = self.extensions.clone();
        let own = all.iter().position(|e| e.extn_id == rfc5280::ID_CE_SUBJECT_KEY_IDENTIFIER);
        if let Some(own) = own.filter(|_| spki != self.spki) {
            let method = self.key_identifier_method(&all[own]);
            let id = OctetString::new(method(spki)?).map_err(|e| unencodable(&e))?;
            let critical = all[own].critical;
            all[own] = extension::extension(rfc5280::ID_CE_SUBJECT_KEY_IDENTIFIER, critical, &id)?;
        }
        let signer = match by {
            By::Issuer(issuer) => issuer.key_identifier().map(<[u8]>::to_vec),
            By::Itself => own.and_then(|own| key_identifier(&all[own])),
        };
        let authority =
            all.iter().position(|e| e.extn_id == rfc5280::ID_CE_AUTHORITY_KEY_IDENTIFIER);
        if let Some(at) = authority.filter(|&at| !names(&all[at], signer.as_deref(), by)) {
            match signer {
                Some(id) => all[at] = extension::authority_key_identifier(&id)?,
                None => drop(all.remove(at)),
            }
        }
        Ok(all)
    }

    /// The way in which the old key's identifier was made.
    fn key_identifier_method(&self, old: &Extension) -> fn(&[u8]) -> Result<Vec<u8>, Error> {
        let id = key_identifier(old);
        let methods = [extension::key_identifier, truncated_sha256];
        let method = methods.into_iter().find(|method| method(&self.spki).ok() == id);
        method.unwrap_or(extension::key_identifier)
    }
}

/// The first method of [RFC 7093](https://www.rfc-editor.org/rfc/rfc7093):
/// 160 bits of SHA-256. Go has it since 1.25.
fn truncated_sha256(spki: &[u8]) -> Result<Vec<u8>, Error> {
    let spki = SubjectPublicKeyInfoRef::from_der(spki)
        .map_err(|e| Error::new(Problem::Malformed, format!("the public key: {e}")))?;
    let digest = digest::digest(&digest::SHA256, spki.subject_public_key.raw_bytes());
    Ok(digest.as_ref()[..20].to_vec())
}

/// The value of a subjectKeyIdentifier.
fn key_identifier(extension: &Extension) -> Option<Vec<u8>> {
    let id = OctetString::from_der(extension.extn_value.as_bytes()).ok()?;
    Some(id.as_bytes().to_vec())
}

/// Whether an authorityKeyIdentifier names the current signer. (`openssl req -x509` writes one
/// that does not, when the other identifier was chosen by hand; verifiers then miss the issuer.)
fn names(authority: &Extension, signer: Option<&[u8]>, by: By<'_>) -> bool {
    let value = AuthorityKeyIdentifier::from_der(authority.extn_value.as_bytes());
    let Ok(value) = value else { return false };
    let id = value.key_identifier.as_ref().map(OctetString::as_bytes);
    if id.is_some() && id != signer {
        return false;
    }
    match (value.authority_cert_serial_number, by) {
        (None, _) => id.is_some(),
        // Its own serial number is a new one.
        (Some(_), By::Itself) => false,
        (Some(serial), By::Issuer(issuer)) => {
            let issuers = bytes_of_hex(&issuer.certificate().serial_hex());
            let significant = |bytes: &[u8]| {
                bytes.iter().copied().skip_while(|byte| *byte == 0).collect::<Vec<_>>()
            };
            significant(serial.as_bytes()) == significant(&issuers)
        }
    }
}
