//! Whether a key can have made a signature, by its kind alone.

use aws_lc_sys as c;

use crate::certificate::Certificate;

/// Whether the issuer's key is of the kind that the signature's algorithm needs.
pub(crate) fn can_have_signed(issuer: &Certificate, subject: &Certificate) -> bool {
    let mut wanted = c::NID_undef;
    // SAFETY: two live certificates, the key null or the issuer's own; one writable number, and
    // null for what is not wanted.
    let (known, key) = unsafe {
        let known = c::X509_get_signature_info(
            subject.as_ptr(),
            std::ptr::null_mut(),
            &raw mut wanted,
            std::ptr::null_mut(),
            std::ptr::null_mut(),
        );
        (known, c::X509_get0_pubkey(issuer.as_ptr()))
    };
    if known != 1 || key.is_null() {
        return true;
    }
    // SAFETY: a live key.
    let kind = unsafe {
        match c::EVP_PKEY_id(key) {
            // One kind of key to AWS-LC; the size is in the name of the signature.
            c::EVP_PKEY_PQDSA => c::EVP_PKEY_pqdsa_get_type(key),
            kind => kind,
        }
    };
    // AWS-LC says RSA of signatures by RSASSA-PSS, whichever of the two kinds of key made them.
    let is_rsa = |kind| kind == c::EVP_PKEY_RSA || kind == c::EVP_PKEY_RSA_PSS;
    kind == wanted || (is_rsa(kind) && is_rsa(wanted))
}
