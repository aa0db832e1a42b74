//! A file of whatever kind, shown by the command for its kind.

use std::io::{Read, Write};
use std::path::Path;

use sealwire::pki::{self, Content, Csr, Error};

use crate::cmd::{cert, crl, csr, key, pfx};
use crate::files::passphrase::Source;
use crate::say::failure::Failure;
use crate::say::report::Answer;
use crate::words::clock;

pub(super) fn inspect_stdin(passphrase: Option<&Source>, json: bool) -> Result<Answer, Failure> {
    let failed = |e: std::io::Error| Failure::usage(format!("standard input: {e}"));
    let mut bytes = zeroize::Zeroizing::new(Vec::new());
    std::io::stdin().lock().read_to_end(&mut bytes).map_err(failed)?;
    // Readable by us alone, and gone at the end: it may be a key.
    let folder = tempfile::tempdir().map_err(failed)?;
    let path = folder.path().join("standard-input");
    let mut file = tempfile::NamedTempFile::new_in(folder.path()).map_err(failed)?;
    file.write_all(&bytes).map_err(failed)?;
    file.persist(&path).map_err(|e| failed(e.error))?;
    inspect(&path, passphrase, json)
}

/// Shows everything in the file, in order of what there is.
pub(super) fn inspect(
    path: &Path,
    passphrase: Option<&Source>,
    json: bool,
) -> Result<Answer, Failure> {
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
            Content::Pfx => pfx::show(path, passphrase, json)?,
            Content::PublicKey => key::show_public(path, &bytes, json)?,
            _ => key::show(path, passphrase, json)?,
        };
        if shown == Answer::No || !is_well(path, &content)? {
            answer = Answer::No;
        }
    }
    Ok(answer)
}

/// Whether a file that could be read is good for something: its certificates and lists today, its
/// request by its signature.
fn is_well(path: &Path, content: &Content) -> Result<bool, Failure> {
    let now = clock::now();
    Ok(match content {
        Content::Certificate => pki::certificates_from_file(path)?
            .iter()
            .all(|one| (one.not_before()..=one.not_after()).contains(&now)),
        Content::Crl => pki::crls_from_file(path)?.iter().all(|list| {
            list.this_update() <= now && list.next_update().is_none_or(|end| now < end)
        }),
        Content::CertificateRequest => Csr::from_file(path)?.verify().is_ok(),
        _ => true,
    })
}
