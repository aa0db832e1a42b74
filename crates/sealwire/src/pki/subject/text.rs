//! The two text forms of a name: OpenSSL's `/C=SE/CN=x` and
//! [RFC 4514](https://www.rfc-editor.org/rfc/rfc4514)'s `CN=x,C=SE`.

use std::iter::Peekable;
use std::str::Chars;

use der::asn1::Any;
use der::{Decode, Encode};
use sealwire_x509::ShownAttribute;
use x509_cert::attr::AttributeTypeAndValue;

use super::attribute::{self, Attribute};
use crate::pki::{Error, Problem};

type Rdn = Vec<AttributeTypeAndValue>;

/// OpenSSL's form after its first `/`: attributes divided by `/`, by `+` inside one relative name;
/// a backslash takes away the meaning of the character after it (`apps/lib/apps.c`, `parse_name`).
pub(super) fn parse_openssl(text: &str) -> Result<Vec<Rdn>, Error> {
    let mut rdns = vec![Rdn::new()];
    let mut rest = text.chars().peekable();
    while rest.peek().is_some() {
        let attribute = attribute_name(&mut rest, '/')?;
        let mut value = String::new();
        let divider = loop {
            match rest.next() {
                Some('\\') => match rest.next() {
                    Some(c) => value.push(c),
                    None => return Err(bad_escape(&attribute, '\\', None)),
                },
                Some(c @ ('/' | '+')) => break Some(c),
                Some(c) => value.push(c),
                None => break None,
            }
        };
        rdns.last_mut().expect("starts with one").push(attribute.value(&value)?);
        if divider == Some('/') {
            rdns.push(Rdn::new());
        }
    }
    rdns.retain(|rdn| !rdn.is_empty());
    Ok(rdns)
}

/// [RFC 4514](https://www.rfc-editor.org/rfc/rfc4514), and from
/// [RFC 2253](https://www.rfc-editor.org/rfc/rfc2253)
/// the quoted value, the `;`, and blanks around names and values.
pub(super) fn parse_rfc4514(text: &str) -> Result<Vec<Rdn>, Error> {
    let mut rdns = vec![Rdn::new()];
    let mut rest = text.trim_start().chars().peekable();
    while rest.peek().is_some() {
        let attribute = attribute_name(&mut rest, ',')?;
        while rest.next_if_eq(&' ').is_some() {}
        let parsed = match rest.peek() {
            Some('#') => hex_value(&attribute, &mut rest)?,
            Some('"') => attribute.value(&quoted_value(&attribute, &mut rest)?)?,
            _ => attribute.value(&plain_value(&attribute, &mut rest)?)?,
        };
        while rest.next_if_eq(&' ').is_some() {}
        rdns.last_mut().expect("starts with one").push(parsed);
        match rest.next() {
            Some(',' | ';') => rdns.push(Rdn::new()),
            Some('+') | None => {}
            Some(c) => {
                let what = format!("{}: unexpected '{c}' after the value", attribute.name());
                return Err(Error::new(Problem::InvalidValue, what));
            }
        }
        while rest.next_if_eq(&' ').is_some() {}
    }
    rdns.retain(|rdn| !rdn.is_empty());
    rdns.reverse();
    Ok(rdns)
}

pub(super) fn to_openssl(rdns: &[Vec<ShownAttribute>]) -> String {
    let mut text = String::new();
    for rdn in rdns {
        for (i, (name, value)) in rdn.iter().enumerate() {
            text.push(if i == 0 { '/' } else { '+' });
            text += name;
            text.push('=');
            let (Ok(value) | Err(value)) = value;
            for c in value.chars() {
                if matches!(c, '/' | '+' | '\\') {
                    text.push('\\');
                }
                text.push(c);
            }
        }
    }
    text
}

pub(super) fn hex(value: &Any) -> String {
    let der = value.to_der().expect("a value that was built or parsed encodes");
    der.iter().fold(String::from("#"), |text, byte| text + &format!("{byte:02x}"))
}

fn attribute_name(rest: &mut Peekable<Chars<'_>>, divider: char) -> Result<Attribute, Error> {
    let mut name = String::new();
    loop {
        match rest.next() {
            Some('=') => return attribute::by_name(name.trim()),
            Some(c) if c != divider => name.push(c),
            _ => {
                let what = format!(
                    "{name:?} has no '=' (a '{divider}' inside a value is written '\\{divider}')"
                );
                return Err(Error::new(Problem::InvalidValue, what));
            }
        }
    }
}

fn plain_value(attribute: &Attribute, rest: &mut Peekable<Chars<'_>>) -> Result<String, Error> {
    let mut value = Vec::new();
    // Blanks at the end are dropped, unless they were escaped.
    let mut kept = 0;
    while let Some(c) = rest.next_if(|c| !matches!(c, ',' | ';' | '+')) {
        if c == '\\' {
            value.extend(escaped(attribute, rest)?);
            kept = value.len();
        } else {
            value.extend(c.encode_utf8(&mut [0; 4]).bytes());
            if c != ' ' {
                kept = value.len();
            }
        }
    }
    value.truncate(kept);
    utf8(attribute, value)
}

fn quoted_value(attribute: &Attribute, rest: &mut Peekable<Chars<'_>>) -> Result<String, Error> {
    rest.next();
    let mut value = Vec::new();
    loop {
        match rest.next() {
            Some('"') => return utf8(attribute, value),
            Some('\\') => value.extend(escaped(attribute, rest)?),
            Some(c) => value.extend(c.encode_utf8(&mut [0; 4]).bytes()),
            None => {
                let what = format!("{}: the quote does not end", attribute.name());
                return Err(Error::new(Problem::InvalidValue, what));
            }
        }
    }
}

/// `#` and the DER of the value in hexadecimal.
fn hex_value(
    attribute: &Attribute,
    rest: &mut Peekable<Chars<'_>>,
) -> Result<AttributeTypeAndValue, Error> {
    rest.next();
    let mut digits = Vec::new();
    while let Some(c) = rest.next_if(|c| !matches!(c, ',' | ';' | '+' | ' ')) {
        digits.push(c.to_digit(16));
    }
    let der: Option<Vec<u8>> = digits
        .chunks(2)
        .map(|pair| match pair {
            [Some(high), Some(low)] => u8::try_from(high << 4 | low).ok(),
            _ => None,
        })
        .collect();
    match der.map(|der| Any::from_der(&der)) {
        Some(Ok(value)) => Ok(attribute.value_der(value)),
        _ => {
            let what =
                format!("{}: the value after '#' is not DER in hexadecimal", attribute.name());
            Err(Error::new(Problem::InvalidValue, what))
        }
    }
}

/// What follows a backslash: two hexadecimal digits of a byte, or a special character itself.
fn escaped(
    attribute: &Attribute,
    rest: &mut Peekable<Chars<'_>>,
) -> Result<impl Iterator<Item = u8> + use<>, Error> {
    let first = rest.next();
    let byte = match first {
        Some(c @ (' ' | '"' | '#' | '+' | ',' | ';' | '<' | '=' | '>' | '\\' | '/')) => c as u8,
        Some(c) if c.is_ascii_hexdigit() => {
            let low = rest.next_if(char::is_ascii_hexdigit);
            let digits = (c.to_digit(16), low.and_then(|c| c.to_digit(16)));
            match digits {
                (Some(high), Some(low)) => (high << 4 | low) as u8,
                _ => return Err(bad_escape(attribute, c, rest.peek().copied())),
            }
        }
        Some(c) => return Err(bad_escape(attribute, c, None)),
        None => return Err(bad_escape(attribute, '\\', None)),
    };
    Ok(std::iter::once(byte))
}

fn utf8(attribute: &Attribute, bytes: Vec<u8>) -> Result<String, Error> {
    String::from_utf8(bytes).map_err(|_| {
        Error::new(Problem::InvalidValue, format!("{}: the value is not UTF-8", attribute.name()))
    })
}

fn bad_escape(attribute: &Attribute, c: char, next: Option<char>) -> Error {
    let next = next.map(String::from).unwrap_or_default();
    let shown = if c == '\\' { String::from("\\") } else { format!("\\{c}{next}") };
    Error::new(Problem::InvalidValue, format!("{}: '{shown}' is not an escape", attribute.name()))
}
