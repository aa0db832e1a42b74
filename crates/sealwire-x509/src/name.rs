//! Distinguished names (RFC 5280 section 4.1.2.4).

use std::ffi::c_ulong;
use std::fmt;

use aws_lc_sys as c;

use crate::asn1;
use crate::error::{Error, ErrorQueue, Problem};
use crate::foreign::is_printable;
use crate::owned::{Owned, encoded, printed};

/// A distinguished name: the subject or issuer of a certificate, or the issuer of a CRL.
///
/// Two names are equal when their DER encodings are. `Display` is OpenSSL's one-line form in the
/// order of the certificate: `C=DE, O="Sealwire, Inc.", CN=localhost`.
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
}

impl Name {
    /// # Safety
    /// `name` is live, came out of a parser, and nobody changes it.
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

    /// The name in the form of RFC 2253, the last part first, as OpenSSL prints directory names
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
        let value = text.unwrap_or_else(|| {
            std::iter::once("#".to_owned())
                .chain(bytes.iter().map(|byte| format!("{byte:02X}")))
                .collect()
        });
        let short_name = short_name.or_else(|| openssl_only(&oid));
        Self { oid, short_name, value, rdn: usize::try_from(rdn).unwrap_or(0) }
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
        let mut previous: Option<&Attribute> = None;
        for attribute in &self.attributes {
            match previous {
                Some(previous) if previous.rdn == attribute.rdn => f.write_str(" + ")?,
                Some(_) => f.write_str(", ")?,
                None => {}
            }
            f.write_str(attribute.short_name.unwrap_or(&attribute.oid))?;
            f.write_str("=")?;
            write_value(f, &attribute.value)?;
            previous = Some(attribute);
        }
        Ok(())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Name({self})")
    }
}

/// As OpenSSL with `-nameopt oneline,utf8`: a value that could be misread is put in quotes, and
/// what must not reach a terminal is escaped byte by byte.
fn write_value(f: &mut fmt::Formatter<'_>, value: &str) -> fmt::Result {
    let quoted = value.contains([',', '+', '<', '>', ';'])
        || value.starts_with([' ', '#'])
        || value.ends_with(' ');
    if quoted {
        f.write_str("\"")?;
    }
    for character in value.chars() {
        match character {
            '"' | '\\' => write!(f, "\\{character}")?,
            _ if !is_printable(character) => {
                for byte in character.encode_utf8(&mut [0; 4]).bytes() {
                    write!(f, "\\{byte:02X}")?;
                }
            }
            _ => write!(f, "{character}")?,
        }
    }
    if quoted { f.write_str("\"") } else { Ok(()) }
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

    fn name(values: &[(&'static str, &str, usize)]) -> Name {
        let attribute = |&(short_name, value, rdn): &(&'static str, &str, usize)| Attribute {
            oid: "1.2".to_owned(),
            short_name: Some(short_name),
            value: value.to_owned(),
            rdn,
        };
        Name { der: Vec::new(), attributes: values.iter().map(attribute).collect() }
    }

    #[test]
    fn displays_on_one_line_in_order() {
        for (values, shown) in [
            (&[("C", "DE", 0), ("O", "X", 1), ("CN", "y", 2)][..], "C=DE, O=X, CN=y"),
            (&[("CN", "a", 0), ("UID", "b", 0), ("O", "c", 1)], "CN=a + UID=b, O=c"),
            (&[("O", "Foo, Inc.", 0), ("CN", "a\"b\\c", 1)], "O=\"Foo, Inc.\", CN=a\\\"b\\\\c"),
            (
                &[("CN", " a", 0), ("CN", "#b", 1), ("CN", "c ", 2)],
                "CN=\" a\", CN=\"#b\", CN=\"c \"",
            ),
            (&[("CN", "a\n\u{1b}[2J", 0)], "CN=a\\0A\\1B[2J"),
            (&[("O", "Käse \u{202e}x", 0)], "O=Käse \\E2\\80\\AEx"),
            (&[], ""),
        ] {
            assert_eq!(name(values).to_string(), shown);
        }
    }
}
