//! SOCKS 5 (RFC 1928): both sides of it, CONNECT only.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::Target;
use super::dial::Unreachable;

const VERSION: u8 = 5;
const CONNECT: u8 = 1;

/// What became of a request: the codes of RFC 1928, section 6.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Reply {
    Succeeded = 0,
    Failed = 1,
    NotAllowed = 2,
    HostUnreachable = 4,
    Refused = 5,
    NoSuchCommand = 7,
    NoSuchAddress = 8,
}

impl Reply {
    pub(crate) fn of(error: &Unreachable) -> Self {
        match error.kind {
            io::ErrorKind::ConnectionRefused => Self::Refused,
            io::ErrorKind::NotFound | io::ErrorKind::TimedOut => Self::HostUnreachable,
            io::ErrorKind::InvalidInput => Self::NotAllowed,
            _ => Self::Failed,
        }
    }
}

/// Reads what a client asks for, without authentication: the proxy listens where only this
/// machine comes.
pub(crate) async fn read<IO>(io: &mut IO) -> io::Result<Target>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    let bad = |why: &str| io::Error::new(io::ErrorKind::InvalidData, why.to_owned());
    let mut greeting = [0; 2];
    io.read_exact(&mut greeting).await?;
    let mut methods = vec![0; usize::from(greeting[1])];
    io.read_exact(&mut methods).await?;
    if !methods.contains(&0) {
        io.write_all(&[VERSION, 0xff]).await?;
        return Err(bad(
            "the SOCKS client requires authentication, which this proxy does not support",
        ));
    }
    io.write_all(&[VERSION, 0]).await?;
    let mut head = [0; 4];
    io.read_exact(&mut head).await?;
    if head[0] != VERSION {
        return Err(bad("the SOCKS request is not version 5"));
    }
    let host = match head[3] {
        1 => {
            let mut octets = [0; 4];
            io.read_exact(&mut octets).await?;
            Ipv4Addr::from(octets).to_string()
        }
        4 => {
            let mut octets = [0; 16];
            io.read_exact(&mut octets).await?;
            Ipv6Addr::from(octets).to_string()
        }
        3 => {
            let mut name = vec![0; usize::from(io.read_u8().await?)];
            io.read_exact(&mut name).await?;
            String::from_utf8(name)
                .map_err(|_| bad("the host name in the SOCKS request is not UTF-8"))?
        }
        _ => {
            answer(io, Reply::NoSuchAddress).await?;
            return Err(bad("the SOCKS request has an unknown address type"));
        }
    };
    let port = io.read_u16().await?;
    if head[1] != CONNECT {
        answer(io, Reply::NoSuchCommand).await?;
        return Err(bad("the SOCKS client requests a command other than CONNECT"));
    }
    Ok(Target { host, port })
}

pub(crate) async fn answer<IO>(io: &mut IO, reply: Reply) -> io::Result<()>
where
    IO: AsyncWrite + Unpin,
{
    io.write_all(&[VERSION, reply as u8, 0, 1, 0, 0, 0, 0, 0, 0]).await
}

/// Asks a SOCKS proxy for a way to `target`, which it resolves.
pub(crate) async fn ask<IO>(
    io: &mut IO,
    target: &Target,
    user: Option<&str>,
) -> Result<(), Unreachable>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    let methods: &[u8] = if user.is_some() { &[VERSION, 2, 0, 2] } else { &[VERSION, 1, 0] };
    io.write_all(methods).await?;
    let mut chosen = [0; 2];
    io.read_exact(&mut chosen).await?;
    match (chosen, user.and_then(|user| user.split_once(':'))) {
        ([VERSION, 0], _) => {}
        ([VERSION, 2], Some((name, password))) => log_in(io, name, password).await?,
        ([VERSION, _], _) => return Err(Unreachable::refused("requires authentication")),
        _ => return Err(Unreachable::refused("does not speak SOCKS 5")),
    }
    let mut request = vec![VERSION, CONNECT, 0];
    match target.host.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => {
            request.push(1);
            request.extend(address.octets());
        }
        Ok(IpAddr::V6(address)) => {
            request.push(4);
            request.extend(address.octets());
        }
        Err(_) => {
            let length = u8::try_from(target.host.len())
                .map_err(|_| Unreachable::refused("the name is too long for SOCKS"))?;
            request.extend([3, length]);
            request.extend(target.host.as_bytes());
        }
    }
    request.extend(target.port.to_be_bytes());
    io.write_all(&request).await?;
    let mut head = [0; 4];
    io.read_exact(&mut head).await?;
    let rest = match head[3] {
        1 => 4,
        4 => 16,
        3 => usize::from(io.read_u8().await?),
        _ => return Err(Unreachable::refused("does not speak SOCKS 5")),
    };
    io.read_exact(&mut vec![0; rest + 2]).await?;
    match head[1] {
        0 => Ok(()),
        code => Err(Unreachable::refused(format!("refused to connect to {target}: SOCKS {code}"))),
    }
}

/// RFC 1929.
async fn log_in<IO>(io: &mut IO, name: &str, password: &str) -> Result<(), Unreachable>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    let length = |text: &str| {
        u8::try_from(text.len())
            .map_err(|_| Unreachable::refused("user or password is too long for SOCKS"))
    };
    let mut message = vec![1, length(name)?];
    message.extend(name.as_bytes());
    message.push(length(password)?);
    message.extend(password.as_bytes());
    io.write_all(&message).await?;
    let mut answer = [0; 2];
    io.read_exact(&mut answer).await?;
    match answer[1] {
        0 => Ok(()),
        _ => Err(Unreachable::refused("does not let this user in")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn both_sides_understand_each_other() {
        for host in ["a.test", "127.0.0.1", "::1"] {
            let (mut client, mut server) = tokio::io::duplex(64);
            let target = Target { host: host.to_owned(), port: 443 };
            let (asked, served) = tokio::join!(ask(&mut client, &target, None), async {
                let read = read(&mut server).await?;
                answer(&mut server, Reply::Succeeded).await?;
                io::Result::Ok(read)
            });
            assert_eq!((asked.is_ok(), served.unwrap()), (true, target));
        }
    }

    #[tokio::test]
    async fn a_refusal_is_told() {
        let (mut client, mut server) = tokio::io::duplex(64);
        let target = Target { host: "a.test".to_owned(), port: 1 };
        let (asked, _) = tokio::join!(ask(&mut client, &target, None), async {
            read(&mut server).await?;
            answer(&mut server, Reply::Refused).await
        });
        assert_eq!(asked.unwrap_err().why, "refused to connect to a.test:1: SOCKS 5");
    }
}
