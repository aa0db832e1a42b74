//! The list of what a CA has signed, in the format of `openssl ca` (`index.txt`).
//!
//! One line for each certificate, six fields divided by tabs: `V` (valid), `R` (revoked) or `E`
//! (expired); when it expires; when and why it was revoked; the serial number in hexadecimal; a
//! file name or `unknown`; the subject. So `openssl ca` can work on the same CA.

use std::time::SystemTime;

use crate::pki::{Error, Moment, Problem, RevocationReason};

/// Everything that was signed, in the order of signing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Index {
    pub(super) entries: Vec<Entry>,
}

/// A certificate that a CA has signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    serial: String,
    not_after: SystemTime,
    revoked: Option<(SystemTime, RevocationReason)>,
    file: String,
    subject: String,
}

impl Entry {
    pub(super) fn new(serial: String, not_after: SystemTime, subject: String) -> Self {
        // A tab or line end inside a subject would begin another field or another certificate.
        let subject = subject.replace(|c: char| c.is_control(), " ");
        Self { serial, not_after, revoked: None, file: "unknown".to_owned(), subject }
    }

    /// The serial number in upper-case hexadecimal, whole bytes.
    pub fn serial(&self) -> &str {
        &self.serial
    }

    /// When it expires.
    pub fn not_after(&self) -> SystemTime {
        self.not_after
    }

    /// Since when and why it is revoked, if it is.
    pub fn revoked(&self) -> Option<(SystemTime, RevocationReason)> {
        self.revoked
    }

    /// The subject in OpenSSL's form.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    pub(super) fn revoke(&mut self, time: SystemTime, reason: RevocationReason) {
        self.revoked = Some((time, reason));
    }

    fn parse(line: &str) -> Option<Self> {
        let [state, not_after, revoked, serial, file, subject] =
            line.split('\t').collect::<Vec<_>>().try_into().ok()?;
        let revoked = match (state, revoked) {
            ("R", text) => {
                let (time, reason) = text.split_once(',').unwrap_or((text, "unspecified"));
                // `openssl ca` adds details after further commas for holds and compromises.
                let reason = reason.split(',').next()?;
                Some((time.parse::<Moment>().ok()?.system_time(), reason.parse().ok()?))
            }
            ("V" | "E", "") => None,
            _ => return None,
        };
        if serial.is_empty() || !serial.chars().all(|c| c.is_ascii_hexdigit()) {
            return None;
        }
        Some(Self {
            serial: serial.to_ascii_uppercase(),
            not_after: not_after.parse::<Moment>().ok()?.system_time(),
            revoked,
            file: file.to_owned(),
            subject: subject.to_owned(),
        })
    }

    fn line(&self) -> String {
        let (state, revoked) = match self.revoked {
            Some((time, RevocationReason::Unspecified)) => ("R", asn1_time(time)),
            Some((time, reason)) => ("R", format!("{},{reason}", asn1_time(time))),
            None => ("V", String::new()),
        };
        let Self { serial, file, subject, .. } = self;
        format!("{state}\t{}\t{revoked}\t{serial}\t{file}\t{subject}\n", asn1_time(self.not_after))
    }
}

impl Index {
    pub(super) fn parse(text: &str) -> Result<Self, Error> {
        let entries = text.lines().enumerate().map(|(i, line)| {
            Entry::parse(line).ok_or_else(|| {
                let what = format!("line {}: not an entry of an openssl ca index", i + 1);
                Error::new(Problem::Malformed, what)
            })
        });
        Ok(Self { entries: entries.collect::<Result<_, _>>()? })
    }

    pub(super) fn to_text(&self) -> String {
        self.entries.iter().map(Entry::line).collect()
    }
}

/// UTCTime, or GeneralizedTime from 2050 on, as certificates have it.
fn asn1_time(time: SystemTime) -> String {
    let text = Moment::from(time).to_string();
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    if digits.as_str() < "2050" { format!("{}Z", &digits[2..]) } else { format!("{digits}Z") }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn reads_and_writes_openssls_format() {
        let text = "V\t271124082004Z\t\t61B9D96E\tunknown\t/CN=leaf.test\n\
                    R\t20510101000000Z\t261124082004Z,keyCompromise\t01\tunknown\t/O=A\\/B/CN=x\n\
                    R\t271124082004Z\t261124082004Z\tAB\tnew.pem\t/CN=y\n";
        let index = Index::parse(text).unwrap();
        assert_eq!(index.to_text(), text);
        assert_eq!(index.entries[1].revoked().unwrap().1, RevocationReason::KeyCompromise);
        assert_eq!(index.entries[2].revoked().unwrap().1, RevocationReason::Unspecified);
        assert_eq!(Index::parse("").unwrap(), Index::default());
    }

    #[test]
    fn names_the_line_that_is_broken() {
        for bad in [
            "V\t271124082004Z\t\t61\tunknown",
            "V\tsoon\t\t61\tunknown\t/CN=x",
            "R\t271124082004Z\t\t61\tunknown\t/CN=x",
            "V\t271124082004Z\t\txyz\tunknown\t/CN=x",
            "garbage",
        ] {
            let text = format!("V\t271124082004Z\t\t01\tunknown\t/CN=x\n{bad}\n");
            let error = Index::parse(&text).unwrap_err().to_string();
            assert_eq!(error, "line 2: not an entry of an openssl ca index", "{bad}");
        }
    }

    #[test]
    fn a_subject_cannot_forge_an_entry() {
        let time = UNIX_EPOCH;
        let entry = Entry::new("01".to_owned(), time, "/CN=x\nV\t27\t".to_owned());
        let index = Index { entries: vec![entry] };
        assert_eq!(Index::parse(&index.to_text()).unwrap().entries.len(), 1);
    }
}
