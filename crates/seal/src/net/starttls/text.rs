//! The protocols that talk in lines, and XMPP.

use tokio::io::{AsyncRead, AsyncWrite};

use super::Error;
use super::talk::Talk;

/// RFC 3207, after the greeting and EHLO of RFC 5321.
pub(super) async fn smtp<IO>(talk: &mut Talk<'_, IO>) -> Result<(), Error>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    let greeting = reply(talk).await?;
    expect(talk, &greeting, "220")?;
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

/// RFC 4217, section 4.
pub(super) async fn ftp<IO>(talk: &mut Talk<'_, IO>) -> Result<(), Error>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    let greeting = reply(talk).await?;
    expect(talk, &greeting, "220")?;
    talk.say("AUTH TLS\r\n").await?;
    agreement(talk, "234").await
}

/// RFC 3501, section 6.2.1.
pub(super) async fn imap<IO>(talk: &mut Talk<'_, IO>) -> Result<(), Error>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    let greeting = talk.line().await?;
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

/// RFC 2595, section 4.
pub(super) async fn pop3<IO>(talk: &mut Talk<'_, IO>) -> Result<(), Error>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    let greeting = talk.line().await?;
    if !greeting.starts_with("+OK") {
        return Err(talk.unlike_line(&greeting));
    }
    talk.say("STLS\r\n").await?;
    let answer = talk.line().await?;
    if answer.starts_with("+OK") { Ok(()) } else { Err(talk.no_tls(answer)) }
}

/// RFC 6120, section 5.4.
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
    let (opening, which) = talk.until(&["<stream:stream", "</stream:stream>", "\n"]).await?;
    if which != 0 {
        return Err(talk.unlike_line(opening.trim_end()));
    }
    let (features, which) =
        talk.until(&["</stream:features>", "<stream:features/>", "</stream:stream>"]).await?;
    if which != 0 || !features.contains("urn:ietf:params:xml:ns:xmpp-tls") {
        return Err(talk.no_tls("no starttls among its features"));
    }
    talk.say("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>").await?;
    let (answer, which) = talk.until(&["<proceed", "<failure", "</stream:stream>"]).await?;
    if which != 0 {
        return Err(talk.no_tls(answer));
    }
    talk.until(&[">"]).await.map(|_| ())
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
