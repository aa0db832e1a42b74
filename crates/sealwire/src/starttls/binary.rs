//! The protocols that talk in packets.

use tokio::io::{AsyncRead, AsyncWrite};

use super::Error;
use super::talk::Talk;

/// The extended operation StartTLS
/// ([RFC 4511, section 4.14](https://www.rfc-editor.org/rfc/rfc4511#section-4.14)).
pub(super) async fn ldap<IO>(talk: &mut Talk<'_, IO>) -> Result<(), Error>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    const REQUEST: &[u8] = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037";
    talk.say(REQUEST).await?;
    let head = talk.bytes(2).await?;
    let [0x30, length] = head[..] else { return Err(talk.unlike(&head)) };
    let length = match length {
        0..=0x7f => usize::from(length),
        0x81..=0x84 => {
            let digits = talk.bytes(usize::from(length & 0x7f)).await?;
            digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit))
        }
        _ => return Err(talk.unlike(&head)),
    };
    let message = talk.bytes(length).await?;
    let Some((code, text)) = extended_response(&message) else {
        return Err(talk.unlike(&[&head[..], &message].concat()));
    };
    match code {
        0 => Ok(()),
        code => {
            let text = String::from_utf8_lossy(text);
            let said = format!("result code {code}, {text}");
            let said = said.trim_end_matches(", ");
            // busy and unavailable (RFC 4511, appendix A.2).
            Err(if matches!(code, 51 | 52) { talk.turned_away(said) } else { talk.no_tls(said) })
        }
    }
}

/// Result code and message of an ExtendedResponse, out of an LDAPMessage's content. Servers write
/// these lengths in one byte or in several.
fn extended_response(message: &[u8]) -> Option<(u8, &[u8])> {
    let (tag, _id, rest) = element(message)?;
    let (response, content, _) = element(rest)?;
    let (enumerated, code, rest) = element(content)?;
    let (_, _matched, rest) = element(rest)?;
    let (_, text, _) = element(rest)?;
    match (tag, response, enumerated, code) {
        (0x02, 0x78, 0x0a, &[code]) => Some((code, text)),
        _ => None,
    }
}

/// Tag, content and what follows.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let [tag, first, rest @ ..] = bytes else { return None };
    let (length, rest) = match first {
        0..=0x7f => (usize::from(*first), rest),
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((*tag, content, rest))
}

/// PostgreSQL's requests, by the numbers that stand where a StartupMessage has the version: 80877103 and
/// those beside it.
pub(super) const SSL_REQUEST: [u8; 4] = [4, 210, 22, 47];
pub(super) const GSS_ENCRYPTION_REQUEST: [u8; 4] = [4, 210, 22, 48];
pub(super) const CANCEL_REQUEST: [u8; 4] = [4, 210, 22, 46];

/// The SSLRequest of PostgreSQL's frontend/backend protocol.
pub(super) async fn postgres<IO>(talk: &mut Talk<'_, IO>) -> Result<(), Error>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    talk.say([&[0, 0, 0, 8][..], &SSL_REQUEST].concat()).await?;
    let answer = talk.bytes(1).await?;
    match answer[0] {
        b'S' => Ok(()),
        b'N' => Err(talk.no_tls("N")),
        b'E' => Err(postgres_error(talk).await),
        _ => Err(talk.unlike(&answer)),
    }
}

/// An ErrorResponse in the place of the answer: the server has no room for us, or is older than TLS.
async fn postgres_error<IO>(talk: &mut Talk<'_, IO>) -> Error
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    // A server of protocol 2 sends text up to a NUL instead of a length.
    let fields = async {
        let length = talk.bytes(4).await?;
        match length[..] {
            [0, 0, high, low] => {
                let length = usize::from(u16::from_be_bytes([high, low]));
                talk.bytes(length.saturating_sub(4)).await
            }
            _ => Ok(Vec::new()),
        }
    };
    let fields = match fields.await {
        Ok(fields) => fields,
        Err(error) => return error,
    };
    let field = |kind: u8| {
        let found = fields.split(|byte| *byte == 0).find(|field| field.first() == Some(&kind));
        found.map(|field| String::from_utf8_lossy(&field[1..]).into_owned())
    };
    match (field(b'M'), field(b'C')) {
        (Some(message), Some(code)) => talk.turned_away(format!("{message} ({code})")),
        (Some(message), None) => talk.turned_away(message),
        _ => talk.no_tls("an error in the place of an answer, as of a server older than TLS"),
    }
}

/// The SSL request packet of MySQL's protocol, after the server's first packet.
pub(super) async fn mysql<IO>(talk: &mut Talk<'_, IO>) -> Result<(), Error>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    /// CLIENT_PROTOCOL_41, CLIENT_SECURE_CONNECTION: what every client since 2004 sets.
    const USUAL: u32 = 0x0200 | 0x8000;
    const UTF8MB4: u8 = 45;
    mysql_greeting(talk).await?;
    let mut request = vec![32, 0, 0, 1];
    request.extend((USUAL | u32::from(CLIENT_SSL)).to_le_bytes());
    request.extend((1_u32 << 24).to_le_bytes()); // the longest packet
    request.push(UTF8MB4);
    request.extend([0; 23]);
    talk.say(request).await
}

/// The capability of TLS, in the lower half of them.
pub(super) const CLIENT_SSL: u16 = 0x0800;

/// The first packet of a server of MySQL that can do TLS, and where its capabilities are.
pub(super) async fn mysql_greeting<IO>(talk: &mut Talk<'_, IO>) -> Result<(Vec<u8>, usize), Error>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    let head = talk.bytes(4).await?;
    // A first packet is short and has the number 0; letters in its length are another protocol's.
    if head[2] != 0 || head[3] != 0 {
        return Err(talk.unlike(&head));
    }
    let packet = talk.bytes(usize::from(head[0]) | usize::from(head[1]) << 8).await?;
    match packet.first() {
        Some(10) => {}
        Some(0xff) if packet.len() > 3 => {
            let code = u16::from_le_bytes([packet[1], packet[2]]);
            let text = String::from_utf8_lossy(&packet[3..]);
            return Err(talk.turned_away(format!("error {code}, {text}")));
        }
        _ => return Err(talk.unlike(&[&head[..], &packet].concat())),
    }
    // Version, NUL, thread id, 8 bytes of salt, a filler, and the lower half of the capabilities.
    let version = packet.iter().skip(1).position(|&byte| byte == 0);
    let at = version.map(|length| 1 + length + 1 + 4 + 8 + 1);
    let lower = at.and_then(|at| Some((at, packet.get(at..)?.first_chunk::<2>()?)));
    let Some((at, lower)) = lower else { return Err(talk.unlike(&packet)) };
    if u16::from_le_bytes(*lower) & CLIENT_SSL == 0 {
        return Err(talk.no_tls("no CLIENT_SSL among its capabilities"));
    }
    Ok(([&head[..], &packet].concat(), 4 + at))
}

/// Grants StartTLS to a client of LDAP.
pub(super) async fn answer_ldap<IO>(talk: &mut Talk<'_, IO>) -> Result<(), Error>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    const START_TLS: &[u8] = b"1.3.6.1.4.1.1466.20037";
    const EXTENDED_REQUEST: u8 = 0x77;
    let head = talk.bytes(2).await?;
    let [0x30, length @ 0..=0x7f] = head[..] else { return Err(talk.unlike(&head)) };
    let message = talk.bytes(length.into()).await?;
    let parts = element(&message).and_then(|(tag, id, rest)| {
        let (operation, content, _) = element(rest)?;
        (tag == 0x02 && id.len() <= 4).then_some((id, operation, content))
    });
    let Some((id, operation, content)) = parts else {
        return Err(talk.unlike(&[&head[..], &message].concat()));
    };
    let asks = operation == EXTENDED_REQUEST
        && element(content).is_some_and(|(tag, oid, _)| tag == 0x80 && oid == START_TLS);
    if asks {
        talk.nothing_ahead()?;
    }
    // success, or confidentialityRequired in answer to any other request.
    let code = if asks { 0 } else { 13 };
    let response = [0x0a, 1, code, 0x04, 0, 0x04, 0];
    let kind = match operation {
        0x60 => 0x61, // a bind
        _ => 0x78,
    };
    let id_length = u8::try_from(id.len()).unwrap_or(0);
    let answer = [&[0x30, 11 + id_length, 0x02, id_length][..], id, &[kind, 7], &response].concat();
    talk.say(answer).await?;
    if asks { Ok(()) } else { Err(talk.no_tls("another operation than StartTLS")) }
}

/// Grants TLS to a client of PostgreSQL, which may also begin with it ("direct", since 17).
pub(super) async fn answer_postgres<IO>(mut talk: Talk<'_, IO>) -> Result<Vec<u8>, Error>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    const HANDSHAKE_RECORD: u8 = 0x16;
    loop {
        let first = talk.bytes(1).await?;
        if first == [HANDSHAKE_RECORD] {
            return Ok(talk.with_rest(first));
        }
        let head = [first, talk.bytes(7).await?].concat();
        let (length, request) = head.split_at(4);
        match request {
            code if length == [0, 0, 0, 8] && code == SSL_REQUEST => {
                talk.nothing_ahead()?;
                talk.say(b"S").await?;
                return Ok(Vec::new());
            }
            code if length == [0, 0, 0, 8] && code == GSS_ENCRYPTION_REQUEST => {
                talk.say(b"N").await?;
            }
            code if length == [0, 0, 0, 16] && code == CANCEL_REQUEST => {
                return Err(
                    talk.no_tls("a CancelRequest, whose key would have been sent in plaintext")
                );
            }
            [0, 3, ..] => {
                // ErrorResponse: severity, code (invalid_authorization_specification), message.
                let fields =
                    b"SFATAL\0VFATAL\0C28000\0Mthis server takes TLS only: sslmode=require\0\0";
                let length = u32::try_from(4 + fields.len()).unwrap_or(0).to_be_bytes();
                talk.say([&b"E"[..], &length, fields].concat()).await?;
                return Err(talk.no_tls("it started to log in"));
            }
            _ => return Err(talk.unlike(&head)),
        }
    }
}
