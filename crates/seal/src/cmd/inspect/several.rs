//! One target after the other, and the files of folders.

use std::path::Path;

use sealwire::pki::Content;

use super::{InspectArgs, Kind, file, host, kind};
use crate::inventory;
use crate::say::failure::Failure;
use crate::say::report::{self, Answer};
use crate::view::checked::Checked;

/// Looks at everything that was named. Of several, one that cannot be looked at does not end it: it is told, and the
/// exit code says so.
pub(super) async fn inspect(
    args: &InspectArgs,
    checked: &mut Vec<Checked>,
) -> Result<Answer, Failure> {
    let mut targets = Vec::new();
    for text in &args.targets {
        targets.push((text.clone(), kind(text)?));
    }
    let has_server = targets.iter().any(|(_, target)| matches!(target, Kind::Host(_)));
    if let (false, Some(option), Some((text, _))) =
        (has_server, args.about_a_server(), targets.first())
    {
        return Err(Failure::usage(format!(
            "{text}: it is a file, and {option} is about a server"
        )));
    }
    if let [(_, target)] = targets.as_slice()
        && !matches!(target, Kind::Folder(_))
    {
        return one(args, target, checked).await;
    }
    if args.html.is_some() {
        return Err(Failure::usage("--html is the page of one server"));
    }
    let (mut no, mut failed, mut first) = (false, false, true);
    for (text, target) in &targets {
        for (name, target) in spread(args, text, target) {
            if !std::mem::take(&mut first) && !args.json {
                report::print_text("")?;
            }
            match one(args, &target, checked).await {
                Ok(answer) => no |= answer != Answer::Yes,
                Err(failure) => {
                    failed = true;
                    report::note(format_args!("seal: {failure}"));
                    let mut one = Checked { place: name, ..Checked::default() };
                    one.is_server = matches!(target, Kind::Host(_));
                    one.error("UNREADABLE", failure.to_string());
                    checked.push(one);
                }
            }
        }
    }
    if first {
        report::note("no certificate, request, key, PFX or revocation list was found");
    }
    Ok(match (failed, no) {
        (true, _) => Answer::Code(2),
        (false, true) => Answer::No,
        (false, false) => Answer::Yes,
    })
}

async fn one(
    args: &InspectArgs,
    target: &Kind,
    checked: &mut Vec<Checked>,
) -> Result<Answer, Failure> {
    match target {
        Kind::Stdin => file::inspect_stdin(args, checked),
        Kind::File(path) | Kind::Folder(path) => file::inspect(args, path, checked),
        Kind::Host(target) => host::inspect(args, target, checked).await,
    }
}

/// The files of a folder that hold something to look at; any other target as it is.
fn spread(args: &InspectArgs, text: &str, target: &Kind) -> Vec<(String, Kind)> {
    let named = |kind| vec![(text.to_owned(), kind)];
    match target {
        Kind::Stdin => named(Kind::Stdin),
        Kind::File(path) => named(Kind::File(path.clone())),
        Kind::Host(target) => named(Kind::Host(target.clone())),
        Kind::Folder(folder) => {
            let files = inventory::paths_below(folder, &args.exclude);
            let files = files.into_iter().filter(|path| holds_something(path));
            files.map(|path| (path.display().to_string(), Kind::File(path))).collect()
        }
    }
}

/// Of a file that was not named: whether anything is in it that is shown here.
fn holds_something(path: &Path) -> bool {
    /// What is longer is not a certificate or key.
    const LONGEST: u64 = 16 << 20;
    let is_short = path.metadata().is_ok_and(|meta| meta.len() <= LONGEST);
    let bytes = is_short.then(|| std::fs::read(path).map(zeroize::Zeroizing::new));
    match bytes {
        Some(Ok(bytes)) => Content::of(&bytes).is_ok_and(|content| !content.is_empty()),
        // It is told that it cannot be read.
        Some(Err(_)) => true,
        None => false,
    }
}
