//! The user at work, or root on behalf of one. `sudo` gives root's home folder to what it
//! runs, so a CA of the user's has to be named.

use std::env;
use std::path::PathBuf;

#[cfg(unix)]
use nix::unistd::{User, geteuid};

/// What to do about a trust store of the system's that this user may not change. `root` is the
/// option that names the root; `others` are the options that leave the store out.
pub(crate) fn advice(store: &str, root: &str, others: &str) -> String {
    if caller().is_some() {
        return format!("root may not write there either; leave it out with {others}");
    }
    // sudo has a search path of its own, on which a user's programs are seldom found.
    let program =
        env::current_exe().map_or_else(|_| "seal".to_owned(), |p| p.display().to_string());
    format!(
        "that needs root: sudo {program} trust install --store {store} {root}; or leave it out \
         with {others}"
    )
}

/// The user on whose behalf `sudo` made us root, with the home folder.
#[cfg(unix)]
pub(crate) fn caller() -> Option<(String, PathBuf)> {
    let name = env::var("SUDO_USER").ok().filter(|name| name != "root")?;
    if !geteuid().is_root() {
        return None;
    }
    let user = User::from_name(&name).ok()??;
    Some((name, user.dir))
}

/// The user on whose behalf `sudo` made us root: never on this system.
#[cfg(not(unix))]
pub(crate) fn caller() -> Option<(String, PathBuf)> {
    None
}
