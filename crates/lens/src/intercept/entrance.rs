//! How a client comes in, and where it wants to go.

use tokio::io::AsyncWriteExt;

use super::socks::{self, Reply};
use super::wire::Wire;
use super::{ConnectionRecorder, Mode, Proxy, Refusal, Target, dial};
use crate::flow::{Entrance, Leg};

/// A client that wants a way to an origin, and the origin's connection.
pub(crate) struct Tunnel {
    pub(crate) client: Wire,
    pub(crate) origin: Result<Wire, Refusal>,
    pub(crate) target: Target,
}

/// What a client began with.
pub(crate) enum Began {
    Tunnel(Tunnel),
    /// Requests, each of which says where it goes.
    Requests(Wire),
}

/// Hears a client as far as it says where it wants to go.
///
/// # Errors
/// Why it did not come in.
pub(crate) async fn enter(
    proxy: &Proxy,
    recorder: &ConnectionRecorder,
    mut client: Wire,
) -> Result<Began, String> {
    let address = client.peer_addr().ok_or("the client closed the connection")?;
    if let Mode::Reverse(reverse) = &proxy.settings.mode {
        recorder.connected(address, Entrance::Reverse);
        let target = reverse.origin.clone();
        let origin = reach(proxy, recorder, &target).await;
        return Ok(Began::Tunnel(Tunnel { client, origin, target }));
    }
    let first = client.look_ahead().await.map_err(|e| format!("the client: {e}"))?.first().copied();
    match first {
        None => {
            recorder.connected(address, Entrance::Connect);
            Err("the client closed the connection without sending anything".to_owned())
        }
        Some(5) => {
            recorder.connected(address, Entrance::Socks5);
            let target = socks::read(&mut client).await.map_err(|e| e.to_string())?;
            let origin = match dial::dial(proxy, &target).await {
                Ok((tcp, at)) => {
                    recorder.origin(&target.host, target.port, at);
                    Wire::new(tcp, Leg::Origin, recorder)
                }
                Err(error) => {
                    recorder.origin(&target.host, target.port, None);
                    let _ = socks::answer(&mut client, Reply::of(&error)).await;
                    let _ = client.shutdown().await;
                    return Err(format!("the origin: {}", error.why));
                }
            };
            socks::answer(&mut client, Reply::Succeeded).await.map_err(|e| e.to_string())?;
            Ok(Began::Tunnel(Tunnel { client, origin: Ok(origin), target }))
        }
        Some(22) => {
            recorder.connected(address, Entrance::Connect);
            Err("the client started TLS: configure this proxy as http://, not https://".to_owned())
        }
        Some(_) => {
            let is_connect = client.ahead().starts_with(b"CONNECT ");
            let entrance = if is_connect { Entrance::Connect } else { Entrance::AbsoluteForm };
            recorder.connected(address, entrance);
            Ok(Began::Requests(client))
        }
    }
}

/// Answers a CONNECT.
///
/// # Errors
/// Why there is no upstream; the client was answered.
pub(crate) async fn connect(
    proxy: &Proxy,
    recorder: &ConnectionRecorder,
    mut client: Wire,
    authority: &str,
) -> Result<Tunnel, String> {
    let Some(target) = Target::parse(authority, None) else {
        let answer = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        let _ = client.write_all(answer.as_bytes()).await;
        let _ = client.shutdown().await;
        return Err(format!("the client sent CONNECT {authority:?}, which is not HOST:PORT"));
    };
    let origin = match reach(proxy, recorder, &target).await {
        Ok(origin) => origin,
        Err(refusal) => {
            let (kind, page) = refusal.page(false);
            let head = format!(
                "HTTP/1.1 502 Bad Gateway\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\
                 Connection: close\r\n\r\n",
                page.len()
            );
            let _ = client.write_all(&[head.as_bytes(), &page].concat()).await;
            let _ = client.shutdown().await;
            return Err(format!("the origin: {}", refusal.line()));
        }
    };
    let answer = b"HTTP/1.1 200 Connection established\r\n\r\n";
    client.write_all(answer).await.map_err(|e| format!("the client: {e}"))?;
    Ok(Tunnel { client, origin: Ok(origin), target })
}

/// Connects to an origin, and tells.
pub(crate) async fn reach(
    proxy: &Proxy,
    recorder: &ConnectionRecorder,
    target: &Target,
) -> Result<Wire, Refusal> {
    match dial::dial(proxy, target).await {
        Ok((tcp, at)) => {
            recorder.origin(&target.host, target.port, at);
            Ok(Wire::new(tcp, Leg::Origin, recorder))
        }
        Err(error) => {
            recorder.origin(&target.host, target.port, None);
            Err(Refusal::unreachable(target, &error))
        }
    }
}
