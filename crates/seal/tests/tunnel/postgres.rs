//! PostgreSQL's own client, in plain or by its own TLS, through tunnels that add and take TLS.

use std::io::Write;
use std::net::TcpStream;
use std::process::Command;

use sealwire_testing::PostgreSql;

use super::peers::{Ran, installed};
use super::support::{Files, Tunnel, files};

/// Who logs in: how the server wants it proved.
const HBA: &str = "host all postgres 127.0.0.1/32 trust
host all scram 127.0.0.1/32 scram-sha-256
host all old 127.0.0.1/32 md5
";

/// A server with TLS, whose folder is here as long as it is.
struct Database {
    server: PostgreSql,
    _folder: tempfile::TempDir,
}

fn database(dir: &Files) -> Option<Database> {
    if !installed(&["psql"]) {
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let pem = |name: &str| String::from_utf8(dir.read(name)).unwrap();
    let server = PostgreSql::with_tls(folder.path(), &pem("server.pem"), &pem("server.key"))?;
    let roles =
        "set password_encryption = 'scram-sha-256'; create role scram login password 'secret';
                 set password_encryption = 'md5'; create role old login password 'secret'";
    psql(dir, server.port, "postgres", "sslmode=disable", roles).ok();
    std::fs::write(folder.path().join("data/pg_hba.conf"), HBA).unwrap();
    server.kill();
    server.start_again();
    Some(Database { server, _folder: folder })
}

fn psql(dir: &Files, port: u16, user: &str, more: &str, statement: &str) -> Ran {
    let place =
        format!("host=localhost hostaddr=127.0.0.1 port={port} user={user} dbname=postgres {more}");
    let mut command = Command::new("psql");
    command.env("PGPASSWORD", "secret").env("PGCONNECT_TIMEOUT", "60").env("LC_ALL", "C");
    dir.run(command, &["-X", "-A", "-t", "-c", statement, &place], b"")
}

/// What the server says of the connection that it has.
const ENCRYPTED: &str = "select ssl from pg_stat_ssl where pid = pg_backend_pid()";

#[test]
fn psql_logs_in_as_it_does_by_default() {
    let dir = files();
    let Some(database) = database(&dir) else { return };
    let line = format!(
        "client --listen 127.0.0.1:0 --target localhost:{} --ca ca.pem --starttls postgres",
        database.server.port
    );
    let mut tunnel = Tunnel::start(&dir, &line);
    let port = tunnel.port_of("client");
    for user in ["scram", "old", "postgres"] {
        for mode in
            ["", "sslmode=disable", "sslmode=allow", "sslmode=disable channel_binding=disable"]
        {
            let said = psql(&dir, port, user, mode, ENCRYPTED).ok();
            assert_eq!(said.text(), "t\n", "{user} {mode:?}");
        }
    }
    // What the server refuses, the client hears.
    let said = psql(&dir, port, "nobody", "", ENCRYPTED);
    assert!(said.stderr.contains("FATAL"), "{said:?}");
    // Nobody here proves anything to a client that wants it proved.
    let said = psql(&dir, port, "scram", "sslmode=require", ENCRYPTED);
    assert!(said.stderr.contains("server does not support SSL, but SSL was required"), "{said:?}");
    let refused = tunnel.wait_message("client refused");
    assert_eq!(refused["why"], "starttls", "{refused}");
    let reason = "the client requests TLS on the plaintext side of the tunnel";
    assert!(refused["reason"].as_str().unwrap().starts_with(reason), "{refused}");
    let mut odd = TcpStream::connect(("127.0.0.1", port)).unwrap();
    odd.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let refused = tunnel.wait_message("client refused");
    assert!(refused["reason"].as_str().unwrap().contains("GET / HT"), "{refused}");
}

/// The log-in that is bound to TLS ends where TLS does, and the other ways are as before.
#[test]
fn channel_binding_does_not_survive_and_the_rest_does() {
    let dir = files();
    let Some(database) = database(&dir) else { return };
    let port = database.server.port;
    let server = |target: u16| {
        format!(
            "server --listen 127.0.0.1:0 --target 127.0.0.1:{target} --cert server.pem \
             --key server.key --starttls postgres"
        )
    };
    let verified = "sslmode=verify-full sslrootcert=ca.pem";
    let ask = |port: u16, user: &str, more: &str| {
        psql(&dir, port, user, &format!("{verified} {more}"), ENCRYPTED)
    };
    // TLS is taken off: the server sees none.
    let mut plain = Tunnel::start(&dir, &server(port));
    let plain = plain.port();
    for user in ["scram", "old", "postgres"] {
        assert_eq!(ask(plain, user, "").ok().text(), "f\n", "{user}");
    }
    let said = ask(plain, "scram", "channel_binding=require");
    assert!(said.stderr.contains("channel binding is required"), "{said:?}");
    // TLS is taken off and put on again: the client takes part in it, and so does the server, but it
    // is not the same.
    let again = format!(
        "client --listen 127.0.0.1:0 --target localhost:{port} --ca ca.pem --starttls postgres"
    );
    let mut again = Tunnel::start(&dir, &again);
    let mut both = Tunnel::start(&dir, &server(again.port_of("client")));
    let both = both.port();
    for user in ["old", "postgres"] {
        assert_eq!(ask(both, user, "").ok().text(), "t\n", "{user}");
    }
    assert_eq!(ask(both, "scram", "channel_binding=disable").ok().text(), "t\n");
    let said = ask(both, "scram", "");
    assert!(said.stderr.contains("SCRAM channel binding negotiation error"), "{said:?}");
}
