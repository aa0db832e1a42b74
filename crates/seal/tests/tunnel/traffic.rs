//! Real programs talk through tunnels: redis-cli and psql, which know nothing of them.

use std::process::Command;

use sealwire_testing::PostgreSql;

use super::peers::{Folder, installed};
use super::redis::Redis;
use super::support::{Files, Tunnel, files};

/// A server's tunnel in front of a plain port, for alice only, and a client's tunnel that leads to
/// it; with the port of the latter.
fn both(dir: &Files, plain: u16) -> (Tunnel, Tunnel, u16) {
    let mut server = Tunnel::start(
        dir,
        &format!(
            "server --listen 127.0.0.1:0 --target 127.0.0.1:{plain} --cert server.pem --key server.key \
             --ca ca.pem --crl crl.pem --allow cn=alice"
        ),
    );
    let mut client = Tunnel::start(
        dir,
        &format!(
            "client --listen 127.0.0.1:0 --target localhost:{} --ca ca.pem --cert alice.pem --key alice.key",
            server.port()
        ),
    );
    let port = client.port_of("client");
    (server, client, port)
}

#[test]
fn redis_cli_talks_to_redis() {
    let dir = files();
    let Some(redis) = Redis::start(&dir) else { return };
    let (mut server, _client, port) = both(&dir, redis.port);
    let port = port.to_string();
    let cli = |arguments: &[&str], input: &[u8]| {
        let ran = dir.run(Command::new("redis-cli"), &[&["-p", &port], arguments].concat(), input);
        ran.ok().text().to_owned()
    };
    let large = "0123456789abcdef".repeat(200_000);
    assert_eq!(cli(&["-x", "set", "large"], large.as_bytes()), "OK\n");
    assert_eq!(cli(&["get", "large"], b""), format!("{large}\n"));
    // Hundreds of commands on one connection.
    let many: String = (0..500).map(|i| format!("incrby sum {i}\n")).collect();
    assert_eq!(cli(&[], many.as_bytes()).lines().last(), Some("124750"));
    let ended = server.wait_message("connection ended");
    assert_eq!(ended["peer"], "CN=alice,OU=ops");
}

#[test]
fn psql_talks_to_postgresql() {
    if !installed(&["psql"]) {
        return;
    }
    let dir = files();
    let home = Folder::new();
    let pem = |name: &str| String::from_utf8(dir.read(name)).unwrap();
    let started = PostgreSql::with_tls(home.root(), &pem("server.pem"), &pem("server.key"));
    let Some(server) = started else { return };
    let postgres = server.port;
    let (_server, _client, through_both) = both(&dir, postgres);
    // PostgreSQL's own TLS, for a program that has none.
    let line = format!(
        "client --listen 127.0.0.1:0 --target localhost:{postgres} --ca ca.pem --starttls postgres"
    );
    let mut asking = Tunnel::start(&dir, &line);
    // TLS that the tunnel has, for a program that asks for it as it asks PostgreSQL.
    let line = format!(
        "server --listen 127.0.0.1:0 --target 127.0.0.1:{postgres} --cert server.pem \
         --key server.key --starttls postgres"
    );
    let mut granting = Tunnel::start(&dir, &line);
    let query = "select sum(n), bool_or(ssl) from generate_series(1, 100000) n, pg_stat_ssl \
                 where pid = pg_backend_pid()";
    let asking = asking.port_of("client");
    let verified = "verify-full&sslrootcert=ca.pem";
    let answers: Vec<_> =
        [(through_both, "disable"), (asking, "disable"), (granting.port(), verified)]
            .into_iter()
            .map(|(port, mode)| {
                let url = format!("postgresql://postgres@127.0.0.1:{port}/postgres?sslmode={mode}");
                dir.run(Command::new("psql"), &[&url, "-AtXc", query], b"")
            })
            .collect();
    let said: Vec<_> = answers.into_iter().map(|ran| ran.ok().text().trim().to_owned()).collect();
    assert_eq!(said, ["5000050000|f", "5000050000|t", "5000050000|f"]);
    assert_eq!(granting.wait_message("connection ended")["tls"], "TLSv1.3");
}
