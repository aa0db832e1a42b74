//! `seal explain`: what a code means and what to do about it.

use std::fmt;

use clap::Args;
use sealwire::Alert;
use sealwire::verify::Code;
use serde::Serialize;

use crate::say::advice;
use crate::say::codes::CODES;
use crate::say::failure::Failure;
use crate::say::report::{self, Answer};

/// Explain a verification code or an alert, and what to do about it
///
/// Verification codes are OpenSSL's (X509_V_ERR_*, by name or number) and those of Node's tls module;
/// alerts are TLS's, by name or number, or as OpenSSL and Node report them (ERR_SSL_...).
///
/// For instance: seal explain CERT_HAS_EXPIRED, seal explain 20, seal explain unknown_ca
#[derive(Args)]
pub(crate) struct Explain {
    /// Code to explain; without it, all are listed
    #[arg(value_name = "CODE")]
    code: Option<String>,
    /// Print a JSON array with one object for each
    #[arg(long)]
    json: bool,
    /// Print them as two tables in Markdown
    #[arg(long, hide = true, conflicts_with_all = ["json", "code"])]
    markdown: bool,
}

impl Explain {
    pub(crate) fn run(self) -> Result<Answer, Failure> {
        if self.markdown {
            report::print_text(markdown().trim_end())?;
            return Ok(Answer::Yes);
        }
        let all = verdicts().chain(alerts());
        let Some(asked) = self.code else {
            return self.list(all.collect());
        };
        let wanted = Wanted::of(&asked);
        let found: Vec<Entry> = all.filter(|entry| wanted.is(entry)).collect();
        if found.is_empty() {
            return Err(Failure::refused(format!("{asked:?}: unknown code"))
                .advise("`seal explain` lists all of them"));
        }
        report::print(&Pages(found), self.json)?;
        Ok(Answer::Yes)
    }

    fn list(&self, all: Vec<Entry>) -> Result<Answer, Failure> {
        if self.json {
            report::print(&Pages(all), true)?;
        } else {
            let lines = all.iter().map(|entry| {
                let number = entry.number.map_or_else(String::new, |number| number.to_string());
                format!("{:>5}  {number:>3}  {:<36} {}", entry.kind, entry.name, entry.text)
            });
            report::print_text(&lines.collect::<Vec<_>>().join("\n"))?;
        }
        Ok(Answer::Yes)
    }
}

/// A code or an alert, explained.
#[derive(Serialize)]
struct Entry {
    /// `code` or `alert`.
    kind: &'static str,
    name: &'static str,
    number: Option<i32>,
    /// What OpenSSL says: of a code its sentence, of an alert the error that it reports.
    text: String,
    meaning: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<&'static str>,
}

fn verdicts() -> impl Iterator<Item = Entry> {
    (0..).zip(&CODES).map(|(place, code)| {
        let at_place = Code::from_openssl(place);
        // Those behind OpenSSL's have no number.
        let (number, known) = match code.name {
            name if name == at_place.name() => (Some(place), at_place),
            "ERR_TLS_CERT_ALTNAME_INVALID" => (None, Code::ERR_TLS_CERT_ALTNAME_INVALID),
            _ => (None, Code::PINNED_KEY_MISMATCH),
        };
        Entry {
            kind: "code",
            name: code.name,
            number,
            text: known.text().to_owned(),
            meaning: code.meaning.to_owned(),
            remedy: Some(code.remedy),
        }
    })
}

fn alerts() -> impl Iterator<Item = Entry> {
    (0..=u8::MAX).map(Alert::from_number).filter(|alert| alert.name() != "unknown").map(|alert| {
        let is_error = alert.openssl_reason().is_some();
        let reported = sealwire::Error::AlertReceived { alert, ours: None };
        let reported = is_error.then(|| reported.code().to_string());
        Entry {
            kind: "alert",
            name: alert.name(),
            number: Some(alert.number().into()),
            text: reported.unwrap_or_else(|| "not an error".to_owned()),
            meaning: format!("The peer says: {}.", alert.meaning()),
            remedy: advice::for_alert(alert),
        }
    })
}

/// What was asked for.
struct Wanted {
    name: String,
    number: Option<i32>,
    /// `code 10` and `alert 48` are about one of the two.
    kind: Option<String>,
}

impl Wanted {
    fn of(asked: &str) -> Self {
        let asked = asked.trim().to_ascii_lowercase();
        let (kind, name) = match asked.split_once([' ', ':', '=']) {
            Some((kind @ ("code" | "alert"), name)) => (Some(kind.to_owned()), name.trim()),
            _ => (None, asked.strip_prefix("x509_v_err_").unwrap_or(&asked)),
        };
        Self { name: name.to_owned(), number: name.parse().ok(), kind }
    }

    fn is(&self, entry: &Entry) -> bool {
        self.kind.as_ref().is_none_or(|kind| kind == entry.kind)
            && (entry.name.eq_ignore_ascii_case(&self.name)
                || entry.kind == "alert" && entry.text.eq_ignore_ascii_case(&self.name)
                || self.number.is_some() && self.number == entry.number)
    }
}

#[derive(Serialize)]
struct Pages(Vec<Entry>);

impl fmt::Display for Pages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, entry) in self.0.iter().enumerate() {
            let Entry { kind, name, number, text, meaning, remedy } = entry;
            if at > 0 {
                f.write_str("\n\n")?;
            }
            match number {
                Some(number) => write!(f, "{name} ({kind} {number})")?,
                None => f.write_str(name)?,
            }
            write!(f, "\n  OpenSSL     {text}\n  meaning     {meaning}")?;
            if let Some(remedy) = remedy {
                write!(f, "\n  what to do  {remedy}")?;
            }
        }
        Ok(())
    }
}

/// The page of the documentation.
fn markdown() -> String {
    let row = |entry: Entry| {
        let number = entry.number.map_or_else(String::new, |number| number.to_string());
        let remedy = entry.remedy.unwrap_or_default();
        format!("| {number} | `{}` | {} | {} | {remedy} |\n", entry.name, entry.text, entry.meaning)
    };
    let table = |title: &str, text: &str, rows: String| {
        format!(
            "## {title}\n\n| number | name | {text} | meaning | what to do |\n|---:|---|---|---|---|\n{rows}\n"
        )
    };
    format!(
        "# Codes\n\nWhat a refusal's code means and what to do about it. `seal explain CODE` prints one of \
         them, and `seal explain` lists all. A test compares this page with the program.\n\n{}{}",
        table("Verification codes", "OpenSSL's sentence", verdicts().map(row).collect()),
        table("Alerts", "error of OpenSSL and Node", alerts().map(row).collect()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(asked: &str) -> Vec<&'static str> {
        let wanted = Wanted::of(asked);
        verdicts().chain(alerts()).filter(|it| wanted.is(it)).map(|it| it.name).collect()
    }

    #[test]
    fn the_table_has_every_code_of_openssl_in_its_place() {
        for (number, code) in CODES.iter().enumerate().take(95) {
            assert_eq!(Code::from_openssl(i32::try_from(number).unwrap()).name(), code.name);
        }
        assert_eq!(Code::from_openssl(95).name(), "UNSPECIFIED");
        for entry in verdicts().chain(alerts()) {
            assert!(entry.meaning.ends_with('.'), "{}", entry.name);
            assert!(!entry.text.is_empty(), "{}", entry.name);
        }
    }

    #[test]
    fn a_code_is_found_by_each_of_its_names() {
        for asked in
            ["CERT_HAS_EXPIRED", "X509_V_ERR_CERT_HAS_EXPIRED", "cert_has_expired", "code 10"]
        {
            assert_eq!(names(asked), ["CERT_HAS_EXPIRED"], "{asked}");
        }
        for asked in ["unknown_ca", "alert 48", "ALERT:48", "ERR_SSL_TLSV1_ALERT_UNKNOWN_CA"] {
            assert_eq!(names(asked), ["unknown_ca"], "{asked}");
        }
        assert_eq!(names("10"), ["CERT_HAS_EXPIRED", "unexpected_message"]);
        assert_eq!(names("ERR_TLS_CERT_ALTNAME_INVALID"), ["ERR_TLS_CERT_ALTNAME_INVALID"]);
        assert!(names("nonsense").is_empty());
        assert!(names("").is_empty());
    }

    #[test]
    fn the_page_of_the_documentation_is_what_the_program_knows() {
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/codes.md");
        let there = std::fs::read_to_string(page).unwrap_or_default();
        assert!(
            there.trim_end() == markdown().trim_end(),
            "docs/codes.md is old: `seal explain --markdown > docs/codes.md` writes it anew"
        );
    }
}
