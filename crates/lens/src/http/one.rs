//! A client that speaks HTTP/1, and the upstream of its requests.

use bytes::{Buf, Bytes};

use super::Relay;
use super::body::Framing;
use super::exchange::{self, Answered, Fault, Manner};
use super::head::{self, Request};
use super::link::Link;
use super::ruled;
use super::websocket;
use crate::flow::{HttpVersion, Outcome, RequestHead, ResponseHead};
use crate::intercept::{FlowRecorder, Refusal, Stream, Target, opaque};

/// The upstream of requests.
pub(crate) enum Upstream {
    /// One origin for all; the CAs that it accepts client certificates of, if it requested one.
    Origin { link: Link, asked: Option<Vec<String>> },
    /// The origin that each request names, as to a proxy; keeps the previous connection.
    PerRequest(Option<(Target, bool, Link)>),
    /// No upstream: the refusal to send.
    Refused(Refusal),
}

/// What comes after the last request.
pub(crate) enum After {
    Closed,
    /// The client asked for a way to somewhere, as a proxy is asked.
    Connect {
        client: Stream,
        authority: String,
    },
}

/// What comes after one request.
enum Then {
    Next(Link, Upstream),
    Close(Link),
    /// It switched to another protocol, which has ended.
    Over,
}

impl Relay {
    /// Serves a client until it closes, breaks, or wants something else than HTTP.
    ///
    /// # Errors
    /// Why it broke, in a line.
    pub(crate) async fn serve(
        self,
        client: Stream,
        mut upstream: Upstream,
    ) -> Result<After, String> {
        let mut client = Link::new(client);
        let mut served = 0;
        loop {
            let next = match self.once && served > 0 {
                true => None,
                false => self.next_request(&mut client, &mut upstream, served == 0).await?,
            };
            served += 1;
            let Some(head) = next else {
                let _ = client.writer.end().await;
                if let Upstream::Origin { link, .. } = &mut upstream {
                    let _ = link.writer.end().await;
                }
                return Ok(After::Closed);
            };
            if head.method == "CONNECT" && matches!(upstream, Upstream::PerRequest(_)) {
                let client = client.into_stream();
                return Ok(After::Connect { client, authority: head.target });
            }
            match self.exchange(client, upstream, head).await? {
                Then::Next(next_client, next_upstream) => {
                    (client, upstream) = (next_client, next_upstream);
                }
                Then::Close(mut client) => {
                    let _ = client.writer.end().await;
                    return Ok(After::Closed);
                }
                Then::Over => return Ok(After::Closed),
            }
        }
    }

    /// The next request; `None` when none comes. An origin that fails before the first is a refusal, which
    /// the client is told once it asks: in TLS 1.3 a server judges the certificate after the handshake is
    /// complete here.
    async fn next_request(
        &self,
        client: &mut Link,
        upstream: &mut Upstream,
        first: bool,
    ) -> Result<Option<Request>, String> {
        loop {
            match head::request(&mut client.reader.buffer) {
                Ok(Some(head)) => return Ok(Some(head)),
                Ok(None) => {}
                Err(why) => {
                    self.answer_plainly(client, 400, "Bad Request", &format!("no HTTP/1: {why}\n"))
                        .await;
                    return Err(format!("the client's request is not HTTP/1: {why}"));
                }
            }
            let filled = match upstream {
                // An origin that closes in between closes the client.
                Upstream::Origin { link, asked } if client.reader.buffer.is_empty() => {
                    tokio::select! {
                        biased;
                        filled = client.reader.fill_line() => filled,
                        ended = link.reader.fill() => match ended {
                            Err(error) if first => {
                                let error = error.into();
                                let asked = asked.as_deref();
                                match Refusal::before_answer(&self.target, &error, asked) {
                                    Some(refusal) => *upstream = Upstream::Refused(refusal),
                                    None => return Ok(None),
                                }
                                continue;
                            }
                            ended => {
                                self.unasked(client, link, matches!(ended, Ok(1..))).await;
                                return Ok(None);
                            }
                        },
                    }
                }
                _ => client.reader.fill_line().await,
            };
            match filled {
                Ok(0) if client.reader.buffer.is_empty() => return Ok(None),
                Ok(0) => return Err("the client closed in the middle of a request".to_owned()),
                Ok(_) => {}
                // Between requests that is a way to close.
                Err(_) if client.reader.buffer.is_empty() => return Ok(None),
                Err(error) => return Err(format!("the client: {error}")),
            }
        }
    }

    /// An origin closed, or sent an unsolicited response: a timeout.
    async fn unasked(&self, client: &mut Link, origin: &mut Link, says: bool) {
        if says {
            let flow = self.recorder.request(opaque::head("http", &self.target));
            flow.note("the origin sent data before a request");
            loop {
                let piece = origin.reader.buffer.split().freeze();
                flow.body(crate::flow::Direction::Response, piece.clone());
                let written = client.writer.write(piece, Bytes::new()).await;
                if written.is_err() || !matches!(origin.reader.fill().await, Ok(1..)) {
                    break;
                }
            }
            flow.end(Outcome::Complete);
        }
    }

    /// One request and its answer.
    async fn exchange(
        &self,
        client: Link,
        upstream: Upstream,
        head: Request,
    ) -> Result<Then, String> {
        let mut client = client;
        let mut upstream = upstream;
        let said = match &upstream {
            Upstream::PerRequest(_) => match AbsoluteUrl::parse(&head.target) {
                Some(url) => Some(url),
                None => {
                    self.at_ourselves(&mut client, &head).await;
                    return Ok(Then::Close(client));
                }
            },
            _ => None,
        };
        let told = self.told(&head, said.as_ref());
        let in_force = ruled::InForce::of(&self.proxy, &told);
        let flow = self.recorder.request(told);
        let framing = Framing::of_request(&head);
        let mut held = None;
        // A client that waits for leave to send its body would wait for ever.
        let can_be_held = head::values(&head.headers, "expect").next().is_none();
        let peek = async {
            let framing = framing.as_ref().ok().filter(|_| can_be_held)?;
            held = super::held::one(&mut client.reader, *framing).await;
            held.as_ref().map(|(body, _)| body.clone())
        };
        let (ruled, throttle, body) =
            match ruled::request(&self.proxy, in_force.as_ref(), &flow, peek).await {
                ruled::Request::On { head, throttle, body } => (head, throttle, body),
                ruled::Request::Answer(answer, body) => {
                    self.answer_by_rule(&mut client, &head, flow, *answer, body).await;
                    return Ok(Then::Close(client));
                }
                ruled::Request::Block(why) => {
                    flow.end(Outcome::Refused(why.to_owned()));
                    return Ok(Then::Close(client));
                }
            };
        let mut elsewhere = None;
        if let (Some(ruled), Some(in_force)) = (&ruled, &in_force)
            && in_force.leads_elsewhere(ruled)
        {
            let tls = matches!(ruled.scheme.as_str(), "https" | "wss");
            let found = match Target::parse(&ruled.authority, Some(if tls { 443 } else { 80 })) {
                Some(target) => self.proxy.reach(&self.recorder, &target, tls).await,
                None => Err(Refusal::other(&self.target, "the target of a rule is not HOST:PORT")),
            };
            match found {
                Ok(stream) => elsewhere = Some(Link::new(stream)),
                Err(refusal) => {
                    self.refuse(&mut client, &head, flow, &refusal).await;
                    return Ok(Then::Close(client));
                }
            }
        }
        if let (Upstream::PerRequest(open), Some(url), None) = (&mut upstream, &said, &elsewhere) {
            let kept =
                open.take().filter(|(target, tls, _)| *target == url.target && *tls == url.tls);
            let kept = match kept {
                Some((target, tls, mut link)) => {
                    (!link.reader.has_ended().await).then_some((target, tls, link))
                }
                None => None,
            };
            let found = match kept {
                Some(kept) => Ok(kept),
                None => self.reach(url).await,
            };
            match found {
                Ok(found) => *open = Some(found),
                Err(refusal) => {
                    self.refuse(&mut client, &head, flow, &refusal).await;
                    return Ok(Then::Close(client));
                }
            }
        }
        let (origin, asked) = match &mut upstream {
            _ if elsewhere.is_some() => (elsewhere.as_mut().ok_or("no origin")?, None),
            Upstream::Origin { link, asked } => (link, asked.clone()),
            Upstream::PerRequest(Some((_, _, link))) => (link, None),
            Upstream::PerRequest(None) => return Err("no origin".to_owned()),
            Upstream::Refused(refusal) => {
                let refusal = refusal.clone();
                self.refuse(&mut client, &head, flow, &refusal).await;
                return Ok(Then::Close(client));
            }
        };
        let mut framing = match framing {
            Ok(framing) => framing,
            Err(why) => {
                self.answer_plainly(&mut client, 400, "Bad Request", &format!("{why}\n")).await;
                flow.end(Outcome::ClientFailed(format!("the body of its request: {why}")));
                return Ok(Then::Close(client));
            }
        };
        let manner = Manner {
            method: &head.method,
            keeps: keeps(&head),
            proxy: &self.proxy,
            in_force: in_force.as_ref(),
            throttle,
        };
        let mut raw = match &ruled {
            Some(ruled) => ruled::request_bytes(ruled),
            None => self.on_its_way(&head, said.as_ref()),
        };
        if let (Some(body), Some((was, count))) = (body, held) {
            client.reader.buffer.advance(count);
            flow.body(crate::flow::Direction::Request, was);
            raw = [raw, body].concat().into();
            framing = Framing::None;
        }
        let mut began = false;
        let passed =
            exchange::pass(&mut client, origin, raw, framing, &manner, &flow, &mut began).await;
        match passed {
            Ok(Answered::Whole { keeps }) => {
                flow.end(Outcome::Complete);
                Ok(if keeps { Then::Next(client, upstream) } else { Then::Close(client) })
            }
            Ok(Answered::Switched(answer)) => {
                let upstream = match elsewhere {
                    Some(link) => Upstream::Origin { link, asked: None },
                    None => upstream,
                };
                self.switch(client, upstream, &head, answer, flow).await
            }
            Err(Fault::Ruled) => {
                flow.end(Outcome::Refused("closed at a breakpoint".to_owned()));
                Ok(Then::Close(client))
            }
            Err(Fault::Client(why)) => {
                flow.end(Outcome::ClientFailed(why.clone()));
                Err(format!("the client: {why}"))
            }
            Err(Fault::Garbled(why)) => {
                flow.end(Outcome::OriginFailed(why.clone()));
                Err(format!("the origin: {why}"))
            }
            Err(Fault::Origin(error)) => {
                let target = said.as_ref().map_or(&self.target, |url| &url.target);
                if !began
                    && let Some(refusal) = Refusal::before_answer(target, &error, asked.as_deref())
                {
                    self.refuse(&mut client, &head, flow, &refusal).await;
                    return Ok(Then::Close(client));
                }
                flow.end(Outcome::OriginFailed(error.to_string()));
                Err(format!("the origin: {error}"))
            }
        }
    }

    /// The connection switches to another protocol than HTTP.
    async fn switch(
        &self,
        client: Link,
        upstream: Upstream,
        head: &Request,
        answer: head::Response,
        flow: FlowRecorder,
    ) -> Result<Then, String> {
        let (Upstream::Origin { link: origin, .. } | Upstream::PerRequest(Some((_, _, origin)))) =
            upstream
        else {
            return Err("no origin".to_owned());
        };
        let is_websocket = head::has_token(&answer.headers, "upgrade", "websocket");
        let deflate = is_websocket.then(|| websocket::Deflate::of(&answer.headers));
        let what = head::values(&answer.headers, "upgrade").next().map(<[u8]>::to_vec);
        flow.response(exchange::told(answer));
        let switched = match deflate {
            Some(deflate) => websocket::relay(flow, client, origin, deflate).await,
            None => {
                let to = what.unwrap_or_else(|| head.method.clone().into_bytes());
                flow.note(format!(
                    "switched to {}, which is forwarded without parsing",
                    sealwire::Foreign::new(&to)
                ));
                opaque::pass(flow, client.into_stream(), origin.into_stream()).await
            }
        };
        switched.map(|()| Then::Over).map_err(|error| error.to_string())
    }

    /// Connects to where a request says.
    async fn reach(&self, url: &AbsoluteUrl) -> Result<(Target, bool, Link), Refusal> {
        let stream = self.proxy.reach(&self.recorder, &url.target, url.tls).await?;
        Ok((url.target.clone(), url.tls, Link::new(stream)))
    }

    /// The bytes of a request's head as the origin gets them.
    fn on_its_way(&self, head: &Request, said: Option<&AbsoluteUrl>) -> Bytes {
        if let Some(url) = said {
            let line = format!("{} {} {}\r\n", head.method, url.path, version_text(head.version));
            return head::edited(&head.raw, Some(line.as_bytes()), &|name| {
                let ours = [&b"proxy-connection"[..], b"proxy-authorization"];
                ours.iter().any(|one| name.eq_ignore_ascii_case(one)).then(Vec::new)
            });
        }
        match &self.host {
            Some(host) => head::edited(&head.raw, None, &|name| {
                let is_host = name.eq_ignore_ascii_case(b"host");
                is_host.then(|| format!("Host: {host}\r\n").into_bytes())
            }),
            None => head.raw.clone(),
        }
    }

    fn told(&self, head: &Request, said: Option<&AbsoluteUrl>) -> RequestHead {
        let tls = said.map_or(self.tls, |url| url.tls);
        let websocket = head::has_token(&head.headers, "upgrade", "websocket");
        let scheme = match (tls, websocket) {
            (false, false) => "http",
            (true, false) => "https",
            (false, true) => "ws",
            (true, true) => "wss",
        };
        let host = head::values(&head.headers, "host").next();
        let authority = match said {
            Some(url) => url.authority.clone(),
            None => match host.filter(|_| self.host.is_none()) {
                Some(host) if !host.is_empty() => String::from_utf8_lossy(host).into_owned(),
                _ => self.target.authority(if tls { 443 } else { 80 }),
            },
        };
        RequestHead {
            version: head.version,
            method: head.method.clone(),
            scheme: scheme.to_owned(),
            authority,
            path: said.map_or_else(|| head.target.clone(), |url| url.path.clone()),
            headers: head.headers.clone(),
            protocol: None,
            stream: None,
            repeats: None,
            raw: head.raw.clone(),
        }
    }

    /// Answers in the origin's place, with what went wrong.
    async fn refuse(
        &self,
        client: &mut Link,
        head: &Request,
        flow: FlowRecorder,
        refusal: &Refusal,
    ) {
        let html = head::values(&head.headers, "accept")
            .any(|value| value.windows(9).any(|part| part == b"text/html"));
        let (kind, page) = refusal.page(html);
        let raw = page_head(502, "Bad Gateway", kind, page.len());
        flow.response(ResponseHead {
            version: HttpVersion::Http11,
            status: 502,
            reason: Bytes::from_static(b"Bad Gateway"),
            headers: Vec::new(),
            raw: raw.clone(),
        });
        flow.note("this answer is the proxy's own");
        let body = if head.method == "HEAD" { Bytes::new() } else { page };
        flow.body(crate::flow::Direction::Response, body.clone());
        flow.end(Outcome::OriginFailed(refusal.line()));
        write_page(client, raw, body).await;
    }

    /// Answers in the origin's place, as a rule says.
    async fn answer_by_rule(
        &self,
        client: &mut Link,
        head: &Request,
        flow: FlowRecorder,
        mut answer: ResponseHead,
        body: Bytes,
    ) {
        answer.headers.push(crate::flow::Header {
            name: Bytes::from_static(b"connection"),
            value: Bytes::from_static(b"close"),
        });
        let raw = ruled::response_bytes(&answer);
        answer.raw = raw.clone();
        flow.response(answer);
        let body = if head.method == "HEAD" { Bytes::new() } else { body };
        flow.body(crate::flow::Direction::Response, body.clone());
        flow.end(Outcome::Complete);
        write_page(client, raw, body).await;
    }

    async fn answer_plainly(&self, client: &mut Link, status: u16, reason: &str, text: &str) {
        let page = Bytes::copy_from_slice(text.as_bytes());
        let head = page_head(status, reason, "text/plain; charset=utf-8", page.len());
        write_page(client, head, page).await;
    }

    /// A request to the proxy itself.
    async fn at_ourselves(&self, client: &mut Link, head: &Request) {
        let (status, reason, kind, page) = match head.target.as_str() {
            "/ca.pem" => {
                let pem = self.proxy.settings().authority.certificate().to_pem();
                (200, "OK", "application/x-pem-file", Bytes::from(pem))
            }
            _ => {
                let text = "This is a debugging proxy, not a website. Set it as the HTTP proxy of \
                            a program; /ca.pem has the CA certificate that the program must trust.\n";
                (
                    400,
                    "Bad Request",
                    "text/plain; charset=utf-8",
                    Bytes::from_static(text.as_bytes()),
                )
            }
        };
        let raw = page_head(status, reason, kind, page.len());
        write_page(client, raw, if head.method == "HEAD" { Bytes::new() } else { page }).await;
    }
}

/// The head of an answer of our own.
fn page_head(status: u16, reason: &str, kind: &str, length: usize) -> Bytes {
    Bytes::from(format!(
        "HTTP/1.1 {status} {reason}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\
         Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n"
    ))
}

/// Writes an answer of our own. A client that is gone does not get it.
async fn write_page(client: &mut Link, head: Bytes, page: Bytes) {
    if client.writer.write(head, page).await.is_err() {
        return;
    }
    let _ = client.writer.end().await;
    // A connection closed over unread bytes is reset, and the answer lost.
    let rest = async {
        let mut left = sealwire::wire::FAREWELL_BYTES;
        while let Ok(count @ 1..) = client.reader.fill().await {
            client.reader.buffer.clear();
            left = left.saturating_sub(count);
            if left == 0 {
                break;
            }
        }
    };
    let _ = tokio::time::timeout(sealwire::wire::FAREWELL, rest).await;
}

/// The target of a request to a proxy (RFC 9112, 3.2.2).
#[derive(Debug, PartialEq, Eq)]
struct AbsoluteUrl {
    tls: bool,
    authority: String,
    target: Target,
    /// Path and query, as they came.
    path: String,
}

impl AbsoluteUrl {
    fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let is = |name: &str| scheme.eq_ignore_ascii_case(name);
        let tls = is("https") || is("wss");
        if !tls && !is("http") && !is("ws") {
            return None;
        }
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let target = Target::parse(authority, Some(if tls { 443 } else { 80 }))?;
        let path = match path.chars().next() {
            Some('/') => path.to_owned(),
            _ => format!("/{path}"),
        };
        let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host).to_owned();
        Some(Self { tls, authority, target, path })
    }
}

fn keeps(head: &Request) -> bool {
    match head.version {
        HttpVersion::Http10 => {
            head::has_token(&head.headers, "connection", "keep-alive")
                || head::has_token(&head.headers, "proxy-connection", "keep-alive")
        }
        _ => !head::has_token(&head.headers, "connection", "close"),
    }
}

fn version_text(version: HttpVersion) -> &'static str {
    if version == HttpVersion::Http10 { "HTTP/1.0" } else { "HTTP/1.1" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_requests_are_read() {
        for (text, expected) in [
            ("http://a.test/b?c", Some((false, "a.test:80", "/b?c"))),
            ("HTTPS://a.test:8443", Some((true, "a.test:8443", "/"))),
            ("http://u:p@a.test?x", Some((false, "a.test:80", "/?x"))),
            ("http://[::1]:81/", Some((false, "[::1]:81", "/"))),
            ("/b", None),
            ("ftp://a.test/", None),
            ("http:///", None),
        ] {
            let found = AbsoluteUrl::parse(text);
            let found =
                found.as_ref().map(|url| (url.tls, url.target.to_string(), url.path.as_str()));
            let found = found.as_ref().map(|(tls, target, path)| (*tls, target.as_str(), *path));
            assert_eq!(found, expected, "{text}");
        }
    }
}
