//! Certificate revocation lists ([RFC 5280 section 5](https://www.rfc-editor.org/rfc/rfc5280#section-5)).

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use aws_lc_sys as c;

use crate::asn1;
use crate::certificate::Certificate;
use crate::der::{Elements, INTEGER, SEQUENCE};
use crate::distribution_point::DirName;
use crate::error::{Error, ErrorQueue, Problem};
use crate::list_entries::Entries;
use crate::list_terms::{Said, Terms};
use crate::name::{Name, name, printable};
use crate::one_line::one_line;
use crate::owned::{Owned, printed};
use crate::pem;
use crate::signature::{Method, Signed};

/// A certificate revocation list.
///
/// Cloning is cheap and shares the parsed list. Two lists are equal when their bytes are.
#[derive(Clone)]
pub struct Crl(Arc<Parsed>);

struct Parsed {
    /// The list without its entries.
    crl: Owned<c::X509_CRL>,
    der: Box<[u8]>,
    entries: Entries,
    /// How it is signed and the digest of what is, taken once however often the signature is
    /// checked; `None` when AWS-LC has no such method.
    method: Option<(Method, Vec<u8>)>,
    terms: Terms,
    /// A certificate by whose key the signature was found good: a list is hashed once, however
    /// many connections it is asked about.
    signer: OnceLock<Certificate>,
    /// How often a key was tried on it.
    checks: AtomicUsize,
}

/// What checking a list's signature by a certificate's key gives.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signature {
    Good,
    Bad,
    /// The key is of a kind that AWS-LC does not know.
    NoKey,
}

// SAFETY: as for an X509, nothing mutates an X509_CRL after it was parsed but the sorting of its
// entries at the first look-up, and this list is never searched. The reference count is atomic.
unsafe impl Send for Parsed {}
// SAFETY: as above.
unsafe impl Sync for Parsed {}

/// Which certificates a list is about
/// ([RFC 5280, 5.2.4](https://www.rfc-editor.org/rfc/rfc5280#section-5.2.4)
/// and 5.2.5), by what it says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CrlScope {
    /// The number (hexadecimal) of the complete list that this delta list is to be added to.
    pub delta_of: Option<String>,
    /// It is also about certificates of other issuers than its own.
    pub indirect: bool,
    /// The only kind of certificate that it is about, in words.
    pub only: Option<&'static str>,
    /// The only reasons of revocation that it is about, in the words of
    /// [RFC 5280](https://www.rfc-editor.org/rfc/rfc5280).
    pub only_reasons: Option<Vec<&'static str>>,
}

impl Crl {
    /// Reads one DER revocation list. Bytes after it are an error.
    ///
    /// # Errors
    /// [`Problem::Malformed`].
    pub fn from_der(der: &[u8]) -> Result<Self, Error> {
        Self::from_vec(der.to_vec())
    }

    /// The same of bytes that are handed over: a list may be large, and is kept as it is.
    fn from_vec(der: Vec<u8>) -> Result<Self, Error> {
        let (entries, without) = Entries::split(&der)?;
        let crl = parse(&without)?;
        let method = Signed::read(&der).and_then(|signed| {
            let method = Method::of(signed.algorithm)?;
            // The algorithm is said twice, and once under the signature.
            let mut fields = Elements::of(signed.content).enter(SEQUENCE)?;
            fields.element(INTEGER);
            let agree = fields.element(SEQUENCE)?.encoding == signed.algorithm;
            agree.then(|| Some((method, method.digest(signed.content).ok()?))).flatten()
        });
        let (terms, signer) = (Terms::of(&der), OnceLock::new());
        let der = der.into_boxed_slice();
        Ok(Self(Arc::new(Parsed {
            crl,
            der,
            entries,
            method,
            terms,
            signer,
            checks: AtomicUsize::new(0),
        })))
    }

    /// Reads every `X509 CRL` block of a PEM text, whatever surrounds them.
    ///
    /// # Errors
    /// [`Problem::NoPemBlock`] without a block, [`Problem::Malformed`], naming the line.
    pub fn all_from_pem(pem: &[u8]) -> Result<Vec<Self>, Error> {
        let blocks = pem::blocks(pem);
        let crls = blocks.iter().filter(|block| block.label() == "X509 CRL");
        let read = |block: &pem::Block<'_>| {
            let der = std::mem::take(&mut *block.decode()?);
            Self::from_vec(der).map_err(|error| error.at_line(block.line()))
        };
        let crls: Vec<_> = crls.map(read).collect::<Result<_, _>>()?;
        if crls.is_empty() {
            return Err(Error::fact(Problem::NoPemBlock, "expected BEGIN X509 CRL"));
        }
        Ok(crls)
    }

    /// The list as it was given.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.0.der
    }

    /// One `X509 CRL` block.
    #[must_use]
    pub fn to_pem(&self) -> String {
        pem::encode("X509 CRL", self.der())
    }

    /// The issuer.
    #[must_use]
    pub fn issuer(&self) -> Name {
        // SAFETY: a live list; the name is its own and comes from the parser.
        unsafe { name(c::X509_CRL_get_issuer(self.as_ptr())) }
    }

    /// When it was issued, in seconds since 1970. A field that is not a time gives `i64::MAX`: never.
    #[must_use]
    pub fn this_update(&self) -> i64 {
        // SAFETY: a live list, and its own time.
        unsafe { asn1::time_posix(c::X509_CRL_get0_lastUpdate(self.as_ptr())) }.unwrap_or(i64::MAX)
    }

    /// By when the next one will be issued, in seconds since 1970; `None` when it does not say. A
    /// field that is not a time gives `i64::MIN`: long ago.
    #[must_use]
    pub fn next_update(&self) -> Option<i64> {
        // SAFETY: a live list.
        let time = unsafe { c::X509_CRL_get0_nextUpdate(self.as_ptr()) };
        // SAFETY: not null, so the list's own time.
        (!time.is_null()).then(|| unsafe { asn1::time_posix(time) }.unwrap_or(i64::MIN))
    }

    /// The CRL number extension in upper-case hexadecimal, when there is one.
    #[must_use]
    pub fn number(&self) -> Option<String> {
        let _queue = ErrorQueue::new();
        // SAFETY: a live list; the value of this extension is a new ASN1_INTEGER or null.
        let number = unsafe {
            Owned::new(
                c::X509_CRL_get_ext_d2i(
                    self.as_ptr(),
                    c::NID_crl_number,
                    std::ptr::null_mut(),
                    std::ptr::null_mut(),
                )
                .cast::<c::ASN1_INTEGER>(),
            )
        }?;
        // SAFETY: a live number.
        Some(unsafe { asn1::integer_hex(number.as_ptr()) })
    }

    /// Which certificates it is about, if not all of its issuer.
    #[must_use]
    pub fn scope(&self) -> CrlScope {
        let terms = &self.0.terms;
        let only = [
            (terms.only_users, "certificates that are not CAs"),
            (terms.only_cas, "CAs"),
            (terms.only_attributes, "attribute certificates"),
        ];
        CrlScope {
            delta_of: terms.base.as_ref().map(ToString::to_string),
            indirect: terms.indirect,
            only: only.into_iter().find_map(|(only, kind)| only.then_some(kind)),
            only_reasons: terms.some_reasons.map(reason_names),
        }
    }

    /// Everything in it, in the words of `openssl crl -text`. Characters that must not reach a
    /// terminal are escaped.
    #[must_use]
    pub fn text(&self) -> String {
        // A list of its own, since ours has no entries.
        let copy = one_line(&self.0.der);
        let text = parse(copy.as_deref().unwrap_or(&self.0.der)).and_then(|crl| {
            let _queue = ErrorQueue::new();
            // SAFETY: a live BIO and a live list.
            printed(|bio| unsafe { c::X509_CRL_print(bio, crl.as_ptr()) })
        });
        match text {
            Ok(text) => printable(&text),
            Err(error) => format!("revocation list that cannot be printed ({error})\n"),
        }
    }

    /// Looks among certificates for one by whose key the list is signed. Found here, before the first
    /// connection, no connection checks the signature again.
    pub fn find_signer(&self, among: &[Certificate]) -> bool {
        let mut named = among.iter().filter(|one| self.is_issued_by_name_of(one));
        named.any(|one| self.signature_by(one) == Signature::Good)
    }

    /// How many times a key has been tried on the signature of this list, by all of its clones: once a
    /// key was found good, no more is needed. For tests that connections do
    /// not pay for a large list.
    #[must_use]
    pub fn signature_checks(&self) -> usize {
        self.0.checks.load(Ordering::Relaxed)
    }

    /// What it says of itself.
    pub(crate) fn terms(&self) -> &Terms {
        &self.0.terms
    }

    /// Whether it is signed by the key of `signer`.
    pub(crate) fn signature_by(&self, signer: &Certificate) -> Signature {
        if self.0.signer.get().is_some_and(|known| known.has_key_of(signer)) {
            return Signature::Good;
        }
        let _queue = ErrorQueue::new();
        // SAFETY: a live certificate; the key is null or its own.
        let key = unsafe { c::X509_get0_pubkey(signer.as_ptr()) };
        if key.is_null() {
            return Signature::NoKey;
        }
        let (Some((method, digest)), Some(signed)) = (&self.0.method, Signed::read(self.der()))
        else {
            return Signature::Bad;
        };
        self.0.checks.fetch_add(1, Ordering::Relaxed);
        // SAFETY: a live key.
        if !unsafe { method.verify(key, digest, signed.content, signed.signature) } {
            return Signature::Bad;
        }
        // Another thread may have found the same with another certificate: either will do.
        let _ = self.0.signer.set(signer.clone());
        Signature::Good
    }

    /// Whether the issuer of the certificate is the issuer of the list.
    pub(crate) fn is_issued_in_name_of(&self, certificate: &Certificate) -> bool {
        // SAFETY: two live names that is not mutated.
        unsafe { c::X509_NAME_cmp(self.issuer_ptr(), certificate.issuer_ptr()) == 0 }
    }

    /// Whether the subject of the certificate is the issuer of the list.
    pub(crate) fn is_issued_by_name_of(&self, certificate: &Certificate) -> bool {
        // SAFETY: two live names that is not mutated.
        unsafe {
            let subject = c::X509_get_subject_name(certificate.as_ptr());
            c::X509_NAME_cmp(self.issuer_ptr(), subject) == 0
        }
    }

    pub(crate) fn is_issued_by(&self, name: &DirName) -> bool {
        // SAFETY: a live name that is not mutated.
        unsafe { name.is(self.issuer_ptr()) }
    }

    pub(crate) fn has_issuer_of(&self, other: &Self) -> bool {
        // SAFETY: two live names that is not mutated.
        unsafe { c::X509_NAME_cmp(self.issuer_ptr(), other.issuer_ptr()) == 0 }
    }

    /// Whether the certificate, one of the list's issuer, is on the list.
    pub(crate) fn has_entry_for(&self, certificate: &Certificate) -> bool {
        certificate.serial_number().is_none_or(|number| self.may_list_number(number))
    }

    /// What an indirect list or a delta list says: see [`Terms::look_up`].
    pub(crate) fn look_up(
        &self,
        serial: &[u8],
        is_issuer: impl Fn(Option<&DirName>) -> bool,
    ) -> Said {
        self.0.terms.look_up(self.der(), &self.0.entries, serial, is_issuer)
    }

    /// Whether an entry has the serial number of this certificate, whatever its issuer: without, the
    /// list has nothing against it. Costs one look-up, and no signature is checked.
    #[must_use]
    pub fn may_list(&self, certificate: &Certificate) -> bool {
        self.has_entry_for(certificate)
    }

    /// The same of a [serial number](Certificate::serial_number).
    #[must_use]
    pub fn may_list_number(&self, number: &[u8]) -> bool {
        self.0.entries.contain(self.der(), number)
    }

    fn issuer_ptr(&self) -> *const c::X509_NAME {
        // SAFETY: a live list; the name is its own.
        unsafe { c::X509_CRL_get_issuer(self.as_ptr()) }
    }

    fn as_ptr(&self) -> *mut c::X509_CRL {
        self.0.crl.as_ptr()
    }
}

impl PartialEq for Crl {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.der() == other.der()
    }
}

impl Eq for Crl {}

impl fmt::Debug for Crl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Crl({})", self.issuer())
    }
}

fn parse(der: &[u8]) -> Result<Owned<c::X509_CRL>, Error> {
    let queue = ErrorQueue::new();
    let Ok(len) = der.len().try_into() else {
        return Err(Error::fact(Problem::Malformed, "the revocation list is too long"));
    };
    let mut rest = der.as_ptr();
    // SAFETY: `len` readable bytes; on success a new list and `rest` behind it.
    let crl = unsafe { Owned::new(c::d2i_X509_CRL(std::ptr::null_mut(), &raw mut rest, len)) };
    let crl = crl.ok_or_else(|| queue.malformed())?;
    match der.len() - (rest as usize - der.as_ptr() as usize) {
        0 => Ok(crl),
        trailing => Err(Error::fact(
            Problem::Malformed,
            format!("{trailing} bytes after the end of the revocation list"),
        )),
    }
}

/// The names of the bits of a ReasonFlags
/// ([RFC 5280, 4.2.1.13](https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.13)), as they are read.
fn reason_names(bits: u16) -> Vec<&'static str> {
    const NAMES: [(u16, &str); 8] = [
        (0x40, "keyCompromise"),
        (0x20, "cACompromise"),
        (0x10, "affiliationChanged"),
        (0x08, "superseded"),
        (0x04, "cessationOfOperation"),
        (0x02, "certificateHold"),
        (0x01, "privilegeWithdrawn"),
        (0x8000, "aACompromise"),
    ];
    NAMES.iter().filter(|(bit, _)| bits & bit != 0).map(|(_, name)| *name).collect()
}
