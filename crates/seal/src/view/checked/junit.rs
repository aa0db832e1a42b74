//! JUnit's XML, as CI servers read it: a test for each thing that was looked at.

use std::fmt::Write as _;

use sealwire::Foreign;

use super::{Checked, Finding, Level};
use crate::words::markup;

pub(super) fn text(verb: &str, checked: &[Checked]) -> String {
    let failing = |one: &&Checked| one.findings.iter().any(is_failure);
    let failures = checked.iter().filter(failing).count();
    let counts = format!(
        "tests=\"{}\" failures=\"{failures}\" errors=\"0\" skipped=\"0\" time=\"0\"",
        checked.len()
    );
    let name = escaped(&format!("seal {verb}"));
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    // Writing into a string does not fail.
    let _ = writeln!(xml, "<testsuites name=\"{name}\" {counts}>");
    let _ = writeln!(xml, "  <testsuite name=\"{name}\" {counts}>");
    for one in checked {
        let name = if one.name.is_empty() { &one.place } else { &one.name };
        let (class, name) = (escaped(&one.place), escaped(name));
        let _ = writeln!(xml, "    <testcase classname=\"{class}\" name=\"{name}\" time=\"0\">");
        let (failures, notes): (Vec<_>, Vec<_>) =
            one.findings.iter().partition(|it| is_failure(it));
        // Readers take one failure of a test.
        if let Some(first) = failures.first() {
            let (code, message) = (escaped(&first.code), escaped(&first.text));
            let _ = writeln!(
                xml,
                "      <failure type=\"{code}\" message=\"{message}\">{}</failure>",
                lines(&failures)
            );
        }
        if !notes.is_empty() {
            let _ = writeln!(xml, "      <system-out>{}</system-out>", lines(&notes));
        }
        xml += "    </testcase>\n";
    }
    xml + "  </testsuite>\n</testsuites>\n"
}

fn is_failure(finding: &Finding) -> bool {
    finding.level != Level::Note
}

fn lines(findings: &[&Finding]) -> String {
    let lines: Vec<String> = findings
        .iter()
        .map(|finding| {
            let level = match finding.level {
                Level::Error => "error",
                Level::Warning => "warning",
                Level::Note => "notice",
            };
            escaped(&format!("{level}: {} [{}]", finding.text, finding.code))
        })
        .collect();
    lines.join("\n")
}

/// XML has no way to write most control characters, so these are escaped as on a terminal.
fn escaped(text: &str) -> String {
    markup::escape(&Foreign::new(text).to_string())
}
