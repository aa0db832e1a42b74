//! Heads in the session file: as they were on the wire where there was one in text, else a line for
//! each field behind an empty first line.

use bytes::Bytes;

use crate::flow::Header;

pub(super) fn encode(raw: &Bytes, headers: &[Header]) -> Bytes {
    if !raw.is_empty() && same(raw, headers) {
        return raw.clone();
    }
    let length: usize = headers.iter().map(|h| h.name.len() + h.value.len() + 4).sum();
    let mut out = Vec::with_capacity(length + 2);
    out.extend_from_slice(b"\r\n");
    for header in headers {
        out.extend_from_slice(&header.name);
        out.extend_from_slice(b": ");
        // A field with a line break in it cannot have come off a wire.
        out.extend(header.value.iter().map(|b| if matches!(b, b'\r' | b'\n') { b' ' } else { *b }));
        out.extend_from_slice(b"\r\n");
    }
    out.into()
}

fn same(raw: &[u8], headers: &[Header]) -> bool {
    let mut read = fields(raw);
    headers.iter().all(|h| read.next() == Some((&h.name[..], &h.value[..])))
        && read.next().is_none()
}

/// The fields of an encoded head.
pub(super) fn fields(head: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let lines = head.split(|b| *b == b'\n').skip(1);
    let lines = lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    lines.take_while(|line| !line.is_empty()).filter_map(|line| {
        // The names of HTTP/2 may not begin with a colon, which is a pseudo-header's.
        let colon = line.iter().position(|b| *b == b':')?;
        Some((&line[..colon], trim(&line[colon + 1..])))
    })
}

fn trim(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

pub(super) fn decode(head: &[u8]) -> Vec<Header> {
    let header = |(name, value)| Header {
        name: Bytes::copy_from_slice(name),
        value: Bytes::copy_from_slice(value),
    };
    fields(head).map(header).collect()
}

/// The head as the wire had it, if it had it in text.
pub(super) fn raw(head: &[u8]) -> &[u8] {
    if head.starts_with(b"\r\n") { &[] } else { head }
}

/// A field's value in an encoded head.
pub(super) fn find<'a>(head: &'a [u8], name: &str) -> Option<&'a str> {
    let mut found = fields(head).filter(|(n, _)| n.eq_ignore_ascii_case(name.as_bytes()));
    found.next().and_then(|(_, value)| std::str::from_utf8(value).ok())
}
