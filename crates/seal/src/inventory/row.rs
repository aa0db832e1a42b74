//! One certificate or list as a row, for eyes and for programs.

use std::borrow::Cow;
use std::fmt;

use sealwire::Foreign;
use sealwire::pki::{self, Certificate, Crl};
use sealwire::verify::Verdict;
use serde::Serialize;

use super::Shown;
use crate::inspect::posture::Posture;
use crate::say::advice;
use crate::view::card;
use crate::view::checked::{Checked, Finding, Level};
use crate::words::clock;

const DAY: i64 = 86_400;

/// How it is with one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    Good,
    /// It ends within the time that was given.
    Ends,
    Expired,
    NotValidYet,
    Unreadable,
}

#[derive(Serialize)]
pub(crate) struct Row {
    /// `leaf`, `ca`, `root`, `crl`, `server`, or nothing that could be read.
    pub(crate) kind: &'static str,
    pub(crate) state: State,
    /// Every place where it lies: `FILE`, `FILE (alias)`, `FILE: key`, `ARCHIVE!FILE`, `HOST:PORT`.
    pub(crate) places: Vec<String>,
    /// Whether a server showed it as its own.
    #[serde(rename = "server")]
    pub(crate) is_of_server: bool,
    #[serde(flatten)]
    pub(crate) times: Option<Times>,
    #[serde(flatten)]
    pub(crate) facts: Option<Facts>,
    #[serde(flatten)]
    pub(crate) judgement: Option<Judgement>,
    /// Of a server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) posture: Option<Posture>,
    /// Why it could not be read, or what else is to be said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) note: Option<String>,
}

#[derive(Serialize)]
pub(crate) struct Times {
    not_before: String,
    /// Of a list: when the next one is due.
    not_after: Option<String>,
    days_left: Option<i64>,
    #[serde(skip)]
    pub(crate) seconds: (i64, Option<i64>),
}

#[derive(Serialize)]
pub(crate) struct Facts {
    pub(crate) subject: String,
    pub(crate) issuer: String,
    pub(crate) names: Vec<String>,
    pub(crate) key: String,
    pub(crate) signature: String,
    pub(crate) serial: String,
    pub(crate) fingerprint_sha256: String,
}

#[derive(Serialize)]
pub(crate) struct Judgement {
    pub(crate) trusted: bool,
    /// The error that counts, by OpenSSL's name.
    pub(crate) code: Option<&'static str>,
    pub(crate) evidence: Option<String>,
    pub(crate) advice: Option<String>,
}

impl Row {
    pub(super) fn of_certificate(
        places: Vec<String>,
        shown: &Shown,
        verdict: &Verdict,
        now: i64,
        within: i64,
    ) -> Self {
        let certificate = &shown.certificate;
        let times = Times::of(certificate.not_before(), Some(certificate.not_after()), now);
        Self {
            kind: kind(certificate),
            state: times.state(now, within),
            places,
            is_of_server: shown.server.is_some(),
            times: Some(times),
            facts: Some(Facts {
                subject: card::subject(certificate),
                issuer: card::issuer(certificate),
                names: card::names(certificate),
                key: pki::key_text(&certificate.spki_der()),
                signature: certificate.signature_algorithm().name,
                serial: certificate.serial_hex(),
                fingerprint_sha256: pki::sha256_fingerprint(certificate.der()),
            }),
            judgement: Some(Judgement::of(verdict, shown)),
            posture: None,
            note: shown.note.clone(),
        }
    }

    pub(super) fn of_server(place: String, posture: Posture) -> Self {
        Self {
            kind: "server",
            state: State::Good,
            places: vec![place],
            is_of_server: false,
            times: None,
            facts: None,
            judgement: None,
            posture: Some(posture),
            note: None,
        }
    }

    pub(super) fn of_list(place: String, list: &Crl, now: i64, within: i64) -> Self {
        let times = Times::of(list.this_update(), list.next_update(), now);
        Self {
            kind: "crl",
            state: times.state(now, within),
            places: vec![place],
            is_of_server: false,
            times: Some(times),
            facts: Some(Facts {
                subject: format!("revocation list {}", list.number().unwrap_or_default()),
                issuer: list.issuer().to_string(),
                names: Vec::new(),
                key: String::new(),
                signature: String::new(),
                serial: String::new(),
                fingerprint_sha256: pki::sha256_fingerprint(list.der()),
            }),
            judgement: None,
            posture: None,
            note: None,
        }
    }

    pub(super) fn unreadable(place: String, why: String) -> Self {
        Self {
            kind: "unreadable",
            state: State::Unreadable,
            places: vec![place],
            is_of_server: false,
            times: None,
            facts: None,
            judgement: None,
            posture: None,
            note: Some(why),
        }
    }

    /// When it ends: what cannot be read comes first, what never ends last.
    pub(super) fn ends(&self) -> i64 {
        match &self.times {
            None if self.posture.is_some() => i64::MAX,
            None => i64::MIN,
            Some(times) => times.seconds.1.unwrap_or(i64::MAX),
        }
    }

    /// Whether both say the same of the same place.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let all = |row: &Self| {
            let facts = row.facts.as_ref().map(|facts| facts.fingerprint_sha256.clone());
            (facts, row.kind, row.is_of_server)
        };
        (&self.places, &self.note) == (&other.places, &other.note) && all(self) == all(other)
    }

    /// What speaks against it, at each place where it lies. A verdict counts where it is `judged`.
    pub(crate) fn checked(&self, judged: bool) -> Vec<Checked> {
        let is_server = self.is_of_server || self.posture.is_some();
        let of = |place: &String| {
            let name = self.holder().to_owned();
            let mut one = Checked { place: place.clone(), is_server, name, findings: Vec::new() };
            let end = self.times.as_ref().and_then(|times| times.not_after.clone());
            let end = end.unwrap_or_default();
            match self.state {
                State::Good => {}
                State::Ends => one.findings.push(Finding {
                    code: "ENDS_SOON".to_owned(),
                    level: Level::Warning,
                    text: format!("it ends at {end}"),
                }),
                State::Expired => one.error("EXPIRED", format!("it ended at {end}")),
                State::NotValidYet => one.error("NOT_VALID_YET", "not yet valid"),
                State::Unreadable => {
                    one.error("UNREADABLE", self.note.clone().unwrap_or_default());
                }
            }
            if let Some(Judgement { code: Some(code), evidence, advice, .. }) = &self.judgement
                && judged
            {
                let advice = advice.as_ref().map_or_else(String::new, |text| format!(" ({text})"));
                one.error(*code, format!("{}{advice}", evidence.as_deref().unwrap_or_default()));
            }
            one.findings.extend(self.posture.as_ref().and_then(Posture::finding));
            one
        };
        self.places.iter().map(of).collect()
    }

    /// What it is about: a leaf's first name, else its subject.
    fn holder(&self) -> &str {
        if let Some(posture) = &self.posture {
            return posture.key_exchange.selected.as_ref().map_or("", |group| &group.name);
        }
        let Some(facts) = &self.facts else { return "" };
        match facts.names.first() {
            Some(name) if self.kind == "leaf" => name.strip_prefix("DNS:").unwrap_or(name),
            _ => &facts.subject,
        }
    }

    fn verdict(&self) -> String {
        if let Some(posture) = &self.posture {
            let (exchange, proof) =
                (&posture.key_exchange.verdict, &posture.authentication.verdict);
            return format!("{}; proof {}", exchange.words(), proof.words());
        }
        match (&self.judgement, &self.note) {
            (Some(judgement), _) => judgement.code.unwrap_or("trusted").to_owned(),
            (None, Some(note)) => note.clone(),
            (None, None) => String::new(),
        }
    }

    fn left(&self) -> String {
        let Some(Times { seconds: (start, end), .. }) = &self.times else { return String::new() };
        end.map_or_else(|| "no end".to_owned(), |end| clock::left(*start, end))
    }
}

fn kind(certificate: &Certificate) -> &'static str {
    match (certificate.is_ca(), certificate.is_self_signed()) {
        (true, true) => "root",
        (true, false) => "ca",
        (false, _) => "leaf",
    }
}

impl Times {
    fn of(start: i64, end: Option<i64>, now: i64) -> Self {
        Self {
            not_before: card::time(start),
            not_after: end.map(card::time),
            days_left: end.map(|end| end.saturating_sub(now).div_euclid(DAY)),
            seconds: (start, end),
        }
    }

    fn state(&self, now: i64, within: i64) -> State {
        let (start, end) = self.seconds;
        match end {
            Some(end) if now > end => State::Expired,
            _ if now < start => State::NotValidYet,
            Some(end) if end < now.saturating_add(within) => State::Ends,
            _ => State::Good,
        }
    }
}

impl Judgement {
    fn of(verdict: &Verdict, shown: &Shown) -> Self {
        // The last one is what Node reports.
        let finding = verdict.findings().last();
        Self {
            trusted: verdict.is_trusted(),
            code: finding.map(|finding| finding.code().name()),
            evidence: finding.map(|finding| finding.evidence().to_owned()),
            advice: finding.and_then(|finding| {
                advice::for_finding(finding, verdict.chain(), shown.server.as_ref())
            }),
        }
    }
}

/// All rows, in columns.
pub(crate) struct Table<'a>(pub(crate) &'a [Row]);

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const WIDEST: usize = 40;
        let cells: Vec<[String; 5]> = self.0.iter().map(cells).collect();
        let heads = ["ENDS", "LEFT", "KIND", "FOR", "VERDICT"].map(str::to_owned);
        let widths: [usize; 5] = std::array::from_fn(|column| {
            let all = cells.iter().chain([&heads]).map(|row| row[column].chars().count());
            all.max().unwrap_or(0).min(WIDEST)
        });
        let line = |f: &mut fmt::Formatter<'_>, row: &[String; 5], place: &str| {
            for (cell, width) in row.iter().zip(widths) {
                write!(f, "{:<width$}  ", short(cell, width))?;
            }
            writeln!(f, "{place}")
        };
        line(f, &heads, "WHERE")?;
        for (row, cells) in self.0.iter().zip(&cells) {
            let first = Foreign::new(row.places.first().map_or("", String::as_str)).to_string();
            let place = match row.places.len() {
                0 | 1 => first,
                more => format!("{first} and {} more", more - 1),
            };
            line(f, cells, &place)?;
            // What was cut and says why: whole, below.
            if cells[4].chars().count() > WIDEST {
                writeln!(f, "  {}", cells[4])?;
            }
        }
        Ok(())
    }
}

/// What fits into a column: of a longer cell the beginning and the end, which tell names and codes apart.
fn short(cell: &str, width: usize) -> Cow<'_, str> {
    let count = cell.chars().count();
    if count <= width {
        return Cow::Borrowed(cell);
    }
    let (head, tail) = (width / 2, width - width / 2 - 1);
    let mut text: String = cell.chars().take(head).collect();
    text.push('…');
    text.extend(cell.chars().skip(count - tail));
    Cow::Owned(text)
}

fn cells(row: &Row) -> [String; 5] {
    let ends = row.times.as_ref().and_then(|times| times.not_after.as_deref()).unwrap_or_default();
    let day = ends.split('T').next().unwrap_or_default();
    [day.to_owned(), row.left(), row.kind.to_owned(), row.holder().to_owned(), row.verdict()]
        .map(|cell| Foreign::new(&cell).to_string())
}
