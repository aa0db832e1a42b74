//! The lesson: one exchange as plain HTTP would have carried it, as TLS carried it, and decrypted.

use serde::Serialize;

use super::Whole;
use super::redact::secrets;
use crate::content;
use crate::store::{Message, Reader, StoreError};

/// One exchange, three ways.
#[derive(Clone, Debug, Serialize)]
pub struct Lesson {
    /// The flow.
    pub id: i64,
    /// What a sniffer reads when there is no TLS: request and answer, byte for byte as text.
    pub plain: [Marked; 2],
    /// Whether the exchange went over TLS.
    pub over_tls: bool,
    /// What a sniffer reads of the TLS connection: its records.
    pub records: Vec<RecordSeen>,
    /// What is not there, and why.
    pub lacks: Option<String>,
    /// What is readable in all that: the server's name.
    pub server_name: Option<String>,
    /// Request and answer with their bodies decoded.
    pub decrypted: [Marked; 2],
}

/// A text with its secrets marked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Marked {
    /// The text.
    pub text: String,
    /// Where secrets begin and end, in characters as JavaScript counts them (UTF-16).
    pub secrets: Vec<(usize, usize)>,
}

/// A TLS record as the network sees it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RecordSeen {
    /// Milliseconds since the first one.
    pub at: f64,
    /// Whether the client sent it.
    pub from_client: bool,
    /// What its header says that it is.
    pub kind: &'static str,
    /// Its length, with the header.
    pub length: usize,
    /// Its first bytes in hexadecimal.
    pub hex: String,
    /// What can be read in it, if anything.
    pub readable: Option<String>,
}

/// What is shown of a body.
const LONGEST: usize = 64 * 1024;
/// Records that are shown.
const MOST_RECORDS: usize = 200;

/// The lesson about a flow; `None` when it is not there.
///
/// # Errors
/// When the session cannot be read.
pub fn lesson(reader: &Reader, id: i64) -> Result<Option<Lesson>, StoreError> {
    let Some(whole) = Whole::read(reader, id)? else { return Ok(None) };
    let line = &whole.detail.summary;
    let request_line = format!("{} {} {}", line.method, line.path, line.version);
    let status = line.status.map(|s| s.to_string()).unwrap_or_default();
    let reason = String::from_utf8_lossy(&whole.detail.reason);
    let answer_line = format!("{} {status} {reason}", line.version);
    let answered = line.status.is_some();
    let told = |decoded: bool| {
        let (detail, bodies) = (&whole.detail, &whole.bodies);
        let request = text(&request_line, &detail.request, &bodies[0], decoded);
        let answer = text(&answer_line, &detail.response, &bodies[1], decoded);
        [request, if answered { answer } else { Marked::default() }]
    };
    let handshakes = reader.handshakes(line.connection)?;
    // The origin's leg is the one that crosses the network.
    let handshake = handshakes.iter().find(|row| !row.is_client).or_else(|| handshakes.first());
    let wire = reader.wire(line.connection, 4 << 20)?;
    let is_client = handshake.is_some_and(|row| row.is_client);
    let mut pieces: Vec<_> = wire
        .iter()
        .filter(|row| row.is_client_leg == is_client)
        .map(|row| (row.at, row.outward, &row.data[..]))
        .collect();
    let mut lacks = None;
    if handshake.is_some() && pieces.is_empty() {
        lacks = Some(
            "the records with the data were not kept; these are those of the handshake".to_owned(),
        );
        let rows = handshake
            .iter()
            .flat_map(|row| [(row.at, true, &row.wire[0][..]), (row.at, false, &row.wire[1][..])]);
        pieces.extend(rows);
    }
    let over_tls = handshake.is_some();
    let records = if over_tls { records(&pieces) } else { Vec::new() };
    let server_name =
        handshake.and_then(|row| row.facts["hello"]["server_name"].as_str().map(str::to_owned));
    Ok(Some(Lesson {
        id,
        plain: told(false),
        over_tls,
        records,
        lacks,
        server_name,
        decrypted: told(true),
    }))
}

fn text(first: &str, message: &Message, body: &[u8], decoded: bool) -> Marked {
    let mut out = String::new();
    if message.raw.is_empty() || decoded {
        out.push_str(first);
        out.push_str("\r\n");
        for header in &message.headers {
            out.push_str(&String::from_utf8_lossy(&header.name));
            out.push_str(": ");
            out.push_str(&String::from_utf8_lossy(&header.value));
            out.push_str("\r\n");
        }
        out.push_str("\r\n");
    } else {
        out.push_str(&String::from_utf8_lossy(&message.raw));
    }
    let encoding = content::header(&message.headers, "content-encoding").filter(|_| decoded);
    let data = content::decoded(body, encoding.as_deref(), LONGEST);
    match content::as_text(&data) {
        Some(text) => out.push_str(text),
        None => out.push_str(&String::from_utf8_lossy(&data)),
    }
    let in_utf16 = |at: usize| out[..at].encode_utf16().count();
    let secrets = secrets(&out).into_iter().map(|(a, b)| (in_utf16(a), in_utf16(b))).collect();
    Marked { text: out, secrets }
}

fn records(pieces: &[(i64, bool, &[u8])]) -> Vec<RecordSeen> {
    let first = pieces.first().map_or(0, |piece| piece.0);
    let mut open: [Vec<u8>; 2] = [Vec::new(), Vec::new()];
    let mut out = Vec::new();
    for (at, from_client, data) in pieces {
        let open = &mut open[usize::from(!from_client)];
        open.extend_from_slice(data);
        loop {
            // What is before TLS (CONNECT, STARTTLS) is plain and not looked at here.
            if let Some(&byte) = open.first()
                && !(20..=24).contains(&byte)
            {
                match open.windows(2).position(|two| two == [22, 3]) {
                    Some(begin) => drop(open.drain(..begin)),
                    None => open.clear(),
                }
            }
            let Some(&[kind, _, _, high, low]) = open.first_chunk::<5>() else { break };
            let length = 5 + usize::from(u16::from_be_bytes([high, low]));
            if open.len() < length || out.len() == MOST_RECORDS {
                break;
            }
            let record: Vec<_> = open.drain(..length).collect();
            out.push(RecordSeen {
                at: (at - first) as f64 / 1e3,
                from_client: *from_client,
                kind: name(kind),
                length,
                hex: record
                    .iter()
                    .take(96)
                    .map(|b| format!("{b:02x}"))
                    .collect::<Vec<_>>()
                    .join(" "),
                readable: readable(kind, &record),
            });
        }
    }
    out
}

fn name(kind: u8) -> &'static str {
    match kind {
        20 => "change_cipher_spec",
        21 => "alert",
        22 => "handshake",
        23 => "application_data",
        _ => "heartbeat",
    }
}

fn readable(kind: u8, record: &[u8]) -> Option<String> {
    if kind != 22 {
        return None;
    }
    match record.get(5)? {
        1 => {
            let hello = sealwire::reading::ClientHello::parse(&record[5..])?;
            let name = hello.server_name().unwrap_or("none");
            Some(format!("ClientHello; the server's name: {name}"))
        }
        2 => Some("ServerHello: version and cipher suite".to_owned()),
        11 => Some("Certificate".to_owned()),
        _ => None,
    }
}
