//! TLS over blocking streams: with itself, with openssl, and how it ends.

#[path = "peers/mod.rs"]
mod peers;

use std::io::{self, BufRead, BufReader, IoSlice, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;

use peers::credentials::{context, credentials};
use peers::{Peer, present};
use sealwire::blocking::{self, Stream, Transport};
use sealwire::session::{HelloReply, Question};
use sealwire::{Alert, ClientAuth, ClientOptions, Error, ProtocolVersion, ServerOptions, Session};

type Tls = Stream<TcpStream>;

fn tcp() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (server, _) = listener.accept().unwrap();
    (client, server)
}

fn to_localhost() -> ClientOptions {
    ClientOptions::new("localhost".parse().unwrap())
}

/// An open connection of this version.
fn pair(version: ProtocolVersion) -> (Tls, Tls) {
    let (client, server) = tcp();
    let accepting = thread::spawn(move || {
        let context = context("p256", "").build().unwrap();
        blocking::accept(&context, &ServerOptions::new(), server).unwrap()
    });
    let context = context("", "ca").versions(version..=version).build().unwrap();
    let client = blocking::connect(&context, &to_localhost(), client).unwrap();
    (client, accepting.join().unwrap())
}

/// Runs with an open connection of each version.
fn both(play: impl Fn(Tls, Tls)) {
    if !present("openssl") {
        return;
    }
    for version in [ProtocolVersion::Tls12, ProtocolVersion::Tls13] {
        let (client, server) = pair(version);
        assert_eq!(client.peer().protocol(), version);
        assert!(client.peer().authorized());
        play(client, server);
    }
}

fn word(length: usize) -> Vec<u8> {
    (0..length).map(|i| (i * 31 + i / 251) as u8).collect()
}

#[test]
fn much_goes_both_ways() {
    both(|mut client, mut server| {
        let data = word(3_000_000);
        let sent = data.clone();
        let echoing = thread::spawn(move || {
            let mut heard = Vec::new();
            server.read_to_end(&mut heard).unwrap();
            server.write_all(&heard).unwrap();
            server.shutdown().unwrap();
        });
        client.write_all(&sent).unwrap();
        client.shutdown().unwrap();
        let mut heard = Vec::new();
        client.read_to_end(&mut heard).unwrap();
        assert!(heard == data);
        assert_eq!(client.read(&mut [0; 10]).unwrap(), 0, "the end stays the end");
        echoing.join().unwrap();
    });
}

/// Beside tickets that it never reads, and to a server that is busy until it is gone.
#[test]
fn a_client_that_only_writes_finishes_and_loses_nothing() {
    both(|mut client, mut server| {
        let data = word(4 << 20);
        let sent = data.clone();
        let writing = thread::spawn(move || {
            client.write_all(&sent).unwrap();
            client.finish().unwrap();
        });
        // The rest is what the system's buffers hold when the client has closed.
        let mut heard = vec![0; data.len() - (64 << 10)];
        server.read_exact(&mut heard).unwrap();
        writing.join().unwrap();
        server.read_to_end(&mut heard).unwrap();
        assert!(heard == data);
    });
}

#[test]
fn any_buffer_will_do() {
    both(|mut client, mut server| {
        let data = word(50_000);
        server.write_all(&data).unwrap();
        server.shutdown().unwrap();
        let (mut heard, mut size) = (Vec::new(), 0);
        loop {
            size = size % 300 + 1;
            let mut buf = vec![0; size];
            match client.read(&mut buf).unwrap() {
                0 => break,
                count => heard.extend_from_slice(&buf[..count]),
            }
        }
        assert!(heard == data);
        assert_eq!(client.read(&mut []).unwrap(), 0);
    });
}

#[test]
fn pieces_become_one_record() {
    both(|mut client, mut server| {
        let before = client.session().bytes_sent().tls;
        let parts = [&b"head"[..], b"", b"er: ", b"body"].map(IoSlice::new);
        assert_eq!(client.write_vectored(&parts).unwrap(), 12);
        let record = client.session().bytes_sent().tls - before;
        assert!(record < 12 + 40, "{record}");
        let mut heard = [0; 12];
        server.read_exact(&mut heard).unwrap();
        assert_eq!(&heard, b"header: body");
        // More than one write takes: as much as there is room for, and never nothing.
        let long = word(100_000);
        let parts = [&b""[..], &long, b"x"].map(IoSlice::new);
        let taken = client.write_vectored(&parts).unwrap();
        assert!((1..=100_000).contains(&taken));
        let mut heard = vec![0; taken];
        server.read_exact(&mut heard).unwrap();
        assert!(heard == long[..taken]);
        assert_eq!(client.write_vectored(&[]).unwrap(), 0);
    });
}

#[test]
fn who_has_shut_down_still_listens() {
    both(|mut client, mut server| {
        client.shutdown().unwrap();
        assert_eq!(server.read(&mut [0; 10]).unwrap(), 0);
        server.write_all(b"a late answer").unwrap();
        server.shutdown().unwrap();
        let mut heard = String::new();
        client.read_to_string(&mut heard).unwrap();
        assert_eq!(heard, "a late answer");
        let late = client.write(b"late").unwrap_err();
        assert!(matches!(Error::from(late), Error::Misused(_)));
    });
}

#[test]
fn an_end_without_close_notify_is_an_error() {
    both(|mut client, server| {
        server.get_ref().shutdown(Shutdown::Write).unwrap();
        let error = client.read(&mut [0; 10]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        assert!(matches!(Error::from(error), Error::Truncated));
    });
}

#[test]
fn data_before_a_truncation_are_given() {
    both(|mut client, mut server| {
        server.write_all(b"said").unwrap();
        drop(server);
        let mut heard = Vec::new();
        let error = client.read_to_end(&mut heard).unwrap_err();
        assert_eq!(heard, b"said");
        assert!(matches!(Error::from(error), Error::Truncated));
    });
}

#[test]
fn what_follows_tls_is_not_lost() {
    both(|mut client, mut server| {
        server.write_all(b"the end").unwrap();
        server.shutdown().unwrap();
        let parts = server.into_inner();
        assert!(parts.unsent.is_empty());
        (&parts.io).write_all(b"220 in clear").unwrap();
        drop(parts);
        let mut heard = String::new();
        client.read_to_string(&mut heard).unwrap();
        assert_eq!(heard, "the end");
        client.shutdown().unwrap();
        let parts = client.into_inner();
        let mut rest = parts.received;
        (&parts.io).read_to_end(&mut rest).unwrap();
        assert_eq!(rest, b"220 in clear");
    });
}

#[test]
fn what_was_not_read_is_handed_over() {
    both(|mut client, mut server| {
        server.write_all(b"unread").unwrap();
        let mut first = [0; 2];
        client.read_exact(&mut first).unwrap();
        let parts = client.into_inner();
        assert_eq!((&first, &parts.unread[..]), (b"un", &b"read"[..]));
        assert!(parts.session.peer().is_some());
    });
}

#[test]
fn a_transport_that_would_block_loses_nothing() {
    both(|mut client, mut server| {
        client.get_ref().set_nonblocking(true).unwrap();
        let nothing = client.read(&mut [0; 10]).unwrap_err();
        assert_eq!(nothing.kind(), io::ErrorKind::WouldBlock);
        // Nobody reads before the transport is full, however much the system holds.
        let (full, told_full) = mpsc::channel();
        let data = word(1_000_003);
        let expected = data.clone();
        let reading = thread::spawn(move || {
            told_full.recv().unwrap();
            let mut heard = Vec::new();
            server.read_to_end(&mut heard).unwrap();
            assert!(heard.iter().eq(expected.iter().cycle().take(heard.len())));
            heard.len()
        });
        let (mut sent, mut after, mut waited) = (0, 0, false);
        while after < data.len() {
            match client.write(&data[sent % data.len()..]) {
                Ok(count) => {
                    sent += count;
                    after += if waited { count } else { 0 };
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if !waited {
                        waited = true;
                        full.send(()).unwrap();
                    }
                    thread::yield_now();
                }
                Err(error) => panic!("{error}"),
            }
        }
        client.get_ref().set_nonblocking(false).unwrap();
        client.shutdown().unwrap();
        assert_eq!(reading.join().unwrap(), sent);
    });
}

#[test]
fn damage_on_the_way_is_told_to_both() {
    both(|client, mut server| {
        // A record that nobody sealed.
        let mut raw = client.get_ref();
        raw.write_all(&[23, 3, 3, 0, 32]).unwrap();
        raw.write_all(&[7; 32]).unwrap();
        let error = Error::from(server.read(&mut [0; 10]).unwrap_err());
        assert_eq!(error.code(), "ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC");
        let mut client = client;
        let error = Error::from(client.read(&mut [0; 10]).unwrap_err());
        assert_eq!(error.alert().map(|alert| alert.name()), Some("bad_record_mac"));
    });
}

#[test]
fn who_is_refused_hears_why() {
    if !present("openssl") {
        return;
    }
    let (client, server) = tcp();
    let accepting = thread::spawn(move || {
        let context = context("expired", "").build().unwrap();
        blocking::accept(&context, &ServerOptions::new(), server).map(drop)
    });
    let context = context("", "ca").build().unwrap();
    let error = blocking::connect(&context, &to_localhost(), client).unwrap_err();
    assert_eq!(error.code(), "CERT_HAS_EXPIRED");
    let error = accepting.join().unwrap().and(Ok(())).unwrap_err();
    assert_eq!(error.alert().map(|alert| alert.name()), Some("certificate_expired"));
}

#[test]
fn questions_are_answered_on_the_way_or_not_at_all() {
    if !present("openssl") {
        return;
    }
    for answer in [true, false] {
        let (client, server) = tcp();
        let accepting = thread::spawn(move || {
            let (empty, other) = (context("", "").build().unwrap(), context("p256", ""));
            let other = other.build().unwrap();
            let options = ServerOptions::new().ask_client_hello(true);
            if !answer {
                return blocking::accept(&empty, &options, server).map(|_| String::new());
            }
            let mut asked = String::new();
            let session = Session::server(&empty, &options);
            blocking::handshake(session, server, |_, session| {
                if let Some(Question::ClientHello(question)) = session.question() {
                    asked = question.hello().server_name().unwrap_or_default().to_owned();
                    question.answer(HelloReply::new().context(other.clone())).unwrap();
                }
            })?;
            Ok(asked)
        });
        let context = context("", "ca").build().unwrap();
        let connected = blocking::connect(&context, &to_localhost(), client);
        let accepted = accepting.join().unwrap();
        assert_eq!(connected.is_ok(), answer);
        match accepted {
            Ok(asked) => assert_eq!(asked, "localhost"),
            Err(error) => assert!(!answer && matches!(error, Error::RefusedByProgram)),
        }
    }
}

#[test]
fn a_transport_that_ends_in_the_handshake_is_an_error() {
    if !present("openssl") {
        return;
    }
    let (client, server) = tcp();
    drop(server);
    let context = context("", "ca").build().unwrap();
    let error = blocking::connect(&context, &to_localhost(), client).unwrap_err();
    assert!(matches!(error, Error::ClosedInHandshake | Error::Io(_)), "{error:?}");
}

#[test]
fn s_server_talks_to_us() {
    if !present("openssl") {
        return;
    }
    let files = credentials().files("p256");
    let mut command = Command::new("openssl");
    command.args(["s_server", "-accept", "0", "-rev", "-cert"]).arg(files.cert);
    command.arg("-key").arg(files.key);
    let mut server = Peer::start(&mut command);
    let port = server.port("ACCEPT");
    for version in [ProtocolVersion::Tls12, ProtocolVersion::Tls13] {
        let context = context("", "ca").versions(version..=version).build().unwrap();
        let tcp = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let mut tls = BufReader::new(blocking::connect(&context, &to_localhost(), tcp).unwrap());
        for round in 0..3 {
            tls.get_mut().write_all(format!("hello{round}\n").as_bytes()).unwrap();
            let mut line = String::new();
            tls.read_line(&mut line).unwrap();
            assert_eq!(line, format!("{round}olleh\n"), "{version}");
        }
        tls.get_mut().shutdown().unwrap();
        let mut rest = Vec::new();
        tls.read_to_end(&mut rest).unwrap();
        assert!(rest.is_empty(), "{version}");
    }
}

#[test]
fn s_client_talks_to_us() {
    if !present("openssl") {
        return;
    }
    for flag in ["-tls1_2", "-tls1_3"] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let mut command = Command::new("openssl");
        command.args(["s_client", flag, "-quiet", "-connect", &address]);
        let mut client = Peer::start(&mut command);
        let context = context("p256", "").build().unwrap();
        let (tcp, _) = listener.accept().unwrap();
        let tls = blocking::accept(&context, &ServerOptions::new(), tcp).unwrap();
        client.say("hello\n");
        let mut tls = BufReader::new(tls);
        let mut line = String::new();
        tls.read_line(&mut line).unwrap();
        assert_eq!(line, "hello\n", "{flag}");
        tls.get_mut().write_all(b"and good bye\n").unwrap();
        tls.get_mut().shutdown().unwrap();
        client.line("and good bye");
    }
}

/// A client that only writes learns why it was refused, and not just that nobody listens.
#[test]
fn who_writes_before_it_reads_hears_the_alert_that_waits() {
    if !present("openssl") {
        return;
    }
    let (client, server) = tcp();
    let accepting = thread::spawn(move || {
        let context = context("p256", "ca").build().unwrap();
        let options = ServerOptions::new().client_auth(ClientAuth::Require);
        blocking::accept(&context, &options, server).unwrap_err()
    });
    let context = context("", "ca").build().unwrap();
    let mut client = blocking::connect(&context, &to_localhost(), client).unwrap();
    let refused = accepting.join().unwrap();
    assert_eq!(refused.code(), "ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE");
    let error = loop {
        if let Err(error) = client.write(b"a line\n") {
            break Error::from(error);
        }
    };
    assert_eq!(error.alert().map(Alert::name), Some("certificate_required"), "{error}");
    let again = client.read(&mut [0; 1]).unwrap_err();
    assert_eq!(Error::from(again).alert(), error.alert(), "and it stays so");
}

/// Whatever a client sends at once, up to what the server still reads and beyond it.
#[test]
fn who_sends_much_at_once_and_is_refused_hears_why() {
    if !present("openssl") {
        return;
    }
    for size in [1, 16_384, 65_536, 500_000, 1_000_000, 4_000_000] {
        let (client, server) = tcp();
        let accepting = thread::spawn(move || {
            let context = context("p256", "ca").build().unwrap();
            let options = ServerOptions::new().client_auth(ClientAuth::Require);
            blocking::accept(&context, &options, server).unwrap_err()
        });
        let context = context("", "ca").build().unwrap();
        let mut client = blocking::connect(&context, &to_localhost(), client).unwrap();
        let said = client.write_all(&vec![7; size]).and_then(|()| client.read(&mut [0]));
        let error = Error::from(said.unwrap_err());
        let alert = error.alert().map(Alert::name);
        assert_eq!(alert, Some("certificate_required"), "{size}: {error}");
        accepting.join().unwrap();
    }
}

/// What a client has sent already, and nobody reads, makes a reset of a socket that is closed.
#[test]
fn who_is_refused_while_it_sends_hears_why() {
    if !present("openssl") {
        return;
    }
    for _ in 0..3 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let mut client = Command::new("openssl")
            .args(["s_client", "-tls1_3", "-quiet", "-connect", &address])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = client.stdin.take().unwrap();
        // It may end before it has read all.
        let sending = thread::spawn(move || drop(stdin.write_all(&word(300_000))));
        let context = context("p256", "ca").build().unwrap();
        let options = ServerOptions::new().client_auth(ClientAuth::Require);
        let (tcp, _) = listener.accept().unwrap();
        let error = blocking::accept(&context, &options, tcp).unwrap_err();
        assert_eq!(error.code(), "ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE");
        let said = client.wait_with_output().unwrap().stderr;
        sending.join().unwrap();
        let said = String::from_utf8_lossy(&said);
        assert!(said.contains("alert certificate required"), "{said}");
    }
}

/// And who goes on for ever is not listened to for ever; nor is who stays and says nothing.
#[test]
fn who_is_refused_is_not_waited_for() {
    if !present("openssl") {
        return;
    }
    for sends in [true, false] {
        let (mut client, server) = tcp();
        let accepting = thread::spawn(move || {
            blocking::accept(&context("p256", "").build().unwrap(), &ServerOptions::new(), server)
        });
        client.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
        let mut sent = 0;
        // Ends with the connection.
        while sends && let Ok(count) = client.write(&[b'x'; 64 * 1024]) {
            sent += count;
        }
        let error = accepting.join().unwrap().map(drop).unwrap_err();
        assert_eq!(error.code(), "ERR_SSL_HTTP_REQUEST");
        assert!(sent < 64 * 1024 * 1024, "{sent}");
    }
}

/// A transport of one's own, of which nothing but reading and writing is known.
#[test]
fn a_transport_that_has_no_sides_is_closed_at_once() {
    #[derive(Debug)]
    struct Plain(TcpStream);

    impl Read for Plain {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            self.0.read(buf)
        }
    }

    impl Write for Plain {
        fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
            self.0.write(buf)
        }

        fn flush(&mut self) -> io::Result<()> {
            self.0.flush()
        }
    }

    impl Transport for Plain {}

    if !present("openssl") {
        return;
    }
    let (mut client, server) = tcp();
    client.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let context = context("p256", "").build().unwrap();
    let error = blocking::accept(&context, &ServerOptions::new(), Plain(server)).unwrap_err();
    assert_eq!(error.code(), "ERR_SSL_HTTP_REQUEST");
}
