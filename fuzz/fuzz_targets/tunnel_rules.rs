//! Any text as a rule of the tunnel, against any names: a rule is what it is shown as, and who is
//! let in by a rule is kept out by the same rule as a denial.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[allow(dead_code, reason = "only the rules are fuzzed")]
#[path = "../../crates/seal/src/tunnel"]
mod tunnel {
    pub(crate) mod allow;
}

#[allow(dead_code, reason = "rules use a part of it")]
#[path = "../../crates/seal/src/words"]
mod words {
    pub(crate) mod pattern;
}

use tunnel::allow::{Access, Names, Rule};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut lines = text.split('\n');
    let Some(Ok(rule)) = lines.next().map(str::parse::<Rule>) else { return };
    assert_eq!(rule.to_string().parse::<Rule>().as_ref(), Ok(&rule));
    let mut next = || lines.next().unwrap_or_default().to_owned();
    let names = Names {
        common_names: vec![next()],
        organizations: vec![next()],
        units: vec![next(), next()],
        dns: vec![next()],
        uris: vec![next()],
        emails: vec![next()],
        addresses: next().parse().into_iter().collect(),
        pin: next(),
    };
    let allow = Access { allow: vec![rule.clone()], deny: vec![] }.judge(Some(&names));
    let deny = Access { allow: vec![], deny: vec![rule] }.judge(Some(&names));
    assert_ne!(allow.is_ok(), deny.is_ok());
    for reason in [allow, deny].into_iter().filter_map(Result::err) {
        assert!(!reason.contains('\n'), "a log line has one line: {reason:?}");
    }
});
