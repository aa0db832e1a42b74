//! BoringSSL's tests of its own path validation (libpki): a chain, how its last certificate is
//! trusted, and the errors that are expected. (The tests of its `X509_verify_cert` are AWS-LC's own.)

use std::path::{Path, PathBuf};

use sealwire::pki::Purpose;

use super::judges::{Chain, Texts};
use super::{Error, Suite, Vector};

/// 2021-10-05 12:00:00, what `DEFAULT` stands for.
const TIME: i64 = 1_633_435_200;

pub(super) fn suites(source: &Path) -> Result<Vec<Suite>, Error> {
    let folder = source.join("pki/testdata/verify_certificate_chain_unittest");
    let (mut vectors, mut left_out) = (Vec::new(), Vec::new());
    for path in tests(&folder)? {
        let name = path.strip_prefix(&folder).unwrap_or(&path).display().to_string();
        let text = std::fs::read_to_string(&path)?;
        let valid = !text.lines().any(|line| line.starts_with("ERROR: "));
        match chain(&path, &text)? {
            Ok(chain) => vectors.push(Vector { name, chain, valid }),
            Err(why) => left_out.push(format!("{name}: {why}")),
        }
    }
    Ok(vec![Suite { title: "BoringSSL libpki".to_owned(), vectors, left_out }])
}

fn tests(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut all = Vec::new();
    let entries =
        std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            all.extend(tests(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "test") {
            all.push(path);
        }
    }
    all.sort();
    Ok(all)
}

/// The chain, or the key of the test that asks for what no judge here is asked.
fn chain(path: &Path, test: &str) -> Result<Result<Chain, String>, Error> {
    let value = |key: &str| {
        test.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(": ")).unwrap_or_default()
    };
    let file = path.with_file_name(value("chain"));
    let text =
        std::fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    let blocks = blocks(&text);
    let (Some(leaf), Some(last)) = (blocks.first(), blocks.last()) else {
        return Err(format!("{}: no certificate", file.display()).into());
    };
    let trust = value("last_cert_trust");
    let alone = blocks.len() == 1;
    let (is_anchor, partial) = match trust {
        // What is trusted as an issuer need be no root.
        "TRUSTED_ANCHOR"
        | "TRUSTED_ANCHOR_WITH_CONSTRAINTS"
        | "TRUSTED_ANCHOR_WITH_EXPIRATION"
        | "TRUSTED_ANCHOR_WITH_EXPIRATION_AND_CONSTRAINTS" => (true, !alone),
        "TRUSTED_ANCHOR_OR_LEAF" => (true, true),
        "TRUSTED_LEAF" if alone => (true, true),
        "DISTRUSTED" | "UNSPECIFIED" => (false, false),
        other => return Ok(Err(format!("last_cert_trust: {other}"))),
    };
    let sent = if is_anchor { blocks.len() - 1 } else { blocks.len() };
    let mut chain = Chain::of_pem(Texts {
        leaf: leaf.clone(),
        sent: blocks.get(1..sent).unwrap_or_default().concat(),
        trusted: if is_anchor { last.clone() } else { String::new() },
        refused: None,
    });
    chain.partial = partial;
    chain.purpose = match value("key_purpose") {
        "ANY_EKU" => Purpose::Any,
        "SERVER_AUTH" => Purpose::Server,
        "CLIENT_AUTH" => Purpose::Client,
        other => return Ok(Err(format!("key_purpose: {other}"))),
    };
    chain.time = match value("utc_time") {
        "DEFAULT" => TIME,
        time => utc_time(time).ok_or_else(|| format!("{}: {time}?", path.display()))?,
    };
    Ok(Ok(chain))
}

/// `YYMMDDHHMMSSZ` of this century.
fn utc_time(text: &str) -> Option<i64> {
    let digits = |at: usize| text.get(at..at + 2)?.parse::<i64>().ok();
    let (year, month, day) = (2000 + digits(0)?, digits(2)?, digits(4)?);
    let before: i64 = (2000..year).map(|year| if year % 4 == 0 { 366 } else { 365 }).sum();
    let february = if year % 4 == 0 { 29 } else { 28 };
    let months = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let months: i64 = months.iter().take(usize::try_from(month - 1).ok()?).sum();
    // 2000-01-01 is day 10957 since 1970.
    let days = 10_957 + before + months + day - 1;
    Some(days * 86_400 + digits(6)? * 3_600 + digits(8)? * 60 + digits(10)?)
}

/// Each certificate of a PEM text with other text between.
pub(super) fn blocks(text: &str) -> Vec<String> {
    let (begin, end) = ("-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----");
    let after = text.split(begin).skip(1);
    after.filter_map(|part| Some(format!("{begin}{}{end}\n", part.split_once(end)?.0))).collect()
}
