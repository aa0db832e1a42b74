//! OpenSSL's cipher list language (`openssl-ciphers(1)`), evaluated as
//! `ssl_create_cipher_list` does: rules, one after another, over a list in which each suite is
//! chosen or not.

use super::pattern::Pattern;
use super::table::{SUITES, Suite};

/// What a list says.
#[derive(Debug, Default)]
pub(super) struct Evaluated {
    /// The suites chosen, best first.
    pub(super) suites: Vec<&'static Suite>,
    /// `@SECLEVEL=n`, the last one.
    pub(super) level: Option<u8>,
}

/// A rule that cannot be read: OpenSSL's `invalid command`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct InvalidCommand<'a>(pub(super) &'a str);

/// OpenSSL's default list (`OSSL_default_cipher_list`).
const DEFAULT: &str = "ALL:!COMPLEMENTOFDEFAULT:!eNULL";

/// Evaluates a list. Words that OpenSSL does not know select nothing and are no error, so that
/// one list serves many versions of it.
pub(super) fn evaluate(list: &str) -> Result<Evaluated, InvalidCommand<'_>> {
    let mut state = State::new();
    let mut rules = list;
    // Only at the front, and whatever follows it: so does OpenSSL.
    if let Some(rest) = list.strip_prefix("DEFAULT") {
        state.apply_all(DEFAULT)?;
        rules = rest.strip_prefix(':').unwrap_or(rest);
    }
    state.apply_all(rules)?;
    Ok(state.finish())
}

/// What a rule does with the suites that it covers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Action {
    /// Choose, behind those chosen before.
    Add,
    /// `+`: move those chosen to the end.
    Order,
    /// `-`: choose no longer; they can be added again, and then go before others.
    Delete,
    /// `!`: gone for good.
    Kill,
}

struct State {
    suites: Vec<Entry>,
    level: Option<u8>,
}

#[derive(Clone, Copy)]
struct Entry {
    suite: &'static Suite,
    chosen: bool,
}

impl State {
    fn new() -> Self {
        let suites = SUITES.iter().map(|suite| Entry { suite, chosen: false }).collect();
        Self { suites, level: None }
    }

    fn finish(self) -> Evaluated {
        let chosen = self.suites.iter().filter(|entry| entry.chosen);
        Evaluated { suites: chosen.map(|entry| entry.suite).collect(), level: self.level }
    }

    fn apply_all<'a>(&mut self, rules: &'a str) -> Result<(), InvalidCommand<'a>> {
        let mut rest = rules;
        while !rest.is_empty() {
            rest = self.apply_one(rest)?;
        }
        Ok(())
    }

    /// Applies the rule at the front, and gives what follows it. A rule needs no separator behind
    /// it: `DEFAULT@STRENGTH` is two.
    fn apply_one<'a>(&mut self, rules: &'a str) -> Result<&'a str, InvalidCommand<'a>> {
        let action = match rules.as_bytes()[0] {
            b':' | b' ' | b';' | b',' => return Ok(&rules[1..]),
            b'@' => return self.command(rules),
            b'!' => Some(Action::Kill),
            b'-' => Some(Action::Delete),
            b'+' => Some(Action::Order),
            _ => None,
        };
        let mut rest = if action.is_some() { &rules[1..] } else { rules };
        let mut pattern: Option<Pattern> = None;
        loop {
            let (word, after) = word(rest);
            if word.is_empty() {
                return Err(InvalidCommand(to_separator(rules).0));
            }
            let both = Pattern::of(word).and_then(|also| match pattern {
                Some(pattern) => pattern.and(also),
                None => Some(also),
            });
            // A word that is not known, or that excludes the others, makes the rule void.
            let Some(both) = both else { return Ok(to_separator(after).1) };
            let Some(more) = after.strip_prefix('+') else {
                self.apply(&both, action.unwrap_or(Action::Add));
                return Ok(after);
            };
            pattern = Some(both);
            rest = more;
        }
    }

    /// `@STRENGTH` or `@SECLEVEL=n`; what follows up to the next separator is passed over.
    fn command<'a>(&mut self, rules: &'a str) -> Result<&'a str, InvalidCommand<'a>> {
        let invalid = Err(InvalidCommand(to_separator(rules).0));
        let (command, after) = word(&rules[1..]);
        match command.strip_prefix("SECLEVEL=").map(str::as_bytes) {
            Some([digit @ b'0'..=b'5']) => self.level = Some(digit - b'0'),
            None if command == "STRENGTH" => self.sort_by_strength(),
            _ => return invalid,
        }
        Ok(to_separator(after).1)
    }

    fn apply(&mut self, pattern: &Pattern, action: Action) {
        let touched = |entry: &Entry| {
            let fits = match action {
                Action::Add => !entry.chosen,
                Action::Order | Action::Delete => entry.chosen,
                Action::Kill => true,
            };
            fits && pattern.covers(entry.suite)
        };
        let (mut touched, mut others): (Vec<Entry>, Vec<Entry>) =
            self.suites.iter().partition(|entry| touched(entry));
        match action {
            Action::Add | Action::Order => {
                touched.iter_mut().for_each(|entry| entry.chosen = true);
                others.append(&mut touched);
                self.suites = others;
            }
            Action::Delete => {
                touched.iter_mut().for_each(|entry| entry.chosen = false);
                touched.append(&mut others);
                self.suites = touched;
            }
            Action::Kill => self.suites = others,
        }
    }

    /// Those with the longest keys first; within, the order stays.
    fn sort_by_strength(&mut self) {
        let (mut chosen, mut others): (Vec<Entry>, Vec<Entry>) =
            self.suites.iter().partition(|entry| entry.chosen);
        chosen.sort_by_key(|entry| std::cmp::Reverse(entry.suite.key_bits));
        others.append(&mut chosen);
        self.suites = others;
    }
}

/// The word at the front, and the rest.
fn word(rest: &str) -> (&str, &str) {
    let end = rest
        .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '=')))
        .unwrap_or(rest.len());
    rest.split_at(end)
}

fn to_separator(rest: &str) -> (&str, &str) {
    rest.split_at(rest.find([':', ' ', ';', ',']).unwrap_or(rest.len()))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::super::table::SUITES;
    use super::{InvalidCommand, evaluate};

    /// What the installed program makes of a list: the suites before TLS 1.3; `None` when it
    /// refuses the list or nothing is left.
    fn openssl(list: &str) -> Option<Vec<String>> {
        let output = Command::new("openssl").args(["ciphers", "--", list]).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        let names = text.trim().split(':').filter(|name| !name.starts_with("TLS_"));
        output.status.success().then(|| names.map(str::to_owned).collect())
    }

    fn present() -> bool {
        let found = Command::new("openssl").arg("version").output().is_ok();
        if !found {
            assert!(std::env::var_os("CI").is_none(), "CI needs openssl");
            eprintln!("\n!!! SKIPPED: openssl is not installed, so it did not judge !!!\n");
        }
        found
    }

    /// Lists of all kinds. Suites without encryption are left out of the comparison: they stand
    /// elsewhere in OpenSSL's first order, and can never be spoken here.
    const LISTS: &[&str] = &[
        "ALL",
        "DEFAULT",
        "COMPLEMENTOFDEFAULT",
        "COMPLEMENTOFALL",
        "HIGH",
        "MEDIUM",
        "LOW",
        "FIPS",
        "HIGH+FIPS",
        "kRSA",
        "kDHE",
        "kEDH",
        "DH",
        "kECDHE",
        "kEECDH",
        "ECDH",
        "kPSK",
        "kRSAPSK",
        "kDHEPSK",
        "kECDHEPSK",
        "kSRP",
        "SRP",
        "PSK",
        "kGOST",
        "aRSA",
        "aDSS",
        "DSS",
        "aNULL",
        "aECDSA",
        "ECDSA",
        "aPSK",
        "aSRP",
        "aGOST",
        "DHE",
        "EDH",
        "ECDHE",
        "EECDH",
        "RSA",
        "ADH",
        "AECDH",
        "AES",
        "AES128",
        "AES256",
        "AESGCM",
        "AESCCM",
        "AESCCM8",
        "CAMELLIA",
        "CAMELLIA128",
        "CAMELLIA256",
        "ARIA",
        "ARIA128",
        "ARIA256",
        "ARIAGCM",
        "CHACHA20",
        "CBC",
        "3DES",
        "RC4",
        "MD5",
        "SHA",
        "SHA1",
        "SHA256",
        "SHA384",
        "SSLv3",
        "TLSv1",
        "TLSv1.0",
        "TLSv1.1",
        "TLSv1.2",
        "TLSv1.3",
        "nope",
        "all",
        "",
        ":",
        " ",
        "ALL:nope",
        "nope:ALL:!nope:-nope:+nope",
        "AES128-SHA",
        "AES128-SHA256:AES256-SHA",
        "AES128-SHA AES256-SHA,AES128-SHA256;AES256-SHA256",
        "::AES128-SHA::",
        "ECDHE+AESGCM",
        "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:!aNULL:!MD5:!DSS",
        "ECDHE+AES128:RSA+AES128:ECDHE+AES256:RSA+AES256:!SHA1",
        "EECDH+AESGCM:EDH+AESGCM",
        "EECDH+ECDSA+AESGCM:EECDH+aRSA+AESGCM:EECDH+ECDSA+SHA384:EECDH+aRSA+SHA256:!RC4",
        "HIGH:!aNULL:!MD5",
        "HIGH:!aNULL:!kRSA:!PSK:!SRP:!MD5:!RC4",
        "HIGH:!aNULL:@STRENGTH",
        "ALL:!EXPORT:!LOW:!aNULL:!eNULL:+RC4:@STRENGTH",
        "ALL:!ADH:!EXPORT56:RC4+RSA:+HIGH:+MEDIUM:+LOW:+SSLv2:+EXP",
        "AES256:AES128:+AES256",
        "ALL:+AESGCM",
        "ALL:+kECDHE:+aRSA",
        "ALL:-AESGCM:AESGCM",
        "ALL:-AES128:-AES256:AES",
        "ALL:-CHACHA20:-AESGCM:ALL",
        "AESGCM:!aRSA:aRSA",
        "AESGCM:!AESGCM:ALL",
        "!ALL",
        "ALL:-ALL",
        "ALL:-ALL:AESGCM",
        "CHACHA20:AESGCM:@STRENGTH",
        "AES128:AES256:@STRENGTH",
        "AES128:@STRENGTH:AES256",
        "ALL@STRENGTH",
        "DEFAULT@STRENGTH",
        "DEFAULT@SECLEVEL=0",
        "DEFAULT:@SECLEVEL=1",
        "DEFAULT:@SECLEVEL=5",
        "@SECLEVEL=2:ALL",
        "@SECLEVEL=2",
        "ALL:@SECLEVEL=6",
        "ALL:@SECLEVEL=",
        "ALL:@SECLEVEL=12",
        "ALL:@STRENGT",
        "ALL:@",
        "ALL:@STRENGTH+foo:AES",
        "DEFAULTxyz",
        "DEFAULT:-AESGCM:CHACHA20:AESGCM",
        "ALL:DEFAULT",
        "TLSv1.2+ECDHE+AESGCM",
        "TLSv1.2+TLSv1",
        "TLSv1.2+AES128-SHA",
        "AES128-SHA+AES",
        "AES128-SHA+CHACHA20",
        "AES128-SHA+AES256-SHA",
        "kRSA+ECDHE",
        "RC4+AES",
        "aRSA+aECDSA",
        "AES+CHACHA20:AESGCM",
        "AESGCM+",
        "AESGCM+:ECDHE",
        "+AESGCM",
        "-ALL:ECDHE",
        "AES128-SHA$",
        "AES128-SHA:$",
        "AES128-SHA\u{e9}",
        "!",
        "PROFILE=SYSTEM",
        "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256",
        "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:ECDHE-RSA-AES128-GCM-SHA256:+AES",
        // The default of Node.
        "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384:\
         ECDHE-ECDSA-AES256-GCM-SHA384:DHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-SHA256:\
         DHE-RSA-AES128-SHA256:ECDHE-RSA-AES256-SHA384:DHE-RSA-AES256-SHA384:\
         ECDHE-RSA-AES256-SHA256:DHE-RSA-AES256-SHA256:HIGH:!aNULL:!eNULL:!EXPORT:!DES:!RC4:!MD5:\
         !PSK:!SRP:!CAMELLIA",
        // Mozilla's intermediate and old lists.
        "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:\
         ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:\
         DHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES256-GCM-SHA384:DHE-RSA-CHACHA20-POLY1305",
        "@SECLEVEL=0:ECDHE-ECDSA-AES128-SHA:AES128-GCM-SHA256:AES256-SHA:DES-CBC3-SHA",
        // nginx's, Apache's and Postfix' defaults.
        "HIGH:!aNULL:!MD5",
        "HIGH:MEDIUM:!aNULL:!SEED:!IDEA:!RC4",
        "aNULL:-aNULL:HIGH:MEDIUM:+RC4:@STRENGTH",
    ];

    #[test]
    fn openssl_makes_the_same_of_every_list() {
        if !present() {
            return;
        }
        let encrypts =
            |name: &str| SUITES.iter().any(|suite| suite.name == name && suite.key_bits > 0);
        for list in LISTS {
            let theirs = openssl(list).map(|mut names| {
                names.retain(|name| encrypts(name));
                names
            });
            let ours = evaluate(list).ok().map(|evaluated| {
                evaluated.suites.iter().map(|suite| suite.name).collect::<Vec<_>>()
            });
            // No suite at all is an error there.
            let ours = ours.filter(|names| !names.is_empty()).map(|mut names| {
                names.retain(|name| encrypts(name));
                names
            });
            assert_eq!(
                ours.as_deref().unwrap_or_default(),
                theirs.as_deref().unwrap_or_default(),
                "{list:?}"
            );
            assert_eq!(ours.is_some(), theirs.is_some(), "{list:?}");
        }
    }

    #[test]
    fn every_suite_has_openssl_s_two_names_and_properties() {
        if !present() {
            return;
        }
        let output = Command::new("openssl")
            .args(["ciphers", "-stdname", "-v", "ALL:COMPLEMENTOFALL:@SECLEVEL=0"])
            .output()
            .expect("openssl runs");
        let text = String::from_utf8(output.stdout).expect("it speaks ASCII");
        let mut compared = 0;
        for line in text.lines() {
            let fields: Vec<&str> = line.split_whitespace().filter(|field| *field != "-").collect();
            let [iana, name, since, ..] = fields[..] else { panic!("{line}") };
            if since == "TLSv1.3" {
                continue;
            }
            let suite = SUITES.iter().find(|suite| suite.name == name).unwrap_or_else(|| {
                panic!("OpenSSL has {name}, the table has not");
            });
            assert_eq!(suite.iana, iana);
            let bits = format!("({})", suite.key_bits);
            assert!(suite.key_bits == 0 || line.contains(&bits), "{line}");
            compared += 1;
        }
        assert!(compared > 50, "openssl listed {compared} suites");
    }

    #[test]
    fn the_security_level_is_read() {
        for (list, level) in [
            ("ALL", None),
            ("DEFAULT@SECLEVEL=0", Some(0)),
            ("@SECLEVEL=1:ALL:@SECLEVEL=3", Some(3)),
        ] {
            assert_eq!(evaluate(list).unwrap().level, level, "{list}");
        }
        assert_eq!(evaluate("ALL:@SECLEVEL=7:AES").unwrap_err(), InvalidCommand("@SECLEVEL=7"));
        assert_eq!(evaluate("ALL:AES$:RSA").unwrap_err(), InvalidCommand("$"));
    }
}
