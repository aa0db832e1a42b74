//! The names of distribution points: where a certificate says its list is, and what a list says
//! of itself ([RFC 5280](https://www.rfc-editor.org/rfc/rfc5280) sections 4.2.1.13 and 5.2.5).

use aws_lc_sys as c;

use crate::der::{CONTEXT_0, Element, Elements, SEQUENCE};
use crate::error::ErrorQueue;
use crate::owned::Owned;

const CONTEXT_1: u8 = 0xA1;
const CONTEXT_2: u8 = 0xA2;
/// `[1]`, primitive.
pub(crate) const CONTEXT_1_PRIMITIVE: u8 = 0x81;
/// `directoryName`.
const DIRECTORY: u8 = 0xA4;
const SET: u8 = 0x31;

/// Every reason that [RFC 5280](https://www.rfc-editor.org/rfc/rfc5280)
/// has, in the bits in which a ReasonFlags is read.
pub(crate) const ALL_REASONS: u16 = 0x807F;

/// A distinguished name to compare: letters of either case and runs of spaces are equal.
pub(crate) struct DirName(Owned<c::X509_NAME>);

// SAFETY: a parsed name that is not mutated has its canonical form cached; comparing only reads it.
unsafe impl Send for DirName {}
// SAFETY: as above.
unsafe impl Sync for DirName {}

impl DirName {
    pub(crate) fn from_der(der: &[u8]) -> Option<Self> {
        let _queue = ErrorQueue::new();
        let len = der.len().try_into().ok()?;
        let mut rest = der.as_ptr();
        // SAFETY: `len` readable bytes; on success a new name.
        unsafe { Owned::new(c::d2i_X509_NAME(std::ptr::null_mut(), &raw mut rest, len)) }.map(Self)
    }

    /// # Safety
    /// `name` is live, came out of a parser, and is not mutated.
    pub(crate) unsafe fn is(&self, name: *const c::X509_NAME) -> bool {
        // SAFETY: two live names.
        unsafe { c::X509_NAME_cmp(self.0.as_ptr(), name) == 0 }
    }
}

impl PartialEq for DirName {
    fn eq(&self, other: &Self) -> bool {
        // SAFETY: a live name.
        unsafe { self.is(other.0.as_ptr()) }
    }
}

/// One of the names of a distribution point.
#[derive(PartialEq)]
pub(crate) enum PointName {
    Directory(DirName),
    /// Tag and contents: compared byte for byte.
    Other(Box<[u8]>),
}

/// One element of a certificate's cRLDistributionPoints.
pub(crate) struct Point {
    /// `None`: it is missing, which matches every list.
    pub(crate) names: Option<Vec<PointName>>,
    pub(crate) reasons: u16,
    /// `cRLIssuer`: the issuer of the list, when it is not the issuer of the certificate.
    pub(crate) issuers: Option<Vec<PointName>>,
}

impl Point {
    /// The points of an extension's value. `issuer` is the DER name of the certificate's issuer.
    pub(crate) fn all(extension: &[u8], issuer: &[u8]) -> Option<Vec<Self>> {
        let mut points = Elements::of(extension).enter(SEQUENCE)?;
        let all = points.by_ref().map(|point| Self::read(point, issuer)).collect();
        if points.is_at_end() { all } else { None }
    }

    fn read(point: Element<'_>, issuer: &[u8]) -> Option<Self> {
        let mut fields = Elements::of(point.contents);
        let name = fields.enter(CONTEXT_0);
        let reasons = fields.element(CONTEXT_1_PRIMITIVE);
        let issuers = fields.enter(CONTEXT_2);
        let own = issuers.clone().and_then(|mut issuers| {
            issuers.find(|name| name.tag == DIRECTORY).map(|name| name.contents)
        });
        let names = match name {
            Some(name) => Some(names(name, own.unwrap_or(issuer))?),
            None => None,
        };
        Some(Self {
            names,
            reasons: reasons.map_or(ALL_REASONS, |reasons| reason_bits(reasons.contents)),
            issuers: issuers.map(general_names),
        })
    }
}

/// A DistributionPointName, spelled out: `issuer` is the DER name that a relative one is added to.
pub(crate) fn names(mut choice: Elements<'_>, issuer: &[u8]) -> Option<Vec<PointName>> {
    let choice = choice.next()?;
    match choice.tag {
        CONTEXT_0 => Some(general_names(Elements::of(choice.contents))),
        CONTEXT_1 => {
            let mut full = Elements::of(issuer).element(SEQUENCE)?.contents.to_vec();
            full.extend(encode(SET, choice.contents));
            DirName::from_der(&encode(SEQUENCE, &full)).map(|name| vec![PointName::Directory(name)])
        }
        _ => None,
    }
}

/// A GeneralNames. A directory name that cannot be read equals no other.
pub(crate) fn general_names(names: Elements<'_>) -> Vec<PointName> {
    let read = |name: Element<'_>| {
        let directory = (name.tag == DIRECTORY).then(|| DirName::from_der(name.contents)).flatten();
        directory.map_or_else(|| PointName::Other(name.encoding.into()), PointName::Directory)
    };
    names.map(read).collect()
}

/// The directory names of a GeneralNames.
pub(crate) fn directories(names: Vec<PointName>) -> Vec<DirName> {
    let directory = |name| match name {
        PointName::Directory(name) => Some(name),
        PointName::Other(_) => None,
    };
    names.into_iter().filter_map(directory).collect()
}

/// Whether two distribution points have a name in common; one without names matches all.
pub(crate) fn have_one_in_common(a: Option<&[PointName]>, b: Option<&[PointName]>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => a.iter().any(|name| b.contains(name)),
        _ => true,
    }
}

/// The contents of a ReasonFlags.
pub(crate) fn reason_bits(bit_string: &[u8]) -> u16 {
    let byte = |index| u16::from(bit_string.get(index).copied().unwrap_or(0));
    (byte(1) | byte(2) << 8) & ALL_REASONS
}

fn encode(tag: u8, contents: &[u8]) -> Vec<u8> {
    let len = contents.len().to_be_bytes();
    let significant = &len[len.iter().position(|&byte| byte != 0).unwrap_or(len.len() - 1)..];
    let mut der = vec![tag];
    if contents.len() >= 0x80 {
        der.push(0x80 | significant.len() as u8);
    }
    der.extend_from_slice(significant);
    der.extend_from_slice(contents);
    der
}
