//! The names in a certificate, in the words of OpenSSL and Node.

use std::net::IpAddr;

use sealwire_x509::GeneralName;

/// As in the `subjectaltname` of Node's legacy object.
pub(crate) fn alt_names_text(names: &[GeneralName]) -> String {
    let all: Vec<String> = names.iter().map(|name| AltName::of(name).text()).collect();
    all.join(", ")
}

/// A name of a certificate in Node's words.
pub(crate) struct AltName {
    pub(crate) kind: &'static str,
    /// What kind of otherName it is, with a colon.
    pub(crate) prefix: &'static str,
    pub(crate) value: String,
    /// Whether characters outside ASCII need no escape.
    unicode: bool,
}

impl AltName {
    pub(crate) fn of(name: &GeneralName) -> Self {
        let plain = |kind, value| Self { kind, prefix: "", value, unicode: false };
        match name {
            GeneralName::Dns(value) => plain("DNS", value.clone()),
            GeneralName::Email(value) => plain("email", value.clone()),
            GeneralName::Uri(value) => plain("URI", value.clone()),
            GeneralName::Ip(address) => plain("IP Address", address_text(*address)),
            GeneralName::DirName(name) => {
                let value = name.to_rfc2253().unwrap_or_default();
                Self { unicode: true, ..plain("DirName", value) }
            }
            GeneralName::RegisteredId(oid) => plain("Registered ID", oid.clone()),
            GeneralName::OtherName { oid, value } => other_name(oid, value)
                .unwrap_or_else(|| plain("othername", "<unsupported>".to_owned())),
            GeneralName::Other { tag, value } => {
                // Bytes that are not ASCII are taken for Latin-1.
                let latin1 = || value.iter().copied().map(char::from).collect();
                match tag {
                    1 => plain("email", latin1()),
                    2 => plain("DNS", latin1()),
                    6 => plain("URI", latin1()),
                    7 => plain("IP Address", format!("<invalid length={}>", value.len())),
                    3 => plain("X400Name", "<unsupported>".to_owned()),
                    _ => plain("EdiPartyName", "<unsupported>".to_owned()),
                }
            }
            _ => plain("othername", "<unsupported>".to_owned()),
        }
    }

    /// `DNS:a.example`; `DNS:"a\u002cb"` for a value that could pass for more than one.
    fn text(&self) -> String {
        let Self { kind, prefix, value, unicode } = self;
        let may_stay = |c: char| matches!(c, ' '..='~') && c != ',' || *unicode && !c.is_ascii();
        if value.chars().all(|c| may_stay(c) && !matches!(c, '"' | '\\' | '\'')) {
            return format!("{kind}:{prefix}{value}");
        }
        let mut text = format!("{kind}:\"{prefix}");
        for c in value.chars() {
            match c {
                '"' | '\\' => text.extend(['\\', c]),
                c if may_stay(c) => text.push(c),
                c => text.push_str(&format!("\\u{:04x}", u32::from(c))),
            }
        }
        text.push('"');
        text
    }
}

/// The kinds of otherName that Node knows, each with the type of string that it has to be.
fn other_name(oid: &str, value: &[u8]) -> Option<AltName> {
    const UTF8_STRING: u8 = 12;
    const IA5_STRING: u8 = 22;
    let (prefix, tag) = match oid {
        "1.3.6.1.4.1.311.20.2.3" => ("UPN:", UTF8_STRING),
        "1.3.6.1.5.5.7.8.5" => ("XmppAddr:", UTF8_STRING),
        "1.3.6.1.5.5.7.8.7" => ("SRVName:", IA5_STRING),
        "1.3.6.1.5.5.7.8.8" => ("NAIRealm:", UTF8_STRING),
        "1.3.6.1.5.5.7.8.9" => ("SmtpUTF8Mailbox:", UTF8_STRING),
        _ => return None,
    };
    let any = der::asn1::AnyRef::try_from(value).ok()?;
    if der::Encode::to_der(&der::Tagged::tag(&any)).ok()? != [tag] {
        return None;
    }
    let value = String::from_utf8_lossy(any.value()).into_owned();
    Some(AltName { kind: "othername", prefix, value, unicode: tag == UTF8_STRING })
}

/// An address as OpenSSL prints it: IPv6 with all eight groups, upper-case, nothing compressed.
fn address_text(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let groups = address.segments().map(|group| format!("{group:X}"));
            groups.join(":")
        }
    }
}

#[cfg(test)]
mod tests {
    use sealwire_x509::GeneralName;

    use super::alt_names_text;

    #[test]
    fn values_that_could_break_the_list_are_quoted() {
        for (value, text) in [
            ("a.example", "DNS:a.example"),
            ("a,b.com", r#"DNS:"a\u002cb.com""#),
            ("a\"\\", r#"DNS:"a\"\\""#),
            ("it's", r#"DNS:"it's""#),
            ("a\nb", r#"DNS:"a\u000ab""#),
        ] {
            assert_eq!(alt_names_text(&[GeneralName::Dns(value.to_owned())]), text);
        }
        let latin1 = GeneralName::Other { tag: 2, value: b"caf\xe9\0".to_vec() };
        assert_eq!(alt_names_text(&[latin1]), r#"DNS:"caf\u00e9\u0000""#);
    }
}
