//! GnuTLS's tests of chains: arrays of PEM texts in a C header, and a table of what to expect.

use std::collections::BTreeMap;
use std::path::Path;

use sealwire::pki::Purpose;

use super::judges::{Chain, Texts};
use super::{Error, Suite, Vector};

/// When a test of the table that names no time takes place.
const TIME: i64 = 1_256_803_113;

/// Flags with which a test asks what the judges here are not asked.
const NOT_OURS: &[&str] = &[
    "DO_NOT_ALLOW_X509_V1_CA_CRT",
    "ALLOW_ANY_X509_V1_CA_CRT",
    "IGNORE_UNKNOWN_CRIT_EXTENSIONS",
    "PROFILE_LEGACY",
    "PROFILE_HIGH",
    "PROFILE_ULTRA",
    "VFLAGS_BROKEN",
];

/// An array's texts, with its NULLs: what comes after the first is not sent, and may be an anchor.
type Arrays = BTreeMap<String, Vec<Option<String>>>;

pub(super) fn suites(source: &Path) -> Result<Vec<Suite>, Error> {
    let header = source.join("tests/test-chains.h");
    let text = std::fs::read_to_string(&header)
        .map_err(|error| format!("{}: {error}", header.display()))?;
    let (arrays, table) = text.split_once("} chains[] = {").ok_or("test-chains.h has no table")?;
    let arrays = read_arrays(arrays);
    let (mut vectors, mut left_out) = (Vec::new(), Vec::new());
    for entry in entries(table) {
        let [title, chain, anchor, flags, expected, purpose, rest @ ..] = &entry[..] else {
            continue;
        };
        let title = title.trim_matches('"').to_owned();
        let (Some(chain), Some(anchor)) = (pointed(&arrays, chain), pointed(&arrays, anchor))
        else {
            continue;
        };
        if let Some(flag) = NOT_OURS.iter().find(|flag| flags.contains(*flag)) {
            left_out.push(format!("{title}: {flag}"));
            continue;
        }
        let sent: Vec<String> = chain.iter().map_while(Clone::clone).collect();
        let trusted = anchor.first().cloned().flatten().unwrap_or_default();
        let mut chain = Chain::of_pem(Texts {
            leaf: sent.first().cloned().unwrap_or_default(),
            sent: sent.get(1..).unwrap_or_default().concat(),
            trusted,
            refused: None,
        });
        // As GnuTLS, which believes an intermediate that it is told to.
        chain.partial = true;
        chain.purpose = match &**purpose {
            "NULL" => Purpose::Any,
            "GNUTLS_KP_TLS_WWW_SERVER" => Purpose::Server,
            "GNUTLS_KP_TLS_WWW_CLIENT" => Purpose::Client,
            other => {
                left_out.push(format!("{title}: {other}"));
                continue;
            }
        };
        let time = rest.first().and_then(|time| time.parse().ok()).filter(|time| *time != 0);
        chain.time = time.unwrap_or(TIME);
        if flags.contains("DISABLE_TIME_CHECKS") {
            match chain.common_time() {
                Some(time) => chain.time = time,
                None => {
                    left_out.push(format!("{title}: it is never valid as a whole"));
                    continue;
                }
            }
        }
        let allows_broken = ["ALLOW_BROKEN", "ALLOW_SIGN_RSA_MD5", "ALLOW_SIGN_WITH_SHA1"];
        if allows_broken.iter().any(|flag| flags.contains(flag)) {
            chain.security_level = 0;
        }
        if flags.contains("PROFILE_MEDIUM") {
            chain.security_level = 2;
        }
        vectors.push(Vector { name: title, chain, valid: expected == "0" });
    }
    Ok(vec![Suite { title: "GnuTLS chainverify".to_owned(), vectors, left_out }])
}

/// `static const char *name[] = { "..." "...", NULL, ... };`
fn read_arrays(text: &str) -> Arrays {
    let mut arrays = Arrays::new();
    for part in text.split("static const char *").skip(1) {
        let Some((name, rest)) = part.split_once("[]") else { continue };
        let body = rest.split_once("};").map_or(rest, |(body, _)| body);
        let mut texts = Vec::new();
        let mut text = String::new();
        for line in body.lines().map(str::trim) {
            if line.starts_with("NULL") {
                texts.push(None);
            } else if let Some((inside, after)) =
                line.strip_prefix('"').and_then(|line| line.rsplit_once('"'))
            {
                text.push_str(inside.trim_end_matches("\\n"));
                text.push('\n');
                // A comma may be missing before what ends the array.
                if after.contains(',') || inside.contains("-----END") {
                    texts.push(Some(std::mem::take(&mut text)));
                }
            }
        }
        arrays.insert(name.to_owned(), texts);
    }
    arrays
}

/// `name`, or `&name[2]`.
fn pointed<'a>(arrays: &'a Arrays, pointer: &str) -> Option<&'a [Option<String>]> {
    let pointer = pointer.trim_start_matches('&');
    let (name, index) = match pointer.split_once('[') {
        Some((name, index)) => (name, index.trim_end_matches(']').parse().ok()?),
        None => (pointer, 0),
    };
    arrays.get(name)?.get(index..)
}

/// The entries of the table, each as its fields.
fn entries(table: &str) -> Vec<Vec<String>> {
    let lines = table.lines().filter(|line| !line.trim_start().starts_with(['#', '/']));
    let table: String = lines.map(|line| format!("{line} ")).collect();
    let each = table.split('{').skip(1).filter_map(|entry| entry.split_once('}'));
    each.map(|(entry, _)| fields(entry)).collect()
}

/// Split at the commas outside of strings and brackets.
fn fields(entry: &str) -> Vec<String> {
    let (mut all, mut depth, mut quoted) = (vec![String::new()], 0_i32, false);
    for character in entry.chars() {
        match character {
            '"' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth -= 1,
            ',' if !quoted && depth == 0 => {
                all.push(String::new());
                continue;
            }
            _ => {}
        }
        all.last_mut().expect("one to begin with").push(character);
    }
    all.iter().map(|field| field.trim().to_owned()).collect()
}
