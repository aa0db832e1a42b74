//! Files: every certificate, request, revocation list, key and PFX of the package, as we read it,
//! beside what python's `cryptography` and OpenSSL read.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sealwire::pki::{self, Certificate, Crl, Csr, KeyType, PfxContents, PrivateKey, PublicKey};
use serde::Deserialize;
use serde_json::Value;

/// What `cryptography` read in one file.
#[derive(Deserialize)]
struct Judged {
    path: PathBuf,
    kind: String,
    passphrase: Option<String>,
    facts: Value,
}

/// A difference that is meant, and why.
struct Known {
    /// A part of the file's path.
    path: &'static str,
    /// A part of what is told of the file.
    told: &'static str,
    reason: &'static str,
}

const fn known(path: &'static str, told: &'static str, reason: &'static str) -> Known {
    Known { path, told, reason }
}

/// Everything on which this program, cryptography and OpenSSL are not of one mind.
const KNOWN: &[Known] = &[
    known(
        "x509/requests/",
        "differs: signature: \"false\" there, \"true\" here",
        "cryptography says no to every signature with SHA-1; it is good (openssl req -verify)",
    ),
    known(
        "EC/ec_private_key_non_zero_unused_bits.der",
        "OpenSSL reads it, we say: ",
        "the bits that a BIT STRING leaves over are not zero, which DER forbids; nobody writes it so",
    ),
    known("", "keys of kind dsaEncryption ", "DSA signs in no version of TLS that is spoken here"),
    known("asymmetric/DH/", "named: ", "a key of Diffie-Hellman signs nothing"),
    known("asymmetric/X25519/", "named: ", "a key agreement's key signs nothing"),
    known("asymmetric/X448/", "named: ", "a key agreement's key signs nothing"),
    known("asymmetric/MLKEM/", "named: ", "a key encapsulation's key signs nothing"),
    known("asymmetric/Ed448/", "named: ", "AWS-LC has no Ed448"),
];

/// What comparing it gave.
enum Outcome {
    Same,
    /// Both read it, and this is told differently.
    Differs(String),
    /// It is not for TLS or not for us, and we name what it is.
    Named(String),
    /// We do not read it and OpenSSL does.
    Missing(String),
    /// Neither we nor OpenSSL read it.
    NorOpenssl,
}

const NOR_OPENSSL: &str = "nor does OpenSSL";

#[derive(Default)]
struct Row {
    all: usize,
    same: usize,
    differ: usize,
    named: usize,
    missing: usize,
    nor_openssl: usize,
    unexplained: usize,
}

/// Compares, and prints a table; `each` names every file that is not the same.
pub(crate) fn run(package: Option<&Path>, each: bool) -> Result<(), Box<dyn Error>> {
    let package = package.ok_or("the package cryptography_vectors is needed: --package FOLDER")?;
    let mut judge = Command::new("python3")
        .args(["-c", include_str!("judge.py")])
        .arg(package)
        .stdout(Stdio::piped())
        .spawn()?;
    let lines = BufReader::new(judge.stdout.take().ok_or("python3 has no output")?).lines();
    let mut table: BTreeMap<String, Row> = BTreeMap::new();
    let mut reasons = vec![0; KNOWN.len()];
    for line in lines {
        let judged: Judged = serde_json::from_str(&line?)?;
        let outcome = compare(&judged)?;
        let row = table.entry(judged.kind.clone()).or_default();
        row.all += 1;
        let path = judged.path.strip_prefix(package).unwrap_or(&judged.path).display().to_string();
        let told = match outcome {
            Outcome::Same => {
                row.same += 1;
                continue;
            }
            Outcome::Differs(what) => {
                row.differ += 1;
                format!("differs: {what}")
            }
            Outcome::Named(what) => {
                row.named += 1;
                format!("named: {what}")
            }
            Outcome::Missing(what) => {
                row.missing += 1;
                format!("OpenSSL reads it, we say: {what}")
            }
            Outcome::NorOpenssl => {
                row.nor_openssl += 1;
                NOR_OPENSSL.to_owned()
            }
        };
        let why =
            KNOWN.iter().position(|known| path.contains(known.path) && told.contains(known.told));
        match why {
            Some(index) => reasons[index] += 1,
            None if told == NOR_OPENSSL => {}
            None => {
                row.unexplained += 1;
                println!("unexplained: {} {path}: {told}", judged.kind);
            }
        }
        if each {
            println!("{} {path}: {told}", judged.kind);
        }
    }
    if !judge.wait()?.success() {
        return Err("python3 with the package cryptography is needed".into());
    }
    println!(
        "| files that cryptography reads | all | same | told otherwise | named as not ours | OpenSSL reads, we do not | nor OpenSSL |"
    );
    println!("|---|---|---|---|---|---|---|");
    let mut unexplained = 0;
    for (kind, row) in &table {
        let Row { all, same, differ, named, missing, nor_openssl, .. } = row;
        println!("| {kind} | {all} | {same} | {differ} | {named} | {missing} | {nor_openssl} |");
        unexplained += row.unexplained;
    }
    println!("\n| files | what is told | why |\n|---:|---|---|");
    for (known, files) in KNOWN.iter().zip(reasons).filter(|(_, files)| *files > 0) {
        let what = [known.path, known.told].join(" ");
        println!("| {files} | {} | {} |", what.trim(), known.reason);
    }
    if unexplained > 0 {
        return Err(format!("{unexplained} files are read otherwise, for no known reason").into());
    }
    Ok(())
}

fn compare(judged: &Judged) -> Result<Outcome, Box<dyn Error>> {
    let bytes = std::fs::read(&judged.path)?;
    let passphrase = judged.passphrase.as_deref();
    let ours = match judged.kind.as_str() {
        "certificate" => pki::certificates_from_file(&judged.path)
            .map(|all| difference_of_certificate(&all[0], &judged.facts)),
        "request" => {
            Csr::from_file(&judged.path).map(|csr| difference_of_request(&csr, &judged.facts))
        }
        "list" => {
            pki::crls_from_file(&judged.path).map(|all| difference_of_list(&all[0], &judged.facts))
        }
        "key" => PrivateKey::from_file(&judged.path, passphrase.map(str::as_bytes)).map(|key| {
            PublicKey::from_spki(key.spki_der())
                .map_or_else(|e| Some(e.to_string()), |key| difference_of_key(&key, &judged.facts))
        }),
        _ => PfxContents::from_der(&bytes, passphrase)
            .map(|all| difference_of_pfx(&all, &judged.facts)),
    };
    Ok(match ours {
        Ok(None) => Outcome::Same,
        Ok(Some(what)) => Outcome::Differs(what),
        Err(error) if error.problem() == pki::Problem::Unsupported => {
            Outcome::Named(error.to_string())
        }
        Err(error) if openssl_reads(judged, &bytes)? => Outcome::Missing(error.to_string()),
        Err(_) => Outcome::NorOpenssl,
    })
}

/// Whether the installed `openssl` reads the file.
fn openssl_reads(judged: &Judged, bytes: &[u8]) -> Result<bool, Box<dyn Error>> {
    let verb: &[&str] = match judged.kind.as_str() {
        "certificate" => &["x509", "-noout"],
        "request" => &["req", "-noout"],
        "list" => &["crl", "-noout"],
        "key" => &["pkey", "-noout"],
        _ => &["pkcs12", "-noout", "-legacy"],
    };
    let mut command = Command::new("openssl");
    command.args(verb).arg("-in").arg(&judged.path);
    if judged.kind != "pfx" && !pki::pem::is_pem(bytes) {
        command.args(["-inform", "DER"]);
    }
    if matches!(judged.kind.as_str(), "key" | "pfx") {
        command.arg("-passin").arg(format!("pass:{}", judged.passphrase.as_deref().unwrap_or("")));
    }
    let ran = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
    Ok(ran.success())
}

fn difference(what: &str, theirs: impl ToString, ours: impl ToString) -> Option<String> {
    let (theirs, ours) = (theirs.to_string(), ours.to_string());
    (theirs != ours).then(|| format!("{what}: {theirs:?} there, {ours:?} here"))
}

fn text(facts: &Value, name: &str) -> String {
    match &facts[name] {
        Value::String(text) => text.clone(),
        Value::Null => "none".to_owned(),
        other => other.to_string(),
    }
}

fn difference_of_certificate(ours: &Certificate, facts: &Value) -> Option<String> {
    let serial = ours.serial_hex().trim_start_matches('-').trim_start_matches('0').to_lowercase();
    let serial = if serial.is_empty() { "0".to_owned() } else { serial };
    let names = match facts["names"].is_null() {
        true => "none".to_owned(),
        false => {
            ours.subject_alt_names().map_or_else(|e| e.to_string(), |all| all.len().to_string())
        }
    };
    let attributes: Vec<_> =
        ours.subject().attributes().iter().map(|attribute| attribute.value.clone()).collect();
    difference("serial", text(facts, "serial"), serial)
        .or_else(|| difference("notBefore", text(facts, "start"), ours.not_before()))
        .or_else(|| difference("notAfter", text(facts, "end"), ours.not_after()))
        .or_else(|| difference_of_attributes(facts, &attributes))
        .or_else(|| difference("names", text(facts, "names"), names))
        .or_else(|| {
            difference("signature", text(facts, "signature"), ours.signature_algorithm().oid)
        })
        .or_else(|| match (facts["key"].is_null(), ours.public_key()) {
            (false, Ok(key)) => difference_of_key(&key, &facts["key"]),
            (false, Err(error)) => Some(format!("key: {error}")),
            (true, _) => None,
        })
}

fn difference_of_attributes(facts: &Value, ours: &[String]) -> Option<String> {
    let theirs = facts["attributes"].as_array()?;
    if theirs.len() != ours.len() {
        return difference("attributes", theirs.len(), ours.len());
    }
    // What is no text there is empty.
    theirs.iter().zip(ours).find_map(|(theirs, ours)| match theirs.as_str() {
        Some("") | None => None,
        Some(theirs) => difference("attribute", theirs, ours),
    })
}

fn difference_of_request(ours: &Csr, facts: &Value) -> Option<String> {
    let attributes: Vec<_> = ours.subject().attributes().map(|(_, value)| value).collect();
    let good = ours.verify();
    difference_of_attributes(facts, &attributes).or_else(|| match (facts["good"].as_bool(), good) {
        (Some(theirs), Ok(())) => difference("signature", theirs, true),
        (Some(theirs), Err(e)) if e.problem() == pki::Problem::BadSignature => {
            difference("signature", theirs, false)
        }
        _ => None,
    })
}

fn difference_of_list(ours: &Crl, facts: &Value) -> Option<String> {
    let number = ours.number().map_or_else(|| "none".to_owned(), |number| number.to_lowercase());
    let number = match number.trim_start_matches('0') {
        "" => "0",
        digits => digits,
    };
    let end = ours.next_update().map_or_else(|| "none".to_owned(), |end| end.to_string());
    difference("thisUpdate", text(facts, "start"), ours.this_update())
        .or_else(|| difference("nextUpdate", text(facts, "end"), end))
        .or_else(|| difference("number", text(facts, "number"), number))
}

fn difference_of_key(ours: &PublicKey, facts: &Value) -> Option<String> {
    let name = match &ours.key_type {
        KeyType::Rsa | KeyType::RsaPss => "rsa",
        KeyType::Ec { .. } => "ec",
        KeyType::Ed25519 => "ed25519",
        KeyType::Other(name) if name.to_lowercase().contains("dsa") => "dsa",
        _ => return None,
    };
    let theirs = text(facts, "type");
    if theirs == "ed448" || theirs.starts_with("mldsa") {
        return None;
    }
    let bits = if name == "ed25519" || ours.bits == 0 {
        text(facts, "bits")
    } else {
        ours.bits.to_string()
    };
    difference("key", theirs, name).or_else(|| difference("bits", text(facts, "bits"), bits))
}

fn difference_of_pfx(ours: &PfxContents, facts: &Value) -> Option<String> {
    let with_chains: usize = ours.entries.iter().map(|entry| 1 + entry.chain().len()).sum();
    let has_key = !ours.entries.is_empty() || !ours.lone_keys.is_empty();
    difference("key", text(facts, "key"), has_key).or_else(|| {
        let all = with_chains + ours.certificates.len();
        difference("certificates", text(facts, "certificates"), all)
    })
}
