//! Any text as a rule about whom to let in, and any names: a rule is shown so that it is read again
//! as the same, and judging takes neither long nor a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/seal/src/tunnel/allow.rs"]
#[allow(dead_code, reason = "the program uses all of it")]
mod allow;
#[path = "../../crates/seal/src/tunnel/pattern.rs"]
mod pattern;

use allow::{Access, Names, Rule};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut lines = text.split('\n');
    let rules: Vec<Rule> = lines.by_ref().take(2).flat_map(str::parse).collect();
    for rule in &rules {
        let shown = rule.to_string();
        let again: Rule = shown.parse().expect("a rule that was shown");
        assert_eq!(again.to_string(), shown);
    }
    let name = lines.next().unwrap_or_default().to_owned();
    let names = Names {
        common_name: Some(name.clone()),
        dns: vec![name.clone()],
        uris: lines.map(str::to_owned).collect(),
        ..Names::default()
    };
    let allow = Access { allow: rules.clone(), deny: Vec::new() };
    let deny = Access { allow: Vec::new(), deny: rules.clone() };
    let nobody = Access { allow: rules.clone(), deny: rules };
    // Whom the same rules allow they deny, and to deny wins.
    if !allow.is_empty() {
        assert_ne!(allow.judge(Some(&names)).is_ok(), deny.judge(Some(&names)).is_ok());
        assert!(nobody.judge(Some(&names)).is_err());
        assert!(allow.judge(None).is_err());
    }
});
