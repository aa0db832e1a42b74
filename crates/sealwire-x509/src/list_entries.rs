//! The entries of a revocation list, which may be millions: they stay in the list's own bytes, and
//! are found there by their serial numbers. AWS-LC's own form takes twenty times the file.

use crate::der::{Element, Elements, INTEGER, SEQUENCE, encode};
use crate::error::{Error, Problem};

const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// Where the entries are in a list, in the order of their serial numbers, and those of one number in the
/// order of the list.
pub(crate) struct Entries(Box<[u32]>);

impl Entries {
    /// The entries of a list, DER, and the list without them, which is short.
    pub(crate) fn split(der: &[u8]) -> Result<(Self, Vec<u8>), Error> {
        let malformed = || Error::fact(Problem::Malformed, "the revocation list is not DER");
        if u32::try_from(der.len()).is_err() {
            return Err(Error::fact(Problem::Malformed, "the revocation list is too long"));
        }
        let mut outside = Elements::of(der);
        let whole = outside.element(SEQUENCE).ok_or_else(malformed)?;
        match der.len() - whole.encoding.len() {
            0 => {}
            more => {
                let reason = format!("{more} bytes after the end of the revocation list");
                return Err(Error::fact(Problem::Malformed, reason));
            }
        }
        let mut parts = Elements::of(whole.contents);
        let signed = parts.element(SEQUENCE).ok_or_else(malformed)?;
        let mut kept = Vec::new();
        let mut places = Vec::new();
        let (mut times, mut seen) = (0, 0);
        for field in Elements::of(signed.contents) {
            seen += field.encoding.len();
            match field.tag {
                UTC_TIME | GENERALIZED_TIME => times += 1,
                // What comes before the times is the algorithm and the name.
                SEQUENCE if times > 0 => {
                    places = read(der, field).ok_or_else(malformed)?;
                    continue;
                }
                _ => {}
            }
            kept.extend_from_slice(field.encoding);
        }
        if seen != signed.contents.len() {
            return Err(malformed());
        }
        let mut list = encode(SEQUENCE, &kept);
        for part in parts {
            list.extend_from_slice(part.encoding);
        }
        Ok((Self(sorted(der, &places)), encode(SEQUENCE, &list)))
    }

    /// Whether one of the list's entries has this serial number (the contents of an INTEGER).
    pub(crate) fn contain(&self, der: &[u8], number: &[u8]) -> bool {
        !self.of(der, number).is_empty()
    }

    /// Where the entries with this serial number are, in the order of the list.
    pub(crate) fn of(&self, der: &[u8], number: &[u8]) -> &[u32] {
        let number = Some(significant(number));
        let begin = self.0.partition_point(|&place| serial(der, place) < number);
        let behind = &self.0[begin..];
        let count = behind.iter().take_while(|&&place| serial(der, place) == number).count();
        &behind[..count]
    }
}

/// Where an element of a list is in it.
pub(crate) fn place(der: &[u8], element: Element<'_>) -> Option<u32> {
    u32::try_from(element.encoding.as_ptr() as usize - der.as_ptr() as usize).ok()
}

/// The fields of the entry there.
pub(crate) fn fields(der: &[u8], place: u32) -> Option<Elements<'_>> {
    Elements::of(der.get(usize::try_from(place).ok()?..)?).enter(SEQUENCE)
}

/// Where each entry begins.
fn read(der: &[u8], entries: Element<'_>) -> Option<Vec<u32>> {
    let mut places = Vec::new();
    let mut seen = 0;
    for entry in Elements::of(entries.contents) {
        let mut fields = Elements::of(entry.contents);
        fields.element(INTEGER).filter(|number| !number.contents.is_empty())?;
        let time = fields.next()?;
        let extensions = fields.next();
        let known = matches!(time.tag, UTC_TIME | GENERALIZED_TIME)
            && extensions.is_none_or(|extensions| extensions.tag == SEQUENCE)
            && fields.next().is_none();
        if entry.tag != SEQUENCE || !known {
            return None;
        }
        places.push(place(der, entry)?);
        seen += entry.encoding.len();
    }
    (seen == entries.contents.len()).then_some(places)
}

/// These places in the order of the serial numbers there, and of one number in the order of the list.
fn sorted(der: &[u8], places: &[u32]) -> Box<[u32]> {
    // The beginnings of numbers beside the places: most comparisons touch no other memory.
    let mut beginnings: Vec<(u64, u32)> =
        places.iter().map(|&place| (beginning(serial(der, place)), place)).collect();
    beginnings.sort_unstable_by(|(one, here), (other, there)| {
        let numbers = || serial(der, *here).cmp(&serial(der, *there));
        one.cmp(other).then_with(numbers).then(here.cmp(there))
    });
    beginnings.into_iter().map(|(_, place)| place).collect()
}

/// The first bytes of a number, in whose order numbers are that begin differently.
fn beginning(number: Option<&[u8]>) -> u64 {
    let mut first = [0; 8];
    for (to, from) in first.iter_mut().zip(number.unwrap_or_default()) {
        *to = *from;
    }
    u64::from_be_bytes(first)
}

/// The serial number of the entry there; there always is one.
fn serial(der: &[u8], place: u32) -> Option<&[u8]> {
    fields(der, place)?.element(INTEGER).map(|number| significant(number.contents))
}

/// A number without bytes that say nothing.
fn significant(mut number: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = number
        && rest.first().is_some_and(|next| (*first == 0) != (*next & 0x80 != 0))
        && matches!(*first, 0 | 0xFF)
    {
        number = rest;
    }
    number
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(entries: &[&[u8]]) -> Vec<u8> {
        let time = encode(UTC_TIME, b"260101000000Z");
        let entries = entries
            .iter()
            .map(|number| encode(SEQUENCE, &[encode(INTEGER, number), time.clone()].concat()));
        let entries = encode(SEQUENCE, &entries.collect::<Vec<_>>().concat());
        let (algorithm, name) = (encode(SEQUENCE, &[5, 0]), encode(SEQUENCE, &[]));
        let fields = [encode(INTEGER, &[1]), algorithm.clone(), name, time.clone(), time, entries];
        let signature = encode(3, &[0, 1]);
        encode(SEQUENCE, &[encode(SEQUENCE, &fields.concat()), algorithm, signature].concat())
    }

    #[test]
    fn every_entry_is_found_and_no_other() {
        let numbers: Vec<Vec<u8>> = (0..1000u32)
            .map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes().to_vec())
            .map(|n| [&[0x01][..], &n].concat())
            .collect();
        let all: Vec<&[u8]> = numbers.iter().map(Vec::as_slice).collect();
        let der = list(&all);
        let (entries, rest) = Entries::split(&der).unwrap();
        assert_eq!(rest, {
            let (none, same) = Entries::split(&rest).unwrap();
            assert!(none.0.is_empty());
            same
        });
        assert!(rest.len() < 100, "{}", rest.len());
        for number in &numbers {
            assert!(entries.contain(&der, number));
            assert!(entries.contain(&der, &[&[0x00][..], number].concat()), "written longer");
            assert!(!entries.contain(&der, &number[1..]));
        }
    }

    #[test]
    fn entries_of_one_number_are_found_in_the_order_of_the_list() {
        let der = list(&[&[7], &[9], &[7], &[1], &[7], &[0x00, 0x80], &[0x80]]);
        let (entries, _) = Entries::split(&der).unwrap();
        let sevens = entries.of(&der, &[7]);
        assert_eq!(sevens.len(), 3);
        assert!(sevens.is_sorted(), "{sevens:?}");
        for number in [&[9][..], &[1], &[0x00, 0x80], &[0x80]] {
            assert_eq!(entries.of(&der, number).len(), 1, "{number:?}");
        }
        assert!(entries.of(&der, &[8]).is_empty());
    }

    #[test]
    fn a_list_that_is_broken_anywhere_is_refused() {
        let der = list(&[&[1], &[2, 3]]);
        assert!(Entries::split(&der).is_ok());
        for cut in 0..der.len() {
            assert!(Entries::split(&der[..cut]).is_err(), "{cut}");
        }
        assert!(Entries::split(&[&der[..], &[0]].concat()).is_err());
        assert!(Entries::split(&list(&[&[]])).is_err(), "no number");
    }
}
