//! Clients that begin in plain and ask for TLS, in front of servers that have none.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::process::Command;
use std::sync::mpsc::channel;

use super::peers::installed;
use super::support::{Origin, PATIENCE, Tunnel, files};

const SERVER: &str = "server --listen 127.0.0.1:0 --cert server.pem --key server.key";

/// A server of lines, with its greeting.
fn lines(greeting: &'static str, answer: fn(&str) -> Option<String>) -> Origin {
    Origin::new(move |mut tcp| {
        let _ = tcp.write_all(greeting.as_bytes());
        let mut lines = BufReader::new(tcp.try_clone().expect("a second handle"));
        let mut line = String::new();
        while lines.read_line(&mut line).is_ok_and(|read| read > 0) {
            let Some(answer) = answer(line.trim_end()) else { return };
            if tcp.write_all(answer.as_bytes()).is_err() {
                return;
            }
            line.clear();
        }
    })
}

fn smtp(line: &str) -> Option<String> {
    let answer = match line.split(' ').next()? {
        "DATA" => "354 go on\r\n",
        "QUIT" => return None,
        // The text of the mail has no answer, but its end.
        "." | "EHLO" | "MAIL" | "RCPT" => "250 ok\r\n",
        _ => "",
    };
    Some(answer.to_owned())
}

fn imap(line: &str) -> Option<String> {
    let (tag, command) = line.split_once(' ')?;
    Some(match command.split(' ').next()? {
        "CAPABILITY" => format!("* CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR\r\n{tag} OK\r\n"),
        "LIST" => format!("* LIST () \"/\" behind\r\n{tag} OK\r\n"),
        "LOGOUT" => return None,
        _ => format!("{tag} OK\r\n"),
    })
}

fn pop3(line: &str) -> Option<String> {
    Some(match line.split(' ').next()? {
        "CAPA" => "+OK\r\nUSER\r\n.\r\n".to_owned(),
        "LIST" => "+OK\r\n1 120\r\n.\r\n".to_owned(),
        "QUIT" => return None,
        _ => "+OK\r\n".to_owned(),
    })
}

#[test]
fn curl_talks_to_servers_that_have_no_tls() {
    if !installed(&["curl"]) {
        return;
    }
    let dir = files();
    for (protocol, origin, options, expected) in [
        (
            "smtp",
            lines("220-mail.test\r\n220 mail.test ESMTP\r\n", smtp),
            "--mail-from a@test --mail-rcpt b@test -T -",
            "",
        ),
        ("imap", lines("* OK [CAPABILITY IMAP4rev1] hi\r\n", imap), "-u me:secret", "behind"),
        ("pop3", lines("+OK hi\r\n", pop3), "-u me:secret", "1 120"),
    ] {
        let line = format!("{SERVER} --target {} --starttls {protocol}", origin.at());
        let mut tunnel = Tunnel::start(&dir, &line);
        let port = tunnel.port();
        let line = format!(
            "-sS -m 30 --ssl-reqd --cacert ca.pem {options} --resolve localhost:{port}:127.0.0.1 \
             {protocol}://localhost:{port}/"
        );
        let words: Vec<_> = line.split_whitespace().collect();
        let ran = dir.run(Command::new("curl"), &words, b"Subject: x\r\n\r\nhello\r\n").ok();
        assert!(ran.text().contains(expected), "{protocol}: {ran:?}");
        let ended = tunnel.wait_message("connection ended");
        assert_eq!(ended["end"], "finished", "{protocol}: {ended}");
        assert_eq!(ended["tls"], "TLSv1.3", "{protocol}: {ended}");
    }
}

#[test]
fn openssl_asks_by_every_protocol_and_rules_hold() {
    let dir = files();
    for (protocol, greeting) in [
        ("smtp", "220 mail.test ESMTP\r\n"),
        ("imap", "* OK hi\r\n"),
        ("pop3", "+OK hi\r\n"),
        ("ldap", ""),
        ("postgres", ""),
    ] {
        let (got, gets) = channel();
        let origin = Origin::new(move |mut tcp| {
            let _ = tcp.write_all(greeting.as_bytes());
            let mut first = [0; 5];
            if tcp.read_exact(&mut first).is_ok() {
                let _ = got.send(first);
            }
        });
        let line = format!(
            "{SERVER} --target {} --ca ca.pem --allow cn=alice --starttls {protocol}",
            origin.at()
        );
        let mut tunnel = Tunnel::start(&dir, &line);
        let port = tunnel.port();
        let client = |who: &str| {
            let line = format!(
                "s_client -quiet -connect 127.0.0.1:{port} -starttls {protocol} -CAfile ca.pem \
                 -verify_return_error -cert {who}.pem -key {who}.key"
            );
            let words: Vec<_> = line.split_whitespace().collect();
            dir.run(Command::new("openssl"), &words, b"hello")
        };
        client("alice");
        assert_eq!(&gets.recv_timeout(PATIENCE).unwrap(), b"hello", "{protocol}");
        tunnel.wait_message("connection ended");
        client("bob");
        assert_eq!(tunnel.wait_message("client refused")["why"], "rules", "{protocol}");
        assert!(gets.try_recv().is_err(), "{protocol}: bob came through");
    }
}

#[test]
fn who_asks_for_nothing_or_too_much_is_turned_away() {
    let dir = files();
    let origin = lines("220 mail.test ESMTP\r\n", smtp);
    let line = format!("{SERVER} --target {} --starttls smtp --handshake-timeout 2s", origin.at());
    let mut tunnel = Tunnel::start(&dir, &line);
    let port = tunnel.port();
    let talk = |says: &[u8]| {
        let mut tcp = TcpStream::connect(("127.0.0.1", port)).unwrap();
        tcp.write_all(says).unwrap();
        tcp.shutdown(Shutdown::Write).unwrap();
        let mut heard = Vec::new();
        // Being turned away with bytes unread is a reset.
        let _ = tcp.read_to_end(&mut heard);
        String::from_utf8(heard).unwrap()
    };
    for (says, reason) in [
        (&b"GET / HTTP/1.1\r\n\r\n"[..], "the client does not speak SMTP: it said"),
        (b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03", "the client started TLS directly"),
        (b"STARTTLS\r\nMAIL FROM:<a@b>\r\n", "17 plaintext bytes followed the client's request"),
    ] {
        talk(says);
        let refused = tunnel.wait_message("client refused");
        assert_eq!(refused["why"], "starttls", "{refused}");
        assert!(refused["reason"].as_str().unwrap().starts_with(reason), "{refused}");
    }
    assert!(talk(b"EHLO x\r\nMAIL FROM:<a@b>\r\nQUIT\r\n").contains("\r\n530 5.7.0 "));
    // Nobody is waited for: the time for the handshake is for this, too.
    let mut silent = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let failed = tunnel.wait_message("handshake failed");
    assert_eq!(failed["code"], "ERR_TLS_HANDSHAKE_TIMEOUT");
    let mut heard = String::new();
    let _ = silent.read_to_string(&mut heard);
    assert_eq!(heard, "220 mail.test ESMTP\r\n");
    // What does not serve says so itself.
    let origin = lines("554 5.3.2 closed\r\n", |_| None);
    let mut tunnel =
        Tunnel::start(&dir, &format!("{SERVER} --target {} --starttls smtp", origin.at()));
    let mut tcp = TcpStream::connect(("127.0.0.1", tunnel.port())).unwrap();
    let mut heard = String::new();
    tcp.read_to_string(&mut heard).unwrap();
    assert_eq!(heard, "554 5.3.2 closed\r\n");
    assert_eq!(tunnel.wait_message("client refused")["why"], "no-target");
}

/// MySQL as far as its log-in: the numbers of packets are what the server checks, and what the
/// client gets.
#[test]
fn a_plain_client_of_mysql_logs_in_over_tls() {
    if !installed(&["python3"]) {
        return;
    }
    let dir = files();
    let script = r"import socket, ssl
l = socket.socket(); l.bind(('127.0.0.1', 0)); l.listen(1)
print(l.getsockname()[1], flush=True)
c, _ = l.accept()
def packet(s, number, payload): s.sendall(len(payload).to_bytes(3, 'little') + bytes([number]) + payload)
def take(s, number):
    head = b''
    while len(head) < 4: head += s.recv(4 - len(head))
    assert head[3] == number, (head, number)
    want, body = int.from_bytes(head[:3], 'little'), b''
    while len(body) < want: body += s.recv(want - len(body))
    return body
packet(c, 0, b'\x0a8.0-test\0' + b'\1\0\0\0' + b'saltsalt\0' + b'\xff\xff' + b'\x2d\2\0\xff\xff\x15' + bytes(10) + b'saltsaltsalt\0')
asked = take(c, 1)
assert len(asked) == 32 and asked[1] & 8, asked
x = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER); x.load_cert_chain('server.pem', 'server.key')
t = x.wrap_socket(c, server_side=True)
answer = take(t, 2)
assert answer[:32] == asked and answer[32:] == b'tester\0', answer
packet(t, 3, b'\xfecaching_sha2_password\0' + b'salt')
assert take(t, 4) == b'scramble'
packet(t, 5, b'\1\3'); packet(t, 6, b'\0\0\0\2\0\0\0')
assert take(t, 0) == b'\3select 1'
packet(t, 1, b'\0one'); t.unwrap()
";
    let mut server = Command::new("python3")
        .args(["-c", script])
        .current_dir(dir.root())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut port = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut port).unwrap();
    let line = format!(
        "client --listen 127.0.0.1:0 --target localhost:{} --ca ca.pem --starttls mysql",
        port.trim()
    );
    let mut tunnel = Tunnel::start(&dir, &line);
    let mut tcp = TcpStream::connect(("127.0.0.1", tunnel.port_of("client"))).unwrap();
    tcp.set_read_timeout(Some(PATIENCE)).unwrap();
    let take = |tcp: &mut TcpStream, number: u8| {
        let mut head = [0; 4];
        tcp.read_exact(&mut head).unwrap();
        assert_eq!(head[3], number);
        let mut payload = vec![0; usize::from(head[0])];
        tcp.read_exact(&mut payload).unwrap();
        payload
    };
    let packet = |tcp: &mut TcpStream, number: u8, payload: &[u8]| {
        let head = [u8::try_from(payload.len()).unwrap(), 0, 0, number];
        tcp.write_all(&[&head, payload].concat()).unwrap();
    };
    let greeting = take(&mut tcp, 0);
    let capabilities = 1 + b"8.0-test\0".len() + 4 + 9;
    assert_eq!(greeting[capabilities + 1], !8, "it is not told to ask for TLS itself");
    let mut answer = vec![5, 0xa2, 0, 0];
    answer.resize(32, 0);
    packet(&mut tcp, 1, &[&answer, &b"tester\0"[..]].concat());
    assert!(take(&mut tcp, 2).starts_with(b"\xfecaching_sha2_password\0"));
    packet(&mut tcp, 3, b"scramble");
    assert_eq!(take(&mut tcp, 4), [1, 3]);
    assert_eq!(take(&mut tcp, 5), b"\0\0\0\x02\0\0\0");
    packet(&mut tcp, 0, b"\x03select 1");
    assert_eq!(take(&mut tcp, 1), b"\0one");
    drop(tcp);
    assert!(server.wait().unwrap().success());
}
