//! Every file below a path.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

use walkdir::{DirEntry, WalkDir};
use zeroize::Zeroizing;

use super::{Candidates, Found, What, archive, contents, kubeconfig, threads};
use crate::words::pattern::Pattern;

/// A file that is longer holds no certificates, unless it is an archive, which is read piece by piece.
const LONGEST: u64 = 64 << 20;

/// What is in these files, and in all files below those that are folders. Links to files are followed, links
/// to folders are not: their targets are found where they are. What is below them and like one of `exclude`,
/// by its path or its name, is left out.
pub(crate) fn files(paths: &[PathBuf], exclude: &[Pattern], candidates: &Candidates) -> Vec<Found> {
    let mut all = Vec::new();
    let mut found = Vec::new();
    for path in paths {
        let entries = WalkDir::new(path).follow_root_links(true).into_iter();
        for entry in entries.filter_entry(|entry| !is_excluded(entry, exclude)) {
            let (place, why) = match entry {
                Ok(entry) => match look(&entry) {
                    Look::Read => {
                        all.push((entry.depth() == 0, entry.into_path()));
                        continue;
                    }
                    Look::Pass => continue,
                    Look::Tell(why) => (entry.path().display().to_string(), why),
                },
                Err(error) if error.depth() > 0 && is_gone(error.io_error()) => continue,
                Err(error) => {
                    let place = error.path().unwrap_or(path).display().to_string();
                    (place, error.io_error().map_or_else(|| error.to_string(), ToString::to_string))
                }
            };
            found.push(Found { place, what: What::Unreadable(why) });
        }
    }
    found.extend(threads::each(&all, |(is_named, path), found| {
        file(path, *is_named, candidates, found);
    }));
    found
}

/// The files below a folder, by their names; none is read.
pub(crate) fn paths_below(folder: &Path, exclude: &[Pattern]) -> Vec<PathBuf> {
    let entries = WalkDir::new(folder).follow_root_links(true).sort_by_file_name().into_iter();
    let entries = entries.filter_entry(|entry| !is_excluded(entry, exclude)).flatten();
    let files = entries.filter(|entry| matches!(look(entry), Look::Read));
    files.map(DirEntry::into_path).collect()
}

fn is_excluded(entry: &DirEntry, exclude: &[Pattern]) -> bool {
    let (path, name) = (entry.path().to_string_lossy(), entry.file_name().to_string_lossy());
    let is_like = |pattern: &Pattern| pattern.matches(&path) || pattern.matches(&name);
    entry.depth() > 0 && exclude.iter().any(is_like)
}

/// What is done with something that was met.
enum Look {
    Read,
    Pass,
    Tell(String),
}

/// What a link leads to counts, and what is neither file nor folder (a FIFO) is not opened.
fn look(entry: &DirEntry) -> Look {
    let is_named = entry.depth() == 0;
    match entry.path().metadata() {
        // Empty, or the kernel's, where reading may wait for ever (/proc/kmsg).
        Ok(meta) if meta.is_file() && meta.len() == 0 => Look::Pass,
        Ok(meta) if meta.is_file() => Look::Read,
        Ok(meta) if is_named && !meta.is_dir() => {
            Look::Tell("neither a file nor a folder (`-` is standard input)".to_owned())
        }
        // A link to where this user may not look. Dangling ones hold nothing.
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Look::Tell(error.to_string()),
        Ok(_) | Err(_) => Look::Pass,
    }
}

/// Whether it was removed since it was listed.
fn is_gone(error: Option<&io::Error>) -> bool {
    error.is_some_and(|error| error.kind() == ErrorKind::NotFound)
}

/// What comes on standard input: whatever a file may be.
pub(crate) fn stdin(candidates: &Candidates, found: &mut Vec<Found>) {
    let place = "standard input";
    if let Err(error) = read(&mut io::stdin().lock(), place, candidates, found) {
        found.push(Found { place: place.to_owned(), what: What::Unreadable(error.to_string()) });
    }
}

fn file(path: &Path, is_named: bool, candidates: &Candidates, found: &mut Vec<Found>) {
    let place = path.display().to_string();
    let opened = File::open(path).and_then(|mut file| {
        let all = read(&mut file, &place, candidates, found)?;
        for named in kubeconfig::named_files(&all) {
            let path = path.parent().unwrap_or_else(|| Path::new("")).join(&named);
            let what = format!("{place}: {named}");
            self::named(&path, &what, candidates, found);
        }
        Ok(())
    });
    if let Err(error) = opened {
        // A log, or a file that is gone by now: of those met on the way nothing is expected.
        if !is_named && matches!(error.kind(), ErrorKind::FileTooLarge | ErrorKind::NotFound) {
            return;
        }
        found.push(Found { place, what: What::Unreadable(error.to_string()) });
    }
}

/// A file that another names. What that names is not followed.
fn named(path: &Path, place: &str, candidates: &Candidates, found: &mut Vec<Found>) {
    let opened = match path.metadata() {
        Ok(meta) if meta.is_file() => {
            let place = path.display().to_string();
            File::open(path).and_then(|mut file| read(&mut file, &place, candidates, found))
        }
        Ok(_) => Err(io::Error::other("not a regular file")),
        Err(error) => Err(error),
    };
    if let Err(error) = opened {
        let why = format!("refers to a file that cannot be read: {error}");
        found.push(Found { place: place.to_owned(), what: What::Unreadable(why) });
    }
}

/// The text of the file is given back, where it is one.
fn read(
    from: &mut impl Read,
    place: &str,
    candidates: &Candidates,
    found: &mut Vec<Found>,
) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut all = Zeroizing::new(Vec::new());
    from.take(archive::START as u64).read_to_end(&mut all)?;
    if let Some(form) = archive::Form::of(&all) {
        archive::read(form, all.chain(from), place, candidates, found)?;
        return Ok(Zeroizing::default());
    }
    if !contents::may_hold(&all) {
        return Ok(Zeroizing::default());
    }
    from.take(LONGEST).read_to_end(&mut all)?;
    if all.len() as u64 > LONGEST {
        let why = format!("it is longer than {} MB, and no archive: not read", LONGEST >> 20);
        return Err(io::Error::new(ErrorKind::FileTooLarge, why));
    }
    contents::bytes(place, &all, candidates, found);
    Ok(all)
}
