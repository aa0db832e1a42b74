//! OpenSSL's own tests of `openssl verify`: the calls of `verify` in its recipe, and the
//! certificates that they name.

use std::path::Path;

use sealwire::pki::{Crl, Purpose};

use super::judges::{Chain, PolicyInput, Texts};
use super::{Error, Suite, Vector};

/// A call of the recipe's `verify`: what it is given, and whether it is to succeed.
struct Call {
    certificate: String,
    purpose: String,
    trusted: Vec<String>,
    sent: Vec<String>,
    options: Vec<String>,
    title: String,
    valid: bool,
}

pub(super) fn suites(source: &Path) -> Result<Vec<Suite>, Error> {
    let recipe = source.join("test/recipes/25-test_verify.t");
    let text = std::fs::read_to_string(&recipe)
        .map_err(|error| format!("{}: {error}", recipe.display()))?;
    let certificates = source.join("test/certs");
    let (mut vectors, mut left_out) = (Vec::new(), Vec::new());
    for (number, call) in calls(&text).into_iter().enumerate() {
        let name = format!("{} {}, {}", number + 1, call.certificate, call.title);
        match chain(&certificates, &call)? {
            Ok(chain) => vectors.push(Vector { name, chain, valid: call.valid }),
            Err(option) => left_out.push(format!("{name}: {option}")),
        }
    }
    vectors.extend(lists(&certificates)?);
    Ok(vec![Suite { title: "OpenSSL 25-test_verify".to_owned(), vectors, left_out }])
}

const OPTIONS: &[&str] = &[
    "-partial_chain",
    "-policy_check",
    "-explicit_policy",
    "-policy",
    "-auth_level",
    "-attime",
    // The signature of a root, which says nothing: it is good in the only such test.
    "-check_ss_sig",
];

/// The chain, or the option that is not Sealwire's.
fn chain(folder: &Path, call: &Call) -> Result<Result<Chain, String>, Error> {
    let foreign =
        |option: &&String| option.starts_with(['-', '@']) && !OPTIONS.contains(&&***option);
    if let Some(option) = call.options.iter().find(foreign) {
        return Ok(Err(option.clone()));
    }
    let read = |names: &[String]| -> Result<String, Error> {
        names.iter().try_fold(String::new(), |all, name| Ok(all + &text_of(folder, name)? + "\n"))
    };
    let mut chain = Chain::of_pem(Texts {
        leaf: text_of(folder, &call.certificate)?,
        sent: read(&call.sent)?,
        trusted: read(&call.trusted)?,
        refused: None,
    });
    chain.purpose = match &*call.purpose {
        "sslserver" => Purpose::Server,
        "sslclient" => Purpose::Client,
        _ => Purpose::Any,
    };
    let mut policies = PolicyInput::default();
    let mut options = call.options.iter();
    while let Some(option) = options.next() {
        match &**option {
            "-partial_chain" => chain.partial = true,
            "-explicit_policy" => policies.explicit = true,
            "-policy" => policies.accepted.extend(options.next().cloned()),
            "-auth_level" => chain.security_level = number(options.next())?,
            "-attime" => chain.time = number(options.next())?,
            _ => {}
        }
    }
    if call.options.iter().any(|option| option.contains("policy")) {
        chain.policies = Some(policies);
    }
    Ok(Ok(chain))
}

fn number<T: std::str::FromStr>(word: Option<&String>) -> Result<T, Error>
where
    T::Err: std::error::Error + 'static,
{
    Ok(word.ok_or("an option of the recipe has no value")?.parse()?)
}

fn text_of(folder: &Path, name: &str) -> Result<String, Error> {
    let path = folder.join(format!("{name}.pem"));
    std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()).into())
}

/// The tests of revocation lists, which the recipe writes out in full.
fn lists(folder: &Path) -> Result<Vec<Vector>, Error> {
    let mut vectors = Vec::new();
    for (name, lists) in [
        ("cve-2026-28388", "cve-2026-28388-crls"),
        ("delta-crl-as-complete", "delta-crl-as-complete-delta"),
        ("delta-crl-as-complete", "delta-crl-as-complete-delta-reasons"),
    ] {
        // Newer than some releases.
        let Ok(lists_text) = text_of(folder, lists) else { continue };
        let mut chain = Chain::of_pem(Texts {
            leaf: text_of(folder, &format!("{name}-leaf"))?,
            trusted: text_of(folder, &format!("{name}-ca"))?,
            ..Texts::default()
        });
        chain.lists = Crl::all_from_pem(lists_text.as_bytes())?;
        chain.time = match name {
            "cve-2026-28388" => 1_739_527_200,
            _ => chain.common_time().ok_or("the chain is never valid")?,
        };
        vectors.push(Vector { name: lists.to_owned(), chain, valid: false });
    }
    Ok(vectors)
}

/// `ok(verify("cert", "purpose", [trusted], [sent], options...), "title")`, and `ok(!verify(...`.
fn calls(recipe: &str) -> Vec<Call> {
    let mut all = Vec::new();
    // Which exit is expected may be said around the call.
    let mut end = 0;
    for (at, _) in recipe.match_indices("verify(\"") {
        let before = &recipe[end..at];
        let line = before.rsplit('\n').next().unwrap_or_default().trim_start();
        if !matches!(line, "ok(" | "ok(!" | "ok_nofips(") {
            continue;
        }
        let mut words = Words { rest: &recipe[at + "verify(".len()..] };
        let (Some(certificate), Some(purpose)) = (words.string(), words.string()) else { continue };
        let trusted = words.list();
        let sent = words.list();
        let options = words.strings();
        words.rest = words.rest.trim_start().trim_start_matches(')');
        let title = words.string().unwrap_or_default();
        let valid = !line.ends_with('!') && !before.contains("exit_checker");
        end = recipe.len() - words.rest.len();
        all.push(Call { certificate, purpose, trusted, sent, options, title, valid });
    }
    all
}

/// As much of Perl as the recipe has: strings, lists, `qw`.
struct Words<'a> {
    rest: &'a str,
}

impl Words<'_> {
    fn skip(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\n', ',']);
    }

    fn string(&mut self) -> Option<String> {
        self.skip();
        let (text, rest) = self.rest.strip_prefix('"')?.split_once('"')?;
        self.rest = rest;
        Some(text.to_owned())
    }

    fn list(&mut self) -> Vec<String> {
        self.skip();
        let Some((inside, rest)) =
            self.rest.strip_prefix('[').and_then(|rest| rest.split_once(']'))
        else {
            return Vec::new();
        };
        self.rest = rest;
        match inside.trim().strip_prefix("qw(") {
            Some(words) => {
                words.trim_end_matches(')').split_whitespace().map(str::to_owned).collect()
            }
            None => Words { rest: inside }.strings(),
        }
    }

    /// Up to the first thing that is no string; a variable counts as one.
    fn strings(&mut self) -> Vec<String> {
        let mut all = Vec::new();
        loop {
            self.skip();
            if let Some(text) = self.string() {
                all.push(text);
            } else if self.rest.starts_with('@') {
                let end = self.rest.find([',', ')']).unwrap_or(self.rest.len());
                all.push(self.rest[..end].to_owned());
                self.rest = &self.rest[end..];
            } else {
                return all;
            }
        }
    }
}
