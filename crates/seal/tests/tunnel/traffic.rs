//! Real programs talk through tunnels: redis-cli and psql, which know nothing of them.

use std::process::Command;

use super::peers::installed;
use super::redis::Redis;
use super::support::{Files, Tunnel, dead_port, files};

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
    assert_eq!(ended["peer"], "OU=ops, CN=alice");
}

#[test]
fn psql_talks_to_postgresql() {
    if !installed(&["psql"]) {
        return;
    }
    let dir = files();
    let postgres = dead_port();
    // As root it has to become somebody else, who owns the folder.
    let script = "set -e; bin=$(ls -d /usr/lib/postgresql/*/bin | tail -1); mkdir pg; \
        cp server.pem pg/s.pem; cp server.key pg/s.key; chmod 600 pg/s.key; chmod 755 . pg; cd pg; \
        as() { if [ $(id -u) = 0 ]; then chown -R postgres .; su postgres -s /bin/sh -c \"$1\"; else sh -c \"$1\"; fi; }; \
        as \"$bin/initdb -D $PWD/data -A trust -U tester\" >/dev/null; \
        printf \"ssl=on\\nssl_cert_file='$PWD/s.pem'\\nssl_key_file='$PWD/s.key'\\nlisten_addresses='127.0.0.1'\\nunix_socket_directories='$PWD'\\n\" >> data/postgresql.conf; \
        as \"$bin/pg_ctl -D $PWD/data -l $PWD/log -o '-p $PORT' -w start\" >/dev/null";
    let mut start = Command::new("sh");
    start.env("PORT", postgres.to_string());
    dir.run(start, &["-c", script], b"").ok();
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
                let url = format!("postgresql://tester@127.0.0.1:{port}/postgres?sslmode={mode}");
                dir.run(Command::new("psql"), &[&url, "-AtXc", query], b"")
            })
            .collect();
    let stop = "bin=$(ls -d /usr/lib/postgresql/*/bin | tail -1); stop=\"$bin/pg_ctl -D $PWD/pg/data -m immediate stop\"; \
        if [ $(id -u) = 0 ]; then su postgres -s /bin/sh -c \"$stop\"; else $stop; fi";
    dir.run(Command::new("sh"), &["-c", stop], b"").ok();
    let said: Vec<_> = answers.into_iter().map(|ran| ran.ok().text().trim().to_owned()).collect();
    assert_eq!(said, ["5000050000|f", "5000050000|t", "5000050000|f"]);
    assert_eq!(granting.wait_message("connection ended")["tls"], "TLSv1.3");
}
