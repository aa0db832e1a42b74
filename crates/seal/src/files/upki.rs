//! What `upki` of the rustls project knows of the public web, where its data are on this machine.

use std::env;
use std::path::PathBuf;

use sealwire::TrustStore;
use sealwire::verify::PublicRevocations;

use crate::say::report;

/// Where the data are, or `off`.
const VARIABLE: &str = "SEAL_UPKI";

/// These roots, which then refuse what the data say is revoked. Where there are no data, nothing is asked.
pub(crate) fn refusing_revoked(trust: TrustStore) -> TrustStore {
    match found() {
        Some(data) => trust.public_revocations(data),
        None => trust,
    }
}

/// The data: in the folder that `SEAL_UPKI` names, in upki's `cache-dir`, or where upki keeps them.
pub(crate) fn found() -> Option<PublicRevocations> {
    let named = env::var_os(VARIABLE).filter(|value| !value.is_empty());
    let folder = match named {
        Some(off) if off == "off" => return None,
        Some(folder) => PathBuf::from(folder),
        None => match configured() {
            Some(cache) => cache.join("revocation"),
            None => return PublicRevocations::find(),
        },
    };
    let opened = PublicRevocations::open(folder);
    opened
        .map_err(|error| {
            report::note(format_args!(
                "revocation on the public web cannot be checked: {error} (SEAL_UPKI=off stops this note)"
            ));
        })
        .ok()
}

/// The folder that upki's configuration names.
fn configured() -> Option<PathBuf> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "kebab-case")]
    struct Configuration {
        cache_dir: PathBuf,
    }
    let variable = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let user = variable("XDG_CONFIG_HOME").or_else(|| Some(variable("HOME")?.join(".config")));
    let places = user.into_iter().chain([PathBuf::from("/etc")]);
    let text = places
        .map(|place| place.join("upki").join("config.toml"))
        .find_map(|path| std::fs::read_to_string(path).ok())?;
    toml::from_str::<Configuration>(&text).ok().map(|found| found.cache_dir)
}
