//! Two connections of OpenSSL's, joined in memory: every function of the fence is called, for the
//! sanitizer to look on.

use std::process::Command;

use sealwire_openssl::{
    Connection, Context, ContextBuilder, Credential, DhParameters, Failure, Handler, Library,
    NewSession, Progress, PskAnswer, Read, Role, Source, TakesTicket,
};
use zeroize::Zeroizing;

/// Who answers: takes every chain but where `refuses`, and tells what it was asked.
struct Answers {
    refuses: bool,
    chain: usize,
    lines: Vec<String>,
    sessions: Vec<NewSession>,
    stored: Vec<(Vec<u8>, Zeroizing<Vec<u8>>)>,
    takes: TakesTicket,
    staple: Option<Vec<u8>>,
}

impl Default for Answers {
    fn default() -> Self {
        Self {
            refuses: false,
            chain: 0,
            lines: Vec::new(),
            sessions: Vec::new(),
            stored: Vec::new(),
            takes: TakesTicket::Yes,
            staple: None,
        }
    }
}

impl Handler for Answers {
    fn verify(&mut self, chain: &[Vec<u8>]) -> Result<(), i32> {
        self.chain = chain.len();
        if self.refuses { Err(23) } else { Ok(()) } // X509_V_ERR_CERT_REVOKED
    }

    fn alpn(&mut self, offered: &[&[u8]]) -> Option<usize> {
        offered.iter().position(|name| *name == b"second")
    }

    fn key_log(&mut self, line: &str) {
        self.lines.push(line.to_owned());
    }

    fn psk_of(&mut self, identity: &[u8]) -> Option<Vec<u8>> {
        (identity == b"bob").then(|| vec![7; 32])
    }

    fn psk(&mut self, hint: Option<&[u8]>) -> Option<PskAnswer> {
        assert!(hint.is_none_or(|hint| hint == b"who?"));
        Some(PskAnswer { identity: b"bob".to_vec(), key: vec![7; 32] })
    }

    fn new_session(&mut self, session: NewSession) {
        self.sessions.push(session);
    }

    fn stored_session(&mut self, id: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        self.stored.iter().find(|(known, _)| known == id).map(|(_, der)| der.clone())
    }

    fn ticket(&mut self) -> Option<Zeroizing<Vec<u8>>> {
        Some(b"put into the ticket".to_vec().into())
    }

    fn takes_ticket(&mut self, found: &[u8]) -> TakesTicket {
        assert_eq!(found, b"put into the ticket");
        self.takes
    }

    fn staple(&mut self) -> Option<Vec<u8>> {
        self.staple.clone()
    }
}

struct End {
    connection: Connection,
    answers: Answers,
    out: Vec<u8>,
    done: bool,
}

impl End {
    fn new(context: &Context) -> Self {
        let connection = Connection::new(context, true).expect("a connection");
        Self { connection, answers: Answers::default(), out: Vec::new(), done: false }
    }

    fn go_on(&mut self) -> Result<(), Failure> {
        if self.done {
            let mut room = [0; 256];
            self.connection.read(&mut self.answers, &mut room, &mut self.out).map(drop)
        } else {
            let went = self.connection.handshake(&mut self.answers, &mut self.out)?;
            self.done = went == Progress::Done;
            Ok(())
        }
    }
}

/// Carries bytes to and fro until there are none.
fn settle(client: &mut End, server: &mut End) -> Result<(), Failure> {
    client.go_on()?;
    loop {
        let there = std::mem::take(&mut client.out);
        server.connection.feed(&there)?;
        let went = server.go_on();
        let back = std::mem::take(&mut server.out);
        client.connection.feed(&back)?;
        client.go_on()?;
        went?;
        if there.is_empty() && back.is_empty() {
            return Ok(());
        }
    }
}

/// An OCSP response, "try later".
const STAPLE: &[u8] = b"\x30\x03\x0a\x01\x03";

/// The one that was built with this, where one was.
fn library() -> Library {
    let source = if cfg!(feature = "vendored") { Source::Vendored } else { Source::System };
    source.library().expect("an OpenSSL")
}

fn builder(role: Role) -> ContextBuilder {
    ContextBuilder::new(library(), role).expect("settings").security_level(0).key_log()
}

fn credential() -> Credential {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-subj",
            "/CN=localhost",
            "-outform",
            "DER",
            "-out",
        ])
        .arg(at("cert.der"))
        .arg("-keyout")
        .arg(at("key.pem"))
        .output()
        .expect("openssl runs");
    assert!(made.status.success());
    let made = Command::new("openssl")
        .args(["pkcs8", "-topk8", "-nocrypt", "-outform", "DER", "-in"])
        .arg(at("key.pem"))
        .arg("-out")
        .arg(at("key.der"))
        .output()
        .expect("openssl runs");
    assert!(made.status.success());
    let [cert, key] = ["cert.der", "key.der"].map(|name| std::fs::read(at(name)).expect(name));
    Credential::new(library(), [cert.as_slice(), &cert], &key).expect("a credential")
}

#[test]
fn certificates_data_renegotiation_and_the_end() {
    if !sealwire_testing::installed("openssl") {
        return;
    }
    let credential = credential();
    for version in [0x0301, 0x0302, 0x0303] {
        let list = "AES128-SHA:DHE-RSA-AES128-SHA";
        let client = builder(Role::Client).versions(version, version).unwrap();
        let client = client.suites(list, "").unwrap().ask_for_certificate(false, &[]).unwrap();
        let client = client.credential(&credential).unwrap().build();
        let server = builder(Role::Server).versions(version, version).unwrap();
        let server = server.suites(list, "").unwrap().credential(&credential).unwrap();
        let server =
            server.ask_for_certificate(true, &[]).unwrap().select_alpn().dh_auto().unwrap();
        let server = server.allow_renegotiation().prefer_server_order(true).build();
        let (mut client, mut server) = (End::new(&client), End::new(&server));
        client.connection.server_name("localhost").unwrap();
        client.connection.offer_alpn(b"\x05first\x06second").unwrap();
        client.connection.request_ocsp();
        settle(&mut client, &mut server).expect("a handshake");
        assert!(client.done && server.done);
        assert_eq!((client.answers.chain, server.answers.chain), (2, 2));
        assert_eq!(client.answers.lines.last(), server.answers.lines.last());
        let agreed = client.connection.negotiated().expect("all is known");
        assert_eq!((agreed.version, agreed.suite), (version, 0x002f));
        assert_eq!(agreed.alpn.as_deref(), Some(&b"second"[..]));
        let [one, other] = [&mut client, &mut server].map(|end| {
            let mut material = [0; 32];
            end.connection.export(&mut material, b"EXPORTER-test", Some(b"")).unwrap();
            material
        });
        assert_eq!(one, other);

        client.connection.write(&mut client.answers, b"data", &mut client.out).unwrap();
        server.connection.feed(&std::mem::take(&mut client.out)).unwrap();
        let mut room = [0; 16];
        let read = server.connection.read(&mut server.answers, &mut room, &mut server.out);
        assert_eq!(read, Ok(Read::Data(4)));

        let before = client.connection.handshakes().1;
        client.connection.renegotiate(&mut client.answers, &mut client.out).unwrap();
        settle(&mut client, &mut server).expect("a second handshake");
        assert!(client.connection.handshakes().1 > before);

        client.connection.close(&mut client.answers, &mut client.out);
        server.connection.feed(&std::mem::take(&mut client.out)).unwrap();
        let read = server.connection.read(&mut server.answers, &mut room, &mut server.out);
        assert_eq!(read, Ok(Read::Closed));
    }
}

#[test]
fn what_is_built_in_is_named_as_it_is() {
    let named = match Source::Vendored.library() {
        Ok(library) => library.version().to_owned(),
        Err(lacking) => lacking.to_string(),
    };
    let expected = if cfg!(feature = "vendored") { "OpenSSL 4." } else { "feature `vendored`" };
    assert!(named.contains(expected), "{named}");
}

#[test]
fn a_refusal_chooses_the_alert() {
    if !sealwire_testing::installed("openssl") {
        return;
    }
    let credential = credential();
    let client = builder(Role::Client).ask_for_certificate(false, &[]).unwrap().build();
    let server = builder(Role::Server).credential(&credential).unwrap().build();
    let (mut client, mut server) = (End::new(&client), End::new(&server));
    client.answers.refuses = true;
    let refused = settle(&mut client, &mut server).expect_err("refused");
    assert_eq!(refused.ssl_reason(), Some(134), "{refused}");
    // What OpenSSL was asked to do after that it does not do.
    assert!(client.go_on().is_err());
}

#[test]
fn keys_that_both_know() {
    if !sealwire_testing::installed("openssl") {
        return;
    }
    for version in [0x0301, 0x0303, 0x0304] {
        let list = "PSK-AES128-CBC-SHA";
        let tls13 = "TLS_AES_128_GCM_SHA256";
        let common =
            |role| builder(role).versions(version, version).unwrap().suites(list, tls13).unwrap();
        let client = common(Role::Client).psk(None).unwrap().build();
        let server = common(Role::Server).psk(Some("who?")).unwrap().build();
        let (mut client, mut server) = (End::new(&client), End::new(&server));
        settle(&mut client, &mut server).expect("a handshake");
        assert!(client.done && server.done, "{version:#x}");
    }
}

#[test]
fn sessions_go_on_by_ticket_and_by_store() {
    if !sealwire_testing::installed("openssl") {
        return;
    }
    let credential = credential();
    let common = |role, version| {
        let list = builder(role).versions(version, version).unwrap();
        list.suites("AES128-SHA", "TLS_AES_128_GCM_SHA256").unwrap().keep_sessions(300)
    };
    for version in [0x0301, 0x0303, 0x0304] {
        for (by_ticket, takes, resumes) in [
            (true, TakesTicket::Yes, true),
            (true, TakesTicket::Renewed, true),
            (true, TakesTicket::No, false),
            (false, TakesTicket::Yes, true),
        ] {
            let client = common(Role::Client, version).ask_for_certificate(false, &[]).unwrap();
            let server = common(Role::Server, version).credential(&credential).unwrap();
            let server = server.tickets(&[3; 80], 1).unwrap().staple();
            let server = if by_ticket { server } else { server.no_tickets() };
            let (client, server) = (client.build(), server.build());
            let run = |session: Option<&NewSession>, stored: &[NewSession]| {
                let (mut client, mut server) = (End::new(&client), End::new(&server));
                server.answers.takes = takes;
                server.answers.staple = Some(STAPLE.to_vec());
                let kept = stored.iter().map(|one| (one.id.clone(), one.der.clone()));
                server.answers.stored = kept.collect();
                client.connection.request_ocsp();
                if let Some(session) = session {
                    assert!(client.connection.offer_session(&session.der));
                }
                settle(&mut client, &mut server).expect("a handshake");
                (client, server)
            };
            let (mut first, server) = run(None, &[]);
            let agreed = first.connection.negotiated().expect("all is known");
            // OpenSSL 4 staples nothing to a certificate that signed itself.
            let staples = !library().version().starts_with("OpenSSL 4.");
            assert_eq!(agreed.ocsp_response.as_deref(), staples.then_some(STAPLE));
            let session = first.answers.sessions.pop().expect("a session");
            assert_eq!(session.version, version);
            assert_eq!(session.ticket.is_some(), by_ticket || version == 0x0304);
            let stored = server.answers.sessions;
            assert_eq!(stored.is_empty(), by_ticket && version < 0x0304, "{version:#x}");
            let (mut second, mut server) = run(Some(&session), &stored);
            let [one, other] = [&mut second, &mut server]
                .map(|end| end.connection.negotiated().expect("all is known").resumed);
            assert_eq!((one, other), (resumes, resumes), "{version:#x} {by_ticket} {takes:?}");
        }
    }
    let mut client = End::new(&common(Role::Client, 0x0303).build());
    assert!(!client.connection.offer_session(b"none"));
}

#[test]
fn what_goes_over_a_connection_is_told_in_words() {
    if !sealwire_testing::installed("openssl") {
        return;
    }
    let credential = credential();
    let client = builder(Role::Client).ask_for_certificate(false, &[]).unwrap().build();
    let server = builder(Role::Server).credential(&credential).unwrap().build();
    let (mut client, mut server) = (End::new(&client), End::new(&server));
    assert_eq!(client.connection.take_trace(), None);
    // Some builds have no words.
    if !client.connection.trace() {
        return;
    }
    settle(&mut client, &mut server).expect("a handshake");
    let text = String::from_utf8(client.connection.take_trace().expect("it is traced")).unwrap();
    for word in ["Sent", "ClientHello", "Received", "ServerHello", "EncryptedExtensions"] {
        assert!(text.contains(word), "{word} in {text}");
    }
    assert_eq!(client.connection.take_trace().as_deref(), Some(&b""[..]));
}

#[test]
fn noise_ends_in_an_error() {
    if !sealwire_testing::installed("openssl") {
        return;
    }
    let library = library();
    assert!(DhParameters::from_pem(library, b"none").is_err());
    assert!(Credential::new(library, [&b"none"[..]], b"none").is_err());
    assert!(builder(Role::Server).suites("aNULL", "").is_err());
    assert!(builder(Role::Server).suites("DEFAULT\0", "").is_err());
    for noise in
        [&b"GET / HTTP/1.1\r\n\r\n"[..], &[22, 3, 1, 0xff, 0xff], &[0; 64], &[0x80, 0x2e, 1, 3, 1]]
    {
        let mut server = End::new(&builder(Role::Server).build());
        server.connection.feed(noise).unwrap();
        let _ = server.go_on();
        assert!(!server.done);
    }
}
