//! A file of whatever kind, shown by the command for its kind.

use std::io::{Read, Write};
use std::path::Path;

use sealwire::pki::{self, Certificate, Content, Crl, Csr, Error, OtherForm, Problem};
use sealwire::reading::EchConfigList;

use super::{InspectArgs, verdict};
use crate::cmd::{cert, crl, csr, key, pfx};
use crate::files::material::public_roots;
use crate::files::upki;
use crate::say::failure::Failure;
use crate::say::report::{self, Answer};
use crate::view::checked::Checked;
use crate::view::ech::EchConfigs;
use crate::view::trust::Trust;
use crate::words::clock;

pub(super) fn inspect_stdin(
    args: &InspectArgs,
    checked: &mut Vec<Checked>,
) -> Result<Answer, Failure> {
    let failed = |e: std::io::Error| Failure::usage(format!("standard input: {e}"));
    let mut bytes = zeroize::Zeroizing::new(Vec::new());
    std::io::stdin().lock().read_to_end(&mut bytes).map_err(failed)?;
    // Readable by us alone, and gone at the end: it may be a key.
    let folder = tempfile::tempdir().map_err(failed)?;
    let path = folder.path().join("standard-input");
    let mut file = tempfile::NamedTempFile::new_in(folder.path()).map_err(failed)?;
    file.write_all(&bytes).map_err(failed)?;
    file.persist(&path).map_err(|e| failed(e.error))?;
    inspect(args, &path, checked)
}

/// Shows everything in the file, in order of what there is.
pub(super) fn inspect(
    args: &InspectArgs,
    path: &Path,
    checked: &mut Vec<Checked>,
) -> Result<Answer, Failure> {
    let (passphrase, json) = (args.material.passphrase_source(), args.json);
    let bytes = std::fs::read(path).map(zeroize::Zeroizing::new);
    let bytes = bytes.map_err(|e| Error::io(path, &e))?;
    let mut kinds = Vec::new();
    for content in Content::of(&bytes).map_err(|e| e.at(path.display().to_string()))? {
        if !kinds.contains(&content) {
            kinds.push(content);
        }
    }
    let has_more = kinds.iter().any(|kind| *kind != Content::PrivateKey);
    if let Some(form) = OtherForm::of(&bytes).filter(|_| !has_more) {
        let what = format!("it is {form}, which is not supported");
        return Err(Error::new(Problem::Unsupported, what).at(path.display().to_string()).into());
    }
    if kinds.is_empty() {
        return Err(Failure::refused(format!(
            "{}: no certificate, request, key, PFX or revocation list",
            path.display()
        )));
    }
    let mut answer = Answer::Yes;
    let mut one = Checked { place: path.display().to_string(), ..Checked::default() };
    for content in kinds {
        let shown = match content {
            Content::Certificate => cert::show(path, json)?,
            Content::Pkcs7 => cert::show(path, json)?,
            Content::CertificateRequest => csr::show(path, json)?,
            Content::Crl => crl::show(path, json)?,
            Content::Pfx => pfx::inspect(path, passphrase, json)?,
            Content::EchConfigs => show_ech(path, &bytes, json)?,
            Content::PublicKey => key::show_public(path, &bytes, json)?,
            _ => key::show(path, passphrase, json)?,
        };
        let problem = problem(path, &content)?;
        if shown == Answer::No || problem.is_some() {
            answer = Answer::No;
        }
        if let Some((code, text)) = problem {
            one.error(code, text);
        }
        let has_certificates = matches!(content, Content::Certificate | Content::Pkcs7);
        if has_certificates && (args.servername.is_some() || args.material.has_trust()) {
            let trust = judged(args, path)?;
            if json {
                report::print_line(&trust)?;
            } else {
                report::print_text(&format!("{trust}\n"))?;
            }
            one.findings.extend(trust.findings());
            if !trust.is_trusted() {
                answer = Answer::No;
            }
        }
    }
    checked.push(one);
    Ok(answer)
}

fn show_ech(path: &Path, bytes: &[u8], json: bool) -> Result<Answer, Failure> {
    let list =
        EchConfigList::from_file_bytes(bytes).map_err(|e| e.at(path.display().to_string()))?;
    report::print(&EchConfigs::of(&list), json)?;
    Ok(Answer::Yes)
}

/// The verdict on the first certificate of a file, by the function that judges connections.
fn judged(args: &InspectArgs, path: &Path) -> Result<Trust, Failure> {
    let chain = pki::certificates_from_file(path)?;
    let trust = match args.material.trust()? {
        Some(trust) => upki::refusing_revoked(trust),
        None => public_roots(),
    };
    let verdict = verdict(&chain, &trust, args.servername.as_ref(), args.name_rules);
    Ok(Trust::new(path.display().to_string(), &verdict, &trust, args.servername.as_ref())
        .with_public(upki::found().as_ref(), &verdict))
}

/// Why a file that could be read is good for nothing: its certificates and lists today, its request by its
/// signature.
fn problem(
    path: &Path,
    content: &Content,
) -> Result<Option<(&'static str, &'static str)>, Failure> {
    const EXPIRED: (&str, &str) = ("NOT_VALID_NOW", "a certificate in it is not valid today");
    const LIST: (&str, &str) = ("NOT_VALID_NOW", "a revocation list in it is not valid today");
    const SIGNATURE: (&str, &str) = ("BAD_SIGNATURE", "the request's signature is not by its key");
    const ECH: (&str, &str) =
        ("NO_ECH_CONFIG", "none of its ECH configurations is of the version of RFC 9849");
    let now = clock::now();
    let today = |one: &Certificate| (one.not_before()..=one.not_after()).contains(&now);
    let (well, problem) = match content {
        Content::Certificate => (pki::certificates_from_file(path)?.iter().all(today), EXPIRED),
        Content::Pkcs7 => {
            (pki::certificates_from_file(path).is_ok_and(|all| all.iter().all(today)), EXPIRED)
        }
        Content::Crl => {
            let today = |list: &Crl| {
                list.this_update() <= now && list.next_update().is_none_or(|end| now < end)
            };
            (pki::crls_from_file(path)?.iter().all(today), LIST)
        }
        Content::CertificateRequest => (Csr::from_file(path)?.verify().is_ok(), SIGNATURE),
        Content::EchConfigs => {
            let bytes = std::fs::read(path).map(zeroize::Zeroizing::new);
            let list = EchConfigList::from_file_bytes(&bytes.map_err(|e| Error::io(path, &e))?);
            let list = list.map_err(|e| e.at(path.display().to_string()))?;
            (list.configs().iter().any(|one| one.contents.is_some()), ECH)
        }
        _ => return Ok(None),
    };
    Ok((!well).then_some(problem))
}
