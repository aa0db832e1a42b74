//! `seal cert lint`.

use std::fmt;
use std::path::PathBuf;

use clap::Args;
use sealwire::Foreign;
use sealwire::pki::{self, Severity};
use serde::Serialize;

use crate::say::failure::Failure;
use crate::say::report::{self, Answer};
use crate::view::card;
use crate::view::checked::{Checked, ReportFiles};
use crate::words::clock;

/// Report what browsers, OpenSSL, Node, Python and Apple refuse in certificates
///
/// The certificates of one file are also checked as a chain that a server sends: their order, and
/// whether one outlives its issuer.
///
/// Exits with 1 on errors (refused by all clients) and warnings (refused by some), but not on
/// notices.
#[derive(Args)]
pub(crate) struct Lint {
    /// The certificates, in PEM or DER
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    reports: ReportFiles,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    findings: Vec<Finding>,
    #[serde(skip)]
    looked_at: usize,
}

#[derive(Serialize)]
struct Finding {
    file: String,
    subject: String,
    severity: &'static str,
    code: &'static str,
    text: String,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.findings.is_empty() {
            let plural = if self.looked_at == 1 { "" } else { "s" };
            return write!(f, "{} certificate{plural}, no findings", self.looked_at);
        }
        let lines = self.findings.iter().map(|finding| {
            let Finding { file, subject, severity, code, text } = finding;
            format!("{file}: {subject}: {severity}: {} [{code}]", Foreign::new(text))
        });
        f.write_str(&lines.collect::<Vec<_>>().join("\n"))
    }
}

impl Lint {
    pub(super) fn run(self) -> Result<Answer, Failure> {
        let now = clock::now();
        let mut report = Report { findings: Vec::new(), looked_at: 0 };
        let mut worst = Severity::Notice;
        let mut checked = Vec::new();
        for path in &self.files {
            let certificates = pki::certificates_from_file(path)?;
            report.looked_at += certificates.len();
            let lints = pki::lint_file(&certificates, now);
            for (certificate, lints) in certificates.iter().zip(lints) {
                checked.push(Checked::by_lints(path, card::subject(certificate), &lints));
                for lint in lints {
                    worst = worst.max(lint.severity);
                    report.findings.push(Finding {
                        file: path.display().to_string(),
                        subject: card::subject(certificate),
                        severity: card::severity(lint.severity),
                        code: lint.code,
                        text: lint.text,
                    });
                }
            }
        }
        self.reports.write("cert lint", &checked)?;
        report::print(&report, self.json)?;
        Ok(if worst > Severity::Notice { Answer::No } else { Answer::Yes })
    }
}
