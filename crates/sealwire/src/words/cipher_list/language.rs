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

/// Evaluates a list. Words that OpenSSL does not know select nothing and are not an error, so that
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
mod tests;
