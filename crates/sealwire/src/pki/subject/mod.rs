//! Distinguished names: the subject of a certificate.

mod attribute;
mod text;

pub(super) use attribute::text_of;

use std::fmt;
use std::str::FromStr;

use der::asn1::SetOfVec;
use der::{Decode, Encode};
use sealwire_x509::{Rfc4514, ShownAttribute};
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::name::{Name, RdnSequence, RelativeDistinguishedName};

use super::{Error, Problem, SubjectAltName};

/// A distinguished name: the subject or issuer of a certificate.
///
/// Made from OpenSSL's form (`/C=SE/O=Example/CN=example.com`), from
/// [RFC 4514](https://www.rfc-editor.org/rfc/rfc4514)'s
/// (`CN=example.com,O=Example,C=SE`), or attribute by attribute. Every attribute is kept, also
/// when it repeats (two OUs, the DCs of a domain), in the order given.
///
/// ```
/// # use sealwire::pki::Subject;
/// let subject: Subject = "/C=SE/O=Example AB/CN=example.com".parse()?;
/// assert_eq!(subject.to_string(), "CN=example.com,O=Example AB,C=SE");
/// assert_eq!(subject, "CN=example.com,O=Example AB,C=SE".parse()?);
/// # Ok::<(), sealwire::pki::Error>(())
/// ```
///
/// Strings are encoded as `openssl req` encodes them: `C`, `serialNumber` and `dnQualifier` as
/// PrintableString, `emailAddress` and `DC` as IA5String, everything else as UTF8String.
#[derive(Clone, Debug, Default)]
pub struct Subject {
    parts: Parts,
    /// As it was read; a name never changes its encoding on the way through here.
    der: Option<Vec<u8>>,
}

#[derive(Clone, Debug)]
enum Parts {
    Known(Name),
    /// A name with a value of a type that x509-cert has not (UniversalString): shown, not changed.
    Foreign(Box<super::Name>),
}

impl Default for Parts {
    fn default() -> Self {
        Self::Known(Name::default())
    }
}

impl PartialEq for Subject {
    fn eq(&self, other: &Self) -> bool {
        match (&self.parts, &other.parts) {
            (Parts::Known(one), Parts::Known(other)) => one == other,
            _ => self.to_der() == other.to_der(),
        }
    }
}

impl Eq for Subject {}

impl Subject {
    /// A subject without attributes; see [`push`](Self::push).
    pub fn new() -> Self {
        Self::default()
    }

    /// A subject that has only a common name.
    pub fn from_common_name(name: &str) -> Result<Self, Error> {
        let mut subject = Self::new();
        subject.push("CN", name)?;
        Ok(subject)
    }

    /// A subject for a certificate that is about these names: the first host name that fits as the
    /// common name, which people see and a few old programs look for; none otherwise. An
    /// address, mailbox or URI is never one: ACME CAs refuse such a request, and OpenSSL takes it for
    /// a host name that violates the name constraints of its CA.
    pub fn for_names(names: &[SubjectAltName]) -> Result<Self, Error> {
        const LONGEST: usize = 64;
        let host = names.iter().find_map(|name| match name {
            SubjectAltName::Dns(host) if host.len() <= LONGEST => Some(host),
            _ => None,
        });
        host.map_or_else(|| Ok(Self::new()), |host| Self::from_common_name(host))
    }

    /// The subject of a certificate about these names: as [`for_names`](Self::for_names), and where
    /// there is no host name, an organization. An empty subject makes subjectAltName critical
    /// ([RFC 5280, 4.2.1.6](https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.6)),
    /// and Erlang/OTP 25 refuses a critical one that holds addresses alone.
    pub fn of_holder(names: &[SubjectAltName]) -> Result<Self, Error> {
        let mut subject = Self::for_names(names)?;
        if subject.is_empty() && !names.is_empty() {
            subject.push("O", "Sealwire certificate")?;
        }
        Ok(subject)
    }

    /// Appends one attribute as a relative name of its own. `attribute` is a short or long name
    /// as OpenSSL has them (`O`, `organizationName`; case does not matter), or a dotted OID.
    /// The value is checked against the attribute's length limits and alphabet.
    pub fn push(&mut self, attribute: &str, value: &str) -> Result<(), Error> {
        let attribute = attribute::by_name(attribute)?.value(value)?;
        self.push_rdn(vec![attribute])
    }

    /// Whether there is no attribute at all.
    pub fn is_empty(&self) -> bool {
        match &self.parts {
            Parts::Known(name) => name.is_empty(),
            Parts::Foreign(name) => name.attributes().is_empty(),
        }
    }

    /// The attributes in order: the name as
    /// [RFC 4514](https://www.rfc-editor.org/rfc/rfc4514) and OpenSSL have it (or the dotted OID), and
    /// the value. A value that is not a string is skipped.
    pub fn attributes(&self) -> impl Iterator<Item = (String, String)> + '_ {
        self.rdns().into_iter().flatten().filter_map(|(name, value)| Some((name, value.ok()?)))
    }

    /// Every attribute by its relative name: what it is called, and its text, or `#` and the DER of
    /// a value without text.
    fn rdns(&self) -> Vec<Vec<ShownAttribute>> {
        match &self.parts {
            Parts::Known(name) => {
                let shown = |atav: &AttributeTypeAndValue| {
                    let text = text_of(&atav.value).ok_or_else(|| text::hex(&atav.value));
                    (attribute::name_of(&atav.oid), text)
                };
                name.iter_rdn().map(|rdn| rdn.iter().map(shown).collect()).collect()
            }
            Parts::Foreign(name) => {
                let attributes = name.attributes();
                let shown = |attribute: &super::Attribute| {
                    let name = attribute.short_name.unwrap_or(&attribute.oid).to_owned();
                    (name, Ok(attribute.value.clone()))
                };
                let rdns = attributes.chunk_by(|one, next| one.rdn == next.rdn);
                rdns.map(|rdn| rdn.iter().map(shown).collect()).collect()
            }
        }
    }

    /// The last (most specific) common name.
    pub fn common_name(&self) -> Option<String> {
        self.attributes().filter(|(name, _)| name == "CN").last().map(|(_, value)| value)
    }

    /// OpenSSL's one-line form, which `openssl req -subj` reads: `/C=SE/CN=example.com`.
    pub fn to_openssl(&self) -> String {
        text::to_openssl(&self.rdns())
    }

    /// From the DER of a `Name`
    /// ([RFC 5280, section 4.1.2.4](https://www.rfc-editor.org/rfc/rfc5280#section-4.1.2.4)).
    pub fn from_der(der: &[u8]) -> Result<Self, Error> {
        let parts = match Name::from_der(der) {
            Ok(name) => Parts::Known(name),
            Err(_) => Parts::Foreign(Box::new(super::Name::from_der(der)?)),
        };
        Ok(Self { parts, der: Some(der.to_vec()) })
    }

    /// The DER of the `Name`.
    pub fn to_der(&self) -> Vec<u8> {
        match (&self.der, &self.parts) {
            (Some(der), _) => der.clone(),
            (None, Parts::Known(name)) => name.to_der().expect("a name that was built encodes"),
            (None, Parts::Foreign(name)) => name.der().to_vec(),
        }
    }

    fn push_rdn(&mut self, attributes: Vec<AttributeTypeAndValue>) -> Result<(), Error> {
        let set = SetOfVec::try_from(attributes).map_err(|_| {
            Error::new(Problem::InvalidValue, "the same attribute twice in one RDN")
        })?;
        let Parts::Known(name) = &mut self.parts else {
            let what = "a name with values of unusual types cannot be extended";
            return Err(Error::new(Problem::Unsupported, what));
        };
        let mut sequence = RdnSequence::from(std::mem::take(name));
        sequence.push(RelativeDistinguishedName::from(set));
        *name = Name::hazmat_from_rdn_sequence(sequence);
        self.der = None;
        Ok(())
    }
}

/// Both text forms: one that begins with `/` is OpenSSL's, everything else
/// [RFC 4514](https://www.rfc-editor.org/rfc/rfc4514)'s.
impl FromStr for Subject {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let rdns = match text.strip_prefix('/') {
            Some(rest) => text::parse_openssl(rest)?,
            None => text::parse_rfc4514(text)?,
        };
        let mut subject = Self::new();
        for rdn in rdns {
            subject.push_rdn(rdn)?;
        }
        Ok(subject)
    }
}

/// [RFC 4514](https://www.rfc-editor.org/rfc/rfc4514): most specific attribute first.
impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Rfc4514(&self.rdns()).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use der::{Tag, Tagged as _};

    use super::*;

    fn parse(text: &str) -> Subject {
        text.parse().unwrap_or_else(|e| panic!("{text}: {e}"))
    }

    fn refused(text: &str) -> String {
        text.parse::<Subject>().unwrap_err().to_string()
    }

    #[test]
    fn both_forms_name_the_same() {
        for (openssl, rfc4514) in [
            ("/C=SE/O=A/OU=one/OU=two/CN=x", "CN=x,OU=two,OU=one,O=A,C=SE"),
            ("/DC=com/DC=example", "DC=example,DC=com"),
            ("/O=A, B\\/C", "O=A\\, B/C"),
            ("/CN=a\\+b", "CN=a\\+b"),
            ("/CN=a=b", "CN=a=b"),
            ("/O=Q\"uote", "O=Q\\\"uote"),
            ("/O=Åström & Söner", "O=Åström & Söner"),
            ("/CN=x+OU=y", "CN=x+OU=y"),
            ("/emailAddress=a@example.com", "emailAddress=a@example.com"),
            ("/1.2.3.4=odd", "1.2.3.4=odd"),
            ("/CN= # ", "CN=\\ # "),
        ] {
            if !rfc4514.ends_with(' ') {
                assert_eq!(parse(openssl), parse(rfc4514), "{openssl} {rfc4514}");
                assert_eq!(parse(openssl).to_openssl(), openssl);
                assert_eq!(parse(rfc4514).to_string(), rfc4514);
            }
        }
        assert_eq!(parse("CN=x, O=\"A, B\" , C=SE"), parse("/C=SE/O=A, B/CN=x"));
        assert_eq!(parse("cn=x,organizationName=y"), parse("/O=y/CN=x"));
        assert_eq!(parse("E=a@b.c"), parse("/emailAddress=a@b.c"));
        assert_eq!(parse("CN=\\C3\\A5"), parse("CN=å"));
        assert_eq!(parse("CN=#0c0161"), parse("CN=a"));
        assert!(parse("/").is_empty() && parse("").is_empty());
    }

    #[test]
    fn encodes_as_openssl_req_does() {
        let subject = parse("/C=SE/emailAddress=a@b.c/DC=com/O=x/serialNumber=1");
        let Parts::Known(name) = &subject.parts else { panic!("made here") };
        let tags: Vec<_> = name.iter().map(|a| a.value.tag()).collect();
        assert_eq!(
            tags,
            [
                Tag::PrintableString,
                Tag::Ia5String,
                Tag::Ia5String,
                Tag::Utf8String,
                Tag::PrintableString
            ]
        );
    }

    #[test]
    fn refuses_with_the_attribute_at_fault() {
        assert_eq!(refused("/C=GBR"), "C \"GBR\": must be 2 characters long, is 3");
        assert_eq!(
            refused(&format!("/CN={}", "x".repeat(65))),
            format!("CN \"{}\": must be at most 64 characters long, is 65", "x".repeat(65))
        );
        assert_eq!(
            refused("/C=Å1"),
            "C \"Å1\": may only have letters, digits, spaces and '()+,-./:=?"
        );
        assert_eq!(refused("/emailAddress=å@b.c"), "emailAddress \"å@b.c\": must be ASCII");
        assert_eq!(refused("/FOO=bar"), "unknown attribute \"FOO\"");
        assert_eq!(refused("/CN=a/b"), "\"b\" has no '=' (a '/' inside a value is written '\\/')");
        assert_eq!(refused("CN=a,b"), "\"b\" has no '=' (a ',' inside a value is written '\\,')");
        assert_eq!(refused("/CN="), "CN has no value");
        assert_eq!(refused("CN=\\zz"), "CN: '\\z' is not an escape");
        assert_eq!(refused("CN=\"a"), "CN: the quote does not end");
        assert_eq!(refused("CN=a\0b"), "CN \"a\\0b\": has a NUL character");
        for noncharacter in ['\u{fdd0}', '\u{ffff}', '\u{1fffe}'] {
            let message = refused(&format!("CN={noncharacter}"));
            assert!(
                message.ends_with("contains a code point that is not a character"),
                "{message}"
            );
        }
    }

    #[test]
    fn the_last_common_name_counts() {
        assert_eq!(parse("/CN=a/O=x/CN=b").common_name().as_deref(), Some("b"));
        assert_eq!(parse("/O=x").common_name(), None);
    }
}
