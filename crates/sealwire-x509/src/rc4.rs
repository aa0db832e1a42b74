//! RC4, which some old PFX files are encrypted with.

use std::ffi::c_int;

use aws_lc_sys as c;
use zeroize::Zeroizing;

use crate::error::{Error, Problem};
use crate::owned::{Owned, no_memory};

/// Decrypts (or encrypts, which is the same) with RC4, whose key may have 5 to 256 bytes.
///
/// # Errors
/// [`Problem::Internal`].
pub fn rc4(key: &[u8], input: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
    let failed = || Error::fact(Problem::Internal, "AWS-LC could not use RC4");
    let key_len = u32::try_from(key.len()).map_err(|_| failed())?;
    let len = c_int::try_from(input.len()).map_err(|_| no_memory())?;
    let mut output = Zeroizing::new(vec![0u8; input.len()]);
    let mut written = 0;
    let null = std::ptr::null_mut();
    // SAFETY: takes no argument; the new context is ours.
    let context = unsafe { Owned::new(c::EVP_CIPHER_CTX_new()) }.ok_or_else(no_memory)?;
    // SAFETY: a live context; RC4 is a static method table, the key is as long as was set, and
    // output has as many bytes as input.
    let done = unsafe {
        c::EVP_DecryptInit_ex(
            context.as_ptr(),
            c::EVP_rc4(),
            null,
            std::ptr::null(),
            std::ptr::null(),
        ) == 1
            && c::EVP_CIPHER_CTX_set_key_length(context.as_ptr(), key_len) == 1
            && c::EVP_DecryptInit_ex(
                context.as_ptr(),
                std::ptr::null(),
                null,
                key.as_ptr(),
                std::ptr::null(),
            ) == 1
            && c::EVP_DecryptUpdate(
                context.as_ptr(),
                output.as_mut_ptr(),
                &raw mut written,
                input.as_ptr(),
                len,
            ) == 1
    };
    if done && written == len { Ok(output) } else { Err(failed()) }
}

#[cfg(test)]
mod tests {
    /// Of [RFC 6229, section 2](https://www.rfc-editor.org/rfc/rfc6229#section-2):
    /// the first bytes of the key stream.
    #[test]
    fn is_rc4() {
        let stream = super::rc4(&[1, 2, 3, 4, 5], &[0; 8]).unwrap();
        assert_eq!(stream[..], [0xb2, 0x39, 0x63, 0x05, 0xf0, 0x3d, 0xc0, 0x27]);
    }
}
