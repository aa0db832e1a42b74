//! Distinguished names ([RFC 5280 section 4.1.2.4](https://www.rfc-editor.org/rfc/rfc5280#section-4.1.2.4)).

use std::ffi::c_ulong;
use std::fmt;

use aws_lc_sys as c;

use crate::asn1;
use crate::der::{Elements, SEQUENCE};
use crate::error::{Error, ErrorQueue, Problem};
use crate::foreign::is_printable;
use crate::name_text::{Rfc4514, ShownAttribute};
use crate::owned::{Owned, encoded, printed};

/// A distinguished name: the subject or issuer of a certificate, or the issuer of a CRL.
///
/// Two names are equal when their DER encodings are. `Display` is
/// [RFC 4514](https://www.rfc-editor.org/rfc/rfc4514)'s text, the most specific
/// part first: `CN=localhost,O=Sealwire\, Inc.,C=DE`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Name {
    der: Vec<u8>,
    attributes: Vec<Attribute>,
}

/// One attribute of a [`Name`], such as its common name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Attribute {
    /// The attribute's type as a dotted object identifier, `2.5.4.3`.
    pub oid: String,
    /// OpenSSL's short name of that type: `CN`, `C`, `O`, `OU`, `L`, `ST`, `emailAddress`, ...
    pub short_name: Option<&'static str>,
    /// The value as text. One that is not text, or not valid in its own encoding, is `#` and its
    /// DER contents in hexadecimal.
    pub value: String,
    /// Which relative distinguished name of the sequence this belongs to, from 0. Attributes with
    /// the same number form one multi-valued RDN.
    pub rdn: usize,
    /// Whether the value is its text, and not `#` and digits.
    is_text: bool,
}

impl Name {
    /// # Safety
    /// `name` is live, came out of a parser, and is not mutated.
    pub(crate) unsafe fn of(name: *mut c::X509_NAME) -> Result<Self, Error> {
        // SAFETY: a live name. Unchanged since it was parsed, it only copies its cached encoding.
        let der = unsafe { encoded(|out| c::i2d_X509_NAME(name, out)) }?;
        // SAFETY: a live name.
        let count = unsafe { c::X509_NAME_entry_count(name) };
        // SAFETY: a live name and an index below its count; the entry belongs to the name.
        let entries = (0..count).map(|index| unsafe { c::X509_NAME_get_entry(name, index) });
        // SAFETY: entries of a live name.
        let attributes = entries.map(|entry| unsafe { Attribute::of(entry) }).collect();
        Ok(Self { der, attributes })
    }

    /// Reads one DER name. Bytes after it are an error.
    ///
    /// # Errors
    /// [`Problem::Malformed`].
    pub fn from_der(der: &[u8]) -> Result<Self, Error> {
        let queue = ErrorQueue::new();
        let mut rest = der.as_ptr();
        let len = der.len().try_into().map_err(|_| crate::owned::no_memory())?;
        // SAFETY: `len` readable bytes; on success a new name and `rest` behind it.
        let name =
            unsafe { Owned::new(c::d2i_X509_NAME(std::ptr::null_mut(), &raw mut rest, len)) };
        let name = name.ok_or_else(|| queue.malformed())?;
        if rest as usize - der.as_ptr() as usize != der.len() {
            return Err(Error::fact(Problem::Malformed, "bytes after the end of the name"));
        }
        // SAFETY: a live name that comes from the parser.
        unsafe { Self::of(name.as_ptr()) }
    }

    /// The attributes in the order of the encoding.
    #[must_use]
    pub fn attributes(&self) -> &[Attribute] {
        &self.attributes
    }

    /// The name's DER encoding.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The name in the form of
    /// [RFC 2253](https://www.rfc-editor.org/rfc/rfc2253),
    /// the last part first, as OpenSSL prints directory names
    /// among others (`XN_FLAG_RFC2253`, but text outside ASCII as it is): `CN=localhost,C=DE`.
    ///
    /// # Errors
    /// When AWS-LC cannot print it.
    pub fn to_rfc2253(&self) -> Result<String, Error> {
        let _queue = ErrorQueue::new();
        let flags = (c::XN_FLAG_RFC2253 & !c::ASN1_STRFLGS_ESC_MSB) as c_ulong;
        let mut rest = self.der.as_ptr();
        let malformed = || Error::fact(Problem::Malformed, "a name cannot be printed");
        let len = self.der.len().try_into().map_err(|_| malformed())?;
        // SAFETY: `len` readable bytes; the name is null or new.
        let name =
            unsafe { Owned::new(c::d2i_X509_NAME(std::ptr::null_mut(), &raw mut rest, len)) };
        let name = name.ok_or_else(malformed)?;
        let text = printed(|bio| {
            // SAFETY: a live BIO and a live name. The result is the length of the text, or -1.
            let len = unsafe { c::X509_NAME_print_ex(bio, name.as_ptr(), 0, flags) };
            i32::from(len >= 0)
        })?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    /// For each attribute `#` and the DER of its value in hexadecimal.
    fn encodings(&self) -> Vec<String> {
        let rdns = Elements::of(&self.der).enter(SEQUENCE);
        let attributes = rdns.into_iter().flatten().flat_map(|rdn| Elements::of(rdn.contents));
        let mut encodings: Vec<_> = attributes
            .map(|attribute| {
                let value = Elements::of(attribute.contents).nth(1);
                let bytes = value.map_or(&[][..], |value| value.encoding).iter();
                bytes.fold("#".to_owned(), |text, byte| text + &format!("{byte:02x}"))
            })
            .collect();
        encodings.resize(self.attributes.len(), "#".to_owned());
        encodings
    }

    /// The last common name, which is the most specific one.
    #[must_use]
    pub fn common_name(&self) -> Option<&str> {
        let mut names = self.attributes.iter().rev();
        names.find(|attribute| attribute.oid == "2.5.4.3").map(|name| name.value.as_str())
    }
}

impl Attribute {
    /// # Safety
    /// `entry` is a live entry.
    unsafe fn of(entry: *const c::X509_NAME_ENTRY) -> Self {
        // SAFETY: a live entry; the object and the string belong to it.
        let (object, string, rdn) = unsafe {
            (
                c::X509_NAME_ENTRY_get_object(entry),
                c::X509_NAME_ENTRY_get_data(entry),
                c::X509_NAME_ENTRY_set(entry),
            )
        };
        // SAFETY: live, as they belong to the entry.
        let (oid, short_name, text, bytes) = unsafe {
            (
                asn1::oid_text(object),
                asn1::oid_short_name(object),
                asn1::string_text(string),
                asn1::string_bytes(string),
            )
        };
        let is_text = text.is_some();
        let value = text.unwrap_or_else(|| {
            std::iter::once("#".to_owned())
                .chain(bytes.iter().map(|byte| format!("{byte:02X}")))
                .collect()
        });
        let short_name = short_name.or_else(|| openssl_only(&oid));
        Self { oid, short_name, value, rdn: usize::try_from(rdn).unwrap_or(0), is_text }
    }
}

/// Short names of attributes that OpenSSL knows and AWS-LC does not: of extended validation and
/// of electronic seals (ETSI EN 319 412).
fn openssl_only(oid: &str) -> Option<&'static str> {
    Some(match oid {
        "1.3.6.1.4.1.311.60.2.1.1" => "jurisdictionL",
        "1.3.6.1.4.1.311.60.2.1.2" => "jurisdictionST",
        "1.3.6.1.4.1.311.60.2.1.3" => "jurisdictionC",
        "2.5.4.97" => "organizationIdentifier",
        "2.5.4.98" => "c3",
        "2.5.4.99" => "n3",
        "2.5.4.100" => "dnsName",
        _ => return None,
    })
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |(attribute, encoding): (&Attribute, &String)| -> (usize, ShownAttribute) {
            let name = attribute.short_name.unwrap_or(&attribute.oid).to_owned();
            let value =
                if attribute.is_text { Ok(attribute.value.clone()) } else { Err(encoding.clone()) };
            (attribute.rdn, (name, value))
        };
        let encodings = self.encodings();
        let all: Vec<_> = self.attributes.iter().zip(&encodings).map(shown).collect();
        let rdns = all.chunk_by(|(one, _), (next, _)| one == next);
        let rdns: Vec<Vec<_>> =
            rdns.map(|rdn| rdn.iter().map(|(_, shown)| shown.clone()).collect()).collect();
        Rfc4514(&rdns).fmt(f)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Name({self})")
    }
}

/// # Safety
/// As for [`Name::of`].
pub(crate) unsafe fn name(name: *mut c::X509_NAME) -> Name {
    let _queue = ErrorQueue::new();
    // SAFETY: as promised by the caller. A parsed name has its encoding cached, so it cannot fail
    // but for lack of memory, and then Rust would have aborted as well.
    unsafe { Name::of(name) }.expect("a parsed name has an encoding")
}

/// Printed text without what could drive a terminal.
pub(crate) fn printable(text: &[u8]) -> String {
    let mut out = String::with_capacity(text.len());
    for character in String::from_utf8_lossy(text).chars() {
        if character != '\n' && !is_printable(character) {
            out.push_str(&format!("\\x{:02X}", u32::from(character)));
        } else {
            out.push(character);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::der::{OBJECT_IDENTIFIER, encode};

    /// A name of common names (2.5.4.3) and values of tag UTF8String, or as given.
    fn name(rdns: &[&[(u8, u8, &[u8])]]) -> Name {
        let attribute = |&(kind, tag, value): &(u8, u8, &[u8])| {
            let oid = encode(OBJECT_IDENTIFIER, &[0x55, 4, kind]);
            encode(SEQUENCE, &[oid, encode(tag, value)].concat())
        };
        let rdn = |rdn: &&[(u8, u8, &[u8])]| {
            encode(0x31, &rdn.iter().map(attribute).collect::<Vec<_>>().concat())
        };
        let rdns: Vec<_> = rdns.iter().map(rdn).collect();
        Name::from_der(&encode(SEQUENCE, &rdns.concat())).unwrap()
    }

    #[test]
    fn displays_on_one_line_the_most_specific_first() {
        const UTF8: u8 = 0x0C;
        const CN: u8 = 3;
        const C: u8 = 6;
        const O: u8 = 10;
        const OU: u8 = 11;
        for (rdns, shown) in [
            (
                &[&[(C, 0x13, &b"DE"[..])][..], &[(O, UTF8, b"X")], &[(CN, UTF8, b"y")]][..],
                "CN=y,O=X,C=DE",
            ),
            (&[&[(O, UTF8, b"c")], &[(CN, UTF8, b"a"), (OU, UTF8, b"b")]], "CN=a+OU=b,O=c"),
            (
                &[&[(CN, UTF8, b"a\"b\\c")], &[(O, UTF8, b"Foo, Inc.")]],
                "O=Foo\\, Inc.,CN=a\\\"b\\\\c",
            ),
            (
                &[&[(CN, UTF8, b"c ")], &[(CN, UTF8, b"#b")], &[(CN, UTF8, b" a")]],
                "CN=\\ a,CN=\\#b,CN=c\\ ",
            ),
            (&[&[(CN, UTF8, b"a\n\x1b[2J")]], "CN=a\\0A\\1B[2J"),
            (&[&[(O, UTF8, "Käse \u{202e}x".as_bytes())]], "O=Käse \\E2\\80\\AEx"),
            // No text: the DER of the value, as RFC 4514 has it.
            (&[&[(45, 0x03, b"\0\x01")]], "x500UniqueIdentifier=#03020001"),
            (&[], ""),
        ] {
            assert_eq!(name(rdns).to_string(), shown);
        }
    }
}
