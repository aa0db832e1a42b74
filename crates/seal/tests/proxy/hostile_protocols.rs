//! Clients and servers of databases, mail and directories that never stop saying what is no use: the
//! proxy that stands for the server passes it on, keeps none of it, and goes on serving others.
#![cfg(target_os = "linux")]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use crate::hostile::{MOST_GROWTH, listen_to_nothing, say_all};
use crate::lasting::resident;
use crate::peers::{Folder, installed};
use crate::running::Proxy;

/// Who says it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Who {
    Client,
    Server,
}
use Who::{Client, Server};

/// What is said, by its number.
type Next = fn(u32) -> Vec<u8>;

/// A message of PostgreSQL.
fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
    [&[kind][..], &length, body].concat()
}

/// A packet of MySQL.
fn packet(number: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap().to_le_bytes();
    [&length[..3], &[number], body].concat()
}

const POSTGRES_START: &[u8] = b"\x00\x00\x00\x15\x00\x03\x00\x00user\x00tester\x00\x00";
const LONG: usize = 60_000;

/// A log-in of MySQL without TLS: flags, then enough of the rest.
fn mysql_log_in() -> Vec<u8> {
    packet(1, &[&[0, 2, 0, 0][..], &[0; 40]].concat())
}

const CASES: &[(&str, &str, Who, Next)] = &[
    ("postgres", "messages before the log-in", Client, |_| b"\0\0\0\x08\x04\xd2\x16\x2f".to_vec()),
    ("postgres", "a log-in without end", Client, |n| match n {
        0 => b"\x3f\xff\xff\xff\x00\x03\x00\x00".to_vec(),
        _ => vec![b'a'; LONG],
    }),
    ("postgres", "prepared statements", Client, |n| match n {
        0 => POSTGRES_START.to_vec(),
        n => message(b'P', &[format!("{n}\0").as_bytes(), &[b'x'; LONG], b"\0\0\0"].concat()),
    }),
    ("postgres", "names of prepared statements", Client, |n| match n {
        0 => POSTGRES_START.to_vec(),
        n => message(b'P', &[&[b'x'; LONG][..], format!("{n}\0\0\0\0").as_bytes()].concat()),
    }),
    ("postgres", "portals", Client, |n| match n {
        0 => POSTGRES_START.to_vec(),
        1 => message(b'P', &[b"s\0", &[b'x'; LONG][..], b"\0\0\0"].concat()),
        n => message(b'B', format!("{n}\0s\0\0\0\0\0\0\0").as_bytes()),
    }),
    ("postgres", "statements that nobody answers", Client, |n| match n {
        0 => POSTGRES_START.to_vec(),
        _ => message(b'Q', &[b'x'; LONG]),
    }),
    ("postgres", "statements of no text", Client, |n| match n {
        0 => POSTGRES_START.to_vec(),
        _ => message(b'Q', b"\0").repeat(1000),
    }),
    ("postgres", "answers to nothing", Server, |_| message(b'D', &[b'x'; 100]).repeat(100)),
    ("postgres", "an answer without end", Server, |n| match n {
        0 => b"D\x3f\xff\xff\xff".to_vec(),
        _ => vec![b'x'; LONG],
    }),
    ("postgres", "what is none of its messages", Server, |_| vec![0; LONG]),
    ("mysql", "a greeting without end", Server, |_| packet(0, &[b'x'; LONG])),
    ("mysql", "packets of nothing", Server, |_| packet(0, b"").repeat(1000)),
    ("mysql", "log-ins", Client, |_| mysql_log_in()),
    ("mysql", "what is none of its packets", Client, |_| vec![0xff; LONG]),
    ("smtp", "a greeting without end", Server, |_| b"220-a.test\r\n".repeat(1000)),
    ("smtp", "a line without end", Server, |_| vec![b'a'; LONG]),
    ("smtp", "commands", Client, |_| b"NOOP\r\n".repeat(1000)),
    ("smtp", "a command without end", Client, |_| vec![b'a'; LONG]),
    ("imap", "a greeting without end", Server, |_| b"* OK a\r\n".repeat(1000)),
    ("imap", "a literal without end", Client, |n| match n {
        0 => b"a LOGIN {4294967295}\r\n".to_vec(),
        _ => vec![b'a'; LONG],
    }),
    ("pop3", "a greeting without end", Server, |_| b"+OK a\r\n".repeat(1000)),
    ("pop3", "commands", Client, |_| b"NOOP\r\n".repeat(1000)),
    ("ldap", "messages of nothing", Client, |_| b"\x30\x00".repeat(1000)),
    ("ldap", "a message without end", Client, |n| match n {
        0 => b"\x30\x84\x7f\xff\xff\xff".to_vec(),
        _ => vec![0; LONG],
    }),
    ("ldap", "answers to nothing", Server, |_| b"\x30\x05\x02\x01\x00\x65\x00".repeat(1000)),
];

#[test]
fn who_never_stops_in_other_protocols_takes_no_memory() {
    if !installed(&["curl"]) {
        return;
    }
    for scheme in ["postgres", "mysql", "smtp", "imap", "pop3", "ldap"] {
        let dir = Folder::new();
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let reverse = format!("{scheme}://{}", server.local_addr().unwrap());
        let proxy = Proxy::start(&dir, &["--session", "s.db", "--reverse", &reverse]);
        let before = resident(proxy.id());
        for (_, what, who, next) in CASES.iter().filter(|(of, ..)| *of == scheme) {
            let (client, origin) = pair(&proxy, &server);
            let (talks, listens) = match who {
                Client => (client, origin),
                Server => (origin, client),
            };
            listen_to_nothing(&listens);
            listen_to_nothing(&talks);
            let said = say_all(talks, (0..).map(next));
            drop(listens);
            println!("{scheme}: {what}: {said} bytes were taken");
            let now = resident(proxy.id());
            let most = before + MOST_GROWTH;
            assert!(now <= most, "{scheme}: {what}: {before} MB before, {now} MB now");
            let (mut client, mut origin) = pair(&proxy, &server);
            origin.write_all(b"well").unwrap();
            let mut heard = [0; 4];
            client.read_exact(&mut heard).unwrap();
            assert_eq!(&heard, b"well", "{scheme}: {what}");
        }
    }
}

/// MySQL's statements that nobody answers; its server has to greet and to let in first.
#[test]
fn statements_of_mysql_that_nobody_answers_take_no_memory() {
    if !installed(&["curl"]) {
        return;
    }
    let dir = Folder::new();
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let reverse = format!("mysql://{}", server.local_addr().unwrap());
    let proxy = Proxy::start(&dir, &["--session", "s.db", "--reverse", &reverse]);
    let before = resident(proxy.id());
    let cases: [(&str, Next); 2] = [
        ("statements", |_| packet(0, &[b"\x03", &[b'x'; LONG][..]].concat())),
        ("statements to prepare", |_| packet(0, &[b"\x16", &[b'x'; LONG][..]].concat())),
    ];
    for (what, next) in cases {
        let (mut client, mut origin) = pair(&proxy, &server);
        let mut room = vec![0; 256];
        let mut said = |from: &mut TcpStream, to: &mut TcpStream, bytes: &[u8]| {
            from.write_all(bytes).unwrap();
            to.read_exact(&mut room[..bytes.len()]).unwrap();
        };
        said(&mut origin, &mut client, &packet(0, b"\x0a5.7\0"));
        said(&mut client, &mut origin, &mysql_log_in());
        said(&mut origin, &mut client, &packet(2, &[0, 0, 0, 2, 0, 0, 0]));
        listen_to_nothing(&origin);
        let taken = say_all(client, (0..).map(next));
        println!("mysql: {what}: {taken} bytes were taken");
        let now = resident(proxy.id());
        assert!(now <= before + MOST_GROWTH, "{what}: {before} MB before, {now} MB now");
    }
}

/// A client and a server, with the proxy between them.
fn pair(proxy: &Proxy, server: &TcpListener) -> (TcpStream, TcpStream) {
    let client = TcpStream::connect(proxy.url.trim_start_matches("http://")).unwrap();
    let (origin, _) = server.accept().unwrap();
    client.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    (client, origin)
}
