//! Signing in the way that an AlgorithmIdentifier names: with any digest and any salt, which the
//! signers of aws-lc-rs do not cover.

use aws_lc_sys as c;

use crate::error::{Error, ErrorQueue, Problem};
use crate::key::PrivateKey;
use crate::owned::{Owned, no_memory};
use crate::signature::{Method, Pss};

impl PrivateKey {
    /// Signs `content` as an AlgorithmIdentifier, DER, says: its digest, its padding, its salt.
    ///
    /// # Errors
    /// [`Problem::Unsupported`] when the algorithm is not known, or is not for this key.
    pub fn sign_as(&self, algorithm: &[u8], content: &[u8]) -> Result<Vec<u8>, Error> {
        let queue = ErrorQueue::new();
        let method = Method::of(algorithm).ok_or_else(|| {
            Error::fact(Problem::Unsupported, "signing with an unknown algorithm")
        })?;
        let (digest, pss) = match method {
            Method::Whole => (None, None),
            Method::Digest(nid) => (Some(nid), None),
            Method::Pss(pss) => (Some(pss.digest), Some(pss)),
        };
        // SAFETY: takes no argument; the new context is ours.
        let context = unsafe { Owned::new(c::EVP_MD_CTX_new()) }.ok_or_else(no_memory)?;
        let mut settings = std::ptr::null_mut();
        // SAFETY: a live context, which keeps what it needs of the live key, and static method tables;
        // `settings` are the context's own and used while it lives. The two calls that sign get
        // readable bytes as said, and a buffer as long as the first of them wants.
        unsafe {
            let null = std::ptr::null_mut();
            let md = digest.map_or(std::ptr::null(), |nid| c::EVP_get_digestbynid(nid));
            let context = context.as_ptr();
            let ready = c::EVP_DigestSignInit(context, &raw mut settings, md, null, self.as_ptr())
                == 1
                && pss.is_none_or(|pss| set_pss(settings, pss));
            let (data, len) = (content.as_ptr(), content.len());
            let mut room = 0;
            if !ready || c::EVP_DigestSign(context, null.cast(), &raw mut room, data, len) != 1 {
                return Err(queue.error(Problem::Unsupported));
            }
            let mut signature = vec![0; room];
            if c::EVP_DigestSign(context, signature.as_mut_ptr(), &raw mut room, data, len) != 1 {
                return Err(queue.error(Problem::Unsupported));
            }
            signature.truncate(room);
            Ok(signature)
        }
    }
}

/// # Safety
/// `settings` are live.
unsafe fn set_pss(settings: *mut c::EVP_PKEY_CTX, pss: Pss) -> bool {
    // SAFETY: by the caller's promise; the digest is a static method table.
    unsafe {
        c::EVP_PKEY_CTX_set_rsa_padding(settings, c::RSA_PKCS1_PSS_PADDING) == 1
            && c::EVP_PKEY_CTX_set_rsa_pss_saltlen(settings, pss.salt) == 1
            && c::EVP_PKEY_CTX_set_rsa_mgf1_md(settings, c::EVP_get_digestbynid(pss.mask)) == 1
    }
}
