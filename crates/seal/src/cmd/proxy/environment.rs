//! The environment of a command that is to come through a proxy, whatever it is written in.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use sealwire::pki::{Certificate, Error};

use super::jks;
use crate::say::failure::Failure;
use crate::truststore::runtimes::{Effect, PROXY_VARIABLES, VARIABLES, Way};
use crate::truststore::{self, Kind, Places};

/// The proxy for Node.js before 22.21, which knows no such variables.
const PRELOAD: &str = include_str!("preload.cjs");

/// Writes into `folder` what the command's programs are told of, and gives the variables that do.
pub(super) fn variables(
    folder: &Path,
    address: SocketAddr,
    ca_file: &Path,
    ca: &Certificate,
) -> Result<Vec<(String, OsString)>, Failure> {
    let system = system_roots();
    let bundle = folder.join("bundle.pem");
    let mut all: String = system.iter().map(Certificate::to_pem).collect();
    all.push_str(&ca.to_pem());
    let store = folder.join("truststore.jks");
    let preload = folder.join("preload.cjs");
    write(&bundle, all.as_bytes())?;
    write(&store, &jks::of(system.iter().chain([ca])))?;
    write(&preload, PRELOAD.as_bytes())?;

    let url = format!("http://{address}");
    let mut set: Vec<(String, OsString)> = Vec::new();
    for variable in PROXY_VARIABLES {
        let value = match variable.way {
            Way::Url => url.clone(),
            Way::Word(word) => word.to_owned(),
        };
        set.push((variable.name.to_owned(), value.into()));
    }
    // What the system's store does not have cannot be told of by it.
    for variable in VARIABLES.iter().filter(|one| !matches!(one.effect, Effect::System(_))) {
        if let Some(value) = variable.value(ca_file, Some(&bundle)) {
            set.push((variable.name.to_owned(), value.into()));
        }
    }
    set.push(("SEAL_PROXY".to_owned(), url.into()));
    set.push(("NODE_OPTIONS".to_owned(), appended("NODE_OPTIONS", &require(&preload))));
    set.push((
        "JAVA_TOOL_OPTIONS".to_owned(),
        appended("JAVA_TOOL_OPTIONS", &java(address, &store)),
    ));
    Ok(set)
}

fn write(path: &Path, content: &[u8]) -> Result<(), Failure> {
    std::fs::write(path, content).map_err(|e| Error::io(path, &e).into())
}

/// The roots that programs have now: from the file that they are told of already, or the system's.
fn system_roots() -> Vec<Certificate> {
    let told = std::env::var_os("SSL_CERT_FILE").map(PathBuf::from);
    let places = Places { system_root: None, nss_profiles: Vec::new(), java_keystores: Vec::new() };
    let stores = truststore::find(&[Kind::System], &places);
    let bundle = told.or_else(|| stores.iter().find_map(|store| store.bundle()));
    let found = bundle.and_then(|path| sealwire::pki::certificates_from_file(&path).ok());
    found.unwrap_or_else(|| crate::files::material::public_roots().certificates().to_vec())
}

/// What a variable has already, and this behind it.
fn appended(name: &str, more: &str) -> OsString {
    match std::env::var_os(name).filter(|value| !value.is_empty()) {
        Some(mut value) => {
            value.push(" ");
            value.push(more);
            value
        }
        None => more.into(),
    }
}

fn require(preload: &Path) -> String {
    let path = preload.display().to_string().replace('\\', "\\\\").replace('"', "\\\"");
    format!("--require \"{path}\"")
}

fn java(address: SocketAddr, store: &Path) -> String {
    let (host, port) = (address.ip(), address.port());
    let store = store.display();
    format!(
        "-Dhttp.proxyHost={host} -Dhttp.proxyPort={port} -Dhttps.proxyHost={host} \
         -Dhttps.proxyPort={port} -Dhttp.nonProxyHosts= -Djavax.net.ssl.trustStore={store} \
         -Djavax.net.ssl.trustStoreType=JKS -Djavax.net.ssl.trustStorePassword={}",
        jks::PASSWORD
    )
}
