//! A node that is killed while it works.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use sealwire::pki::{Certificate, Crl};
use sealwire_testing::PostgreSql;
use serde_json::json;

use crate::client::{Ca, Client, b64};

const IN: &str = "SEALWIRE_ACME_KILLED_IN";
const ON: &str = "SEALWIRE_ACME_KILLED_ON";

/// The test runs itself as the node: it issues, revokes every third, and says of each what it has
/// handed out, until it is killed in the middle of something. `KILLS=200` for many.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_handed_out_was_recorded() {
    if let Some(dir) = std::env::var_os(IN) {
        return work(Path::new(&dir)).await;
    }
    killed(&Ca::new());
}

/// The same with the database of another process.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_handed_out_was_recorded_in_postgresql() {
    let dir = tempfile::tempdir().unwrap();
    let Some(server) = PostgreSql::start(dir.path(), "") else { return };
    killed(&Ca::on(&server));
}

fn killed(ca: &Ca) {
    let rounds: usize = std::env::var("KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(5);
    let mut said = Vec::new();
    for round in 0..rounds {
        let mut node = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "kill::what_was_handed_out_was_recorded", "--nocapture"])
            .env(IN, ca.dir.path())
            .env(ON, ca.database.as_deref().unwrap_or_default())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(node.stdout.take().unwrap()).lines();
        // From right after the start to the middle of the tenth certificate.
        for line in lines.by_ref().take(3 + round % 10) {
            said.push(line.unwrap());
        }
        node.kill().unwrap();
        node.wait().unwrap();
        // What was still on its way was said too; the last line may be cut off.
        said.extend(lines.map_while(Result::ok).filter(|line| line.ends_with('.')));
    }
    let store = ca.store();
    let (mut issued, mut revoked) = (0, 0);
    for line in &said {
        let Some((what, serial)) = line.trim_end_matches('.').split_once(' ') else { continue };
        let found = match what {
            "issued" | "revoked" => store.certificate(serial).unwrap(),
            _ => continue,
        };
        let found = found.unwrap_or_else(|| panic!("{line}: not recorded"));
        let certificate = Certificate::from_der(found.der.as_deref().unwrap()).unwrap();
        assert_eq!(certificate.serial_hex(), serial);
        match what {
            "issued" => issued += 1,
            _ => {
                assert!(found.revoked.is_some(), "{line}: not noted");
                revoked += 1;
            }
        }
    }
    assert!(issued >= rounds && (rounds < 5 || revoked > 0), "{said:?}");
    store.check_log().unwrap();
    let server = ca.server();
    let client = Client::new(&server);
    let list = client.get(&format!("/crl/{}.crl", server.authority().signer().id()));
    Crl::from_der(&list.answer.body).unwrap();
}

async fn work(dir: &Path) {
    let database = std::env::var(ON).ok().filter(|url| !url.is_empty());
    let ca = Ca::at(dir, database);
    let server = ca.server();
    let client = Client::with_account(&server);
    for number in 0_u64.. {
        let (_, pem) = client.certificate(&[&format!("n{number}.test")]).await;
        let leaf = Certificate::all_from_pem(pem.as_bytes()).unwrap().swap_remove(0);
        println!("issued {}.", leaf.serial_hex());
        if number % 3 == 0 {
            let said = client.post("/acme/revoke-cert", &json!({ "certificate": b64(leaf.der()) }));
            assert_eq!(said.status, 200, "{said:?}");
            println!("revoked {}.", leaf.serial_hex());
        }
    }
}
