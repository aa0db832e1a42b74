//! Ownership of what AWS-LC allocates: every pointer in this crate lives in one of these types.

use std::ffi::{c_int, c_void};
use std::marker::PhantomData;
use std::ptr::NonNull;

use aws_lc_sys as c;

use crate::error::{Error, Problem};

/// A C type that has a function to give its memory, or one reference to it, back.
pub(crate) trait Free {
    /// # Safety
    /// `pointer` is owned by the caller, not null, and not used afterwards.
    unsafe fn free(pointer: *mut Self);
}

/// One owned, non-null pointer.
pub(crate) struct Owned<T: Free>(NonNull<T>);

impl<T: Free> Owned<T> {
    /// Takes over what a C function returned; `None` when that was null.
    ///
    /// # Safety
    /// When not null, `pointer` is valid and this is the only owner of (this reference to) it.
    pub(crate) unsafe fn new(pointer: *mut T) -> Option<Self> {
        NonNull::new(pointer).map(Self)
    }

    pub(crate) fn as_ptr(&self) -> *mut T {
        self.0.as_ptr()
    }
}

impl<T: Free> Drop for Owned<T> {
    fn drop(&mut self) {
        // SAFETY: owned since `new`, and this is the last use.
        unsafe { T::free(self.0.as_ptr()) }
    }
}

macro_rules! free_with {
    ($($type:ident => $free:ident),+ $(,)?) => {$(
        impl Free for c::$type {
            unsafe fn free(pointer: *mut Self) {
                // SAFETY: as promised by the caller.
                unsafe { c::$free(pointer) };
            }
        }
    )+};
}

free_with! {
    X509 => X509_free,
    X509_EXTENSION => X509_EXTENSION_free,
    X509_CRL => X509_CRL_free,
    X509_STORE => X509_STORE_free,
    X509_STORE_CTX => X509_STORE_CTX_free,
    OCSP_REQUEST => OCSP_REQUEST_free,
    OCSP_RESPONSE => OCSP_RESPONSE_free,
    OCSP_BASICRESP => OCSP_BASICRESP_free,
    OCSP_CERTID => OCSP_CERTID_free,
    EVP_PKEY => EVP_PKEY_free,
    EVP_CIPHER_CTX => EVP_CIPHER_CTX_free,
    EVP_MD_CTX => EVP_MD_CTX_free,
    EVP_PKEY_CTX => EVP_PKEY_CTX_free,
    BIO => BIO_free,
    GENERAL_NAMES => GENERAL_NAMES_free,
    AUTHORITY_INFO_ACCESS => AUTHORITY_INFO_ACCESS_free,
    EXTENDED_KEY_USAGE => EXTENDED_KEY_USAGE_free,
    BASIC_CONSTRAINTS => BASIC_CONSTRAINTS_free,
    NAME_CONSTRAINTS => NAME_CONSTRAINTS_free,
    CERTIFICATEPOLICIES => CERTIFICATEPOLICIES_free,
    ASN1_OBJECT => ASN1_OBJECT_free,
    X509_NAME => X509_NAME_free,
    // An ASN1_INTEGER, ASN1_BIT_STRING, ASN1_OCTET_STRING and so on are all this type.
    ASN1_STRING => ASN1_STRING_free,
}

/// Bytes that AWS-LC allocated. `OPENSSL_free` wipes them, so they may be secret.
pub(crate) struct Bytes {
    data: NonNull<u8>,
    len: usize,
}

impl Bytes {
    /// # Safety
    /// `data` is null or `len` initialised bytes from `OPENSSL_malloc` without another owner.
    pub(crate) unsafe fn new(data: *mut u8, len: usize) -> Option<Self> {
        Some(Self { data: NonNull::new(data)?, len })
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        // SAFETY: `len` initialised bytes, owned by us and never written.
        unsafe { std::slice::from_raw_parts(self.data.as_ptr(), self.len) }
    }
}

impl Drop for Bytes {
    fn drop(&mut self) {
        // SAFETY: owned since `new`, from `OPENSSL_malloc`, and this is the last use.
        unsafe { c::OPENSSL_free(self.data.as_ptr().cast()) }
    }
}

/// A `STACK_OF(..)` whose elements are owned elsewhere; freeing it frees only the array.
pub(crate) struct Stack<'a> {
    stack: NonNull<c::OPENSSL_STACK>,
    _elements: PhantomData<&'a c_void>,
}

impl<'a> Stack<'a> {
    /// A stack of the pointers given.
    ///
    /// # Safety
    /// Every pointer outlives `'a`. All are of the one type that the stack will be used as.
    pub(crate) unsafe fn of<T>(pointers: impl Iterator<Item = *mut T>) -> Result<Self, Error> {
        // SAFETY: takes no argument.
        let stack = NonNull::new(unsafe { c::OPENSSL_sk_new_null() }).ok_or_else(no_memory)?;
        let stack = Self { stack, _elements: PhantomData };
        for pointer in pointers {
            // SAFETY: a live stack; it stores the pointer and does not follow it.
            if unsafe { c::OPENSSL_sk_push(stack.stack.as_ptr(), pointer.cast()) } == 0 {
                return Err(no_memory());
            }
        }
        Ok(stack)
    }

    /// The stack as the `STACK_OF(..)` type that a function wants.
    pub(crate) fn as_ptr<S>(&self) -> *mut S {
        self.stack.as_ptr().cast()
    }
}

impl Drop for Stack<'_> {
    fn drop(&mut self) {
        // SAFETY: owned since `of`; frees the array, not the elements.
        unsafe { c::OPENSSL_sk_free(self.stack.as_ptr()) }
    }
}

/// The elements of a `STACK_OF(T)`, which may be null (no elements).
///
/// # Safety
/// `stack` is null or a live `STACK_OF(T)` that is not mutated while the iterator is used.
pub(crate) unsafe fn elements<S, T>(stack: *const S) -> impl Iterator<Item = *mut T> {
    let stack: *const c::OPENSSL_STACK = stack.cast();
    // SAFETY: null (answered with 0) or a live stack.
    let len = unsafe { c::OPENSSL_sk_num(stack) };
    // SAFETY: as above; the index is below the length.
    (0..len).map(move |index| unsafe { c::OPENSSL_sk_value(stack, index) }.cast())
}

/// What an `i2d_*` function writes.
///
/// # Safety
/// `i2d` follows the `i2d_SAMPLE` convention: with null it returns the length, with a pointer to a
/// buffer it writes that many bytes.
pub(crate) unsafe fn encoded(i2d: impl Fn(*mut *mut u8) -> c_int) -> Result<Vec<u8>, Error> {
    let len = usize::try_from(i2d(std::ptr::null_mut())).map_err(|_| no_memory())?;
    let mut out = Vec::with_capacity(len);
    let mut end: *mut u8 = out.as_mut_ptr();
    if usize::try_from(i2d(&raw mut end)) != Ok(len) {
        return Err(Error::fact(Problem::Internal, "AWS-LC could not encode the value"));
    }
    // SAFETY: room for `len` bytes was reserved and `i2d` wrote them all.
    unsafe { out.set_len(len) };
    Ok(out)
}

/// What a printing function writes into a memory BIO.
pub(crate) fn printed(print: impl FnOnce(*mut c::BIO) -> c_int) -> Result<Vec<u8>, Error> {
    // SAFETY: BIO_s_mem is a static method table; the new BIO is ours.
    let bio = unsafe { Owned::new(c::BIO_new(c::BIO_s_mem())) }.ok_or_else(no_memory)?;
    if print(bio.as_ptr()) != 1 {
        return Err(Error::fact(Problem::Malformed, "AWS-LC could not print it"));
    }
    let (mut data, mut len) = (std::ptr::null(), 0);
    // SAFETY: a live memory BIO; the two pointers are writable.
    if unsafe { c::BIO_mem_contents(bio.as_ptr(), &raw mut data, &raw mut len) } != 1 {
        return Err(no_memory());
    }
    // SAFETY: `data` is null (then empty) or `len` bytes that live as long as the BIO.
    Ok(unsafe { slice(data, len) }.to_vec())
}

/// A slice from C's pointer and length, where an empty one may have a null pointer.
///
/// # Safety
/// When `len` is not zero and `data` not null, `data` points to `len` bytes that live for `'a`.
pub(crate) unsafe fn slice<'a>(data: *const u8, len: usize) -> &'a [u8] {
    if data.is_null() || len == 0 {
        return &[];
    }
    // SAFETY: as promised by the caller.
    unsafe { std::slice::from_raw_parts(data, len) }
}

pub(crate) fn no_memory() -> Error {
    Error::fact(Problem::Internal, "out of memory")
}
