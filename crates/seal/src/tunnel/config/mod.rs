//! What a tunnel is asked to do: by a TOML file with many services, or by flags for one.
//!
//! Both are the same options (`options`), which one conversion (`plan`, with `sense` for what goes
//! together) checks and turns into settings (`settings`): a [`Plan`]. Its errors name the file, the
//! service and the option.

pub(crate) mod flags;
mod options;
mod plan;
mod sense;
mod settings;

pub(crate) use options::{
    Balance, ClientAuth, IdentitySource, LogFormat, LogLevel, Mode, Recheck, Sandbox,
};
pub(crate) use settings::{Acme, Health, Plan, Process, Route, Service};

use std::path::Path;

use crate::say::failure::Failure;

/// Reads the file of a tunnel.
///
/// # Errors
/// When it cannot be read, is not TOML, or asks for something that cannot be: with the file, the
/// service and the option at fault.
pub(crate) fn from_file(path: &Path) -> Result<Plan, Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|e| sealwire::pki::Error::io(path, &e))
        .map_err(Failure::from)?;
    from_text(&text, Some(path)).map_err(|e| Failure::usage(format!("{}: {e}", path.display())))
}

/// Reads the text of a tunnel's file. Relative paths in it start from the file's folder.
pub(crate) fn from_text(text: &str, path: Option<&Path>) -> Result<Plan, String> {
    let options: options::Process = toml::from_str(text).map_err(|e| one_line(text, &e))?;
    let folder = path.and_then(Path::parent).unwrap_or_else(|| Path::new(""));
    plan::build(options, folder, path)
}

/// TOML's error without its drawing: the line's number and what is wrong there.
fn one_line(text: &str, error: &toml::de::Error) -> String {
    let reason = error.message().replace('\n', ", ");
    match error.span() {
        Some(span) => {
            let before = text.get(..span.start).unwrap_or_default();
            format!("line {}: {reason}", before.matches('\n').count() + 1)
        }
        None => reason,
    }
}
