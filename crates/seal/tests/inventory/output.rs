//! How it is told: the table, exit codes, and metrics.

use std::io::{BufRead, BufReader};
use std::process::Command;
use std::time::{Duration, Instant};

use super::peers::installed;
use super::{issue, material, rows};

#[test]
fn what_ends_first_comes_first_and_scripts_hear_of_it() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = material();
    issue(&dir, "soon", "10", "serverAuth");
    issue(&dir, "client", "200", "clientAuth");
    let listed = dir.seal("inventory leaf.pem soon.pem client.pem --ca ca.pem --json");
    assert_eq!(listed.code, 1);
    let all = rows(&listed);
    let told: Vec<_> = all
        .iter()
        .map(|row| (row["subject"].as_str().unwrap(), row["state"].as_str().unwrap()))
        .collect();
    assert_eq!(told, [("CN=soon", "ends"), ("CN=leaf", "good"), ("CN=client", "good")]);
    assert_eq!(dir.seal("inventory leaf.pem soon.pem --within 5d").code, 0);
    assert_eq!(dir.seal("inventory leaf.pem soon.pem --within 100d").code, 1);
    // The verdict counts where it was said whom to trust.
    let stranger =
        "req -x509 -newkey rsa:2048 -nodes -keyout o.key -out other.pem -days 90 -subj /CN=other";
    dir.openssl(stranger);
    assert_eq!(dir.seal("inventory leaf.pem").code, 0);
    let judged = dir.seal("inventory leaf.pem --ca other.pem --json");
    assert_eq!(judged.code, 1);
    assert_eq!(rows(&judged)[0]["code"], "UNABLE_TO_VERIFY_LEAF_SIGNATURE");
    let table = dir.seal("inventory leaf.pem soon.pem --ca ca.pem");
    let lines: Vec<_> = table.text().lines().collect();
    assert!(lines[0].starts_with("ENDS"), "{}", table.text());
    assert!(lines[1].contains("days left") && lines[1].ends_with("soon.pem"), "{}", table.text());
}

#[test]
fn cells_that_are_too_long_keep_the_columns() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = material();
    let name = format!("{}.example.org", "long-".repeat(12));
    dir.openssl(&format!(
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout k -out long.pem -days 90 \
         -subj /CN=x -addext subjectAltName=DNS:{name} -addext basicConstraints=CA:FALSE"
    ));
    let table = dir.seal("inventory long.pem leaf.pem");
    let columns: Vec<usize> = table
        .text()
        .lines()
        .map(|line| line.chars().count() - line.rsplit(' ').next().unwrap().chars().count())
        .collect();
    assert!(columns.iter().all(|column| *column == columns[0]), "{}", table.text());
    assert!(table.text().contains('…'), "{}", table.text());
}

#[test]
fn standard_input_and_metrics() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = material();
    let pem = dir.read("leaf.pem");
    let ran =
        dir.seal_with(&["inventory", "-", "--ca", "ca.pem", "--metrics", "m.prom"], &pem).ok();
    assert!(ran.text().contains("standard input"), "{}", ran.text());
    let metrics = String::from_utf8(dir.read("m.prom")).unwrap();
    let ends = dir.openssl("x509 -in leaf.pem -noout -enddate -dateopt iso_8601");
    let ends = ends.text().trim().trim_start_matches("notAfter=").replace(' ', "T");
    let line = metrics
        .lines()
        .find(|line| line.starts_with("seal_inventory_not_after_timestamp_seconds{"));
    let line = line.unwrap_or_else(|| panic!("{metrics}"));
    assert!(
        line.contains("place=\"standard input\"") && line.contains("subject=\"CN=leaf\""),
        "{line}"
    );
    let seconds: i64 = line.rsplit(' ').next().unwrap().parse().unwrap();
    assert_eq!(sealwire::pki::Moment::from_seconds(seconds).to_string(), ends);
    assert!(metrics.contains("seal_inventory_trusted{") && metrics.trim_end().ends_with("# EOF"));
}

#[test]
fn metrics_over_http_follow_the_files() {
    if !installed(&["openssl", "curl"]) {
        return;
    }
    let dir = material();
    let mut seal = Command::new(env!("CARGO_BIN_EXE_seal"))
        .args(["inventory", "leaf.pem", "--listen", "127.0.0.1:0", "--every", "1s"])
        .current_dir(dir.root())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    BufReader::new(seal.stderr.as_mut().unwrap()).read_line(&mut said).unwrap();
    let url = said.trim().trim_start_matches("metrics at ").to_owned();
    let ask =
        || dir.run(Command::new("curl"), &["-sS", "-D", "head", &url], b"").ok().text().to_owned();
    let first = ask();
    assert!(first.contains("subject=\"CN=leaf\""), "{said}: {first}");
    let head = String::from_utf8(dir.read("head")).unwrap();
    assert!(
        head.to_ascii_lowercase().contains("content-type: application/openmetrics-text"),
        "{head}"
    );
    issue(&dir, "newer", "50", "serverAuth");
    std::fs::copy(dir.path("newer.pem"), dir.path("leaf.pem")).unwrap();
    let until = Instant::now() + Duration::from_secs(60);
    while !ask().contains("subject=\"CN=newer\"") {
        assert!(Instant::now() < until, "the new certificate is not seen");
    }
    let other = dir.run(
        Command::new("curl"),
        &["-s", "-o", "x", "-w", "%{http_code}", &url.replace("/metrics", "/")],
        b"",
    );
    assert_eq!(other.text(), "404");
    seal.kill().unwrap();
    seal.wait().unwrap();
}
