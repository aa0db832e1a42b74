//! Private keys in every form people keep them in.

use std::ffi::{c_char, c_int, c_void};
use std::fmt;
use std::sync::Arc;

use aws_lc_sys as c;
use zeroize::Zeroizing;

use crate::certificate::Certificate;
use crate::der::{Elements, INTEGER, OCTET_STRING, SEQUENCE, algorithm_names, join_names};
use crate::error::{Entry, Error, ErrorQueue, Problem, describe};
use crate::owned::{Bytes, Owned, no_memory, slice};
use crate::pem;
use crate::public_key::{KeyType, bits_of, type_of};

/// A private key.
///
/// Cloning is cheap and shares the key. Its memory is wiped when the last clone is dropped.
/// `Debug` shows the type only.
#[derive(Clone)]
pub struct PrivateKey(Arc<Key>);

pub(crate) struct Key(Owned<c::EVP_PKEY>);

// SAFETY: an EVP_PKEY may be used from several threads at once by functions that do not mutate it
// (openssl/evp.h, "Public/private key objects"), and no other is called after it was parsed. The
// reference count is atomic.
unsafe impl Send for Key {}
// SAFETY: as above.
unsafe impl Sync for Key {}

impl PrivateKey {
    /// Reads the one private key of a PEM text: PKCS#8 that is not encrypted, PKCS#1, SEC1 (with an
    /// `EC PARAMETERS` block before it or not), or OpenSSL's traditional encrypted form
    /// (`Proc-Type: 4,ENCRYPTED`). A passphrase for a key that is not encrypted is ignored.
    ///
    /// # Errors
    /// [`Problem::NoPemBlock`], [`SeveralKeys`](Problem::SeveralKeys),
    /// [`PassphraseNeeded`](Problem::PassphraseNeeded),
    /// [`WrongPassphrase`](Problem::WrongPassphrase),
    /// [`Unsupported`](Problem::Unsupported) naming the algorithm,
    /// [`Malformed`](Problem::Malformed).
    pub fn from_pem(pem: &[u8], passphrase: Option<&[u8]>) -> Result<Self, Error> {
        let block = pem::private_key(pem)?;
        if block.headers().contains("ENCRYPTED") {
            return Self::from_traditional(&block, passphrase);
        }
        block.parse(Self::from_der)
    }

    /// Reads a DER private key that is not encrypted: PKCS#8, PKCS#1, or SEC1.
    ///
    /// # Errors
    /// [`Problem::PassphraseNeeded`] for encrypted PKCS#8, which is not opened here; otherwise as
    /// [`from_pem`](Self::from_pem).
    pub fn from_der(der: &[u8]) -> Result<Self, Error> {
        match Form::of(der) {
            Some(Form::Encrypted) => {
                let algorithm = encryption_name(der);
                Err(Error::fact(Problem::PassphraseNeeded, format!("encrypted with {algorithm}")))
            }
            Some(form) => Self::from_plain(der, form),
            None => Err(Error::fact(Problem::Malformed, "not a private key")),
        }
    }

    fn from_plain(der: &[u8], form: Form) -> Result<Self, Error> {
        let queue = ErrorQueue::new();
        let kind = match form {
            Form::Rsa => c::EVP_PKEY_RSA,
            Form::Ec => c::EVP_PKEY_EC,
            Form::Dsa => c::EVP_PKEY_DSA,
            Form::Pkcs8 | Form::Encrypted => c::EVP_PKEY_NONE,
        };
        let mut input = c::CBS { data: der.as_ptr(), len: der.len() };
        let key = if kind == c::EVP_PKEY_NONE {
            // SAFETY: `input` spans `der`; on success a new key and `input` the rest.
            unsafe { Owned::new(c::EVP_parse_private_key(&raw mut input)) }
        } else {
            let len = der.len().try_into().map_err(|_| no_memory())?;
            // SAFETY: `len` readable bytes; on success a new key and `input.data` behind it.
            let key = unsafe {
                Owned::new(c::d2i_PrivateKey(kind, std::ptr::null_mut(), &raw mut input.data, len))
            };
            input.len = der.len() - (input.data as usize - der.as_ptr() as usize);
            key
        };
        let Some(key) = key else {
            let entries = queue.drain();
            return Err(match key_name(der) {
                Some(name) if entries.iter().any(|&entry| is_unsupported_key(entry)) => {
                    Error::fact(Problem::Unsupported, format!("private key of {name}"))
                }
                _ => Error::fact(Problem::Malformed, describe(&entries)),
            });
        };
        if input.len != 0 {
            let reason = format!("{} bytes after the end of the private key", input.len);
            return Err(Error::fact(Problem::Malformed, reason));
        }
        Ok(Self::adopt(key))
    }

    /// Reads a block in OpenSSL's own encryption of PEM keys: EVP_BytesToKey with MD5, one round.
    ///
    /// # Errors
    /// As [`from_pem`](Self::from_pem).
    pub fn from_traditional(
        block: &pem::Block<'_>,
        passphrase: Option<&[u8]>,
    ) -> Result<Self, Error> {
        let (headers, mut der) = (block.headers(), block.decode()?);
        let queue = ErrorQueue::new();
        let cipher_name = dek_info(&headers).unwrap_or("an unnamed cipher").to_owned();
        let Some(passphrase) = passphrase else {
            let reason = format!("encrypted with {cipher_name}");
            return Err(Error::fact(Problem::PassphraseNeeded, reason));
        };
        if passphrase.len() > c::PEM_BUFSIZE as usize {
            let reason = format!("longer than {} bytes", c::PEM_BUFSIZE);
            return Err(Error::fact(Problem::WrongPassphrase, reason));
        }
        let mut headers = headers.into_bytes();
        headers.push(0);
        let mut info = c::EVP_CIPHER_INFO { cipher: std::ptr::null(), iv: [0; 16] };
        // SAFETY: NUL-terminated and writable, as it is written to and restored while parsing.
        let known =
            unsafe { c::PEM_get_EVP_CIPHER_INFO(headers.as_mut_ptr().cast(), &raw mut info) == 1 };
        if !known || info.cipher.is_null() {
            let entries = queue.drain();
            let unsupported = entries
                .iter()
                .any(|entry| entry.is(c::ERR_LIB_PEM, c::PEM_R_UNSUPPORTED_ENCRYPTION));
            return Err(if unsupported {
                Error::fact(Problem::Unsupported, format!("key encryption {cipher_name}"))
            } else {
                Error::fact(Problem::Malformed, "the headers of the encrypted PEM block")
            });
        }
        let mut len = der.len().try_into().map_err(|_| no_memory())?;
        let given = Passphrase { bytes: passphrase.as_ptr(), len: passphrase.len() };
        // SAFETY: `len` readable and writable bytes, decrypted in place and never longer after;
        // the callback gets `given`, which lives until the call is over.
        let decrypted = unsafe {
            c::PEM_do_header(
                &raw mut info,
                der.as_mut_ptr(),
                &raw mut len,
                Some(give_passphrase),
                (&raw const given).cast_mut().cast(),
            )
        };
        if decrypted != 1 {
            return Err(queue.error(Problem::WrongPassphrase));
        }
        let plain = &der[..usize::try_from(len).unwrap_or(0)];
        // One wrong passphrase in 256 survives the padding check and leaves noise.
        Self::from_der(plain).map_err(|error| match error.problem() {
            Problem::Unsupported => error,
            _ => Error::new(Problem::WrongPassphrase, "the passphrase does not open the key"),
        })
    }

    /// Makes an RSA key of any size, also of one that is too small for today: for servers that are bad on
    /// purpose.
    ///
    /// # Errors
    /// When AWS-LC does not make keys of this size.
    pub fn generate_rsa(bits: u16) -> Result<Self, Error> {
        let queue = ErrorQueue::new();
        // SAFETY: takes no argument; the new context is ours.
        let context =
            unsafe { Owned::new(c::EVP_PKEY_CTX_new_id(c::EVP_PKEY_RSA, std::ptr::null_mut())) };
        let context = context.ok_or_else(no_memory)?;
        let mut key = std::ptr::null_mut();
        // SAFETY: a live context; `key` is null, which has a new key made and stored there.
        let made = unsafe {
            c::EVP_PKEY_keygen_init(context.as_ptr()) == 1
                && c::EVP_PKEY_CTX_set_rsa_keygen_bits(context.as_ptr(), bits.into()) == 1
                && c::EVP_PKEY_keygen(context.as_ptr(), &raw mut key) == 1
        };
        // SAFETY: null, or a new key that has no other owner.
        match unsafe { Owned::new(key) } {
            Some(key) if made => Ok(Self::adopt(key)),
            _ => Err(queue.error(Problem::Unsupported)),
        }
    }

    fn adopt(key: Owned<c::EVP_PKEY>) -> Self {
        // AWS-LC leaves the public half out where it was left out; GnuTLS and ring want it.
        // SAFETY: a live key that is not shared yet; its EC key is null or its own.
        unsafe {
            let ec = c::EVP_PKEY_get0_EC_KEY(key.as_ptr());
            if !ec.is_null() {
                let flags = c::EC_KEY_get_enc_flags(ec) & !(c::EC_PKEY_NO_PUBKEY as u32);
                c::EC_KEY_set_enc_flags(ec, flags);
            }
        }
        Self(Arc::new(Key(key)))
    }

    /// The type of key.
    #[must_use]
    pub fn key_type(&self) -> KeyType {
        // SAFETY: a live key.
        unsafe { type_of(self.as_ptr()) }
    }

    /// The size of the modulus or of the curve in bits.
    #[must_use]
    pub fn bits(&self) -> u32 {
        // SAFETY: a live key.
        unsafe { bits_of(self.as_ptr()) }
    }

    /// The key as PKCS#8 v1 ([RFC 5208](https://www.rfc-editor.org/rfc/rfc5208)), not encrypted.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub fn to_pkcs8_der(&self) -> Result<Zeroizing<Vec<u8>>, Error> {
        // SAFETY: a live key, written into a live CBB.
        let der = marshalled(|out| unsafe { c::EVP_marshal_private_key(out, self.as_ptr()) })?;
        Ok(Zeroizing::new(der.as_slice().to_vec()))
    }

    /// The public half as a SubjectPublicKeyInfo, DER.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub fn spki_der(&self) -> Result<Vec<u8>, Error> {
        // SAFETY: a live key, written into a live CBB.
        let der = marshalled(|out| unsafe { c::EVP_marshal_public_key(out, self.as_ptr()) })?;
        Ok(der.as_slice().to_vec())
    }

    /// Whether the certificate holds this key's public half.
    #[must_use]
    pub fn matches(&self, certificate: &Certificate) -> bool {
        let _queue = ErrorQueue::new();
        // SAFETY: a live certificate, whose key is null or its own, and a live key.
        unsafe {
            let public = c::X509_get0_pubkey(certificate.as_ptr());
            !public.is_null() && c::EVP_PKEY_cmp(public, self.as_ptr()) == 1
        }
    }

    pub(crate) fn as_ptr(&self) -> *mut c::EVP_PKEY {
        self.0.0.as_ptr()
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({})", self.key_type())
    }
}

/// What a private key's DER encoding is, as far as its first elements tell.
#[derive(Clone, Copy)]
enum Form {
    Pkcs8,
    Encrypted,
    Rsa,
    Ec,
    Dsa,
}

impl Form {
    fn of(der: &[u8]) -> Option<Self> {
        let mut elements = Elements::of(der).enter(SEQUENCE)?;
        if elements.element(SEQUENCE).is_some() {
            return elements.element(OCTET_STRING).map(|_| Self::Encrypted);
        }
        elements.element(INTEGER)?;
        match elements.clone().next()?.tag {
            SEQUENCE => Some(Self::Pkcs8),
            OCTET_STRING => Some(Self::Ec),
            INTEGER if elements.count() == 5 => Some(Self::Dsa),
            INTEGER => Some(Self::Rsa),
            _ => None,
        }
    }
}

/// The passphrase on its way through C to [`give_passphrase`].
struct Passphrase {
    bytes: *const u8,
    len: usize,
}

/// A `pem_password_cb`.
///
/// # Safety
/// `buffer` has room for `size` bytes; `given` points to a [`Passphrase`].
unsafe extern "C" fn give_passphrase(
    buffer: *mut c_char,
    size: c_int,
    _writing: c_int,
    given: *mut c_void,
) -> c_int {
    // SAFETY: as promised; the passphrase outlives the call.
    let passphrase = unsafe {
        let given = &*given.cast::<Passphrase>();
        slice(given.bytes, given.len)
    };
    match c_int::try_from(passphrase.len()) {
        Ok(len) if len <= size => {
            // SAFETY: it fits, and the two do not overlap.
            unsafe {
                std::ptr::copy_nonoverlapping(passphrase.as_ptr(), buffer.cast(), passphrase.len());
            }
            len
        }
        _ => -1,
    }
}

fn is_unsupported_key(entry: Entry) -> bool {
    entry.is(c::ERR_LIB_EVP, c::EVP_R_UNSUPPORTED_ALGORITHM)
        || entry.is(c::ERR_LIB_EC, c::EC_R_UNKNOWN_GROUP)
}

/// The algorithm that an EncryptedPrivateKeyInfo names.
fn encryption(der: &[u8]) -> Option<Elements<'_>> {
    Elements::of(der).enter(SEQUENCE)?.enter(SEQUENCE)
}

fn encryption_name(der: &[u8]) -> String {
    join_names(encryption(der).map(algorithm_names).unwrap_or_default())
}

/// The algorithm that a PrivateKeyInfo names.
fn key_name(der: &[u8]) -> Option<String> {
    let mut elements = Elements::of(der).enter(SEQUENCE)?;
    elements.element(INTEGER)?;
    Some(join_names(algorithm_names(elements.enter(SEQUENCE)?)))
}

/// The cipher in `DEK-Info: AES-256-CBC,1234..`.
fn dek_info(headers: &str) -> Option<&str> {
    let mut lines = headers.lines();
    lines.find_map(|line| line.strip_prefix("DEK-Info:")?.split(',').next()).map(str::trim)
}

/// What a function that appends to a CBB wrote.
fn marshalled(write: impl FnOnce(*mut c::CBB) -> c_int) -> Result<Bytes, Error> {
    let queue = ErrorQueue::new();
    let mut cbb = std::mem::MaybeUninit::<c::CBB>::uninit();
    // SAFETY: CBB_init fills it in or fails.
    if unsafe { c::CBB_init(cbb.as_mut_ptr(), 0) } != 1 {
        return Err(no_memory());
    }
    let (mut data, mut len) = (std::ptr::null_mut(), 0);
    let written = write(cbb.as_mut_ptr()) == 1;
    // SAFETY: initialised above; on success the bytes are ours and the CBB is done with.
    if !written || unsafe { c::CBB_finish(cbb.as_mut_ptr(), &raw mut data, &raw mut len) } != 1 {
        // SAFETY: initialised above, and not finished.
        unsafe { c::CBB_cleanup(cbb.as_mut_ptr()) };
        return Err(queue.error(Problem::Internal));
    }
    // SAFETY: as CBB_finish promises.
    unsafe { Bytes::new(data, len) }.ok_or_else(no_memory)
}
