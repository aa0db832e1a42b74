//! Protocols that begin in plaintext: passed on as they are, until the client begins with TLS. By then the
//! origin has agreed to it, since its answer has passed, too.

use std::io;

use bytes::{Bytes, BytesMut};
use sealwire::starttls::Protocol;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::flow::{Direction, Outcome};
use crate::intercept::tls::{self, Met};
use crate::intercept::{
    ConnectionRecorder, FlowRecorder, Proxy, Refusal, Stream, Target, Wire, opaque,
};
use crate::sql::{self, Reader};

/// Serves a client of such a protocol.
///
/// # Errors
/// Why it broke, in a line.
pub(super) async fn serve(
    proxy: &Proxy,
    recorder: &ConnectionRecorder,
    mut client: Wire,
    mut origin: Wire,
    target: &Target,
    protocol: Protocol,
) -> Result<(), String> {
    let flow = recorder.request(opaque::head(protocol.id(), target));
    let mut reader = Reader::of(protocol);
    let begins = match in_plain(&mut client, &mut origin, &flow, &mut reader, protocol).await {
        Ok(begins) => begins,
        Err(error) => {
            flow.end(Outcome::OriginFailed(error.to_string()));
            return Err(error.to_string());
        }
    };
    if !begins {
        flow.end(Outcome::Complete);
        return Ok(());
    }
    match tls::meet(proxy, recorder, client, Ok(origin), target).await {
        Met::Failed(fault) => {
            flow.end(Outcome::ClientFailed(fault.clone()));
            Err(fault)
        }
        Met::LeftAlone { client, origin } => {
            flow.note("TLS is passed through from here on");
            flow.end(Outcome::Complete);
            opaque::pass_by(client, origin).await.map_err(|e| e.to_string())
        }
        Met::Open { mut client, origin: Err(refusal) } => {
            tell_client(&mut client, &refusal, protocol, &reader).await;
            flow.end(Outcome::OriginFailed(refusal.line()));
            Err(format!("the origin: {}", refusal.line()))
        }
        Met::Open { client, origin: Ok(origin) } => {
            let passed = decrypted(client, origin.stream, &flow, &mut reader).await;
            reader.end(&mut |statement| tell(&flow, statement));
            match passed {
                Ok(()) => {
                    flow.end(Outcome::Complete);
                    Ok(())
                }
                Err((side, error)) => {
                    flow.end(opaque::failed(side, &error));
                    Err(error.to_string())
                }
            }
        }
    }
}

/// Passes on what goes in plaintext. Whether the client begins with TLS now; otherwise it is over.
async fn in_plain(
    client: &mut Wire,
    origin: &mut Wire,
    flow: &FlowRecorder,
    reader: &mut Reader,
    protocol: Protocol,
) -> io::Result<bool> {
    let mut ended = [false; 2];
    let (mut of_client, mut of_origin) = (BytesMut::new(), BytesMut::new());
    while ended != [true; 2] {
        of_client.reserve(8 * 1024);
        of_origin.reserve(8 * 1024);
        tokio::select! {
            read = client.read_buf(&mut of_client), if !ended[0] => {
                if read? == 0 {
                    ended[0] = true;
                    origin.shutdown().await?;
                    continue;
                }
                let mut piece = of_client.split().freeze();
                let tls = tls_in(&piece, protocol);
                if let Some(at) = tls {
                    client.put_back(piece.split_off(at));
                }
                flow.body(Direction::Request, piece.clone());
                hear(reader, Direction::Request, &piece, flow);
                origin.write_all(&piece).await?;
                if tls.is_some() {
                    return Ok(true);
                }
            }
            read = origin.read_buf(&mut of_origin), if !ended[1] => {
                if read? == 0 {
                    ended[1] = true;
                    client.shutdown().await?;
                    continue;
                }
                let piece = of_origin.split().freeze();
                flow.body(Direction::Response, piece.clone());
                hear(reader, Direction::Response, &piece, flow);
                client.write_all(&piece).await?;
            }
        }
    }
    Ok(false)
}

/// Where TLS begins in what a client sent: a ClientHello's record. A client of MySQL does not wait for
/// an answer to its request for TLS.
fn tls_in(bytes: &[u8], protocol: Protocol) -> Option<usize> {
    let is_hello = |rest: &[u8]| matches!(rest, [22, 3, ..]);
    if is_hello(bytes) {
        return Some(0);
    }
    const REQUEST: usize = 36;
    const CLIENT_SSL: u8 = 0x08;
    let asks = protocol == Protocol::Mysql
        && matches!(bytes, [32, 0, 0, 1, _, flags, ..] if flags & CLIENT_SSL != 0);
    (asks && bytes.len() >= REQUEST && (bytes.len() == REQUEST || is_hello(&bytes[REQUEST..])))
        .then_some(REQUEST)
}

/// Passes on what is inside of TLS, and how it ended.
async fn decrypted(
    client: Stream,
    origin: Stream,
    flow: &FlowRecorder,
    reader: &mut Reader,
) -> Result<(), (Direction, io::Error)> {
    let reader = std::sync::Mutex::new(reader);
    let passes = |direction, piece: Bytes| {
        let mut reader = reader.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        hear(&mut reader, direction, &piece, flow);
        flow.body(direction, piece);
    };
    match opaque::between(client, origin, passes).await {
        // Clients of databases and mail say that they go in their own words, and seldom in those of TLS.
        Err((side, error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
            let who = if side == Direction::Request { "client" } else { "server" };
            flow.note(format!("the {who} closed without TLS's close_notify"));
            Ok(())
        }
        ended => ended,
    }
}

/// Reads what one side sent, and records what that says.
fn hear(reader: &mut Reader, from: Direction, piece: &[u8], flow: &FlowRecorder) {
    reader.read(from, piece, &mut |statement| tell(flow, statement));
    if let Some(note) = reader.note() {
        flow.note(note);
    }
}

fn tell(flow: &FlowRecorder, statement: sql::Done) {
    flow.record(crate::flow::What::Statement(statement.told(flow.id())));
}

/// Reports why there is no origin, by the protocol's own error message.
async fn tell_client(client: &mut Stream, refusal: &Refusal, protocol: Protocol, reader: &Reader) {
    let advice = refusal.advice.first().map_or_else(String::new, |advice| format!(" ({advice})"));
    let text = format!(
        "the debugging proxy got no response from {}: {}{advice}",
        refusal.origin,
        refusal.line()
    );
    if let Some(message) = reader.error(protocol, &text) {
        let mut room = vec![0; 4096];
        // It says something first: its log-in.
        let _ = client.read(&mut room).await;
        let _ = client.write_all(&message).await;
        let _ = client.shutdown().await;
    }
}
