//! One client's connection, from its first byte to its last.

use std::sync::Arc;

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use super::starttls;
use crate::flow::{Leg, What};
use crate::http::{self, After, Link, Looks, Relay, Upstream};
use crate::intercept::entrance::{self, Began, Tunnel};
use crate::intercept::tls::{self, Ask, Met, Origin};
use crate::intercept::{ConnectionRecorder, Mode, Proxy, Refusal, Stream, Target, Wire, opaque};

/// Serves a client.
pub(super) async fn serve(proxy: Arc<Proxy>, tcp: TcpStream) {
    let recorder = proxy.recorder().connection();
    let wire = Wire::new(tcp, Leg::Client, &recorder);
    let counts = wire.counts();
    let outcome = Connection { proxy, recorder: recorder.clone() }.run(wire).await;
    recorder.record(What::Disconnected {
        connection: recorder.connection(),
        bytes: counts.get(),
        fault: outcome.err(),
    });
}

struct Connection {
    proxy: Arc<Proxy>,
    recorder: ConnectionRecorder,
}

impl Connection {
    async fn run(self, client: Wire) -> Result<(), String> {
        let began = entrance::enter(&self.proxy, &self.recorder, client).await?;
        match began {
            Began::Tunnel(tunnel) => self.tunnel(tunnel).await,
            Began::Requests(client) => {
                let target = Target { host: String::new(), port: 80 };
                let relay = self.relay(target, false);
                let client = Stream::plain(client);
                let After::Connect { client, authority } =
                    relay.serve(client, Upstream::PerRequest(None)).await?
                else {
                    return Ok(());
                };
                let Some(client) = client.into_wire() else { return Ok(()) };
                let tunnel =
                    entrance::connect(&self.proxy, &self.recorder, client, &authority).await?;
                self.tunnel(tunnel).await
            }
        }
    }

    /// A client on its way to one origin: which side sends first, and what.
    async fn tunnel(self, tunnel: Tunnel) -> Result<(), String> {
        let Tunnel { mut client, mut origin, target } = tunnel;
        if let Mode::Reverse(reverse) = &self.proxy.settings().mode
            && let Some(protocol) = reverse.starttls
        {
            let origin = origin.map_err(|refusal| refusal.line())?;
            return starttls::serve(&self.proxy, &self.recorder, client, origin, &target, protocol)
                .await;
        }
        let begins_with_tls = {
            let first = first_of(&mut client, origin.as_mut().ok()).await?;
            match first {
                First::Client(byte) => byte == 22,
                First::Origin => false,
                First::Nobody => return Ok(()),
            }
        };
        if begins_with_tls {
            return self.tls(client, origin, target).await;
        }
        // In plaintext to us; to the origin as it was told.
        let client = Stream::plain(client);
        let origin = match origin {
            Ok(wire) if self.proxy.speaks_tls_to_origin() => {
                let alpn = vec![b"http/1.1".to_vec()];
                let name = target.host.clone();
                let ask = Ask { target: &target, name: &name, send_sni: true, alpn, resume: false };
                tls::shake_origin(&self.proxy, &self.recorder, wire, &ask).await
            }
            Ok(wire) => Ok(Origin { stream: Stream::plain(wire), asked: None }),
            Err(refusal) => Err(refusal),
        };
        self.plain(client, origin, target).await
    }

    async fn tls(
        self,
        client: Wire,
        origin: Result<Wire, Refusal>,
        target: Target,
    ) -> Result<(), String> {
        if self.proxy.stands_for_one() && !self.proxy.speaks_tls_to_origin() {
            return self.tls_to_plain(client, origin, target).await;
        }
        match tls::meet(&self.proxy, &self.recorder, client, origin, &target).await {
            Met::Failed(fault) => Err(fault),
            Met::LeftAlone { client, origin } => {
                opaque::pass_by(client, origin).await.map_err(|e| e.to_string())
            }
            Met::Open { client, origin } => match client.alpn() {
                Some(b"h2") => self.two(client, origin, target).await,
                _ => self.plain(client, origin, target).await,
            },
        }
    }

    /// The origin is asked in plaintext: nothing of it is mirrored.
    async fn tls_to_plain(
        self,
        client: Wire,
        origin: Result<Wire, Refusal>,
        target: Target,
    ) -> Result<(), String> {
        let client = tls::meet_alone(&self.proxy, &self.recorder, client, &target).await?;
        let origin = origin.map(|wire| Origin { stream: Stream::plain(wire), asked: None });
        self.plain(client, origin, target).await
    }

    async fn two(
        self,
        client: Stream,
        origin: Result<Origin, Refusal>,
        target: Target,
    ) -> Result<(), String> {
        let tls = self.asks_tls(&client, origin.as_ref().map(|origin| &origin.stream));
        self.relay(target, tls).serve_two(client, origin).await
    }

    /// Data of a client, decrypted or never encrypted: HTTP, or something else.
    async fn plain(
        self,
        mut client: Stream,
        origin: Result<Origin, Refusal>,
        target: Target,
    ) -> Result<(), String> {
        let is_http = matches!(client.alpn(), Some(b"http/1.1" | b"http/1.0"));
        let (mut origin, asked) = match origin {
            Ok(origin) => (Ok(origin.stream), origin.asked),
            Err(refusal) => (Err(refusal), None),
        };
        let (looks, ahead, of_origin) = match is_http {
            true => (Looks::One, Vec::new(), Vec::new()),
            false => {
                let refusal =
                    |error: std::io::Error| Refusal::tls(&target, &error.into(), asked.as_deref());
                look(&mut client, &mut origin, refusal).await?
            }
        };
        client.put_back(ahead);
        let tls = self.asks_tls(&client, origin.as_ref());
        match (looks, origin) {
            (Looks::Two, origin) => {
                let origin = origin.map(|stream| Origin { stream, asked });
                self.relay(target, tls).serve_two(client, origin).await
            }
            (Looks::One, Ok(origin)) => {
                let upstream = Upstream::Origin { link: Link::new(origin), asked };
                self.relay(target, tls).serve(client, upstream).await.map(drop)
            }
            (Looks::One, Err(refusal)) => {
                self.relay(target, tls).serve(client, Upstream::Refused(refusal)).await.map(drop)
            }
            (_, Ok(mut origin)) => {
                origin.put_back(of_origin);
                let scheme = if client.is_tls() { "tls" } else { "tcp" };
                let flow = self.recorder.request(opaque::head(scheme, &target));
                opaque::pass(flow, client, origin).await.map_err(|e| e.to_string())
            }
            (_, Err(refusal)) => Err(format!("the origin: {}", refusal.line())),
        }
    }

    /// Whether the origin is asked over TLS, or would be if it could be reached.
    fn asks_tls(&self, client: &Stream, origin: Result<&Stream, &Refusal>) -> bool {
        match origin {
            Ok(origin) => origin.is_tls(),
            Err(_) if self.proxy.stands_for_one() => self.proxy.speaks_tls_to_origin(),
            Err(_) => client.is_tls(),
        }
    }

    fn relay(&self, target: Target, tls: bool) -> Relay {
        let (proxy, recorder) = (self.proxy.clone(), self.recorder.clone());
        let host = proxy.host_to_write();
        Relay { proxy, recorder, target, tls, host, once: false }
    }
}

enum First {
    /// The client's first byte.
    Client(u8),
    Origin,
    Nobody,
}

/// Waits for the first byte of either side, without consuming it.
async fn first_of(client: &mut Wire, origin: Option<&mut Wire>) -> Result<First, String> {
    if let Some(byte) = client.ahead().first() {
        return Ok(First::Client(*byte));
    }
    let of_origin = async {
        match origin {
            Some(origin) => origin.look_ahead().await.map(|ahead| !ahead.is_empty()),
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        ahead = client.look_ahead() => match ahead.map_err(|e| format!("the client: {e}"))?.first() {
            Some(byte) => Ok(First::Client(*byte)),
            None => Ok(First::Nobody),
        },
        spoke = of_origin => match spoke.map_err(|e| format!("the origin: {e}"))? {
            true => Ok(First::Origin),
            false => Ok(First::Nobody),
        },
    }
}

/// Reads as much of a client's first data as tells what it speaks; an origin that speaks first ends the wait
/// speak HTTP. Gives what was read of both. An origin that fails meanwhile is a refusal, which the client
/// is told once it asks: in TLS 1.3 a server judges the certificate after the handshake is complete here.
async fn look(
    client: &mut Stream,
    origin: &mut Result<Stream, Refusal>,
    refusal: impl Fn(std::io::Error) -> Refusal,
) -> Result<(Looks, Vec<u8>, Vec<u8>), String> {
    let (mut ahead, mut of_origin) = (Vec::with_capacity(4096), Vec::with_capacity(4096));
    loop {
        let looks = http::looks(&ahead);
        if looks != Looks::Unclear {
            return Ok((looks, ahead, of_origin));
        }
        let read = tokio::select! {
            read = client.read_buf(&mut ahead) => read.map_err(|e| format!("the client: {e}"))?,
            read = read_of(origin.as_mut().ok(), &mut of_origin) => match read {
                Ok(_) => return Ok((Looks::Other, ahead, of_origin)),
                Err(error) => {
                    *origin = Err(refusal(error));
                    continue;
                }
            },
        };
        if read == 0 {
            return match ahead.is_empty() && client.is_tls() {
                true => Err("the client closed right after the handshake, before it sent \
                             anything: programs that do not trust the proxy's CA close so, and so \
                             do browsers that connect ahead"
                    .to_owned()),
                false => Ok((Looks::Other, ahead, of_origin)),
            };
        }
    }
}

async fn read_of(origin: Option<&mut Stream>, room: &mut Vec<u8>) -> std::io::Result<usize> {
    match origin {
        Some(origin) => origin.read_buf(room).await,
        None => std::future::pending().await,
    }
}
