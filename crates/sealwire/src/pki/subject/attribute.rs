//! The attributes of a name: what they are called, how they are encoded, how long they may be.

use std::borrow::Cow;

use const_oid::ObjectIdentifier;
use der::asn1::{Any, BmpString, PrintableStringRef, TeletexStringRef, Utf8StringRef};
use der::{Tag, Tagged as _};
use x509_cert::attr::AttributeTypeAndValue;

use crate::pki::{Error, Problem};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Alphabet {
    Printable,
    Ia5,
    Utf8,
}

/// A row of the table below, or an attribute known only by its OID.
pub(super) struct Attribute {
    short: Cow<'static, str>,
    oid: ObjectIdentifier,
    alphabet: Alphabet,
    /// Least and greatest number of characters (the `ub-` bounds of
    /// [RFC 5280, appendix A.1](https://www.rfc-editor.org/rfc/rfc5280#appendix-A.1)).
    length: (usize, usize),
}

struct Row {
    short: &'static str,
    long: &'static str,
    oid: &'static str,
    alphabet: Alphabet,
    length: (usize, usize),
}

const fn row(
    short: &'static str,
    long: &'static str,
    oid: &'static str,
    alphabet: Alphabet,
    length: (usize, usize),
) -> Row {
    Row { short, long, oid, alphabet, length }
}

const UNBOUNDED: (usize, usize) = (1, 32768);

/// OpenSSL's names (`crypto/objects/objects.txt`) and string table (`crypto/asn1/tbl_standard.h`).
/// The first name of an OID is the one printed.
const TABLE: &[Row] = {
    use Alphabet::{Ia5, Printable, Utf8};
    &[
        row("C", "countryName", "2.5.4.6", Printable, (2, 2)),
        row("ST", "stateOrProvinceName", "2.5.4.8", Utf8, (1, 128)),
        row("S", "stateOrProvinceName", "2.5.4.8", Utf8, (1, 128)),
        row("L", "localityName", "2.5.4.7", Utf8, (1, 128)),
        row("O", "organizationName", "2.5.4.10", Utf8, (1, 64)),
        row("OU", "organizationalUnitName", "2.5.4.11", Utf8, (1, 64)),
        row("CN", "commonName", "2.5.4.3", Utf8, (1, 64)),
        row("emailAddress", "emailAddress", "1.2.840.113549.1.9.1", Ia5, (1, 128)),
        row("E", "emailAddress", "1.2.840.113549.1.9.1", Ia5, (1, 128)),
        row("DC", "domainComponent", "0.9.2342.19200300.100.1.25", Ia5, UNBOUNDED),
        row("UID", "userId", "0.9.2342.19200300.100.1.1", Utf8, UNBOUNDED),
        row("serialNumber", "serialNumber", "2.5.4.5", Printable, (1, 64)),
        row("SN", "surname", "2.5.4.4", Utf8, UNBOUNDED),
        row("GN", "givenName", "2.5.4.42", Utf8, UNBOUNDED),
        row("initials", "initials", "2.5.4.43", Utf8, UNBOUNDED),
        row("title", "title", "2.5.4.12", Utf8, (1, 64)),
        row("name", "name", "2.5.4.41", Utf8, UNBOUNDED),
        row("pseudonym", "pseudonym", "2.5.4.65", Utf8, (1, 128)),
        row("generationQualifier", "generationQualifier", "2.5.4.44", Utf8, UNBOUNDED),
        row("dnQualifier", "dnQualifier", "2.5.4.46", Printable, UNBOUNDED),
        row("description", "description", "2.5.4.13", Utf8, (1, 1024)),
        row("street", "streetAddress", "2.5.4.9", Utf8, (1, 128)),
        row("postalCode", "postalCode", "2.5.4.17", Utf8, (1, 40)),
        row("businessCategory", "businessCategory", "2.5.4.15", Utf8, (1, 128)),
        row("organizationIdentifier", "organizationIdentifier", "2.5.4.97", Utf8, UNBOUNDED),
        row("unstructuredName", "unstructuredName", "1.2.840.113549.1.9.2", Utf8, UNBOUNDED),
        row(
            "jurisdictionL",
            "jurisdictionLocalityName",
            "1.3.6.1.4.1.311.60.2.1.1",
            Utf8,
            (1, 128),
        ),
        row(
            "jurisdictionST",
            "jurisdictionStateOrProvinceName",
            "1.3.6.1.4.1.311.60.2.1.2",
            Utf8,
            (1, 128),
        ),
        row(
            "jurisdictionC",
            "jurisdictionCountryName",
            "1.3.6.1.4.1.311.60.2.1.3",
            Printable,
            (2, 2),
        ),
    ]
};

/// Finds an attribute by short name, long name (both in any case) or dotted OID.
pub(super) fn by_name(name: &str) -> Result<Attribute, Error> {
    let named = TABLE
        .iter()
        .find(|r| name.eq_ignore_ascii_case(r.short) || name.eq_ignore_ascii_case(r.long));
    if let Some(row) = named {
        return Ok(Attribute::from(row));
    }
    let dotted = name.strip_prefix("OID.").unwrap_or(name);
    let Ok(oid) = ObjectIdentifier::new(dotted) else {
        return Err(Error::new(Problem::InvalidValue, format!("unknown attribute {name:?}")));
    };
    Ok(by_oid(oid))
}

/// The name to print for an OID: OpenSSL's short one, else the dotted form.
pub(super) fn name_of(oid: &ObjectIdentifier) -> String {
    by_oid(*oid).short.into_owned()
}

/// The text of a value of any string type that names are made of. What a type of one byte a
/// character does not allow (`&` in a PrintableString) is text all the same, as in OpenSSL.
pub(in crate::pki) fn text_of(value: &Any) -> Option<String> {
    Some(match value.tag() {
        Tag::Utf8String => Utf8StringRef::try_from(value).ok()?.as_str().to_owned(),
        Tag::PrintableString | Tag::Ia5String | Tag::NumericString | Tag::VisibleString => {
            value.value().iter().copied().map(char::from).collect()
        }
        // T61 is Latin-1 in practice (OpenSSL reads it so too).
        Tag::TeletexString => match TeletexStringRef::try_from(value) {
            Ok(text) => text.as_str().to_owned(),
            Err(_) => value.value().iter().copied().map(char::from).collect(),
        },
        Tag::BmpString => value.decode_as::<BmpString>().ok()?.chars().collect(),
        _ => return None,
    })
}

fn by_oid(oid: ObjectIdentifier) -> Attribute {
    let dotted = oid.to_string();
    match TABLE.iter().find(|row| row.oid == dotted) {
        Some(row) => Attribute::from(row),
        None => Attribute {
            short: Cow::Owned(dotted),
            oid,
            alphabet: Alphabet::Utf8,
            length: UNBOUNDED,
        },
    }
}

impl From<&Row> for Attribute {
    fn from(row: &Row) -> Self {
        Self {
            short: Cow::Borrowed(row.short),
            oid: ObjectIdentifier::new_unwrap(row.oid),
            alphabet: row.alphabet,
            length: row.length,
        }
    }
}

impl Attribute {
    pub(super) fn name(&self) -> &str {
        &self.short
    }

    /// The attribute with this value, encoded as `openssl req` does.
    pub(super) fn value(&self, text: &str) -> Result<AttributeTypeAndValue, Error> {
        self.check(text)?;
        let tag = match self.alphabet {
            Alphabet::Printable => Tag::PrintableString,
            Alphabet::Ia5 => Tag::Ia5String,
            Alphabet::Utf8 => Tag::Utf8String,
        };
        let value = Any::new(tag, text.as_bytes())
            .map_err(|_| self.refuse(text, "is too long to encode".to_owned()))?;
        Ok(AttributeTypeAndValue { oid: self.oid, value })
    }

    /// The attribute with a value given as DER.
    pub(super) fn value_der(&self, value: Any) -> AttributeTypeAndValue {
        AttributeTypeAndValue { oid: self.oid, value }
    }

    fn check(&self, text: &str) -> Result<(), Error> {
        let count = text.chars().count();
        let (least, most) = self.length;
        if text.is_empty() {
            Err(Error::new(Problem::InvalidValue, format!("{} has no value", self.short)))
        } else if text.contains('\0') {
            Err(self.refuse(text, "has a NUL character".to_owned()))
        } else if text.chars().any(is_noncharacter) {
            // AWS-LC and BoringSSL do not read a certificate with one.
            Err(self.refuse(text, "contains a code point that is not a character".to_owned()))
        } else if count < least || count > most {
            let bound = if least == most { format!("{most}") } else { format!("at most {most}") };
            Err(self.refuse(text, format!("must be {bound} characters long, is {count}")))
        } else if self.alphabet == Alphabet::Ia5 && !text.is_ascii() {
            Err(self.refuse(text, "must be ASCII".to_owned()))
        } else if self.alphabet == Alphabet::Printable && PrintableStringRef::new(text).is_err() {
            let allowed = "may only have letters, digits, spaces and '()+,-./:=?";
            Err(self.refuse(text, allowed.to_owned()))
        } else {
            Ok(())
        }
    }

    fn refuse(&self, text: &str, why: String) -> Error {
        Error::new(Problem::InvalidValue, format!("{} {text:?}: {why}", self.short))
    }
}

/// The code points that Unicode promises never to make characters (section 23.7).
fn is_noncharacter(c: char) -> bool {
    let code = u32::from(c);
    (0xfdd0..=0xfdef).contains(&code) || code & 0xfffe == 0xfffe
}
