//! `seal inspect`: servers of OpenSSL in several configurations, files, and clients.

#[path = "../peers/mod.rs"]
mod peers;

mod client;
mod ech;
mod files;
mod middlebox;
mod obstacles;
mod ourselves;
mod posture;
mod scan;
mod server;

use peers::{Folder, Ran};
use serde_json::Value;

/// A folder with a CA and certificates for localhost by it: P-256 and RSA.
fn material() -> Folder {
    let dir = Folder::new();
    for line in [
        "ca init --ca-dir ca",
        "ca issue --ca-dir ca localhost --cert-file ec.pem --key-file ec.key --days 90",
        "ca issue --ca-dir ca localhost --cert-file rsa.pem --key-file rsa.key --key-kind rsa:2048",
    ] {
        dir.seal(line).ok();
    }
    dir
}

fn inspect(dir: &Folder, port: u16, options: &str) -> Ran {
    dir.seal(&format!("inspect localhost:{port} {options}"))
}

#[track_caller]
fn json(ran: &Ran) -> Value {
    serde_json::from_slice(&ran.stdout).unwrap_or_else(|e| panic!("{e}: {ran:?}"))
}
