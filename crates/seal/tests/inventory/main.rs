//! What is there, in files of every kind and on servers.

#[path = "../peers/mod.rs"]
mod peers;

mod bounds;
mod files;
mod output;
mod servers;

use std::process::Command;

use peers::{Folder, Ran};
use serde_json::Value;

/// A CA and a server's certificate for 90 days.
fn material() -> Folder {
    let dir = Folder::new();
    dir.openssl(
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -days 3650 \
         -subj /CN=root",
    );
    issue(&dir, "leaf", "90", "serverAuth");
    dir
}

fn issue(dir: &Folder, name: &str, days: &str, purpose: &str) {
    dir.write("ext", format!("subjectAltName=DNS:localhost\nextendedKeyUsage={purpose}\n"));
    dir.openssl(&format!(
        "req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout {name}.key -out {name}.csr -subj /CN={name}"
    ));
    dir.openssl(&format!(
        "x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days {days} -extfile ext -out {name}.pem"
    ));
}

fn shell(dir: &Folder, script: &str) -> Ran {
    dir.run(Command::new("sh"), &["-euc", script], b"").ok()
}

fn rows(ran: &Ran) -> Vec<Value> {
    ran.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn of_kind<'a>(rows: &'a [Value], kind: &str) -> Vec<&'a Value> {
    rows.iter().filter(|row| row["kind"] == kind).collect()
}
