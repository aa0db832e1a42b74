//! Two connections of OpenSSL's, joined in memory: every function of the fence is called, for the
//! sanitizer to look on.

use std::process::Command;

use sealwire_openssl::{
    Connection, Context, ContextBuilder, Credential, DhParameters, Failure, Handler, Progress,
    PskAnswer, Read, Role, Source,
};

/// Who answers: takes every chain but where `refuses`, and tells what it was asked.
#[derive(Default)]
struct Answers {
    refuses: bool,
    chain: usize,
    lines: Vec<String>,
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

    fn trace(&mut self, _: &[u8]) {}
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

fn builder(role: Role) -> ContextBuilder {
    let library = Source::System.library().expect("the system's OpenSSL");
    ContextBuilder::new(library, role).expect("settings").security_level(0).key_log()
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
    let library = Source::System.library().expect("the system's OpenSSL");
    Credential::new(library, [cert.as_slice(), &cert], &key).expect("a credential")
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
fn noise_ends_in_an_error() {
    if !sealwire_testing::installed("openssl") {
        return;
    }
    let library = Source::System.library().expect("the system's OpenSSL");
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
