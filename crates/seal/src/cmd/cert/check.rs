//! `seal cert check`.

use std::fmt;
use std::path::PathBuf;

use clap::Args;
use sealwire::pki;
use serde::Serialize;

use crate::say::failure::Failure;
use crate::say::report::{self, Answer};
use crate::view::card;
use crate::words::clock;
use crate::words::length::Length;

/// Tell whether certificates expire soon, for scripts
///
/// Looks at every certificate of every file. Exit code 0 when all are valid now and for the time
/// given, 1 when one is not.
///
/// With OpenSSL: openssl x509 -checkend SECONDS -in cert.pem
#[derive(Args)]
pub(crate) struct Check {
    /// The certificates, in PEM or DER
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// How long they must still be valid: 30d, 12h, 90m
    #[arg(long, value_name = "TIME", default_value = "30d")]
    within: Length,
    /// Report as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
#[serde(transparent)]
struct Report(Vec<Line>);

#[derive(Serialize)]
struct Line {
    file: String,
    subject: String,
    not_after: String,
    good: bool,
    verdict: String,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = self.0.iter().map(|line| {
            format!("{}: {}: {} ({})", line.file, line.subject, line.verdict, line.not_after)
        });
        f.write_str(&lines.collect::<Vec<_>>().join("\n"))
    }
}

impl Check {
    pub(super) fn run(self) -> Result<Answer, Failure> {
        let now = clock::now();
        let horizon =
            now.saturating_add(i64::try_from(self.within.get().as_secs()).unwrap_or(i64::MAX));
        let mut lines = Vec::new();
        for path in &self.files {
            for certificate in pki::certificates_from_file(path)? {
                let (start, end) = (certificate.not_before(), certificate.not_after());
                let left = match (end - now).max(0) {
                    seconds @ ..172_800 => format!("{} hours", seconds / 3600),
                    seconds => format!("{} days", seconds / 86_400),
                };
                let verdict = match () {
                    () if now > end => "expired".to_owned(),
                    () if now < start => "not valid yet".to_owned(),
                    () if end < horizon => format!("expires in {left}"),
                    () => format!("good for {left}"),
                };
                lines.push(Line {
                    file: path.display().to_string(),
                    subject: card::subject(&certificate),
                    not_after: card::time(end),
                    good: start <= now && end >= horizon,
                    verdict,
                });
            }
        }
        let good = lines.iter().all(|line| line.good);
        report::print(&Report(lines), self.json)?;
        Ok(if good { Answer::Yes } else { Answer::No })
    }
}
