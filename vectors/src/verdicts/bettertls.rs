//! Netflix's BetterTLS: chains made by a program of its own, with what is expected of each.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use sealwire::pki::{Certificate, Purpose};
use serde::Deserialize;

use super::judges::{self, Chain};
use super::{Error, Suite as Judged, Vector};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Export {
    trust_root: String,
    suites: BTreeMap<String, Suite>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Suite {
    test_cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Case {
    id: u64,
    certificates: Vec<String>,
    hostname: String,
    expected: String,
    /// Opinions differ: what is expected is a suggestion.
    #[serde(default)]
    failure_is_warning: bool,
}

/// The suites of a file that `bettertls export-tests` wrote, or of the project's folder.
pub(super) fn suites(path: &Path) -> Result<Vec<Judged>, Error> {
    let text = if path.is_dir() { export(path)? } else { std::fs::read_to_string(path)? };
    let export: Export = serde_json::from_str(&text)?;
    let root = certificate(&export.trust_root)?;
    let time = judges::now();
    let mut suites = Vec::new();
    for (title, suite) in export.suites {
        let vector = |case: &Case| -> Result<Vector, Error> {
            let presented = case.certificates.iter().map(|one| certificate(one));
            Ok(Vector {
                name: format!("{} {}", case.id, case.hostname),
                valid: case.expected == "ACCEPT",
                chain: Chain {
                    presented: presented.collect::<Result<_, _>>()?,
                    trusted: vec![root.clone()],
                    texts: None,
                    partial: false,
                    lists: Vec::new(),
                    policies: None,
                    purpose: Purpose::Server,
                    host: Some(case.hostname.clone()),
                    time,
                    security_level: 1,
                },
            })
        };
        let firm = suite.test_cases.iter().filter(|case| !case.failure_is_warning);
        let vectors = firm.map(vector).collect::<Result<Vec<_>, Error>>()?;
        suites.push(Judged::of(format!("BetterTLS {title}"), vectors));
    }
    Ok(suites)
}

/// Has the project write its tests.
fn export(folder: &Path) -> Result<String, Error> {
    let out = tempfile::NamedTempFile::new()?;
    let mut go = Command::new("go");
    go.current_dir(folder.join("test-suites")).args(["run", "./cmd/bettertls", "export-tests"]);
    let status = go.arg("--out").arg(out.path()).status();
    let status = status.map_err(|error| format!("BetterTLS is a program in Go: go: {error}"))?;
    if !status.success() {
        return Err("BetterTLS could not write its tests".into());
    }
    Ok(std::fs::read_to_string(out.path())?)
}

fn certificate(base64: &str) -> Result<Certificate, Error> {
    let pem = format!("-----BEGIN CERTIFICATE-----\n{base64}\n-----END CERTIFICATE-----\n");
    let mut all = Certificate::all_from_pem(pem.as_bytes())?;
    Ok(all.remove(0))
}
