//! STARTTLS from the server's side, in place of a server without TLS behind us: sends its greeting, and grants a
//! client's request for TLS. Any other command is
//! answered with the demand for TLS first.

use std::fmt;

use tokio::io::{AsyncRead, AsyncWrite};

use super::talk::Talk;
use super::{Error, Protocol, binary};
use crate::Foreign;

/// Whether the server behind speaks first, so that it has to be reached before the client is heard.
pub fn is_greeted(protocol: Protocol) -> bool {
    matches!(protocol, Protocol::Smtp | Protocol::Imap | Protocol::Pop3)
}

/// Why a protocol cannot be answered for; `None` when it can.
pub fn why_not(protocol: Protocol) -> Option<&'static str> {
    match protocol {
        Protocol::Smtp | Protocol::Imap | Protocol::Pop3 | Protocol::Ldap | Protocol::Postgres => {
            None
        }
        Protocol::Ftp => Some("the data connections of FTP do not pass through the tunnel"),
        Protocol::Xmpp => Some("an XMPP server must offer TLS in its own stream"),
        Protocol::Mysql => {
            Some("a MySQL server numbers its packets and cannot continue after ours")
        }
    }
}

/// What the server behind says first.
#[derive(Debug)]
pub struct Greeting {
    /// Its words, lines and all.
    pub text: Vec<u8>,
    /// Whether it will serve.
    pub welcomes: bool,
}

/// Reads the greeting of the server behind.
///
/// # Errors
/// When it speaks another protocol, or says more than its greeting.
pub async fn greeting<IO>(io: &mut IO, protocol: Protocol) -> Result<Greeting, Error>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    let mut talk = Talk::new(io, protocol);
    let mut text = Vec::new();
    let first = loop {
        let line = talk.line().await?;
        text.extend_from_slice(line.as_bytes());
        text.extend_from_slice(b"\r\n");
        let goes_on = protocol == Protocol::Smtp
            && line.bytes().take(3).all(|byte| byte.is_ascii_digit())
            && line.as_bytes().get(3) == Some(&b'-');
        if !goes_on {
            break line;
        }
    };
    let (welcome, refusals) = match protocol {
        Protocol::Smtp => ("220", &["4", "5"][..]),
        Protocol::Imap => ("* OK", &["* BYE", "* PREAUTH"][..]),
        _ => ("+OK", &["-ERR"][..]),
    };
    let welcomes = first.starts_with(welcome);
    if !welcomes && !refusals.iter().any(|refusal| first.starts_with(refusal)) {
        return Err(talk.unlike_line(&first));
    }
    talk.end()?;
    Ok(Greeting { text, welcomes })
}

/// Talks with a client until it asks for TLS and is told to begin. What it said before is `heard`.
/// Gives what came of TLS already, for clients that begin with it where the protocol lets them.
///
/// # Errors
/// When it leaves, speaks another protocol, or sends more in plaintext after it asked.
pub async fn answer<IO>(
    io: &mut IO,
    protocol: Protocol,
    greeting: &[u8],
    heard: Vec<u8>,
) -> Result<Vec<u8>, Error>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    let mut talk = Talk::after(io, protocol, heard);
    match protocol {
        Protocol::Smtp => smtp(&mut talk, greeting).await?,
        Protocol::Imap => imap(&mut talk, greeting).await?,
        Protocol::Pop3 => pop3(&mut talk, greeting).await?,
        Protocol::Ldap => binary::answer_ldap(&mut talk).await?,
        Protocol::Postgres => return binary::answer_postgres(talk).await,
        other => return Err(talk.no_tls(why_not(other).unwrap_or_default())),
    }
    Ok(Vec::new())
}

/// [RFC 3207](https://www.rfc-editor.org/rfc/rfc3207).
async fn smtp<IO>(talk: &mut Talk<'_, IO>, greeting: &[u8]) -> Result<(), Error>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    talk.say(greeting).await?;
    // `220 mail.example.com ESMTP`
    let greeted = String::from_utf8_lossy(greeting);
    let host = greeted.get(4..).and_then(|rest| rest.split_whitespace().next());
    let host = host.unwrap_or("localhost").to_owned();
    loop {
        let line = talk.command().await?;
        match verb(&line).as_str() {
            "EHLO" => talk.say(format!("250-{host}\r\n250 STARTTLS\r\n")).await?,
            "HELO" => talk.say(format!("250 {host}\r\n")).await?,
            "NOOP" | "RSET" => talk.say("250 2.0.0 OK\r\n").await?,
            "QUIT" => {
                talk.say("221 2.0.0 Bye\r\n").await?;
                return Err(talk.left());
            }
            "STARTTLS" => {
                talk.nothing_ahead()?;
                return talk.say("220 2.0.0 Ready to start TLS\r\n").await;
            }
            "MAIL" | "RCPT" | "DATA" | "AUTH" | "VRFY" | "EXPN" | "HELP" | "BDAT" => {
                talk.say("530 5.7.0 Must issue a STARTTLS command first\r\n").await?;
            }
            _ => return Err(talk.unlike_line(&line)),
        }
    }
}

/// [RFC 3501](https://www.rfc-editor.org/rfc/rfc3501),
/// sections 6.1 and 6.2.1. The capabilities in the server's own greeting are those of a
/// connection in plaintext; the client asks again inside of TLS.
async fn imap<IO>(talk: &mut Talk<'_, IO>, greeting: &[u8]) -> Result<(), Error>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    const CAPABILITIES: &str = "CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED";
    let greeted = String::from_utf8_lossy(greeting);
    let text = greeted.trim_end().trim_start_matches("* OK").trim_start();
    let text = match text.strip_prefix('[').and_then(|code| code.split_once(']')) {
        Some((_, text)) => text.trim_start(),
        None => text,
    };
    talk.say(format!("* OK [{CAPABILITIES}] {text}\r\n")).await?;
    loop {
        let line = talk.command().await?;
        let Some((tag, command)) = line.split_once(' ') else {
            return Err(talk.unlike_line(&line));
        };
        match verb(command).as_str() {
            "CAPABILITY" => {
                talk.say(format!("* {CAPABILITIES}\r\n{tag} OK done\r\n")).await?;
            }
            "NOOP" => talk.say(format!("{tag} OK done\r\n")).await?,
            "LOGOUT" => {
                talk.say(format!("* BYE\r\n{tag} OK done\r\n")).await?;
                return Err(talk.left());
            }
            "STARTTLS" => {
                talk.nothing_ahead()?;
                return talk.say(format!("{tag} OK begin TLS now\r\n")).await;
            }
            "LOGIN" | "AUTHENTICATE" | "ID" | "ENABLE" => {
                // RFC 5530.
                talk.say(format!("{tag} NO [PRIVACYREQUIRED] STARTTLS first\r\n")).await?;
            }
            _ => return Err(talk.unlike_line(&line)),
        }
    }
}

/// [RFC 2595, section 4](https://www.rfc-editor.org/rfc/rfc2595#section-4).
/// The greeting is forwarded unchanged: APOP computes its digest over it.
async fn pop3<IO>(talk: &mut Talk<'_, IO>, greeting: &[u8]) -> Result<(), Error>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    talk.say(greeting).await?;
    loop {
        let line = talk.command().await?;
        match verb(&line).as_str() {
            "CAPA" => talk.say("+OK\r\nSTLS\r\n.\r\n").await?,
            "QUIT" => {
                talk.say("+OK bye\r\n").await?;
                return Err(talk.left());
            }
            "STLS" => {
                talk.nothing_ahead()?;
                return talk.say("+OK begin TLS now\r\n").await;
            }
            "USER" | "PASS" | "APOP" | "AUTH" | "UTF8" | "LANG" => {
                talk.say("-ERR STLS first\r\n").await?;
            }
            _ => return Err(talk.unlike_line(&line)),
        }
    }
}

fn verb(line: &str) -> String {
    line.split(' ').next().unwrap_or_default().to_ascii_uppercase()
}

/// An error of such a talk: there, the other one is the client.
#[derive(Debug)]
pub struct OfClient(pub Error);

impl fmt::Display for OfClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Error::Io(error) => error.fmt(f),
            Error::Closed(protocol) => {
                write!(
                    f,
                    "the client closed the connection before it requested TLS with {}",
                    protocol.name()
                )
            }
            Error::Unlike(protocol, said) if said.starts_with('\u{16}') => {
                write!(f, "the client started TLS directly; {} is required first", protocol.name())
            }
            Error::Unlike(protocol, said) => {
                let said = Foreign::new(said);
                write!(f, "the client does not speak {}: it said \"{said}\"", protocol.name())
            }
            Error::NoTls(protocol, said) | Error::TurnedAway(protocol, said) => {
                let said = Foreign::new(said);
                write!(f, "the client did not request TLS over {}: {said}", protocol.name())
            }
            Error::Injected(protocol, count) => write!(
                f,
                "{count} plaintext bytes followed the client's request for TLS ({}): refusing to continue",
                protocol.name()
            ),
            Error::TooMuch(protocol) => {
                write!(f, "the client keeps sending {} without requesting TLS", protocol.name())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::{OfClient, answer, greeting};
    use crate::starttls::{Error, Protocol};

    /// What a client gets that says this, and how it ends.
    async fn told(
        protocol: Protocol,
        greeting: &str,
        says: &[u8],
    ) -> (Vec<u8>, Result<Vec<u8>, Error>) {
        let (mut client, mut server) = duplex(64 * 1024);
        // Line by line, as it must be: what comes behind the wish for TLS is another test.
        let lines: Vec<&[u8]> = says.split_inclusive(|byte| *byte == b'\n').collect();
        let client = async move {
            let mut heard = Vec::new();
            for line in lines {
                client.write_all(line).await.unwrap();
                tokio::task::yield_now().await;
            }
            client.shutdown().await.unwrap();
            client.read_to_end(&mut heard).await.unwrap();
            heard
        };
        let server = async {
            let answered = answer(&mut server, protocol, greeting.as_bytes(), vec![]).await;
            drop(server);
            answered
        };
        tokio::join!(client, server)
    }

    #[tokio::test]
    async fn a_wish_for_tls_is_granted_and_nothing_else() {
        for (protocol, greeting, says, hears) in [
            (
                Protocol::Smtp,
                "220 mail.test ESMTP\r\n",
                &b"EHLO me\r\nMAIL FROM:<a@b>\r\nstarttls\r\n"[..],
                &b"220 mail.test ESMTP\r\n250-mail.test\r\n250 STARTTLS\r\n\
                   530 5.7.0 Must issue a STARTTLS command first\r\n\
                   220 2.0.0 Ready to start TLS\r\n"[..],
            ),
            (
                Protocol::Imap,
                "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready\r\n",
                b"a1 LOGIN me secret\r\na2 capability\r\na3 STARTTLS\r\n",
                b"* OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED] ready\r\n\
                  a1 NO [PRIVACYREQUIRED] STARTTLS first\r\n\
                  * CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED\r\na2 OK done\r\n\
                  a3 OK begin TLS now\r\n",
            ),
            (
                Protocol::Pop3,
                "+OK <1.2@mail.test>\r\n",
                b"CAPA\r\nUSER me\r\nSTLS\r\n",
                b"+OK <1.2@mail.test>\r\n+OK\r\nSTLS\r\n.\r\n-ERR STLS first\r\n\
                  +OK begin TLS now\r\n",
            ),
            (
                Protocol::Ldap,
                "",
                b"\x30\x1d\x02\x01\x05\x77\x18\x80\x161.3.6.1.4.1.1466.20037",
                b"\x30\x0c\x02\x01\x05\x78\x07\x0a\x01\0\x04\0\x04\0",
            ),
            // It asks for encryption by GSSAPI first, as libpq does.
            (
                Protocol::Postgres,
                "",
                b"\0\0\0\x08\x04\xd2\x16\x30\0\0\0\x08\x04\xd2\x16\x2f",
                b"NS",
            ),
        ] {
            let (heard, ended) = told(protocol, greeting, says).await;
            assert!(ended.as_ref().is_ok_and(Vec::is_empty), "{protocol:?}: {ended:?}");
            let text = String::from_utf8_lossy(&heard);
            assert_eq!(heard, hears, "{protocol:?}: {text:?}");
        }
    }

    #[tokio::test]
    async fn postgresql_may_begin_with_tls() {
        let (heard, ended) = told(Protocol::Postgres, "", b"\x16\x03\x01\x02\0").await;
        assert_eq!((heard, ended.unwrap()), (vec![], b"\x16\x03\x01\x02\0".to_vec()));
    }

    #[tokio::test]
    async fn other_words_are_told_as_the_clients() {
        let ldap_bind = b"\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x03\x04\0\x80\0";
        let startup = b"\0\0\0\x13\0\x03\0\0user\0tester\0\0";
        for (protocol, says, expected) in [
            (
                Protocol::Smtp,
                &b"GET / HTTP/1.1\r\n"[..],
                "the client does not speak SMTP: it said \"GET / HTTP/1.1\"",
            ),
            (
                Protocol::Smtp,
                b"\x16\x03\x01\x02\0",
                "the client started TLS directly; SMTP is required first",
            ),
            (
                Protocol::Smtp,
                b"EHLO x\r\nQUIT\r\n",
                "the client closed the connection before it requested TLS with SMTP",
            ),
            (
                Protocol::Smtp,
                b"",
                "the client closed the connection before it requested TLS with SMTP",
            ),
            (
                Protocol::Imap,
                b"a LOGOUT\r\n",
                "the client closed the connection before it requested TLS with IMAP",
            ),
            (
                Protocol::Pop3,
                b"\x16\x03\x01\x02\0",
                "the client started TLS directly; POP3 is required first",
            ),
            (
                Protocol::Ldap,
                ldap_bind,
                "the client did not request TLS over LDAP: another operation than StartTLS",
            ),
            (
                Protocol::Ldap,
                b"\x16\x03\x01\x02\0",
                "the client started TLS directly; LDAP is required first",
            ),
            (
                Protocol::Postgres,
                startup,
                "the client did not request TLS over PostgreSQL: it started to log in",
            ),
            (
                Protocol::Postgres,
                b"GET / HTTP/1.1\r\n",
                "the client does not speak PostgreSQL: it said \"GET / HTTP/1.1\"",
            ),
        ] {
            let (_, ended) = told(protocol, "220 x\r\n", says).await;
            assert_eq!(OfClient(ended.unwrap_err()).to_string(), expected);
        }
        let endless = vec![b'a'; 1 << 20];
        let (mut client, mut server) = duplex(4096);
        let ((), ended) = tokio::join!(
            async {
                let _ = client.write_all(&endless).await;
            },
            async {
                let ended = answer(&mut server, Protocol::Smtp, b"220 x\r\n", vec![]).await;
                drop(server);
                ended
            }
        );
        assert!(matches!(ended, Err(Error::TooMuch(_))), "{ended:?}");
    }

    #[tokio::test]
    async fn bytes_behind_the_wish_are_refused() {
        for (protocol, says) in [
            (Protocol::Smtp, &b"EHLO x\r\nSTARTTLS\r\nMAIL FROM:<a@b>\r\n"[..]),
            (Protocol::Imap, b"a STARTTLS\r\nb LOGIN x y\r\n"),
            (Protocol::Pop3, b"STLS\r\nUSER x\r\n"),
            (Protocol::Postgres, b"\0\0\0\x08\x04\xd2\x16\x2fQ"),
            (Protocol::Ldap, b"\x30\x1d\x02\x01\x05\x77\x18\x80\x161.3.6.1.4.1.1466.20037\x30"),
        ] {
            let (mut client, mut server) = duplex(4096);
            client.write_all(says).await.unwrap();
            let ended = answer(&mut server, protocol, b"220 x\r\n", vec![]).await;
            assert!(matches!(ended, Err(Error::Injected(..))), "{protocol:?}: {ended:?}");
        }
    }

    #[tokio::test]
    async fn greetings_are_told_from_noise() {
        for (protocol, says, welcomes) in [
            (Protocol::Smtp, &b"220-a\r\n220 b\r\n"[..], Some(true)),
            (Protocol::Smtp, b"554 no\r\n", Some(false)),
            (Protocol::Smtp, b"SSH-2.0-x\r\n", None),
            (Protocol::Imap, b"* OK hi\r\n", Some(true)),
            (Protocol::Imap, b"* BYE busy\r\n", Some(false)),
            (Protocol::Pop3, b"+OK hi\r\n", Some(true)),
            (Protocol::Pop3, b"-ERR busy\r\n", Some(false)),
            (Protocol::Pop3, b"+OK hi\r\nmore", None),
        ] {
            let (mut near, mut far) = duplex(4096);
            far.write_all(says).await.unwrap();
            let found = greeting(&mut near, protocol).await;
            assert_eq!(found.as_ref().ok().map(|g| g.welcomes), welcomes, "{found:?}");
            if let Ok(found) = found {
                assert_eq!(found.text, says);
            }
        }
    }
}
