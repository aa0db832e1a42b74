//! The protocols that talk in lines, and XMPP.

use tokio::io::{AsyncRead, AsyncWrite};

use super::Error;
use super::talk::Talk;

/// [RFC 3207](https://www.rfc-editor.org/rfc/rfc3207), after the greeting and EHLO of
/// [RFC 5321](https://www.rfc-editor.org/rfc/rfc5321).
pub(super) async fn smtp<IO>(talk: &mut Talk<'_, IO>) -> Result<(), Error>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    welcome(talk).await?;
    talk.say("EHLO localhost\r\n").await?;
    let features = reply(talk).await?;
    expect(talk, &features, "250")?;
    let offers = |line: &String| line.get(4..).is_some_and(|f| f.eq_ignore_ascii_case("STARTTLS"));
    if !features.iter().any(offers) {
        return Err(talk.no_tls("no STARTTLS in its answer to EHLO"));
    }
    talk.say("STARTTLS\r\n").await?;
    agreement(talk, "220").await
}

/// [RFC 4217, section 4](https://www.rfc-editor.org/rfc/rfc4217#section-4).
pub(super) async fn ftp<IO>(talk: &mut Talk<'_, IO>) -> Result<(), Error>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    welcome(talk).await?;
    talk.say("AUTH TLS\r\n").await?;
    agreement(talk, "234").await
}

/// [RFC 3501, section 6.2.1](https://www.rfc-editor.org/rfc/rfc3501#section-6.2.1).
pub(super) async fn imap<IO>(talk: &mut Talk<'_, IO>) -> Result<(), Error>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    let greeting = talk.line().await?;
    if greeting.starts_with("* BYE") {
        return Err(talk.turned_away(greeting));
    }
    if !greeting.starts_with("* OK") && !greeting.starts_with("* PREAUTH") {
        return Err(talk.unlike_line(&greeting));
    }
    talk.say("a STARTTLS\r\n").await?;
    loop {
        // Untagged lines may come between.
        let line = talk.line().await?;
        match line.strip_prefix("a ") {
            Some(rest) if rest.starts_with("OK") => return Ok(()),
            Some(_) => return Err(talk.no_tls(line)),
            None => {}
        }
    }
}

/// [RFC 2595, section 4](https://www.rfc-editor.org/rfc/rfc2595#section-4).
pub(super) async fn pop3<IO>(talk: &mut Talk<'_, IO>) -> Result<(), Error>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    let greeting = talk.line().await?;
    if greeting.starts_with("-ERR") {
        return Err(talk.turned_away(greeting));
    }
    if !greeting.starts_with("+OK") {
        return Err(talk.unlike_line(&greeting));
    }
    talk.say("STLS\r\n").await?;
    let answer = talk.line().await?;
    if answer.starts_with("+OK") { Ok(()) } else { Err(talk.no_tls(answer)) }
}

/// [RFC 6120, section 5.4](https://www.rfc-editor.org/rfc/rfc6120#section-5.4).
pub(super) async fn xmpp<IO>(talk: &mut Talk<'_, IO>, to: &str) -> Result<(), Error>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    // A host name has no character that XML would read as something else.
    talk.say(format!(
        "<?xml version='1.0'?><stream:stream to='{to}' version='1.0' xmlns='jabber:client' \
         xmlns:stream='http://etherx.jabber.org/streams'>"
    ))
    .await?;
    loop {
        let (text, which) = talk.until(&[">", "\n"]).await?;
        match Tag::of(&text) {
            Some(tag) if tag.name == "stream" => break,
            Some(tag) if tag.name.starts_with('?') => {}
            None if which == 1 && text.trim().is_empty() => {}
            // A tag over several lines.
            None if which == 1 && text.contains('<') => {
                let (rest, _) = talk.until(&[">"]).await?;
                match Tag::of(&(text + &rest)) {
                    Some(tag) if tag.name == "stream" => break,
                    _ => return Err(talk.unlike_line(rest.trim_end())),
                }
            }
            _ => return Err(talk.unlike_line(text.trim_end())),
        }
    }
    let mut offered = false;
    loop {
        let (text, _) = talk.until(&[">"]).await?;
        match Tag::of(&text) {
            Some(tag) if tag.name == "starttls" => offered |= text.contains(XMPP_TLS),
            Some(tag) if tag.name == "features" && (tag.closes || tag.is_empty) => break,
            Some(tag) if tag.name == "error" => return Err(stream_error(talk).await),
            Some(tag) if tag.name == "stream" && tag.closes => break,
            _ => {}
        }
    }
    if !offered {
        return Err(talk.no_tls("no starttls among its features"));
    }
    talk.say(format!("<starttls xmlns='{XMPP_TLS}'/>")).await?;
    let (answer, _) = talk.until(&[">"]).await?;
    match Tag::of(&answer) {
        Some(tag) if tag.name == "proceed" && tag.is_empty => Ok(()),
        Some(tag) if tag.name == "proceed" && !tag.closes => {
            let (end, _) = talk.until(&[">"]).await?;
            match Tag::of(&end) {
                Some(tag) if tag.name == "proceed" && tag.closes => Ok(()),
                _ => Err(talk.unlike_line(&end)),
            }
        }
        Some(tag) if tag.name == "error" => Err(stream_error(talk).await),
        _ => Err(talk.no_tls(answer)),
    }
}

const XMPP_TLS: &str = "urn:ietf:params:xml:ns:xmpp-tls";

/// What a stream error is called, by the first element in it
/// ([RFC 6120, section 4.9](https://www.rfc-editor.org/rfc/rfc6120#section-4.9)).
async fn stream_error<IO>(talk: &mut Talk<'_, IO>) -> Error
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    match talk.until(&[">"]).await {
        Ok((text, _)) => talk.turned_away(Tag::of(&text).map_or("", |tag| tag.name)),
        Err(error) => error,
    }
}

/// The tag at the end of a piece of XML. Elements are known by their names without the prefix,
/// which is the server's to choose.
struct Tag<'a> {
    name: &'a str,
    closes: bool,
    is_empty: bool,
}

impl<'a> Tag<'a> {
    fn of(text: &'a str) -> Option<Self> {
        let inner = text.rsplit_once('<')?.1.strip_suffix('>')?;
        let (inner, is_empty) = match inner.strip_suffix('/') {
            Some(inner) => (inner, true),
            None => (inner, false),
        };
        let (inner, closes) = match inner.strip_prefix('/') {
            Some(inner) => (inner, true),
            None => (inner, false),
        };
        let name = inner.split_whitespace().next()?;
        Some(Self { name: name.rsplit_once(':').map_or(name, |(_, name)| name), closes, is_empty })
    }
}

/// The greeting of SMTP or FTP. One that begins with 4 or 5 refuses the client, which says
/// nothing of TLS.
async fn welcome<IO>(talk: &mut Talk<'_, IO>) -> Result<(), Error>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    let greeting = reply(talk).await?;
    match greeting.last() {
        Some(last) if last.starts_with(['4', '5']) => Err(talk.turned_away(last)),
        _ => expect(talk, &greeting, "220"),
    }
}

/// A reply of SMTP or FTP: the lines up to the one with a blank behind its code.
async fn reply<IO>(talk: &mut Talk<'_, IO>) -> Result<Vec<String>, Error>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    let first = talk.line().await?;
    let code: String = first.chars().take(3).collect();
    if code.len() < 3 || !code.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(talk.unlike_line(&first));
    }
    let mut goes_on = first.as_bytes().get(3) == Some(&b'-');
    let mut lines = vec![first];
    while goes_on {
        let line = talk.line().await?;
        goes_on = !(line.starts_with(&code) && line.as_bytes().get(3) != Some(&b'-'));
        lines.push(line);
    }
    Ok(lines)
}

fn expect<IO>(talk: &Talk<'_, IO>, reply: &[String], code: &str) -> Result<(), Error>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    match reply {
        [.., last] if last.starts_with(code) => Ok(()),
        // Not now: a temporary reason (RFC 3207, section 4; RFC 959, section 4.2).
        [.., last] if last.starts_with('4') => Err(talk.turned_away(last)),
        [.., last] => Err(talk.no_tls(last)),
        [] => Err(talk.no_tls("nothing")),
    }
}

async fn agreement<IO>(talk: &mut Talk<'_, IO>, code: &str) -> Result<(), Error>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    let answer = reply(talk).await?;
    expect(talk, &answer, code)
}
