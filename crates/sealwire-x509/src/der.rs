//! Just enough DER to tell forms apart and to name an algorithm that AWS-LC refuses. Nothing that
//! is trusted comes out of here.

use aws_lc_sys as c;

use crate::asn1;
use crate::error::ErrorQueue;
use crate::owned::Owned;

pub(crate) const BOOLEAN: u8 = 0x01;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(crate) const SEQUENCE: u8 = 0x30;
/// `[0]`, constructed.
pub(crate) const CONTEXT_0: u8 = 0xA0;
/// `[3]`, constructed.
pub(crate) const CONTEXT_3: u8 = 0xA3;

/// One element: its tag and contents, and both together.
#[derive(Clone, Copy)]
pub(crate) struct Element<'a> {
    pub(crate) tag: u8,
    pub(crate) contents: &'a [u8],
    pub(crate) encoding: &'a [u8],
}

/// Walks over the elements that follow one another; ends at the first that is not DER.
#[derive(Clone)]
pub(crate) struct Elements<'a> {
    rest: &'a [u8],
}

impl<'a> Elements<'a> {
    pub(crate) fn of(der: &'a [u8]) -> Self {
        Self { rest: der }
    }

    /// Whether everything was walked over: nothing is left that is not DER.
    pub(crate) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next element, if it has this tag; otherwise stays where it is.
    pub(crate) fn element(&mut self, tag: u8) -> Option<Element<'a>> {
        let mut ahead = self.clone();
        let found = ahead.next().filter(|next| next.tag == tag)?;
        *self = ahead;
        Some(found)
    }

    /// The elements inside the next one, if it has this tag.
    pub(crate) fn enter(&mut self, tag: u8) -> Option<Self> {
        self.element(tag).map(|element| Self::of(element.contents))
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Element<'a>;

    fn next(&mut self) -> Option<Element<'a>> {
        let (&tag, after) = self.rest.split_first()?;
        let (&first, after) = after.split_first()?;
        let (len, after) = match first {
            0..=0x7F => (usize::from(first), after),
            0x81..=0x84 => {
                let (bytes, after) = after.split_at_checked(usize::from(first & 0x7F))?;
                let len = bytes.iter().fold(0u64, |len, &byte| len << 8 | u64::from(byte));
                (usize::try_from(len).ok()?, after)
            }
            _ => return None,
        };
        let (contents, rest) = after.split_at_checked(len)?;
        let encoding = &self.rest[..self.rest.len() - rest.len()];
        self.rest = rest;
        Some(Element { tag, contents, encoding })
    }
}

impl Element<'_> {
    /// A small non-negative INTEGER.
    pub(crate) fn number(&self) -> Option<u64> {
        let significant = self.contents.strip_prefix(&[0]).unwrap_or(self.contents);
        let negative = self.contents.first().is_some_and(|byte| byte & 0x80 != 0);
        (self.tag == INTEGER && !negative && significant.len() <= 8)
            .then(|| significant.iter().fold(0, |number, &byte| number << 8 | u64::from(byte)))
    }

    /// OpenSSL's long name of an OBJECT IDENTIFIER, or its dotted form.
    pub(crate) fn object_name(&self) -> Option<String> {
        let _queue = ErrorQueue::new();
        let len = self.encoding.len().try_into().ok()?;
        let mut input = self.encoding.as_ptr();
        // SAFETY: `len` readable bytes; on success a new object.
        let object =
            unsafe { Owned::new(c::d2i_ASN1_OBJECT(std::ptr::null_mut(), &raw mut input, len)) }?;
        // SAFETY: a live object.
        let (nid, oid) =
            unsafe { (c::OBJ_obj2nid(object.as_ptr()), asn1::oid_text(object.as_ptr())) };
        Some(asn1::nid_long_name(nid).or_else(|| name_of_unknown(&oid)).map_or(oid, str::to_owned))
    }
}

/// OpenSSL's names of algorithms that keys are found encrypted with and AWS-LC has no name for.
fn name_of_unknown(oid: &str) -> Option<&'static str> {
    Some(match oid {
        "1.3.6.1.4.1.11591.4.11" => "scrypt",
        "1.2.840.113549.1.5.14" => "PBMAC1",
        "1.2.410.200046.1.1.2" => "aria-128-cbc",
        "1.2.410.200046.1.1.7" => "aria-192-cbc",
        "1.2.410.200046.1.1.12" => "aria-256-cbc",
        "1.2.156.10197.1.104.2" => "sm4-cbc",
        _ => return None,
    })
}

/// One element, DER.
pub(crate) fn encode(tag: u8, contents: &[u8]) -> Vec<u8> {
    let len = contents.len().to_be_bytes();
    let significant = &len[len.iter().take_while(|&&byte| byte == 0).count()..];
    let mut der = Vec::with_capacity(contents.len() + 10);
    der.push(tag);
    match contents.len() {
        short @ ..0x80 => der.push(short as u8),
        _ => {
            der.push(0x80 | significant.len() as u8);
            der.extend_from_slice(significant);
        }
    }
    der.extend_from_slice(contents);
    der
}

/// The names in an AlgorithmIdentifier: its own first, then those in its parameters.
pub(crate) fn algorithm_names(mut algorithm: Elements<'_>) -> Vec<String> {
    let mut names: Vec<_> = algorithm
        .element(OBJECT_IDENTIFIER)
        .and_then(|own| own.object_name())
        .into_iter()
        .collect();
    if let Some(parameters) = algorithm.enter(SEQUENCE) {
        collect_names(parameters, 3, &mut names);
    }
    names
}

/// Such names in one: `PBES2 (scrypt, aes-256-cbc)`.
pub(crate) fn join_names(names: Vec<String>) -> String {
    match &names[..] {
        [] => "unknown".to_owned(),
        [own] => own.clone(),
        [own, parts @ ..] => format!("{own} ({})", parts.join(", ")),
    }
}

fn collect_names(elements: Elements<'_>, depth: u8, names: &mut Vec<String>) {
    for element in elements.take(8) {
        match element.tag {
            OBJECT_IDENTIFIER => names.extend(element.object_name()),
            SEQUENCE if depth > 0 => {
                collect_names(Elements::of(element.contents), depth - 1, names);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn walks_and_stops_at_what_is_no_der() {
        let der = [0x30, 0x05, 0x02, 0x01, 0x07, 0x05, 0x00, 0x04, 0x81, 0x01, 0xAA, 0x02, 0x09];
        let tags: Vec<u8> = Elements::of(&der).map(|element| element.tag).collect();
        assert_eq!(tags, [SEQUENCE, OCTET_STRING]);
        let mut inside = Elements::of(&der).enter(SEQUENCE).unwrap();
        assert!(inside.element(SEQUENCE).is_none());
        assert_eq!(inside.element(INTEGER).unwrap().number(), Some(7));
        for bad in
            [&[0x30][..], &[0x30, 0x80, 0, 0], &[0x30, 0x85, 0, 0, 0, 0, 1, 0], &[0x30, 2, 0]]
        {
            assert!(Elements::of(bad).next().is_none(), "{bad:?}");
        }
    }

    #[test]
    fn names_algorithms() {
        // SEQUENCE { pbeWithMD5AndDES-CBC, SEQUENCE { OCTET STRING, INTEGER } }
        let pbes1 = [
            0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x05, 0x03, 0x30, 0x05, 0x04,
            0x00, 0x02, 0x01, 0x01,
        ];
        let name = |der| join_names(algorithm_names(Elements::of(der)));
        assert_eq!(name(&pbes1), "pbeWithMD5AndDES-CBC");
        assert_eq!(name(&[0x06, 0x02, 0x88, 0x37]), "2.999");
        assert_eq!(name(&[0x06, 0x00]), "unknown");
    }
}
