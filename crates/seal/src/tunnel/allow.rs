//! Access control: rules on the names in a certificate.
//!
//! A rule is one or more terms, `cn=alice` or `ou=ops,dns=*.example`, and holds when **all** its
//! terms do. A list of rules holds when **any** of them does. A term holds when one of the
//! certificate's names of its kind fits its pattern.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use sealwire::Foreign;
use sealwire::pki::spki_pin;
use sealwire::pki::{Certificate, GeneralName};
use sealwire::verify::{InvalidPin, Pin};

use crate::words::pattern::Pattern;

/// The names in a certificate that rules speak of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Names {
    /// Every common name of the subject.
    pub(crate) common_names: Vec<String>,
    pub(crate) organizations: Vec<String>,
    pub(crate) units: Vec<String>,
    pub(crate) dns: Vec<String>,
    pub(crate) uris: Vec<String>,
    pub(crate) emails: Vec<String>,
    pub(crate) addresses: Vec<IpAddr>,
    /// SHA-256 of the public key (SubjectPublicKeyInfo), Base64: RFC 7469's pin.
    pub(crate) pin: String,
}

/// The clients that a service admits, of those with a valid certificate.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Access {
    /// Empty: every client.
    pub(crate) allow: Vec<Rule>,
    /// Goes before `allow`.
    pub(crate) deny: Vec<Rule>,
}

/// Terms that must all hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Rule {
    terms: Vec<Term>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Term {
    kind: Kind,
    pattern: Pattern,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    CommonName,
    Organization,
    Unit,
    Dns,
    Uri,
    Email,
    Address,
    Pin,
}

const KINDS: [(&str, Kind); 8] = [
    ("cn", Kind::CommonName),
    ("o", Kind::Organization),
    ("ou", Kind::Unit),
    ("dns", Kind::Dns),
    ("uri", Kind::Uri),
    ("email", Kind::Email),
    ("ip", Kind::Address),
    ("pin", Kind::Pin),
];

impl Access {
    /// Whether any peer could be refused at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.allow.is_empty() && self.deny.is_empty()
    }

    /// Whether a client with these names may enter; `None` is a client without a valid certificate.
    ///
    /// # Errors
    /// The reason for a no, with the names that were offered.
    pub(crate) fn judge(&self, names: Option<&Names>) -> Result<(), String> {
        let Some(names) = names else {
            // Of an unknown client it is not known that no deny rule matches.
            return if self.is_empty() {
                Ok(())
            } else {
                Err("no valid certificate, and the rules require names".to_owned())
            };
        };
        if let Some(rule) = self.deny.iter().find(|rule| rule.holds(names)) {
            return Err(format!("denied by {rule:?}: {names}", rule = rule.to_string()));
        }
        if self.allow.is_empty() || self.allow.iter().any(|rule| rule.holds(names)) {
            return Ok(());
        }
        Err(format!("no allow rule matches {names}"))
    }
}

impl Names {
    /// Those of a certificate.
    pub(crate) fn of(certificate: &Certificate) -> Self {
        let subject = certificate.subject();
        let all = |oid: &str| {
            let of_kind = subject.attributes().iter().filter(|attribute| attribute.oid == oid);
            of_kind.map(|attribute| attribute.value.clone()).collect()
        };
        let mut names = Self {
            common_names: all("2.5.4.3"),
            organizations: all("2.5.4.10"),
            units: all("2.5.4.11"),
            pin: spki_pin(&certificate.spki_der()),
            ..Self::default()
        };
        // Names that cannot be read are not names: no rule holds for them.
        for name in certificate.subject_alt_names().unwrap_or_default() {
            match name {
                GeneralName::Dns(name) => names.dns.push(name),
                GeneralName::Uri(name) => names.uris.push(name),
                GeneralName::Email(name) => names.emails.push(name),
                GeneralName::Ip(address) => names.addresses.push(address),
                _ => {}
            }
        }
        names
    }
}

impl Rule {
    fn holds(&self, names: &Names) -> bool {
        self.terms.iter().all(|term| term.holds(names))
    }
}

impl Term {
    fn holds(&self, names: &Names) -> bool {
        let any = |values: &[String]| values.iter().any(|value| self.pattern.matches(value));
        match self.kind {
            Kind::CommonName => any(&names.common_names),
            Kind::Organization => any(&names.organizations),
            Kind::Unit => any(&names.units),
            // DNS names differ in case without a difference (RFC 4343); the pattern is lower-case.
            Kind::Dns => names.dns.iter().any(|n| self.pattern.matches(&n.to_ascii_lowercase())),
            Kind::Uri => any(&names.uris),
            Kind::Email => any(&names.emails),
            Kind::Address => names.addresses.iter().any(|ip| self.pattern.matches(&ip.to_string())),
            Kind::Pin => self.pattern.matches(&names.pin),
        }
    }
}

impl FromStr for Rule {
    type Err = String;

    /// Terms are divided by commas; `\` takes the meaning from the character after it.
    fn from_str(text: &str) -> Result<Self, String> {
        let terms = split(text)?.iter().map(|term| Term::parse(term)).collect::<Result<_, _>>()?;
        Ok(Self { terms })
    }
}

impl Term {
    fn parse(text: &str) -> Result<Self, String> {
        let known = || KINDS.map(|(name, _)| name).join(", ");
        let (kind, value) = text
            .split_once('=')
            .ok_or_else(|| format!("{text:?} is not KIND=PATTERN, with KIND one of {}", known()))?;
        let kind = KINDS
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(kind.trim()))
            .map(|(_, kind)| *kind)
            .ok_or_else(|| format!("{:?} is not one of {}", kind.trim(), known()))?;
        let value = value.trim();
        if value.is_empty() {
            return Err(format!("{text:?} has no pattern"));
        }
        let pattern = match kind {
            Kind::Dns => Pattern::new(value.to_ascii_lowercase(), Some('.')),
            Kind::Uri => Pattern::new(value, Some('/')),
            Kind::Address => {
                let address: IpAddr =
                    value.parse().map_err(|_| format!("{value:?} is not an IP address"))?;
                Pattern::new(address.to_string(), None)
            }
            Kind::Pin => Pattern::new(pin(value)?, None),
            Kind::CommonName | Kind::Organization | Kind::Unit | Kind::Email => {
                Pattern::new(value, None)
            }
        };
        Ok(Self { kind, pattern })
    }
}

/// The Base64 of a pin in any of its forms: what names are compared with.
fn pin(value: &str) -> Result<String, String> {
    let pin: Pin = value.parse().map_err(|e: InvalidPin| e.to_string())?;
    Ok(pin.to_base64())
}

fn split(text: &str) -> Result<Vec<String>, String> {
    let mut terms = vec![String::new()];
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        let term = terms.last_mut().expect("there is always one");
        match character {
            '\\' => term.push(characters.next().ok_or("a rule ends with \\")?),
            ',' => terms.push(String::new()),
            other => term.push(other),
        }
    }
    Ok(terms)
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, term) in self.terms.iter().enumerate() {
            let kind =
                KINDS.iter().find(|(_, kind)| *kind == term.kind).map_or("", |(name, _)| name);
            let comma = if i == 0 { "" } else { "," };
            let value = term.pattern.to_string().replace('\\', "\\\\").replace(',', "\\,");
            write!(f, "{comma}{kind}={value}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Names {
    /// For logs: one line, whatever is in the names.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut first = true;
        let mut put = |kind: &str, value: &str| -> fmt::Result {
            write!(f, "{}{kind}={}", if first { "" } else { ", " }, Foreign::new(value))?;
            first = false;
            Ok(())
        };
        for (kind, values) in [
            ("cn", &self.common_names),
            ("o", &self.organizations),
            ("ou", &self.units),
            ("dns", &self.dns),
            ("uri", &self.uris),
            ("email", &self.emails),
        ] {
            for value in values {
                put(kind, value)?;
            }
        }
        for address in &self.addresses {
            put("ip", &address.to_string())?;
        }
        put("pin", &self.pin)
    }
}

#[cfg(test)]
mod tests {
    use super::{Access, Names, Rule};

    const PIN: &str = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";

    fn alice() -> Names {
        Names {
            common_names: vec!["alice".to_owned(), "Alice B.".to_owned()],
            organizations: vec!["Example, Inc.".to_owned()],
            units: vec!["ops".to_owned(), "oncall".to_owned()],
            dns: vec!["Alice.Example".to_owned()],
            uris: vec!["spiffe://td/ns/web".to_owned()],
            emails: vec!["alice@example".to_owned()],
            addresses: vec!["2001:db8::1".parse().unwrap()],
            pin: PIN.to_owned(),
        }
    }

    fn access(allow: &[&str], deny: &[&str]) -> Access {
        let rules = |list: &[&str]| list.iter().map(|rule| rule.parse::<Rule>().unwrap()).collect();
        Access { allow: rules(allow), deny: rules(deny) }
    }

    #[test]
    fn all_terms_of_any_rule() {
        for (allow, deny, enters) in [
            (&["cn=alice"][..], &[][..], true),
            (&["CN=alice"], &[], true),
            (&["cn=Alice"], &[], false),
            (&["cn=ali*"], &[], true),
            (&["cn=Alice B."], &[], true),
            (&[], &["cn=alice"], false),
            (&["cn=bob", "ou=oncall"], &[], true),
            (&["cn=alice,ou=ops"], &[], true),
            (&["cn=alice,ou=sales"], &[], false),
            (&["cn=bob,ou=ops", "cn=alice,ou=sales"], &[], false),
            (&["dns=*.example"], &[], true),
            (&["dns=ALICE.EXAMPLE"], &[], true),
            (&["dns=*"], &[], false),
            (&["uri=spiffe://td/ns/*"], &[], true),
            (&["uri=spiffe://td/*"], &[], false),
            (&["uri=spiffe://td/**"], &[], true),
            (&["email=*@example"], &[], true),
            (&["ip=2001:DB8:0::1"], &[], true),
            (&["ip=192.0.2.1"], &[], false),
            (&[r"o=Example\, Inc."], &[], true),
            (&["pin=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="], &[], true),
            (&["pin=sha256//47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="], &[], true),
            (&["pin=sha256/57DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="], &[], false),
            (&[], &[], true),
            (&[], &["ou=ops"], false),
            (&["cn=alice"], &["ou=ops"], false),
            (&["cn=alice"], &["ou=ops,cn=bob"], true),
        ] {
            let judged = access(allow, deny).judge(Some(&alice()));
            assert_eq!(judged.is_ok(), enters, "allow {allow:?} deny {deny:?}: {judged:?}");
        }
    }

    #[test]
    fn who_has_no_certificate_is_nobody() {
        assert!(access(&[], &[]).judge(None).is_ok());
        assert!(access(&[], &["cn=x"]).judge(None).is_err());
        assert!(access(&["cn=**"], &[]).judge(None).is_err());
    }

    #[test]
    fn a_refusal_names_the_rule_and_what_was_offered() {
        let refused = access(&[], &["ou=ops"]).judge(Some(&alice())).unwrap_err();
        assert!(
            refused.starts_with("denied by \"ou=ops\": cn=alice, cn=Alice B., o=Example, Inc., "),
            "{refused}"
        );
        let mut hostile = alice();
        hostile.common_names = vec!["x\nINFO all is well".to_owned()];
        let refused = access(&["cn=y"], &[]).judge(Some(&hostile)).unwrap_err();
        assert!(!refused.contains('\n'), "{refused}");
    }

    #[test]
    fn what_is_no_rule_is_refused_with_the_reason() {
        for (text, says) in [
            ("alice", "is not KIND=PATTERN"),
            ("san=alice", "is not one of cn, o, ou, dns"),
            ("cn=", "has no pattern"),
            ("cn=alice,", "is not KIND=PATTERN"),
            ("", "is not KIND=PATTERN"),
            ("ip=10.0.0.0/8", "is not an IP address"),
            ("pin=abc", "is not the SHA-256 of a public key"),
            ("cn=x\\", "ends with"),
        ] {
            let error = text.parse::<Rule>().unwrap_err();
            assert!(error.contains(says), "{text:?}: {error}");
        }
    }

    proptest::proptest! {
        #[test]
        fn a_rule_reads_as_it_is_shown(text in r"(cn|dns|uri|ou)=[a-z*., \\]{1,12}(,o=[a-z]{1,4})?") {
            if let Ok(rule) = text.parse::<Rule>() {
                proptest::prop_assert_eq!(rule.to_string().parse::<Rule>(), Ok(rule));
            }
        }

        #[test]
        fn no_text_is_too_strange(text in ".{0,64}", name in ".{0,64}") {
            if let Ok(rule) = text.parse::<Rule>() {
                let names = Names { common_names: vec![name], ..Names::default() };
                let _ = Access { allow: vec![rule], deny: vec![] }.judge(Some(&names));
            }
        }
    }
}
