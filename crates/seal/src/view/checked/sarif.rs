//! SARIF 2.1.0 (OASIS), which code scanning of forges reads.

use aws_lc_rs::digest::{SHA256, digest};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sealwire::Foreign;
use serde::Serialize;

use super::{Checked, Finding, Level};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Log<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run<'a> {
    tool: Tool<'a>,
    automation_details: Automation,
    results: Vec<Reported<'a>>,
    column_kind: &'static str,
}

#[derive(Serialize)]
struct Tool<'a> {
    driver: Driver<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver<'a> {
    name: &'static str,
    version: &'static str,
    information_uri: &'static str,
    rules: Vec<Rule<'a>>,
}

#[derive(Serialize)]
struct Rule<'a> {
    id: &'a str,
}

#[derive(Serialize)]
struct Automation {
    id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Reported<'a> {
    rule_id: &'a str,
    rule_index: usize,
    level: &'static str,
    message: Text,
    locations: [Location; 1],
    partial_fingerprints: Fingerprints,
}

#[derive(Serialize)]
struct Text {
    text: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    physical_location: Physical,
    logical_locations: [Logical; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Physical {
    artifact_location: Artifact,
    region: Region,
}

#[derive(Serialize)]
struct Artifact {
    uri: String,
}

/// Forges show what has a line; a certificate has none.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Logical {
    fully_qualified_name: String,
}

#[derive(Serialize)]
struct Fingerprints {
    /// The same as long as place, name and code are, so that a finding is known again.
    #[serde(rename = "sealPlaceNameCode/v1")]
    place_name_code: String,
}

pub(super) fn text(verb: &str, checked: &[Checked]) -> String {
    let all = || checked.iter().flat_map(|one| one.findings.iter().map(move |it| (one, it)));
    let mut codes: Vec<&str> = all().map(|(_, finding)| finding.code.as_str()).collect();
    codes.sort_unstable();
    codes.dedup();
    let log = Log {
        schema: "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        version: "2.1.0",
        runs: [Run {
            results: all().map(|(one, finding)| reported(one, finding, &codes)).collect(),
            tool: Tool {
                driver: Driver {
                    name: "seal",
                    version: env!("CARGO_PKG_VERSION"),
                    information_uri: env!("CARGO_PKG_REPOSITORY"),
                    rules: codes.iter().map(|id| Rule { id }).collect(),
                },
            },
            automation_details: Automation { id: format!("seal {verb}/") },
            column_kind: "utf16CodeUnits",
        }],
    };
    serde_json::to_string_pretty(&log).unwrap_or_default() + "\n"
}

fn reported<'a>(one: &Checked, finding: &'a Finding, codes: &[&str]) -> Reported<'a> {
    let what = match one.name.as_str() {
        "" => one.place.clone(),
        name => name.to_owned(),
    };
    let identity = format!("{}\0{}\0{}", one.place, one.name, finding.code);
    let hash = digest(&SHA256, identity.as_bytes());
    let hash: String = hash.as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    Reported {
        rule_id: &finding.code,
        rule_index: codes.binary_search(&finding.code.as_str()).unwrap_or_default(),
        level: match finding.level {
            Level::Error => "error",
            Level::Warning => "warning",
            Level::Note => "note",
        },
        message: Text { text: Foreign::new(&format!("{what}: {}", finding.text)).to_string() },
        locations: [Location {
            physical_location: Physical {
                artifact_location: Artifact { uri: uri(one) },
                region: Region { start_line: 1 },
            },
            logical_locations: [Logical { fully_qualified_name: Foreign::new(&what).to_string() }],
        }],
        partial_fingerprints: Fingerprints { place_name_code: hash },
    }
}

/// A path as it stands in a URI (RFC 3986), relative where it is; a server's.
fn uri(one: &Checked) -> String {
    const KEPT: &AsciiSet =
        &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    const IN_AUTHORITY: &AsciiSet = &KEPT.remove(b':').remove(b'[').remove(b']');
    if one.is_server {
        return format!("https://{}", utf8_percent_encode(&one.place, IN_AUTHORITY));
    }
    let path = utf8_percent_encode(&one.place, KEPT).to_string();
    if path.starts_with('/') { format!("file://{path}") } else { path }
}
