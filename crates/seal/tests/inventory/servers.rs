//! Servers, alone and together with files.

use serde_json::Value;

use super::peers::installed;
use super::peers::s_server::Openssl;
use super::{issue, material, of_kind, rows, shell};

/// A server has a row of its own: what its handshake agreed on, and with --posture what it knows.
#[test]
fn servers_have_a_row_about_their_posture() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = material();
    let server = Openssl::start(&dir, "-cert leaf.pem -key leaf.key -groups P-256:P-384");
    let at = format!("localhost:{}", server.port);
    let all = rows(&dir.seal(&format!("inventory {at} --ca ca.pem --json")).ok());
    let row = of_kind(&all, "server")[0];
    assert_eq!(row["places"], serde_json::json!([at]));
    assert_eq!(row["posture"]["key_exchange"]["selected"]["name"], "prime256v1");
    assert_eq!(row["posture"]["key_exchange"]["verdict"], "not_selected");
    let all = rows(&dir.seal(&format!("inventory {at} --ca ca.pem --posture --json")).ok());
    let exchange = &of_kind(&all, "server")[0]["posture"]["key_exchange"];
    assert_eq!(exchange["verdict"], "classical");
    assert_eq!(exchange["asked"]["known"].as_array().unwrap().len(), 2, "{exchange}");
    let table = dir.seal(&format!("inventory {at} --ca ca.pem --posture"));
    assert!(table.text().contains("classical; proof classical"), "{}", table.text());
}

#[test]
fn servers_are_judged_by_their_name_and_their_silence_is_told() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = material();
    let serving = "-cert leaf.pem -key leaf.key -cert_chain ca.pem";
    let (plain, asking) = (
        Openssl::start(&dir, serving),
        Openssl::start(&dir, &format!("{serving} -Verify 1 -CAfile ca.pem")),
    );
    let (plain, asking) = (plain.port, asking.port);
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let ran = dir.seal(&format!(
        "inventory localhost:{plain} 127.0.0.1:{plain} localhost:{asking} localhost:{free} --ca ca.pem --json"
    ));
    assert_eq!(ran.code, 1);
    let all = rows(&ran);
    let at = |place: String, kind: &str| {
        let row = all.iter().find(|row| {
            row["kind"] == kind
                && row["places"].as_array().unwrap().contains(&Value::from(place.as_str()))
        });
        row.unwrap_or_else(|| panic!("{place} {kind}: {}", ran.text()))
    };
    assert_eq!(at(format!("localhost:{plain}"), "leaf")["trusted"], true);
    assert_eq!(at(format!("127.0.0.1:{plain}"), "leaf")["code"], "ERR_TLS_CERT_ALTNAME_INVALID");
    assert_eq!(at(format!("localhost:{asking}"), "leaf")["note"], "requests a client certificate");
    let note = at(format!("localhost:{free}"), "unreadable")["note"].as_str().unwrap().to_owned();
    assert!(note.contains("nothing listens there"), "{note}");
    // A server that speaks something else: the code is said once.
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let place = other.local_addr().unwrap().to_string();
    let talk = std::thread::spawn(move || {
        use std::io::Write;
        other.accept().unwrap().0.write_all(b"SSH-2.0-x\r\n")
    });
    let note = rows(&dir.seal(&format!("inventory {place} --json")))[0]["note"].to_string();
    talk.join().unwrap().unwrap();
    assert_eq!(note.matches("[ERR_SSL_WRONG_VERSION_NUMBER]").count(), 1, "{note}");
    assert_eq!(dir.seal(&format!("inventory localhost:{plain} --ca ca.pem")).code, 0);
}

/// `inspect` and `cert check` take files, folders and servers together.
#[test]
fn several_targets_are_looked_at_by_inspect_and_cert_check() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = material();
    issue(&dir, "soon", "10", "serverAuth");
    let server = Openssl::start(&dir, "-cert leaf.pem -key leaf.key -cert_chain ca.pem");
    let at = format!("localhost:{}", server.port);
    shell(
        &dir,
        "mkdir -p all/deeper; cp soon.pem all/deeper/; cp leaf.pem all/; printf x > all/notes",
    );
    let ran = dir.seal(&format!("inspect all {at} leaf.key --ca ca.pem --exclude *.key")).ok();
    for part in ["all/deeper/soon.pem", "all/leaf.pem", "CN=soon", "speaks     TLSv1."] {
        assert!(ran.text().contains(part), "{part} in {}", ran.text());
    }
    let ran = dir.seal(&format!("inspect none.pem {at} --ca ca.pem"));
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("none.pem") && ran.text().contains("speaks"), "{ran:?}");
    dir.seal("inspect leaf.pem soon.pem --scan")
        .err_is("it is a file, and --scan is about a server");
    let ran = dir.seal(&format!("cert check all leaf.pem {at} --within 5d")).ok();
    assert_eq!(ran.text().lines().count(), 5, "{}", ran.text());
    let ran = dir.seal(&format!("cert check all {at} --within 20d --json"));
    assert_eq!(ran.code, 1);
    let lines: Value = serde_json::from_slice(&ran.stdout).unwrap();
    let bad: Vec<&Value> =
        lines.as_array().unwrap().iter().filter(|line| line["good"] == false).collect();
    assert_eq!(bad.len(), 1, "{lines}");
    assert_eq!(bad[0]["subject"], "CN=soon");
    assert_eq!(dir.seal("cert check localhost:1").code, 1);
}
