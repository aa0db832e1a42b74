//! The part of a certificate that is signed, and its serial number.

use aws_lc_rs::rand;
use der::asn1::{AnyRef, Uint};
use der::{Decode, Enumerated, Sequence};
use spki::AlgorithmIdentifierOwned;
use x509_cert::ext::Extension;

use super::signature::unencodable;
use super::{Error, Problem};

/// TBSCertificate ([RFC 5280, section 4.1](https://www.rfc-editor.org/rfc/rfc5280#section-4.1)).
/// Our own and not x509-cert's, whose fields are private:
/// here names and keys stay the bytes they were, so an issuer's name never changes its encoding.
#[derive(Sequence)]
pub(super) struct TbsCertificate<'a> {
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", default = "Version::default")]
    version: Version,
    serial: Uint,
    signature: AlgorithmIdentifierOwned,
    issuer: AnyRef<'a>,
    validity: x509_cert::time::Validity,
    subject: AnyRef<'a>,
    spki: AnyRef<'a>,
    #[asn1(context_specific = "3", tag_mode = "EXPLICIT", optional = "true")]
    extensions: Option<Vec<Extension>>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Enumerated)]
#[asn1(type = "INTEGER")]
#[repr(u8)]
enum Version {
    #[default]
    V1 = 0,
    V3 = 2,
}

/// The parts of it that are known before the key that signs.
pub(super) struct Parts<'a> {
    pub(super) serial: Uint,
    pub(super) issuer: AnyRef<'a>,
    pub(super) validity: x509_cert::time::Validity,
    pub(super) subject: AnyRef<'a>,
    pub(super) spki: AnyRef<'a>,
    pub(super) extensions: Vec<Extension>,
    /// Also when there are no extensions that would need it.
    pub(super) version_3: bool,
}

impl<'a> Parts<'a> {
    pub(super) fn into_tbs(self, signature: AlgorithmIdentifierOwned) -> TbsCertificate<'a> {
        let Self { serial, issuer, validity, subject, spki, extensions, version_3 } = self;
        let extensions = Some(extensions).filter(|extensions| !extensions.is_empty());
        let version = if version_3 || extensions.is_some() { Version::V3 } else { Version::V1 };
        TbsCertificate { version, serial, signature, issuer, validity, subject, spki, extensions }
    }
}

pub(super) fn any(der: &[u8]) -> Result<AnyRef<'_>, Error> {
    AnyRef::from_der(der).map_err(|e| unencodable(&e))
}

/// The most that [RFC 5280](https://www.rfc-editor.org/rfc/rfc5280) allows, in bytes.
pub(super) const LONGEST_SERIAL: usize = 20;

/// So many bytes: random bits, after one that keeps the number positive and one that keeps it at
/// full length.
pub(super) fn random_serial(length: usize) -> Result<Uint, Error> {
    let mut bytes = vec![0; length.clamp(8, LONGEST_SERIAL)];
    rand::fill(&mut bytes).map_err(|_| Error::new(Problem::Internal, "no random bytes"))?;
    bytes[0] = bytes[0] & 0x7f | 0x40;
    Uint::new(&bytes).map_err(|e| unencodable(&e))
}

pub(super) fn check_serial(bytes: &[u8]) -> Result<Uint, Error> {
    let significant = bytes.iter().skip_while(|byte| **byte == 0).count();
    let negative = bytes.len() >= 20 && bytes[bytes.len() - significant..].first() >= Some(&0x80);
    if significant == 0 || significant > 20 || (significant == 20 && negative) {
        let what = "a serial number is a positive integer of at most 20 bytes";
        return Err(Error::new(Problem::InvalidValue, what));
    }
    Uint::new(bytes).map_err(|e| unencodable(&e))
}
