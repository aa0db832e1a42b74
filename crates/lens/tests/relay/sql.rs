//! PostgreSQL with its own client, SMTP with Python's: both begin in plain and go on with TLS.

use std::path::{Path, PathBuf};
use std::process::Command;

use sealwire::starttls::Protocol;
use sealwire_lens::flow::{Direction, Leg, What};
use sealwire_lens::intercept::{Mode, Reverse, Settings, Target};
use sealwire_testing::{PostgreSql, installed};

use crate::origins::{Program, listening};
use crate::support::{Pki, Running, ok, run, start};

fn stands_for(protocol: Protocol, port: u16) -> impl FnOnce(&mut Settings) {
    move |settings| {
        settings.mode = Mode::Reverse(Reverse {
            origin: Target { host: "localhost".to_owned(), port },
            tls: true,
            starttls: Some(protocol),
            keep_host: false,
        });
    }
}

fn psql(proxy: &Running, mode: &str, statement: &str) -> Command {
    let mut psql = Command::new("psql");
    let ca = proxy.ca();
    psql.arg(format!(
        "host=localhost hostaddr=127.0.0.1 port={} user=postgres dbname=postgres sslmode={mode} \
         sslrootcert={}",
        proxy.address.port(),
        ca.display()
    ));
    psql.args(["-At", "-c", statement]);
    psql
}

/// A database that speaks TLS, and a proxy that stands for it and trusts its CA.
struct Database {
    server: PostgreSql,
    proxy: Running,
    /// The CA's certificate.
    authority: PathBuf,
    _folder: tempfile::TempDir,
}

impl Database {
    async fn start() -> Option<Self> {
        if !installed("psql") {
            return None;
        }
        let pki = Pki::new();
        let (certificate, key) = pki.leaf(&["localhost"]);
        let folder = tempfile::tempdir().unwrap();
        let authority = folder.path().join("ca.pem");
        std::fs::write(&authority, pki.root().to_pem()).unwrap();
        let server = PostgreSql::with_tls(folder.path(), &certificate.to_pem(), &key.to_pem())?;
        let (trust, stands) = (pki.trust(), stands_for(Protocol::Postgres, server.port));
        let proxy = start(|settings| {
            stands(settings);
            settings.trust = trust;
        })
        .await;
        Some(Self { server, proxy, authority, _folder: folder })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_of_psql_are_told() {
    let Some(database) = Database::start().await else { return };
    let (server, proxy) = (&database.server, &database.proxy);
    let answered = ok(&run(psql(proxy, "verify-full", "SELECT generate_series(1, 3)")).await);
    assert_eq!(answered, "1\n2\n3\n");
    assert!(!run(psql(proxy, "verify-full", "SELECT nonsense")).await.status.success());
    // It may go in plain, too.
    assert_eq!(ok(&run(psql(proxy, "disable", "SELECT 7")).await), "7\n");
    let statements = proxy
        .memory
        .told(|events| {
            let of = |event: &sealwire_lens::flow::Event| match &event.what {
                What::Statement(statement) => Some(statement.clone()),
                _ => None,
            };
            let found: Vec<_> = events.iter().filter_map(of).collect();
            (found.len() == 3).then_some(found)
        })
        .await;
    assert_eq!(statements[0].text, "SELECT generate_series(1, 3)");
    assert_eq!((statements[0].rows, &statements[0].error), (Some(3), &None));
    assert!(statements[0].bytes > 30);
    assert!(statements[1].error.as_ref().unwrap().contains("[42703]"), "{statements:?}");
    assert_eq!((statements[2].text.as_str(), statements[2].rows), ("SELECT 7", Some(1)));
    assert!(proxy.memory.handshakes(Leg::Origin)[0].verdict.as_ref().unwrap().authorized);

    // A server that does not pass is told in its own words.
    let stands = stands_for(Protocol::Postgres, server.port);
    let strict = start(stands).await;
    let refused = run(psql(&strict, "verify-full", "SELECT 1")).await;
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        said.contains("the debugging proxy got no response") && said.contains("--ca"),
        "{said}"
    );
}

/// SCRAM-SHA-256-PLUS detects a party in the middle, which the proxy is: it fails by design, and its flow says so.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_in_that_is_bound_to_its_channel_fails_and_says_why() {
    let Some(database) = Database::start().await else { return };
    let Database { server, proxy, authority, .. } = &database;
    let made = "CREATE ROLE bound LOGIN PASSWORD 'secret'";
    ok(&run(psql(proxy, "verify-full", made)).await);
    server.authenticate_by("hostssl all bound all scram-sha-256\nhost all postgres all trust\n");
    let log_in = |port: u16, ca: &Path, binding: &str| {
        let mut psql = Command::new("psql");
        psql.env("PGPASSWORD", "secret").args(["-At", "-c", "SELECT 42"]).arg(format!(
            "host=localhost hostaddr=127.0.0.1 port={port} user=bound dbname=postgres \
             sslmode=verify-full sslrootcert={} channel_binding={binding}",
            ca.display()
        ));
        run(psql)
    };
    let port = proxy.address.port();
    for (binding, through) in [("require", false), ("prefer", false), ("disable", true)] {
        // Without the proxy, all of them are let in.
        assert_eq!(ok(&log_in(server.port, authority, binding).await), "42\n", "{binding}");
        let ran = log_in(port, &proxy.ca(), binding).await;
        assert_eq!(ran.status.success(), through, "{binding}: {ran:?}");
        let said = String::from_utf8_lossy(&ran.stderr);
        assert_eq!(said.contains("channel binding"), !through, "{binding}: {said}");
    }
    let noted = |event: &sealwire_lens::flow::Event| match &event.what {
        What::Note { text, .. } => text.contains("channel_binding=disable"),
        _ => false,
    };
    let notes = proxy.memory.told(move |events| {
        let ended = events.iter().filter(|event| matches!(event.what, What::End { .. })).count();
        // The one that made the role, and three more.
        (ended == 4).then(|| events.iter().filter(|event| noted(event)).count())
    });
    assert_eq!(notes.await, 2);
}

const MAIL: &str = r#"
import socket, ssl, sys
cert, key = sys.argv[1:]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(cert, key)
listener = socket.socket(); listener.bind(('127.0.0.1', 0)); listener.listen()
print(listener.getsockname()[1], flush=True)
while True:
    plain, _ = listener.accept()
    plain.sendall(b'220 mail.test ESMTP\r\n')
    io = plain
    while True:
        line = io.recv(4096)
        if line.upper().startswith(b'EHLO'):
            io.sendall(b'250-mail.test\r\n250 STARTTLS\r\n')
        elif line.upper().startswith(b'STARTTLS'):
            io.sendall(b'220 go\r\n'); io = context.wrap_socket(plain, server_side=True)
        elif line.upper().startswith(b'QUIT'):
            io.sendall(b'221 bye\r\n'); io.close(); break
        elif not line:
            break
        else:
            io.sendall(b'250 ok\r\n')
"#;

#[tokio::test(flavor = "multi_thread")]
async fn mail_is_read_behind_starttls() {
    if !installed("python3") {
        return;
    }
    let (_server, proxy) = python(Protocol::Smtp, MAIL).await;
    let client = "import smtplib, ssl, sys
s = smtplib.SMTP('localhost', int(sys.argv[1]))
s.starttls(context=ssl.create_default_context(cafile=sys.argv[2]))
s.ehlo(); s.mail('secret@a.test'); s.quit()";
    ok(&run(python_client(client, &proxy)).await);
    let found = proxy.memory.all().into_iter().any(|event| {
        matches!(event.what, What::Body(body) if body.direction == Direction::Request
            && body.data.windows(13).any(|part| part == b"secret@a.test"))
    });
    assert!(found, "what goes inside of TLS is told");
    assert_eq!(proxy.memory.requests()[0].scheme, "smtp");
}

/// A server of PostgreSQL 17 as far as a statement goes: TLS comes first, by its own protocol's name.
const DIRECT: &str = r#"
import socket, ssl, struct, sys
cert, key = sys.argv[1:]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(cert, key)
context.set_alpn_protocols(['postgresql'])
listener = socket.socket(); listener.bind(('127.0.0.1', 0)); listener.listen()
print(listener.getsockname()[1], flush=True)
io = context.wrap_socket(listener.accept()[0], server_side=True)
assert io.selected_alpn_protocol() == 'postgresql'
reader = io.makefile('rb')
def message(): return reader.read(struct.unpack('>I', reader.read(4))[0] - 4)
message()
io.sendall(b'R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I')
while reader.read(1) == b'Q':
    message()
    io.sendall(b'C\0\0\0\x0dSELECT 1\0Z\0\0\0\x05I')
"#;

/// Direct TLS, without PostgreSQL's own request before it.
#[tokio::test(flavor = "multi_thread")]
async fn statements_behind_direct_tls_are_told() {
    if !installed("python3") {
        return;
    }
    let (_server, proxy) = python(Protocol::Postgres, DIRECT).await;
    let client = "import socket, ssl, struct, sys
context = ssl.create_default_context(cafile=sys.argv[2])
context.set_alpn_protocols(['postgresql'])
tcp = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
io = context.wrap_socket(tcp, server_hostname='localhost')
assert io.selected_alpn_protocol() == 'postgresql'
def message(kind, body): io.sendall(kind + struct.pack('>I', len(body) + 4) + body)
message(b'', struct.pack('>I', 196608) + b'user\\0a\\0\\0')
reader = io.makefile('rb')
assert reader.read(15) == b'R\\0\\0\\0\\x08\\0\\0\\0\\0Z\\0\\0\\0\\x05I'
message(b'Q', b'SELECT 42\\0')
assert reader.read(20) == b'C\\0\\0\\0\\x0dSELECT 1\\0Z\\0\\0\\0\\x05I'
message(b'X', b'')";
    ok(&run(python_client(client, &proxy)).await);
    let told = proxy.memory.told(|events| {
        events.iter().find_map(|event| match &event.what {
            What::Statement(told) => Some((told.text.clone(), told.rows)),
            _ => None,
        })
    });
    assert_eq!(told.await, ("SELECT 42".to_owned(), Some(1)));
}

/// A server in Python with a certificate for `localhost`, and a proxy that stands for it.
async fn python(protocol: Protocol, script: &str) -> (Program, Running) {
    let (pki, folder) = (Pki::new(), tempfile::tempdir().unwrap());
    let (cert, key) = pki.leaf_files(folder.path(), "server", &["localhost"]);
    let mut server = Command::new("python3");
    server.args(["-c", script]).args([&cert, &key]);
    // Its certificate is read by the time that it says where it is.
    let server = listening(server);
    let (trust, stands) = (pki.trust(), stands_for(protocol, server.port));
    let proxy = start(|settings| {
        stands(settings);
        settings.trust = trust;
    })
    .await;
    (server, proxy)
}

/// A client in Python, which is told the proxy's port and its CA.
fn python_client(script: &str, proxy: &Running) -> Command {
    let mut client = Command::new("python3");
    client.args(["-c", script]).arg(proxy.address.port().to_string()).arg(proxy.ca());
    client
}
