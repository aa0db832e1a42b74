//! The environment of a command that is to come through a proxy, whatever it is written in.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::Path;

use sealwire::pki::{Certificate, Error};

use crate::say::failure::Failure;
use crate::truststore::environment::{TrustFiles, base};
use crate::truststore::runtimes::{PROXY_VARIABLES, VariableValue};

/// The proxy for Node.js before 22.21, which knows no such variables.
const PRELOAD: &str = include_str!("preload.cjs");

/// The names of variables by which programs are told of a proxy.
pub(super) fn proxies() -> impl Iterator<Item = &'static str> {
    PROXY_VARIABLES.iter().map(|variable| variable.name)
}

/// Writes into `folder` what the command's programs are told of, and gives the variables that do: of the
/// CA, and of the proxy where it has to be asked.
pub(super) fn variables(
    folder: &Path,
    address: Option<SocketAddr>,
    ca: &Certificate,
) -> Result<Vec<(String, OsString)>, Failure> {
    let files = TrustFiles::write(folder, folder, &base(&[])?, std::slice::from_ref(ca))?;
    let mut set: Vec<(String, OsString)> = Vec::new();
    if let Some(address) = address {
        let preload = folder.join("preload.cjs");
        std::fs::write(&preload, PRELOAD).map_err(|e| Error::io(&preload, &e))?;
        let url = format!("http://{address}");
        for variable in PROXY_VARIABLES {
            let value = match variable.way {
                VariableValue::Url => url.clone(),
                VariableValue::Word(word) => word.to_owned(),
            };
            set.push((variable.name.to_owned(), value.into()));
        }
        set.push(("SEAL_PROXY".to_owned(), url.into()));
        set.push(("NODE_OPTIONS".to_owned(), appended("NODE_OPTIONS", &require(&preload))));
    }
    let there = std::env::var("JAVA_TOOL_OPTIONS").ok();
    let java = [there, address.map(java)].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let told = files.variables(Some(&java)).into_iter();
    set.extend(told.map(|set| (set.variable.name.to_owned(), set.value)));
    Ok(set)
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

fn java(address: SocketAddr) -> String {
    let (host, port) = (address.ip(), address.port());
    format!(
        "-Dhttp.proxyHost={host} -Dhttp.proxyPort={port} -Dhttps.proxyHost={host} \
         -Dhttps.proxyPort={port} -Dhttp.nonProxyHosts="
    )
}
