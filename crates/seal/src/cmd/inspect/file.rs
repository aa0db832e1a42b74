//! A file of whatever kind, shown by the command for its kind.

use std::io::{Read, Write};
use std::path::Path;

use sealwire::pki::{self, Certificate, Content, Csr, Error};

use super::{InspectArgs, verdict};
use crate::cmd::{cert, crl, csr, key, pfx};
use crate::files::material::public_roots;
use crate::say::failure::Failure;
use crate::say::report::{self, Answer};
use crate::view::trust::Trust;
use crate::words::clock;

pub(super) fn inspect_stdin(args: &InspectArgs) -> Result<Answer, Failure> {
    let failed = |e: std::io::Error| Failure::usage(format!("standard input: {e}"));
    let mut bytes = zeroize::Zeroizing::new(Vec::new());
    std::io::stdin().lock().read_to_end(&mut bytes).map_err(failed)?;
    // Readable by us alone, and gone at the end: it may be a key.
    let folder = tempfile::tempdir().map_err(failed)?;
    let path = folder.path().join("standard-input");
    let mut file = tempfile::NamedTempFile::new_in(folder.path()).map_err(failed)?;
    file.write_all(&bytes).map_err(failed)?;
    file.persist(&path).map_err(|e| failed(e.error))?;
    inspect(args, &path)
}

/// Shows everything in the file, in order of what there is.
pub(super) fn inspect(args: &InspectArgs, path: &Path) -> Result<Answer, Failure> {
    let (passphrase, json) = (args.material.passphrase_source(), args.json);
    if let Some(option) = args.about_a_server() {
        let what = format!("{}: it is a file, and {option} is about a server", path.display());
        return Err(Failure::usage(what));
    }
    let bytes = std::fs::read(path).map(zeroize::Zeroizing::new);
    let bytes = bytes.map_err(|e| Error::io(path, &e))?;
    let mut kinds = Vec::new();
    for content in Content::of(&bytes).map_err(|e| e.at(path.display().to_string()))? {
        if !kinds.contains(&content) {
            kinds.push(content);
        }
    }
    if kinds.is_empty() {
        return Err(Failure::refused(format!(
            "{}: no certificate, request, key, PFX or revocation list",
            path.display()
        )));
    }
    let mut answer = Answer::Yes;
    for content in kinds {
        let shown = match content {
            Content::Certificate => cert::show(path, json)?,
            Content::Pkcs7 => cert::show(path, json)?,
            Content::CertificateRequest => csr::show(path, json)?,
            Content::Crl => crl::show(path, json)?,
            Content::Pfx => pfx::inspect(path, passphrase, json)?,
            Content::PublicKey => key::show_public(path, &bytes, json)?,
            _ => key::show(path, passphrase, json)?,
        };
        if shown == Answer::No || !is_well(path, &content)? {
            answer = Answer::No;
        }
        let has_certificates = matches!(content, Content::Certificate | Content::Pkcs7);
        if has_certificates && (args.servername.is_some() || args.material.has_trust()) {
            let trust = judged(args, path)?;
            if json {
                report::print_line(&trust)?;
            } else {
                report::print_text(&format!("{trust}\n"))?;
            }
            if !trust.is_trusted() {
                answer = Answer::No;
            }
        }
    }
    Ok(answer)
}

/// The verdict on the first certificate of a file, by the function that judges connections.
fn judged(args: &InspectArgs, path: &Path) -> Result<Trust, Failure> {
    let chain = pki::certificates_from_file(path)?;
    let trust = args.material.trust()?.unwrap_or_else(public_roots);
    let verdict = verdict(&chain, &trust, args.servername.as_ref(), args.name_rules);
    Ok(Trust::new(path.display().to_string(), &verdict, &trust, args.servername.as_ref()))
}

/// Whether a file that could be read is good for something: its certificates and lists today, its
/// request by its signature.
fn is_well(path: &Path, content: &Content) -> Result<bool, Failure> {
    let now = clock::now();
    let today = |one: &Certificate| (one.not_before()..=one.not_after()).contains(&now);
    Ok(match content {
        Content::Certificate => pki::certificates_from_file(path)?.iter().all(today),
        Content::Pkcs7 => pki::certificates_from_file(path).is_ok_and(|all| all.iter().all(today)),
        Content::Crl => pki::crls_from_file(path)?.iter().all(|list| {
            list.this_update() <= now && list.next_update().is_none_or(|end| now < end)
        }),
        Content::CertificateRequest => Csr::from_file(path)?.verify().is_ok(),
        _ => true,
    })
}
