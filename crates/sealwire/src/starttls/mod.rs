//! STARTTLS: how protocols that begin in plaintext are asked for TLS, from the client's side; and in
//! [`answer`], how clients that ask are answered.
//!
//! Each protocol has its few steps in a file of its own. What they have in common is in `talk`:
//! replies have bounds, and nothing may come behind the last one. Bytes there were put in by an
//! attacker in the middle, to be taken for what comes out of TLS (CVE-2011-0411, CVE-2021-23222).

pub mod answer;
mod binary;
pub mod mysql;
pub mod postgres;
mod talk;
mod text;

use std::fmt;
use std::io;
use std::str::FromStr;

use tokio::io::{AsyncRead, AsyncWrite};

use talk::Talk;

use crate::Foreign;

/// A protocol that can be asked for TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Protocol {
    /// Mail between servers and from clients
    /// ([RFC 3207](https://www.rfc-editor.org/rfc/rfc3207)): port 25 or 587
    Smtp,
    /// Mailboxes ([RFC 3501, section 6.2.1](https://www.rfc-editor.org/rfc/rfc3501#section-6.2.1)): port 143
    Imap,
    /// Mailboxes ([RFC 2595](https://www.rfc-editor.org/rfc/rfc2595)): port 110
    Pop3,
    /// Files ([RFC 4217](https://www.rfc-editor.org/rfc/rfc4217)): port 21
    Ftp,
    /// Messages, of a client
    /// ([RFC 6120, section 5](https://www.rfc-editor.org/rfc/rfc6120#section-5)): port 5222
    Xmpp,
    /// Directories ([RFC 4511, section 4.14](https://www.rfc-editor.org/rfc/rfc4511#section-4.14)): port 389
    Ldap,
    /// PostgreSQL (SSLRequest): port 5432
    Postgres,
    /// MySQL and MariaDB (CLIENT_SSL): port 3306
    Mysql,
}

/// Why a server could not be asked for TLS.
///
/// The peer's text is unchanged; `Display` escapes it.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The transport failed.
    Io(io::Error),
    /// It closed the connection before it had answered.
    Closed(Protocol),
    /// It speaks another protocol; its text.
    Unlike(Protocol, String),
    /// It speaks the protocol, without TLS; its text.
    NoTls(Protocol, String),
    /// It refused the client before TLS; its text.
    TurnedAway(Protocol, String),
    /// Bytes came behind its agreement, before TLS.
    Injected(Protocol, usize),
    /// It talks without end.
    TooMuch(Protocol),
}

/// Speaks `protocol` as far as the server's agreement to TLS: the next byte on `io` is TLS. `name` is
/// the host, which XMPP sends.
///
/// # Errors
/// When the server closes, speaks another protocol, has no TLS, or sends more plaintext after its
/// agreement. It sets no timeout.
pub async fn ask<IO>(io: &mut IO, protocol: Protocol, name: &str) -> Result<(), Error>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    let mut talk = Talk::new(io, protocol);
    match protocol {
        Protocol::Smtp => text::smtp(&mut talk).await?,
        Protocol::Imap => text::imap(&mut talk).await?,
        Protocol::Pop3 => text::pop3(&mut talk).await?,
        Protocol::Ftp => text::ftp(&mut talk).await?,
        Protocol::Xmpp => text::xmpp(&mut talk, name).await?,
        Protocol::Ldap => binary::ldap(&mut talk).await?,
        Protocol::Postgres => binary::postgres(&mut talk).await?,
        Protocol::Mysql => binary::mysql(&mut talk).await?,
    }
    talk.end()
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Protocol {
    type Err = UnknownProtocol;

    /// By its [`id`](Self::id), in any case, or by the name of the program that speaks it.
    fn from_str(text: &str) -> Result<Self, UnknownProtocol> {
        let text = text.to_ascii_lowercase();
        let fits = |protocol: &&Self| protocol.id() == text || protocol.aliases().contains(&&*text);
        Self::ALL.iter().find(fits).copied().ok_or(UnknownProtocol(text))
    }
}

/// There is no such protocol here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownProtocol(String);

impl fmt::Display for UnknownProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = Protocol::ALL.map(Protocol::id).join(", ");
        write!(f, "\"{}\" is not one of {known}", Foreign::new(&self.0))
    }
}

impl std::error::Error for UnknownProtocol {}

impl Protocol {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Smtp,
        Self::Imap,
        Self::Pop3,
        Self::Ftp,
        Self::Xmpp,
        Self::Ldap,
        Self::Postgres,
        Self::Mysql,
    ];

    /// The word for it in options: `smtp`, `postgres`.
    pub fn id(self) -> &'static str {
        match self {
            Self::Smtp => "smtp",
            Self::Imap => "imap",
            Self::Pop3 => "pop3",
            Self::Ftp => "ftp",
            Self::Xmpp => "xmpp",
            Self::Ldap => "ldap",
            Self::Postgres => "postgres",
            Self::Mysql => "mysql",
        }
    }

    /// Other words for it.
    pub fn aliases(self) -> &'static [&'static str] {
        match self {
            Self::Postgres => &["postgresql"],
            Self::Mysql => &["mariadb"],
            _ => &[],
        }
    }

    /// Its name: `SMTP`, `PostgreSQL`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Smtp => "SMTP",
            Self::Imap => "IMAP",
            Self::Pop3 => "POP3",
            Self::Ftp => "FTP",
            Self::Xmpp => "XMPP",
            Self::Ldap => "LDAP",
            Self::Postgres => "PostgreSQL",
            Self::Mysql => "MySQL",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::Closed(protocol) => {
                write!(
                    f,
                    "the server closed the connection before TLS started ({})",
                    protocol.name()
                )
            }
            Self::Unlike(protocol, said) => {
                let said = Foreign::new(said);
                write!(f, "the server does not speak {}: it said \"{said}\"", protocol.name())
            }
            Self::NoTls(protocol, said) => {
                let said = Foreign::new(said);
                write!(f, "the server does not offer TLS over {}: {said}", protocol.name())
            }
            Self::TurnedAway(protocol, said) => {
                let said = Foreign::new(said);
                write!(f, "the {} server refused the connection: {said}", protocol.name())
            }
            Self::Injected(protocol, count) => write!(
                f,
                "{count} plaintext bytes followed the server's agreement to TLS ({}): refusing to continue",
                protocol.name()
            ),
            Self::TooMuch(protocol) => {
                write!(f, "the server's {} response is too long", protocol.name())
            }
        }
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::{Error, Protocol, ask};

    /// A step of a scripted server: what it expects, or what it says.
    enum Step {
        Says(&'static [u8]),
        Hears(&'static [u8]),
    }
    use Step::{Hears, Says};

    /// Runs the client against the script, in one piece or byte by byte; what is left must be TLS.
    async fn against(protocol: Protocol, script: &[Step], piecemeal: bool) -> Result<(), Error> {
        let (mut near, mut far) = duplex(if piecemeal { 1 } else { 64 * 1024 });
        let server = async move {
            for step in script {
                match step {
                    Says(bytes) => far.write_all(bytes).await.unwrap(),
                    Hears(expected) => {
                        let mut heard = vec![0; expected.len()];
                        far.read_exact(&mut heard).await.unwrap();
                        assert_eq!(heard, *expected, "{:?}", String::from_utf8_lossy(&heard));
                    }
                }
            }
            far
        };
        let client = async {
            ask(&mut near, protocol, "example.com").await?;
            near.write_all(b"\x16").await.map_err(Error::Io)
        };
        // A client that gives up leaves the server at whatever step it is.
        let both = async { tokio::try_join!(client, async { Ok(server.await) }) };
        let soon = std::time::Duration::from_secs(30);
        let ((), mut far) = tokio::time::timeout(soon, both).await.expect("the two agree")?;
        assert_eq!(far.read_u8().await.unwrap(), 0x16, "nothing else is sent before TLS");
        Ok(())
    }

    const XMPP_OPEN: &[u8] = b"<?xml version='1.0'?><stream:stream to='example.com' version='1.0' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";
    const XMPP_ASK: &[u8] = b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";
    const LDAP_ASK: &[u8] = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037";
    const PG_ASK: &[u8] = &[0, 0, 0, 8, 4, 210, 22, 47];
    const MYSQL_HELLO: &[u8] = b"\x4a\0\0\0\x0a8.0.36\0\x08\0\0\0abcdefgh\0\xff\xff\xff\x02\0\xff\xdf\x15\0\0\0\0\0\0\0\0\0\0ijklmnopqrst\0caching_sha2_password\0";
    const MYSQL_ASK: &[u8] =
        b"\x20\0\0\x01\0\x8a\0\0\0\0\0\x01\x2d\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

    fn agreeing() -> Vec<(Protocol, Vec<Step>)> {
        vec![
            (
                Protocol::Smtp,
                vec![
                    Says(b"220-mail.example.com ESMTP\r\n220 welcome\r\n"),
                    Hears(b"EHLO localhost\r\n"),
                    Says(b"250-mail.example.com\r\n250-SIZE 1000\r\n250-STARTTLS\r\n250 HELP\r\n"),
                    Hears(b"STARTTLS\r\n"),
                    Says(b"220 2.0.0 Ready to start TLS\r\n"),
                ],
            ),
            (
                Protocol::Imap,
                vec![
                    Says(b"* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n"),
                    Hears(b"a STARTTLS\r\n"),
                    Says(b"* CAPABILITY IMAP4rev1\r\na OK Begin TLS\r\n"),
                ],
            ),
            (
                Protocol::Pop3,
                vec![Says(b"+OK POP3 ready\r\n"), Hears(b"STLS\r\n"), Says(b"+OK Begin TLS\r\n")],
            ),
            (
                Protocol::Ftp,
                vec![
                    Says(b"220-Welcome\r\n to this server\r\n220 ready\r\n"),
                    Hears(b"AUTH TLS\r\n"),
                    Says(b"234 Proceed\r\n"),
                ],
            ),
            (
                Protocol::Xmpp,
                vec![
                    Hears(XMPP_OPEN),
                    Says(b"<?xml version='1.0'?><stream:stream id='1' from='example.com'>"),
                    Says(b"<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls></stream:features>"),
                    Hears(XMPP_ASK),
                    Says(b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"),
                ],
            ),
            (
                Protocol::Ldap,
                vec![
                    Hears(LDAP_ASK),
                    Says(b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\0\x04\0\x04\0"),
                ],
            ),
            (Protocol::Postgres, vec![Hears(PG_ASK), Says(b"S")]),
            (Protocol::Mysql, vec![Says(MYSQL_HELLO), Hears(MYSQL_ASK)]),
        ]
    }

    #[tokio::test]
    async fn servers_that_agree_are_left_at_the_first_byte_of_tls() {
        for piecemeal in [false, true] {
            for (protocol, script) in agreeing() {
                let asked = against(protocol, &script, piecemeal).await;
                assert!(asked.is_ok(), "{protocol:?}: {asked:?}");
            }
        }
    }

    #[tokio::test]
    async fn forms_that_are_equal_in_xml_are_equal() {
        for (open, features, proceed) in [
            (
                "<?xml version='1.0'?>\n<stream:stream id='1'>",
                "<stream:features>\n<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'></starttls></stream:features>",
                "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'></proceed>",
            ),
            (
                "<stream:stream id=\"1\" >",
                "<stream:features ><starttls xmlns=\"urn:ietf:params:xml:ns:xmpp-tls\"/></stream:features >",
                "<proceed xmlns=\"urn:ietf:params:xml:ns:xmpp-tls\" />",
            ),
            (
                "<s:stream xmlns:s='http://etherx.jabber.org/streams'>",
                "<s:features><t:starttls xmlns:t='urn:ietf:params:xml:ns:xmpp-tls'/></s:features>",
                "<t:proceed xmlns:t='urn:ietf:params:xml:ns:xmpp-tls'\n></t:proceed>",
            ),
        ] {
            let leak = |text: &str| -> &'static [u8] { Box::leak(text.as_bytes().into()) };
            let script = [
                Hears(XMPP_OPEN),
                Says(leak(open)),
                Says(leak(features)),
                Hears(XMPP_ASK),
                Says(leak(proceed)),
            ];
            for piecemeal in [false, true] {
                let asked = against(Protocol::Xmpp, &script, piecemeal).await;
                assert!(asked.is_ok(), "{proceed}: {asked:?}");
            }
        }
    }

    #[tokio::test]
    async fn bytes_behind_the_agreement_are_refused() {
        for (protocol, mut script) in agreeing() {
            let Some(Says(last)) = script.pop() else { continue };
            let injected: &'static [u8] = Box::leak([last, b"250 ok\r\n"].concat().into());
            script.push(Says(injected));
            let asked = against(protocol, &script, false).await;
            assert!(matches!(asked, Err(Error::Injected(_, 8))), "{protocol:?}: {asked:?}");
        }
    }

    #[tokio::test]
    async fn a_no_is_told_with_the_servers_words() {
        for (protocol, script, told) in [
            (
                Protocol::Smtp,
                vec![Says(b"220 mail\r\n"), Hears(b"EHLO localhost\r\n"), Says(b"250 mail\r\n")],
                "the server does not offer TLS over SMTP: no STARTTLS in its answer to EHLO",
            ),
            (
                Protocol::Smtp,
                vec![Says(b"421 too busy\r\n")],
                "the SMTP server refused the connection: 421 too busy",
            ),
            (
                Protocol::Smtp,
                vec![Says(b"554-no\r\n554 blocked: \x1b[31m\r\n")],
                r"the SMTP server refused the connection: 554 blocked: \u{1b}[31m",
            ),
            (
                Protocol::Smtp,
                vec![
                    Says(b"220 mail\r\n"),
                    Hears(b"EHLO localhost\r\n"),
                    Says(b"250-mail\r\n250 STARTTLS\r\n"),
                    Hears(b"STARTTLS\r\n"),
                    Says(b"454 TLS not available due to temporary reason\r\n"),
                ],
                "the SMTP server refused the connection: 454 TLS not available due to temporary reason",
            ),
            (
                Protocol::Imap,
                vec![Says(b"* BYE too many\r\n")],
                "the IMAP server refused the connection: * BYE too many",
            ),
            (
                Protocol::Pop3,
                vec![Says(b"-ERR [IN-USE] later\r\n")],
                "the POP3 server refused the connection: -ERR [IN-USE] later",
            ),
            (
                Protocol::Ftp,
                vec![Says(b"421 there are too many\r\n")],
                "the FTP server refused the connection: 421 there are too many",
            ),
            (
                Protocol::Xmpp,
                vec![
                    Hears(XMPP_OPEN),
                    Says(b"<stream:stream><stream:error><host-unknown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>"),
                ],
                "the XMPP server refused the connection: host-unknown",
            ),
            (
                Protocol::Ldap,
                vec![
                    Hears(LDAP_ASK),
                    Says(b"\x30\x10\x02\x01\x01\x78\x0b\x0a\x01\x33\x04\0\x04\x04busy"),
                ],
                "the LDAP server refused the connection: result code 51, busy",
            ),
            (
                Protocol::Postgres,
                vec![
                    Hears(PG_ASK),
                    Says(b"E\0\0\0\x34SFATAL\0C53300\0Msorry, too many clients already\0\0"),
                ],
                "the PostgreSQL server refused the connection: sorry, too many clients already (53300)",
            ),
            (
                Protocol::Smtp,
                vec![Says(b"SSH-2.0-OpenSSH_9.2\r\n")],
                "the server does not speak SMTP: it said \"SSH-2.0-OpenSSH_9.2\"",
            ),
            (
                Protocol::Imap,
                vec![Says(b"* OK hi\r\n"), Hears(b"a STARTTLS\r\n"), Says(b"a BAD what?\r\n")],
                "the server does not offer TLS over IMAP: a BAD what?",
            ),
            (
                Protocol::Pop3,
                vec![Says(b"+OK\r\n"), Hears(b"STLS\r\n"), Says(b"-ERR unknown\r\n")],
                "the server does not offer TLS over POP3: -ERR unknown",
            ),
            (
                Protocol::Ftp,
                vec![Says(b"220 hi\r\n"), Hears(b"AUTH TLS\r\n"), Says(b"530 please login\r\n")],
                "the server does not offer TLS over FTP: 530 please login",
            ),
            (
                Protocol::Xmpp,
                vec![Hears(XMPP_OPEN), Says(b"<stream:stream><stream:features></stream:features>")],
                "the server does not offer TLS over XMPP: no starttls among its features",
            ),
            (
                Protocol::Ldap,
                vec![
                    Hears(LDAP_ASK),
                    Says(b"\x30\x14\x02\x01\x01\x78\x0f\x0a\x01\x02\x04\0\x04\x08no TLS!!"),
                ],
                "the server does not offer TLS over LDAP: result code 2, no TLS!!",
            ),
            (
                Protocol::Postgres,
                vec![Hears(PG_ASK), Says(b"N")],
                "the server does not offer TLS over PostgreSQL: N",
            ),
            (
                Protocol::Postgres,
                vec![Hears(PG_ASK), Says(b"H")],
                "the server does not speak PostgreSQL: it said \"H\"",
            ),
            (
                Protocol::Mysql,
                vec![Says(b"\x1b\0\0\0\x0a5.5\0\x08\0\0\0abcdefgh\0\xff\xf7\x08\x02\0\0\0\0\0")],
                "the server does not offer TLS over MySQL: no CLIENT_SSL among its capabilities",
            ),
            (
                Protocol::Mysql,
                vec![Says(b"\x10\0\0\0\xff\x6a\x04Host refused!")],
                "the MySQL server refused the connection: error 1130, Host refused!",
            ),
            (
                Protocol::Mysql,
                vec![Says(b"220 mail.example.com ESMTP\r\n")],
                "the server does not speak MySQL: it said \"220 mail.example.com ESMTP\"",
            ),
        ] {
            let error = against(protocol, &script, false).await.unwrap_err();
            assert_eq!(error.to_string(), told);
        }
    }

    #[tokio::test]
    async fn servers_that_hang_up_or_never_end_are_no_harm() {
        for (protocol, _) in agreeing() {
            let (mut near, far) = duplex(1024);
            drop(far);
            let asked = ask(&mut near, protocol, "x").await;
            assert!(matches!(asked, Err(Error::Closed(_) | Error::Io(_))), "{asked:?}");
            let (mut near, mut far) = duplex(1024);
            let endless = async {
                let noise: &[u8] = match protocol {
                    Protocol::Smtp | Protocol::Ftp => b"220-again\r\n",
                    Protocol::Imap => b"* OK again\r\n",
                    Protocol::Ldap => b"\x30\x84\x7f\xff\xff\xff",
                    _ => b"aaaaaaaaaaaaa",
                };
                while far.write_all(noise).await.is_ok() {}
            };
            let asked = async {
                let asked = ask(&mut near, protocol, "x").await;
                drop(near);
                asked
            };
            let (asked, ()) = tokio::join!(asked, endless);
            assert!(asked.is_err(), "{protocol:?}");
        }
    }
}
