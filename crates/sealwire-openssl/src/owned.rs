//! What OpenSSL counts and we own: certificates, keys, lists.

use std::ffi::{c_int, c_long, c_uchar};
use std::ptr::{self, NonNull};

use crate::failure::Failure;
use crate::source::{Found, Library};
use crate::table::{Bio, Pkey, Stack, X509, X509Name};

/// A chain of certificates with the key of its leaf, as OpenSSL has them. Nothing of it is changed
/// after it was made.
pub struct Credential {
    pub(crate) leaf: OwnedX509,
    pub(crate) issuers: Vec<OwnedX509>,
    pub(crate) key: OwnedKey,
}

/// A group for DHE, of a file.
pub struct DhParameters {
    pub(crate) key: OwnedKey,
    bits: u32,
}

impl Credential {
    /// Of a chain (DER, leaf first) and the key of its leaf (PKCS#8).
    ///
    /// # Errors
    /// When OpenSSL cannot read one of them.
    pub fn new<'a>(
        library: Library,
        chain: impl IntoIterator<Item = &'a [u8]>,
        pkcs8: &[u8],
    ) -> Result<Self, Failure> {
        let found = library.0;
        found.clear_errors();
        let mut read = chain.into_iter().map(|der| OwnedX509::read(found, der));
        let leaf = read.next().ok_or_else(|| Failure::of("no certificate"))??;
        let issuers = read.collect::<Result<_, _>>()?;
        Ok(Self { leaf, issuers, key: OwnedKey::read(found, pkcs8)? })
    }
}

impl DhParameters {
    /// Of a PEM text: `DH PARAMETERS` (PKCS#3) or `X9.42 DH PARAMETERS`.
    ///
    /// # Errors
    /// When it contains none.
    pub fn from_pem(library: Library, pem: &[u8]) -> Result<Self, Failure> {
        use crate::table::number::{EVP_PKEY_DH, EVP_PKEY_DHX};

        let found = library.0;
        found.clear_errors();
        let bio = OwnedBio::new(found)?;
        bio.write(pem)?;
        // SAFETY: the BIO holds the text; nothing is to be replaced.
        let key = unsafe { (found.table.PEM_read_bio_Parameters)(bio.pointer(), ptr::null_mut()) };
        let key = NonNull::new(key).ok_or_else(|| Failure::take(found))?;
        let key = OwnedKey { found, key };
        // SAFETY: the key is whole.
        let (kind, bits) = unsafe {
            (
                (found.table.EVP_PKEY_get_id)(key.pointer()),
                (found.table.EVP_PKEY_get_bits)(key.pointer()),
            )
        };
        if !matches!(kind, EVP_PKEY_DH | EVP_PKEY_DHX) {
            return Err(Failure::of("the parameters are not for Diffie-Hellman"));
        }
        Ok(Self { key, bits: u32::try_from(bits).unwrap_or_default() })
    }

    /// How long the prime is.
    pub fn bits(&self) -> u32 {
        self.bits
    }
}

pub(crate) struct OwnedX509 {
    found: &'static Found,
    certificate: NonNull<X509>,
}

// SAFETY: what is behind it is counted by atomic operations, and nothing of ours changes it.
unsafe impl Send for OwnedX509 {}
// SAFETY: as above.
unsafe impl Sync for OwnedX509 {}

impl OwnedX509 {
    pub(crate) fn read(found: &'static Found, der: &[u8]) -> Result<Self, Failure> {
        let mut at: *const c_uchar = der.as_ptr();
        let length =
            c_long::try_from(der.len()).map_err(|_| Failure::of("a certificate is too long"))?;
        // SAFETY: `at` has `length` bytes, and is only moved.
        let certificate = unsafe { (found.table.d2i_X509)(ptr::null_mut(), &raw mut at, length) };
        let certificate = NonNull::new(certificate).ok_or_else(|| Failure::take(found))?;
        Ok(Self { found, certificate })
    }

    pub(crate) fn pointer(&self) -> *mut X509 {
        self.certificate.as_ptr()
    }
}

impl Drop for OwnedX509 {
    fn drop(&mut self) {
        // SAFETY: one reference is ours.
        unsafe { (self.found.table.X509_free)(self.certificate.as_ptr()) }
    }
}

/// The DER of a certificate that OpenSSL holds.
///
/// # Safety
/// `certificate` is one.
pub(crate) unsafe fn der_of(found: &Found, certificate: *const X509) -> Option<Vec<u8>> {
    // SAFETY: the caller's promise.
    unsafe { written(found.table.i2d_X509, certificate) }
}

/// The DER of a name that OpenSSL holds.
///
/// # Safety
/// `name` is one.
pub(crate) unsafe fn der_of_name(found: &Found, name: *const X509Name) -> Option<Vec<u8>> {
    // SAFETY: the caller's promise.
    unsafe { written(found.table.i2d_X509_NAME, name) }
}

/// What one of OpenSSL's `i2d` functions writes of something.
///
/// # Safety
/// `thing` is what the function takes.
unsafe fn written<T>(
    write: unsafe extern "C" fn(*const T, *mut *mut c_uchar) -> c_int,
    thing: *const T,
) -> Option<Vec<u8>> {
    // SAFETY: the caller's promise; without a place to write to it only counts.
    let length = unsafe { write(thing, ptr::null_mut()) };
    let mut der = vec![0; usize::try_from(length).ok().filter(|length| *length > 0)?];
    let mut at: *mut c_uchar = der.as_mut_ptr();
    // SAFETY: as above, and there is room for what was counted.
    let written = unsafe { write(thing, &raw mut at) };
    (written == length).then_some(der)
}

pub(crate) struct OwnedKey {
    pub(crate) found: &'static Found,
    pub(crate) key: NonNull<Pkey>,
}

// SAFETY: what is behind it is counted by atomic operations and guarded by OpenSSL's own locks.
unsafe impl Send for OwnedKey {}
// SAFETY: as above.
unsafe impl Sync for OwnedKey {}

impl OwnedKey {
    fn read(found: &'static Found, pkcs8: &[u8]) -> Result<Self, Failure> {
        let mut at: *const c_uchar = pkcs8.as_ptr();
        let length = c_long::try_from(pkcs8.len()).map_err(|_| Failure::of("a key is too long"))?;
        // SAFETY: `at` has `length` bytes, and is only moved.
        let key = unsafe { (found.table.d2i_AutoPrivateKey)(ptr::null_mut(), &raw mut at, length) };
        let key = NonNull::new(key).ok_or_else(|| Failure::take(found))?;
        Ok(Self { found, key })
    }

    pub(crate) fn pointer(&self) -> *mut Pkey {
        self.key.as_ptr()
    }
}

impl Drop for OwnedKey {
    fn drop(&mut self) {
        // SAFETY: one reference is ours.
        unsafe { (self.found.table.EVP_PKEY_free)(self.key.as_ptr()) }
    }
}

/// A list of pointers, which it does not own.
pub(crate) struct Borrowing {
    found: &'static Found,
    stack: NonNull<Stack>,
}

impl Borrowing {
    pub(crate) fn of(found: &'static Found, certificates: &[OwnedX509]) -> Option<Self> {
        // SAFETY: it takes nothing.
        let stack = NonNull::new(unsafe { (found.table.OPENSSL_sk_new_null)() })?;
        let list = Self { found, stack };
        for one in certificates {
            // SAFETY: the list is ours; the certificates outlive it.
            if unsafe { (found.table.OPENSSL_sk_push)(stack.as_ptr(), one.pointer().cast()) } <= 0 {
                return None;
            }
        }
        Some(list)
    }

    pub(crate) fn pointer(&self) -> *mut Stack {
        self.stack.as_ptr()
    }
}

impl Drop for Borrowing {
    fn drop(&mut self) {
        // SAFETY: the list is ours; what is in it is not.
        unsafe { (self.found.table.OPENSSL_sk_free)(self.stack.as_ptr()) }
    }
}

/// Bytes in memory.
pub(crate) struct OwnedBio {
    found: &'static Found,
    bio: NonNull<Bio>,
}

impl OwnedBio {
    pub(crate) fn new(found: &'static Found) -> Result<Self, Failure> {
        // SAFETY: the method is a constant of OpenSSL's.
        let bio = unsafe { (found.table.BIO_new)((found.table.BIO_s_mem)()) };
        let bio = NonNull::new(bio).ok_or_else(|| Failure::take(found))?;
        Ok(Self { found, bio })
    }

    pub(crate) fn pointer(&self) -> *mut Bio {
        self.bio.as_ptr()
    }

    /// Gives it to OpenSSL.
    pub(crate) fn into_pointer(self) -> *mut Bio {
        let pointer = self.bio.as_ptr();
        std::mem::forget(self);
        pointer
    }

    pub(crate) fn write(&self, bytes: &[u8]) -> Result<(), Failure> {
        // SAFETY: the BIO is ours.
        unsafe { write(self.found, self.pointer(), bytes) }
    }
}

impl Drop for OwnedBio {
    fn drop(&mut self) {
        // SAFETY: it is ours.
        unsafe { (self.found.table.BIO_free)(self.bio.as_ptr()) };
    }
}

/// Writes into a BIO in memory, which takes all or nothing.
///
/// # Safety
/// `bio` is one.
pub(crate) unsafe fn write(found: &Found, bio: *mut Bio, bytes: &[u8]) -> Result<(), Failure> {
    if bytes.is_empty() {
        return Ok(());
    }
    let length = i32::try_from(bytes.len()).map_err(|_| Failure::of("too many bytes at once"))?;
    // SAFETY: the caller's promise; there are `length` bytes.
    let written = unsafe { (found.table.BIO_write)(bio, bytes.as_ptr().cast(), length) };
    if written == length { Ok(()) } else { Err(Failure::take(found)) }
}

/// Appends all that is in a BIO in memory to `out`.
///
/// # Safety
/// `bio` is one.
pub(crate) unsafe fn drain(found: &Found, bio: *mut Bio, out: &mut Vec<u8>) {
    loop {
        // SAFETY: the caller's promise.
        let pending = unsafe {
            let pending = crate::table::number::BIO_CTRL_PENDING;
            (found.table.BIO_ctrl)(bio, pending, 0, ptr::null_mut())
        };
        let Ok(pending @ 1..) = usize::try_from(pending) else { return };
        let start = out.len();
        out.resize(start + pending, 0);
        let length = i32::try_from(pending).unwrap_or(i32::MAX);
        // SAFETY: the caller's promise; there is room for `length` bytes.
        let read = unsafe { (found.table.BIO_read)(bio, out[start..].as_mut_ptr().cast(), length) };
        out.truncate(start + usize::try_from(read).unwrap_or(0));
        if read <= 0 {
            return;
        }
    }
}
