//! `seal cert check`.

use std::fmt;
use std::path::Path;

use clap::Args;
use sealwire::Foreign;
use sealwire::pki::{self, Certificate};
use serde::Serialize;

use crate::cmd::inventory::servers::{self, Asking, Server};
use crate::cmd::inventory::{is_path, pattern};
use crate::inventory::{self, Candidates, Found, What};
use crate::net::dial::Route;
use crate::net::runtime::on_the_network;
use crate::say::failure::Failure;
use crate::say::report::{self, Answer};
use crate::view::card;
use crate::words::clock;
use crate::words::length::Length;
use crate::words::pattern::Pattern;

/// Check whether certificates expire soon
///
/// Checks every certificate in files, in folders recursively, and on servers. Exits with 0 when all
/// are valid now and for the given time, 1 when one is not or could not be read, 2 when a named
/// file contains no certificate.
///
/// With OpenSSL: openssl x509 -checkend SECONDS -in cert.pem
#[derive(Args)]
pub(crate) struct Check {
    /// A file, a folder, HOST, HOST:PORT, or PROTOCOL://HOST as --starttls has it
    #[arg(value_name = "TARGET", required = true)]
    targets: Vec<String>,
    #[command(flatten)]
    route: Route,
    /// Skip files and folders whose path or name matches: `*` matches one or more characters except
    /// `/`, `**` any; may be repeated
    #[arg(long, value_name = "PATTERN", value_parser = pattern)]
    exclude: Vec<Pattern>,
    /// Required remaining validity: 30d, 12h, 90m
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
            let (file, verdict) = (Foreign::new(&line.file), Foreign::new(&line.verdict));
            match line.subject.as_str() {
                "" => format!("{file}: {verdict}"),
                subject => format!("{file}: {subject}: {verdict} ({})", line.not_after),
            }
        });
        f.write_str(&lines.collect::<Vec<_>>().join("\n"))
    }
}

impl Check {
    pub(super) fn run(self) -> Result<Answer, Failure> {
        on_the_network(self.look())
    }

    async fn look(self) -> Result<Answer, Failure> {
        let now = clock::now();
        let within = i64::try_from(self.within.get().as_secs()).unwrap_or(i64::MAX);
        let judge = Judge { now, horizon: now.saturating_add(within) };
        let (mut lines, mut servers) = (Vec::new(), Vec::new());
        for target in &self.targets {
            let path = Path::new(target);
            if path.is_dir() {
                let candidates = Candidates::of("");
                let found = inventory::files(&[path.to_owned()], &self.exclude, &candidates);
                lines.extend(found.into_iter().filter_map(|found| judge.found(found)));
            } else if path.exists() || is_path(target) || target.ends_with(".pem") {
                let all = pki::certificates_from_file(path)?;
                lines.extend(all.iter().map(|one| judge.line(target.clone(), one)));
            } else {
                servers.push(Server::parse(target, self.route.starttls)?);
            }
        }
        let asking =
            Asking { route: self.route, identities: Vec::new(), at_once: AT_ONCE, posture: false };
        let found = servers::ask_all(asking, &servers).await?;
        lines.extend(found.into_iter().filter_map(|found| judge.found(found)));
        let good = lines.iter().all(|line| line.good);
        report::print(&Report(lines), self.json)?;
        Ok(if good { Answer::Yes } else { Answer::No })
    }
}

/// Number of servers to contact in parallel.
const AT_ONCE: u16 = 64;

/// By which time everything is judged.
struct Judge {
    now: i64,
    horizon: i64,
}

impl Judge {
    fn found(&self, found: Found) -> Option<Line> {
        match found.what {
            What::Certificate(shown) => Some(self.line(found.place, &shown.certificate)),
            What::Unreadable(why) => Some(Line {
                file: found.place,
                subject: String::new(),
                not_after: String::new(),
                good: false,
                verdict: why,
            }),
            What::List(_) | What::Server(_) => None,
        }
    }

    fn line(&self, file: String, certificate: &Certificate) -> Line {
        let Self { now, horizon } = *self;
        let (start, end) = (certificate.not_before(), certificate.not_after());
        let left = match (end - now).max(0) {
            seconds @ ..172_800 => format!("{} hours", seconds / 3600),
            seconds => format!("{} days", seconds / 86_400),
        };
        let verdict = match () {
            () if now > end => "expired".to_owned(),
            () if now < start => "not valid yet".to_owned(),
            () if end < horizon => format!("expires in {left}"),
            () => format!("valid for {left}"),
        };
        Line {
            file,
            subject: card::subject(certificate),
            not_after: card::time(end),
            good: start <= now && end >= horizon,
            verdict,
        }
    }
}
