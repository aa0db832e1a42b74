//! PKCS#12 files (RFC 7292): `.pfx` and `.p12`.

use std::ffi::CString;
use std::fmt;

use aws_lc_sys as c;
use zeroize::Zeroize;

use crate::certificate::Certificate;
use crate::der::{
    CONTEXT_0, Elements, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, algorithm_names,
    iterations, join_names,
};
use crate::error::{Entry, Error, ErrorQueue, Problem, describe};
use crate::key::{MAX_ITERATIONS, PrivateKey, decryption_error, too_many_iterations};
use crate::owned::{Owned, Stack, encoded};

/// What a PKCS#12 file holds.
#[derive(Clone)]
#[non_exhaustive]
pub struct Pkcs12 {
    /// The private key.
    pub key: Option<PrivateKey>,
    /// The certificate of that key.
    pub certificate: Option<Certificate>,
    /// The other certificates in the order of the file; without further copies of
    /// [`certificate`](Self::certificate), which `openssl pkcs12 -export -certfile` likes to add.
    pub chain: Vec<Certificate>,
}

impl Pkcs12 {
    /// Opens a file, DER or BER. Without a passphrase, and with an empty one, both ways to write
    /// "no passphrase" are tried, as OpenSSL does.
    ///
    /// Read are files with a MAC and at most one private key, encrypted with PBES2 (PBKDF2 with
    /// HMAC-SHA1 or -SHA256; AES-CBC, 3DES) or PKCS#12's own 3DES, RC4-128 and RC2-40.
    ///
    /// # Errors
    /// [`Problem::WrongPassphrase`], [`PassphraseNeeded`](Problem::PassphraseNeeded) when none
    /// was given, [`Malformed`](Problem::Malformed), [`SeveralKeys`](Problem::SeveralKeys),
    /// [`Unsupported`](Problem::Unsupported) naming the algorithm.
    pub fn parse(der: &[u8], passphrase: Option<&[u8]>) -> Result<Self, Error> {
        let layout = Layout::of(der);
        if let Some(count) = layout.most_iterations().filter(|&count| count > MAX_ITERATIONS) {
            return Err(too_many_iterations(count));
        }
        let passphrase = passphrase.map(Passphrase::new).transpose()?;
        let pointer = passphrase.as_ref().map_or(std::ptr::null(), |text| text.0.as_ptr());

        let queue = ErrorQueue::new();
        let mut input = c::CBS { data: der.as_ptr(), len: der.len() };
        let mut key = std::ptr::null_mut();
        // SAFETY: an empty stack has no elements to outlive it.
        let certificates = unsafe { Stack::of::<c::X509>(std::iter::empty()) }?;
        // SAFETY: `input` spans `der`, the passphrase is null or NUL-terminated, and what is
        // written to the other two on success is ours to free; on failure nothing is left there.
        let (opened, key) = unsafe {
            let opened = c::PKCS12_get_key_and_certs(
                &raw mut key,
                certificates.as_ptr(),
                &raw mut input,
                pointer,
            );
            (opened, Owned::new(key))
        };
        // SAFETY: each element of the stack is a reference of its own that is ours.
        let certificates: Vec<Owned<c::X509>> = unsafe { certificates.take_all() };
        if opened != 1 {
            let error = explain(&queue.drain(), &layout);
            return Err(match (error.problem(), passphrase) {
                (Problem::WrongPassphrase, None) => {
                    Error::fact(Problem::PassphraseNeeded, "mac verify failure")
                }
                _ => error,
            });
        }
        let key = key.map(PrivateKey::adopt);
        let mut chain = certificates.iter().map(read_again).collect::<Result<Vec<_>, _>>()?;
        // OpenSSL takes the last that fits.
        let own = key.as_ref().and_then(|key| chain.iter().rposition(|other| key.matches(other)));
        let certificate = own.map(|index| chain.remove(index));
        chain.retain(|other| Some(other) != certificate.as_ref());
        Ok(Self { key, certificate, chain })
    }
}

impl fmt::Debug for Pkcs12 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, certificate, chain } = self;
        write!(f, "Pkcs12({key:?}, {certificate:?}, {chain:?})")
    }
}

/// A NUL-terminated passphrase, wiped after use.
struct Passphrase(CString);

impl Passphrase {
    fn new(passphrase: &[u8]) -> Result<Self, Error> {
        // PKCS#12 wants UTF-16, and AWS-LC takes UTF-8 and knows no surrogate pairs.
        let text = std::str::from_utf8(passphrase).map_err(|_| {
            Error::fact(Problem::WrongPassphrase, "a passphrase of PKCS#12 is UTF-8")
        })?;
        if text.chars().any(|character| character > '\u{FFFF}') {
            let reason = "PKCS#12 passphrase with characters above U+FFFF";
            return Err(Error::fact(Problem::Unsupported, reason));
        }
        CString::new(text).map(Self).map_err(|error| {
            error.into_vec().zeroize();
            Error::fact(Problem::WrongPassphrase, "a passphrase of PKCS#12 cannot hold a NUL")
        })
    }
}

impl Drop for Passphrase {
    fn drop(&mut self) {
        std::mem::take(&mut self.0).into_bytes().zeroize();
    }
}

/// A certificate from the bytes AWS-LC read: the file's own bytes stay inside its decryption.
fn read_again(x509: &Owned<c::X509>) -> Result<Certificate, Error> {
    // SAFETY: a live certificate, unchanged since it was parsed.
    let der = unsafe { encoded(|out| c::i2d_X509(x509.as_ptr(), out)) }?;
    Certificate::from_der(&der)
}

fn explain(entries: &[Entry], layout: &Layout<'_>) -> Error {
    let reason = describe(entries);
    let Some(first) = entries.first() else { return Error::fact(Problem::Internal, reason) };
    match (first.library(), first.code()) {
        (c::ERR_LIB_PKCS12, c::PKCS12_R_MAC_VERIFY_FAILURE) => {
            Error::fact(Problem::WrongPassphrase, "mac verify failure")
        }
        (c::ERR_LIB_DIGEST, c::DIGEST_R_UNKNOWN_HASH) => {
            let name = layout.mac.clone().unwrap_or_else(|| "unknown".to_owned());
            Error::fact(Problem::Unsupported, format!("PKCS#12 with MAC {name}"))
        }
        (c::ERR_LIB_PKCS8, c::PKCS8_R_MISSING_MAC) => {
            Error::fact(Problem::Unsupported, "PKCS#12 without MAC")
        }
        (c::ERR_LIB_PKCS8, c::PKCS8_R_PKCS12_PUBLIC_KEY_INTEGRITY_NOT_SUPPORTED) => {
            Error::fact(Problem::Unsupported, "PKCS#12 signed with a public key")
        }
        (c::ERR_LIB_PKCS8, c::PKCS8_R_MULTIPLE_PRIVATE_KEYS_IN_PKCS12) => {
            Error::fact(Problem::SeveralKeys, "PKCS#12 with more than one")
        }
        (c::ERR_LIB_PKCS8, c::PKCS8_R_BAD_PKCS12_DATA | c::PKCS8_R_BAD_PKCS12_VERSION) => {
            Error::fact(Problem::Malformed, reason)
        }
        // A certificate inside that is none.
        (c::ERR_LIB_ASN1 | c::ERR_LIB_X509, _) => Error::fact(Problem::Malformed, reason),
        _ => match decryption_error(entries) {
            Problem::Unsupported => {
                let name = layout.refused_encryption();
                let name = name.unwrap_or_else(|| format!("unknown ({reason})"));
                Error::fact(Problem::Unsupported, format!("PKCS#12 with encryption {name}"))
            }
            kind => Error::fact(kind, reason),
        },
    }
}

/// What can be seen of a DER file from outside, to name what AWS-LC refuses. Of a BER file, that
/// is nothing.
struct Layout<'a> {
    mac: Option<String>,
    mac_iterations: Option<u64>,
    /// The AlgorithmIdentifiers of what is encrypted.
    encryptions: Vec<Elements<'a>>,
}

impl<'a> Layout<'a> {
    fn of(der: &'a [u8]) -> Self {
        let mut layout = Self { mac: None, mac_iterations: None, encryptions: Vec::new() };
        layout.read(der);
        layout
    }

    fn read(&mut self, der: &'a [u8]) -> Option<()> {
        let mut pfx = Elements::of(der).enter(SEQUENCE)?;
        pfx.element(INTEGER)?;
        let mut content = pfx.enter(SEQUENCE)?;
        if let Some(mut mac) = pfx.enter(SEQUENCE) {
            let mut digest = mac.enter(SEQUENCE)?;
            self.mac =
                digest.enter(SEQUENCE).map(|algorithm| join_names(algorithm_names(algorithm)));
            mac.element(OCTET_STRING)?;
            self.mac_iterations = mac.element(INTEGER).and_then(|count| count.number());
        }
        content.element(OBJECT_IDENTIFIER)?;
        for safe in content.enter(CONTEXT_0)?.enter(OCTET_STRING)?.enter(SEQUENCE)? {
            self.read_safe(Elements::of(safe.contents));
        }
        Some(())
    }

    fn read_safe(&mut self, mut safe: Elements<'a>) -> Option<()> {
        safe.element(OBJECT_IDENTIFIER)?;
        let mut content = safe.enter(CONTEXT_0)?;
        if let Some(mut encrypted) = content.enter(SEQUENCE) {
            encrypted.element(INTEGER)?;
            let mut info = encrypted.enter(SEQUENCE)?;
            info.element(OBJECT_IDENTIFIER)?;
            self.encryptions.push(info.enter(SEQUENCE)?);
        } else {
            for bag in content.enter(OCTET_STRING)?.enter(SEQUENCE)? {
                let mut bag = Elements::of(bag.contents);
                bag.element(OBJECT_IDENTIFIER)?;
                let mut value = bag.enter(CONTEXT_0)?.enter(SEQUENCE)?;
                // A shrouded key begins with its algorithm, everything else with something else.
                self.encryptions.extend(value.enter(SEQUENCE));
            }
        }
        Some(())
    }

    fn most_iterations(&self) -> Option<u64> {
        let inside = self.encryptions.iter().cloned().filter_map(iterations);
        inside.chain(self.mac_iterations).max()
    }

    /// The first encryption that is not among those AWS-LC has (crypto/pkcs8/pkcs8.c, p5_pbev2.c).
    fn refused_encryption(&self) -> Option<String> {
        let known = |name: &String| {
            matches!(
                name.as_str(),
                "PBES2"
                    | "PBKDF2"
                    | "hmacWithSHA1"
                    | "hmacWithSHA256"
                    | "aes-128-cbc"
                    | "aes-192-cbc"
                    | "aes-256-cbc"
                    | "des-ede3-cbc"
                    | "pbeWithSHA1And3-KeyTripleDES-CBC"
                    | "pbeWithSHA1And40BitRC2-CBC"
                    | "pbeWithSHA1And128BitRC4"
            )
        };
        let mut names = self.encryptions.iter().cloned().map(algorithm_names);
        names.find(|names| !names.iter().all(known)).map(join_names)
    }
}
