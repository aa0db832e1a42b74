//! The folder of sessions recorded without a named file.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use std::{env, fs, io};

use sealwire::pki::Moment;

use crate::files::ca_folder::data_folder;

/// Sessions that are kept; the oldest go when another begins.
const MOST_KEPT: usize = 20;

/// A file for the session of a command, in a folder that only its user reads.
///
/// # Errors
/// Why it cannot be determined.
pub(super) fn new(command: &OsStr) -> Result<PathBuf, String> {
    let folder = state_folder().ok_or("neither XDG_STATE_HOME nor HOME is set")?;
    let folder = folder.join("seal/sessions");
    make_private(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    tidy(&folder);
    let name = Path::new(command).file_stem().unwrap_or_default().to_string_lossy();
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' };
    let name: String = name.chars().map(plain).take(40).collect();
    let now = Moment::from(SystemTime::now()).to_string().replace([':', 'Z'], "");
    Ok(folder.join(format!("{now}-{name}-{}.db", std::process::id())))
}

/// What is worth keeping, and no loss when it is gone.
fn state_folder() -> Option<PathBuf> {
    if cfg!(any(windows, target_os = "macos")) {
        return data_folder();
    }
    let variable = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    variable("XDG_STATE_HOME").or_else(|| Some(variable("HOME")?.join(".local/state")))
}

fn make_private(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder)
}

/// Makes room for one more. What cannot be removed stays.
fn tidy(folder: &Path) {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let is_session = |path: &PathBuf| path.extension() == Some(OsStr::new("db"));
    let mut sessions: Vec<_> = entries.map(|entry| entry.path()).filter(is_session).collect();
    // Their names begin with their times.
    sessions.sort();
    let many = (sessions.len() + 1).saturating_sub(MOST_KEPT);
    for path in sessions.into_iter().take(many) {
        let beside = |end: &str| PathBuf::from(format!("{}{end}", path.display()));
        let _ = fs::remove_dir_all(beside(".bodies"));
        for end in ["-wal", "-shm", ""] {
            let _ = fs::remove_file(beside(end));
        }
    }
}
