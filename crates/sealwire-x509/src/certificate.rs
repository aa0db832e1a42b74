//! Certificates: reading, writing, and the fields every certificate has.

use std::ffi::{c_int, c_ulong};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, OnceLock};

use aws_lc_sys as c;

use crate::asn1;
use crate::cost::Cost;
use crate::der::{CONTEXT_0, CONTEXT_3, Elements, INTEGER, OBJECT_IDENTIFIER, SEQUENCE};
use crate::error::{Error, ErrorQueue, Problem, describe};
use crate::list_terms::Extension;
use crate::mend::{Irregularity, mend, without_path_length};
use crate::name::{Name, name, printable};
use crate::one_line::one_line;
use crate::owned::{Owned, encoded, printed};
use crate::pem;
use crate::public_key::PublicKey;
use crate::signature::{Method, Signed};
use crate::trust_settings::TrustSettings;

/// An X.509 certificate ([RFC 5280](https://www.rfc-editor.org/rfc/rfc5280)), of any version.
///
/// Cloning is cheap and shares the parsed certificate. Two certificates are equal when their bytes
/// are. `Debug` shows the subject only.
///
/// Being readable says little: extensions may still be malformed. Then the getters for them say
/// so, each in its own way, and [`verify`](crate::verify) says no.
#[derive(Clone)]
pub struct Certificate(Arc<Parsed>);

struct Parsed {
    x509: Owned<c::X509>,
    /// The same certificate with what its trust settings mean, when it has any.
    anchor: Option<Owned<c::X509>>,
    settings: Option<TrustSettings>,
    /// What AWS-LC is to judge in its place, where it would not take it; see [`crate::mend`].
    judged: Option<Owned<c::X509>>,
    der: Box<[u8]>,
    irregularity: Option<Irregularity>,
    cost: OnceLock<Cost>,
}

// SAFETY: AWS-LC calls an X509 safe to share as long as it is not mutated while others read
// (openssl/x509.h, "Thread safety"). Nothing in this crate mutates one after `Certificate::build`:
// names and the to-be-signed part keep the encoding they were parsed from, the public key is
// decoded by the parser, and the cached extensions are filled in `build` (and are behind the
// X509's own lock besides). The reference count is atomic.
unsafe impl Send for Parsed {}
// SAFETY: as above.
unsafe impl Sync for Parsed {}

impl Certificate {
    /// Reads one DER certificate. Bytes after it are an error.
    ///
    /// # Errors
    /// [`Problem::Malformed`].
    pub fn from_der(der: &[u8]) -> Result<Self, Error> {
        Self::build(der, false)
    }

    /// Reads every certificate of a PEM text: the blocks `CERTIFICATE`, `X509 CERTIFICATE` and
    /// `TRUSTED CERTIFICATE`. Other blocks and the text around them are skipped; a byte order
    /// mark, CRLF and lines of any width are fine.
    ///
    /// The trust settings of a `TRUSTED CERTIFICATE` (`openssl x509 -addtrust`, `-addreject`) are
    /// kept and count when the certificate is in a [`TrustSet`](crate::TrustSet), as in OpenSSL.
    ///
    /// # Errors
    /// [`Problem::NoPemBlock`] when there is no certificate, [`Problem::Malformed`] when one of
    /// them cannot be read, naming its line.
    pub fn all_from_pem(pem: &[u8]) -> Result<Vec<Self>, Error> {
        let mut certificates = Vec::new();
        for block in pem::blocks(pem) {
            let trusted = match block.label() {
                "CERTIFICATE" | "X509 CERTIFICATE" => false,
                "TRUSTED CERTIFICATE" => true,
                _ => continue,
            };
            certificates.push(block.parse(|der| Self::build(der, trusted))?);
        }
        if certificates.is_empty() {
            return Err(Error::fact(Problem::NoPemBlock, "expected BEGIN CERTIFICATE"));
        }
        Ok(certificates)
    }

    fn build(der: &[u8], with_trust_settings: bool) -> Result<Self, Error> {
        let queue = ErrorQueue::new();
        let Ok(len) = der.len().try_into() else {
            return Err(Error::fact(Problem::Malformed, "the certificate is too long"));
        };
        let mut rest = der.as_ptr();
        // SAFETY: `len` readable bytes; on success a new certificate and `rest` behind it.
        let x509 = unsafe { Owned::new(c::d2i_X509(std::ptr::null_mut(), &raw mut rest, len)) };
        let Some(x509) = x509 else {
            let error = queue.malformed();
            let length = Elements::of(der).next().map_or(0, |first| first.encoding.len());
            let (own, after) = der.split_at(length);
            return match mend(own) {
                Some((mended, irregularity)) if after.is_empty() => {
                    let x509 = Self::build(&mended, false)?.0;
                    let x509 = Arc::into_inner(x509).expect("nobody else has it").x509;
                    Ok(Self::adopt(x509, None, None, own.into(), Some(irregularity)))
                }
                _ => Err(error),
            };
        };
        let used = rest as usize - der.as_ptr() as usize;
        let (own, after) = der.split_at(used);
        if after.is_empty() {
            return Ok(Self::adopt(x509, None, None, own.into(), None));
        }
        if !with_trust_settings {
            return Err(trailing(after.len()));
        }
        let mut rest = der.as_ptr();
        // SAFETY: as for d2i_X509; this one reads the settings behind the certificate too.
        let with_settings =
            unsafe { Owned::new(c::d2i_X509_AUX(std::ptr::null_mut(), &raw mut rest, len)) };
        let with_settings = with_settings.ok_or_else(|| queue.malformed())?;
        if rest as usize - der.as_ptr() as usize != der.len() {
            return Err(trailing(der.len() - used));
        }
        let malformed = || Error::new(Problem::Malformed, "trust settings that cannot be read");
        let settings = TrustSettings::read(after).ok_or_else(malformed)?;
        let anchor = settings.anchor(x509)?;
        Ok(Self::adopt(with_settings, anchor, Some(settings), own.into(), None))
    }

    /// Takes over a parsed certificate together with the bytes it was parsed from.
    fn adopt(
        x509: Owned<c::X509>,
        anchor: Option<Owned<c::X509>>,
        settings: Option<TrustSettings>,
        der: Box<[u8]>,
        irregularity: Option<Irregularity>,
    ) -> Self {
        // Fills the lazily cached extensions, so that nothing is left to change when shared.
        // SAFETY: a live certificate that is not shared yet.
        let flags = unsafe { c::X509_get_extension_flags(x509.as_ptr()) };
        let invalid = flags & c::EXFLAG_INVALID as u32 != 0;
        let judged =
            if invalid { without_path_length(&der).and_then(|der| valid(&der)) } else { None };
        let cost = OnceLock::new();
        Self(Arc::new(Parsed { x509, anchor, settings, judged, der, irregularity, cost }))
    }

    /// The certificate as it was given, never re-encoded.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.0.der
    }

    /// One `CERTIFICATE` block.
    #[must_use]
    pub fn to_pem(&self) -> String {
        pem::encode("CERTIFICATE", self.der())
    }

    /// The version people speak of: 1, 2 or 3.
    #[must_use]
    pub fn version(&self) -> u8 {
        if let Some(Irregularity::Version(version)) = self.irregularity() {
            return version;
        }
        // SAFETY: a live certificate. The parser lets only 0, 1 and 2 pass.
        let version = unsafe { c::X509_get_version(self.as_ptr()) };
        u8::try_from(version + 1).unwrap_or(0)
    }

    /// What in it [RFC 5280](https://www.rfc-editor.org/rfc/rfc5280)
    /// forbids, so that it can be read and [`verify`](crate::verify) says no;
    /// `None` for nearly every certificate.
    #[must_use]
    pub fn irregularity(&self) -> Option<Irregularity> {
        self.0.irregularity
    }

    /// The serial number in upper-case hexadecimal as Node prints it: whole bytes, `-` before a
    /// negative one.
    #[must_use]
    pub fn serial_hex(&self) -> String {
        // SAFETY: a live certificate, and its own serial number.
        unsafe { asn1::integer_hex(c::X509_get0_serialNumber(self.as_ptr())) }
    }

    /// The serial number, the contents of its INTEGER.
    #[must_use]
    pub fn serial_number(&self) -> Option<&[u8]> {
        self.tbs_fields().map(|fields| fields.serial)
    }

    /// The subject of the certificate.
    #[must_use]
    pub fn subject(&self) -> Name {
        // SAFETY: a live certificate; the name is its own and comes from the parser.
        unsafe { name(c::X509_get_subject_name(self.as_ptr())) }
    }

    /// The issuer.
    #[must_use]
    pub fn issuer(&self) -> Name {
        // SAFETY: a live certificate; the name is its own and comes from the parser.
        unsafe { name(c::X509_get_issuer_name(self.as_ptr())) }
    }

    /// When it begins to be valid, in seconds since 1970. A field that is not a time gives
    /// `i64::MAX`: never.
    #[must_use]
    pub fn not_before(&self) -> i64 {
        // SAFETY: a live certificate, and its own time.
        unsafe { asn1::time_posix(c::X509_get0_notBefore(self.as_ptr())) }.unwrap_or(i64::MAX)
    }

    /// When it ceases to be valid, in seconds since 1970. A field that is not a time gives
    /// `i64::MIN`: long ago.
    #[must_use]
    pub fn not_after(&self) -> i64 {
        // SAFETY: a live certificate, and its own time.
        unsafe { asn1::time_posix(c::X509_get0_notAfter(self.as_ptr())) }.unwrap_or(i64::MIN)
    }

    /// The SubjectPublicKeyInfo, DER.
    #[must_use]
    pub fn spki_der(&self) -> Vec<u8> {
        let _queue = ErrorQueue::new();
        // SAFETY: a live certificate; its key is written and not changed.
        let spki = unsafe {
            let key = c::X509_get_X509_PUBKEY(self.as_ptr());
            encoded(|out| c::i2d_X509_PUBKEY(key, out))
        };
        spki.unwrap_or_default()
    }

    /// The public key.
    ///
    /// # Errors
    /// [`Problem::Malformed`] when it is of an algorithm AWS-LC knows and cannot be decoded.
    pub fn public_key(&self) -> Result<PublicKey, Error> {
        let queue = ErrorQueue::new();
        // SAFETY: a live certificate; the key is null or its own.
        let key = unsafe { c::X509_get0_pubkey(self.as_ptr()) };
        if key.is_null() {
            let error = queue.malformed();
            return PublicKey::unknown(&self.spki_der()).ok_or(error);
        }
        // SAFETY: the live key of a live certificate.
        Ok(unsafe { PublicKey::of(key) })
    }

    /// With what the issuer signed it.
    #[must_use]
    pub fn signature_algorithm(&self) -> SignatureAlgorithm {
        let _queue = ErrorQueue::new();
        let mut object = std::ptr::null();
        let mut algorithm = std::ptr::null();
        // SAFETY: a live certificate; the algorithm and its object are its own.
        unsafe {
            c::X509_get0_signature(std::ptr::null_mut(), &raw mut algorithm, self.as_ptr());
            c::X509_ALGOR_get0(
                &raw mut object,
                std::ptr::null_mut(),
                std::ptr::null_mut(),
                algorithm,
            );
        }
        // SAFETY: the certificate's own object.
        let (nid, oid) = unsafe { (c::OBJ_obj2nid(object), asn1::oid_text(object)) };
        let mut digest = c::NID_undef;
        // SAFETY: a live certificate, one writable number, and null for what is not wanted.
        unsafe {
            c::X509_get_signature_info(
                self.as_ptr(),
                &raw mut digest,
                std::ptr::null_mut(),
                std::ptr::null_mut(),
                std::ptr::null_mut(),
            );
        }
        SignatureAlgorithm {
            name: asn1::nid_long_name(nid).map_or_else(|| oid.clone(), str::to_owned),
            digest: asn1::nid_long_name(digest)
                .map(str::to_owned)
                .or_else(|| pss_digest(self.der()).filter(|_| nid == c::NID_rsassaPss)),
            oid,
        }
    }

    /// Whether it is signed in a way that is known here, so that the signature can be checked at all.
    #[must_use]
    pub fn has_known_signature(&self) -> bool {
        Signed::read(self.der()).is_some_and(|signed| Method::of(signed.algorithm).is_some())
    }

    /// Whether subject and issuer are the same name.
    #[must_use]
    pub fn is_self_issued(&self) -> bool {
        // SAFETY: a live certificate. X509_NAME_cmp compares canonical forms made by the parser.
        unsafe {
            let subject = c::X509_get_subject_name(self.as_ptr());
            c::X509_NAME_cmp(subject, c::X509_get_issuer_name(self.as_ptr())) == 0
        }
    }

    /// Whether it is self-issued and its signature really is by its own key.
    #[must_use]
    pub fn is_self_signed(&self) -> bool {
        self.is_self_issued() && self.signature_is_by(self)
    }

    /// Whether `issuer` issued this certificate: names, key identifiers and key usage fit
    /// (`X509_check_issued`), and the signature is by its key.
    #[must_use]
    pub fn is_issued_by(&self, issuer: &Self) -> bool {
        let _queue = ErrorQueue::new();
        self.fits_issuer(issuer) == c::X509_V_OK && self.signature_is_by(issuer)
    }

    /// Whether `issuer` could be, or is, the issuer of this certificate, and what keeps it from it.
    #[must_use]
    pub fn fit_of_issuer(&self, issuer: &Self) -> IssuerFit {
        let _queue = ErrorQueue::new();
        match self.fits_issuer(issuer) {
            c::X509_V_OK if self.signature_is_by(issuer) => IssuerFit::Fits,
            c::X509_V_OK => IssuerFit::OtherKey,
            c::X509_V_ERR_SUBJECT_ISSUER_MISMATCH => IssuerFit::OtherName,
            c::X509_V_ERR_AKID_SKID_MISMATCH => IssuerFit::OtherKeyId,
            c::X509_V_ERR_AKID_ISSUER_SERIAL_MISMATCH => IssuerFit::OtherSerial,
            c::X509_V_ERR_KEYUSAGE_NO_CERTSIGN => IssuerFit::MayNotSign,
            _ => IssuerFit::Unreadable,
        }
    }

    /// Whether this certificate names the subject of `issuer` as its issuer. No signature is checked.
    #[must_use]
    pub fn names_as_issuer(&self, issuer: &Self) -> bool {
        // SAFETY: two live names that is not mutated.
        unsafe {
            let subject = c::X509_get_subject_name(issuer.as_ptr());
            c::X509_NAME_cmp(self.issuer_ptr(), subject) == 0
        }
    }

    /// Whether both have the same public key.
    #[must_use]
    pub fn has_same_key(&self, other: &Self) -> bool {
        self.spki_der() == other.spki_der()
    }

    /// Everything in it, in the words of `openssl x509 -text`. Characters that must not reach a
    /// terminal are escaped.
    #[must_use]
    pub fn text(&self) -> String {
        let shown = match one_line(self.der()).map(|copy| Self::from_der(&copy)) {
            None => self.clone(),
            Some(Ok(copy)) => copy,
            Some(Err(error)) => return format!("certificate that cannot be printed ({error})\n"),
        };
        let queue = ErrorQueue::new();
        let flags = (c::XN_FLAG_ONELINE & !c::XN_FLAG_SPC_EQ) as c_ulong;
        // SAFETY: a live BIO and a live certificate, which printing does not change.
        let print = |bio| unsafe { c::X509_print_ex(bio, shown.as_ptr(), flags, 0) };
        match printed(print) {
            Ok(text) => {
                let text = printable(&text);
                match self.irregularity() {
                    Some(Irregularity::Version(version)) => {
                        let said = format!("Version: {version} ({:#x})", version - 1);
                        text.replacen("Version: 3 (0x2)", &said, 1)
                    }
                    _ => text,
                }
            }
            Err(error) => {
                let entries = queue.drain();
                let reason =
                    if entries.is_empty() { error.to_string() } else { describe(&entries) };
                format!("certificate that cannot be printed ({reason})\n")
            }
        }
    }

    pub(crate) fn as_ptr(&self) -> *mut c::X509 {
        self.0.x509.as_ptr()
    }

    /// The certificate for AWS-LC to judge.
    pub(crate) fn judged_ptr(&self) -> *mut c::X509 {
        self.0.judged.as_ref().map_or_else(|| self.as_ptr(), Owned::as_ptr)
    }

    /// Whether AWS-LC judges a copy, whose signature says nothing.
    pub(crate) fn is_judged_by_copy(&self) -> bool {
        self.0.judged.is_some()
    }

    /// The certificate as one of those that are trusted: its trust settings mean to AWS-LC what
    /// those of the file mean to OpenSSL 3.
    pub(crate) fn anchor_ptr(&self) -> *mut c::X509 {
        self.0.anchor.as_ref().map_or_else(|| self.judged_ptr(), Owned::as_ptr)
    }

    /// The settings of a `TRUSTED CERTIFICATE`.
    pub(crate) fn trust_settings(&self) -> Option<&TrustSettings> {
        self.0.settings.as_ref()
    }

    /// `X509_check_issued`: whether names, key identifiers and key usage let `issuer` be the
    /// issuer. No signature is checked. The result is one of AWS-LC's `X509_V_*`.
    pub(crate) fn fits_issuer(&self, issuer: &Self) -> c_int {
        // SAFETY: two live certificates.
        unsafe { c::X509_check_issued(issuer.judged_ptr(), self.judged_ptr()) }
    }

    /// A hash of the subject's canonical form: equal for names that X509_NAME_cmp calls equal.
    pub(crate) fn subject_hash(&self) -> u32 {
        // SAFETY: a live certificate; the name is its own and comes from the parser.
        unsafe { c::X509_NAME_hash(c::X509_get_subject_name(self.as_ptr())) }
    }

    /// The same of the issuer.
    pub(crate) fn issuer_hash(&self) -> u32 {
        // SAFETY: a live certificate; the name is its own and comes from the parser.
        unsafe { c::X509_NAME_hash(c::X509_get_issuer_name(self.as_ptr())) }
    }

    pub(crate) fn issuer_ptr(&self) -> *const c::X509_NAME {
        // SAFETY: a live certificate; the name is its own.
        unsafe { c::X509_get_issuer_name(self.as_ptr()) }
    }

    /// Whether both have the same public key, of a kind that AWS-LC knows.
    pub(crate) fn has_key_of(&self, other: &Self) -> bool {
        let _queue = ErrorQueue::new();
        // SAFETY: two live certificates; their keys are null or their own.
        unsafe {
            let (own, others) =
                (c::X509_get0_pubkey(self.as_ptr()), c::X509_get0_pubkey(other.as_ptr()));
            self == other
                || (!own.is_null() && !others.is_null() && c::EVP_PKEY_cmp(own, others) == 1)
        }
    }

    /// Parts of the encoding that are compared as they are.
    pub(crate) fn tbs_fields(&self) -> Option<TbsFields<'_>> {
        let mut fields = Elements::of(self.der()).enter(SEQUENCE)?.enter(SEQUENCE)?;
        fields.element(CONTEXT_0);
        let serial = fields.element(INTEGER)?.contents;
        fields.element(SEQUENCE)?;
        let issuer = fields.element(SEQUENCE)?.encoding;
        fields.element(SEQUENCE)?; // validity
        fields.element(SEQUENCE)?; // subject
        fields.element(SEQUENCE)?; // subjectPublicKeyInfo
        let extensions = fields.find(|field| field.tag == CONTEXT_3);
        let extensions = Elements::of(extensions.map_or(&[], |field| field.contents));
        let extensions = extensions.clone().enter(SEQUENCE).unwrap_or_else(|| Elements::of(&[]));
        Some(TbsFields { serial, issuer, extensions })
    }

    /// The name of the issuer and the extensions by which revocation lists are chosen (the
    /// distribution points, and whether it is a CA), as they are encoded: certificates of one issuer
    /// that have these in common are covered by the same lists. `None` when they cannot be read.
    #[must_use]
    pub fn coverage(&self) -> Option<Vec<u8>> {
        // basicConstraints, cRLDistributionPoints, freshestCRL
        const CHOOSE: [&[u8]; 3] = [&[0x55, 0x1D, 0x13], &[0x55, 0x1D, 0x1F], &[0x55, 0x1D, 0x2E]];
        let fields = self.tbs_fields()?;
        let mut coverage = fields.issuer.to_vec();
        for extension in Extension::all(fields.extensions)? {
            if CHOOSE.contains(&extension.oid) {
                coverage.extend_from_slice(extension.oid);
                coverage.extend_from_slice(extension.value);
            }
        }
        Some(coverage)
    }

    pub(crate) fn cost(&self) -> Cost {
        *self.0.cost.get_or_init(|| {
            // SAFETY: a live certificate; the key is null or its own.
            unsafe { Cost::of(c::X509_get0_pubkey(self.as_ptr()), self.name_counts()) }
        })
    }

    pub(crate) fn signature_is_by(&self, issuer: &Self) -> bool {
        let _queue = ErrorQueue::new();
        // SAFETY: two live certificates; the key is null or the issuer's own.
        unsafe {
            let key = c::X509_get0_pubkey(issuer.as_ptr());
            !key.is_null() && c::X509_verify(self.as_ptr(), key) == 1
        }
    }
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.der() == other.der()
    }
}

impl Eq for Certificate {}

impl Hash for Certificate {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.der().hash(state);
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({})", self.subject())
    }
}

/// How a certificate stands to another's claim to be issued by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum IssuerFit {
    /// It is the issuer: names, key identifiers, key usage and signature.
    Fits,
    /// It has another name.
    OtherName,
    /// It has the name, and its subjectKeyIdentifier is not the authorityKeyIdentifier.
    OtherKeyId,
    /// It has the name, and the authorityKeyIdentifier names another serial number or issuer.
    OtherSerial,
    /// Its keyUsage does not let it sign certificates.
    MayNotSign,
    /// Everything fits but the signature.
    OtherKey,
    /// One of the two has extensions that cannot be read.
    Unreadable,
}

/// Parts of a certificate's encoding.
pub(crate) struct TbsFields<'a> {
    /// The contents of the serial number's INTEGER.
    pub(crate) serial: &'a [u8],
    /// The issuer's name, DER.
    pub(crate) issuer: &'a [u8],
    pub(crate) extensions: Elements<'a>,
}

/// With what a certificate was signed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SignatureAlgorithm {
    /// OpenSSL's long name, `sha256WithRSAEncryption`, or the dotted object identifier.
    pub name: String,
    /// The dotted object identifier.
    pub oid: String,
    /// The digest it signs, `sha256`, also where only the parameters tell (RSASSA-PSS). `None`
    /// when unknown, or when the algorithm has no separate digest (Ed25519).
    pub digest: Option<String>,
}

/// The digest in the parameters of RSASSA-PSS
/// ([RFC 4055 section 3.1](https://www.rfc-editor.org/rfc/rfc4055#section-3.1)), which AWS-LC does not tell.
fn pss_digest(certificate: &[u8]) -> Option<String> {
    let mut fields = Elements::of(certificate).enter(SEQUENCE)?;
    fields.element(SEQUENCE)?;
    let mut algorithm = fields.enter(SEQUENCE)?;
    algorithm.element(OBJECT_IDENTIFIER)?;
    match algorithm.enter(SEQUENCE)?.enter(CONTEXT_0) {
        Some(mut digest) => digest.enter(SEQUENCE)?.element(OBJECT_IDENTIFIER)?.object_name(),
        None => Some("sha1".to_owned()),
    }
}

/// A certificate, if every extension that AWS-LC looks at is valid.
fn valid(der: &[u8]) -> Option<Owned<c::X509>> {
    let _queue = ErrorQueue::new();
    let len = der.len().try_into().ok()?;
    let mut rest = der.as_ptr();
    // SAFETY: `len` readable bytes; on success a new certificate.
    let x509 = unsafe { Owned::new(c::d2i_X509(std::ptr::null_mut(), &raw mut rest, len)) }?;
    // SAFETY: a live certificate that is not shared yet.
    let flags = unsafe { c::X509_get_extension_flags(x509.as_ptr()) };
    (flags & c::EXFLAG_INVALID as u32 == 0).then_some(x509)
}

fn trailing(len: usize) -> Error {
    Error::fact(Problem::Malformed, format!("{len} bytes after the end of the certificate"))
}
