//! Making a certificate anew: the same content, a new serial and a new time.

use const_oid::db::rfc5280;
use der::Decode;
use x509_cert::certificate::{CertificateInner, Raw};
use x509_cert::ext::Extension;

use super::{Certificate, Error, Problem, extension};

/// The extensions of a certificate as they are.
pub(super) fn extensions_of(certificate: &Certificate) -> Result<Vec<Extension>, Error> {
    // The raw profile reads what real CAs have made: long serials, odd times.
    let parsed = CertificateInner::<Raw>::from_der(certificate.der())
        .map_err(|e| Error::new(Problem::Malformed, format!("the certificate: {e}")))?;
    Ok(parsed.tbs_certificate().extensions().cloned().unwrap_or_default())
}

/// The extensions of a successor: all of the old ones in their order, but with the identifiers of
/// the keys that it has now.
pub(super) fn extensions(
    old: &[Extension],
    spki: &[u8],
    issuer_key_identifier: Option<&[u8]>,
) -> Result<Vec<Extension>, Error> {
    let mut new = vec![extension::subject_key_identifier(spki)?];
    if let Some(id) = issuer_key_identifier {
        new.push(extension::authority_key_identifier(id)?);
    }
    let identifiers =
        [rfc5280::ID_CE_SUBJECT_KEY_IDENTIFIER, rfc5280::ID_CE_AUTHORITY_KEY_IDENTIFIER];
    let mut all = Vec::new();
    for extension in old {
        match new.iter().position(|own| own.extn_id == extension.extn_id) {
            Some(index) => all.push(new.swap_remove(index)),
            None if identifiers.contains(&extension.extn_id) => {}
            None => all.push(extension.clone()),
        }
    }
    all.extend(new);
    Ok(all)
}
