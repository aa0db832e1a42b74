//! Making a certificate anew: the same content, a new serial and a new time.

use const_oid::db::rfc5280;
use der::Decode;
use x509_cert::certificate::{CertificateInner, Raw};
use x509_cert::ext::Extension;

use super::{Error, Problem, x509::Certificate};

/// The extensions that a renewed certificate takes over: all but the key identifiers, which follow
/// from the keys.
pub(super) fn extensions_to_keep(certificate: &Certificate) -> Result<Vec<Extension>, Error> {
    // The raw profile reads what real CAs have made: long serials, odd times.
    let parsed = CertificateInner::<Raw>::from_der(certificate.der())
        .map_err(|e| Error::new(Problem::Malformed, format!("the certificate: {e}")))?;
    let mut kept = parsed.tbs_certificate().extensions().cloned().unwrap_or_default();
    kept.retain(|extension| {
        extension.extn_id != rfc5280::ID_CE_SUBJECT_KEY_IDENTIFIER
            && extension.extn_id != rfc5280::ID_CE_AUTHORITY_KEY_IDENTIFIER
    });
    Ok(kept)
}
