//! What a body says, once its encoding is taken off.

pub mod protobuf;

use std::borrow::Cow;
use std::io::Read;

use crate::flow::Header;

/// Takes the encodings off, the last one first, and gives at most `limit` bytes. What cannot be decoded
/// to its end is given as far as it goes; an unknown encoding gives the bytes as they are.
#[must_use]
pub fn decoded<'a>(data: &'a [u8], encoding: Option<&str>, limit: usize) -> Cow<'a, [u8]> {
    let mut data = Cow::Borrowed(data);
    for name in encoding.unwrap_or_default().rsplit(',').map(str::trim) {
        let inflated = match name.to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => taken(flate2::read::MultiGzDecoder::new(&data[..]), limit),
            "deflate" => deflated(&data, limit),
            "br" => taken(brotli_decompressor::Decompressor::new(&data[..], 4096), limit),
            "zstd" => match ruzstd::decoding::StreamingDecoder::new(&data[..]) {
                Ok(decoder) => taken(decoder, limit),
                Err(_) => continue,
            },
            _ => continue,
        };
        data = Cow::Owned(inflated);
    }
    match data {
        Cow::Borrowed(data) => Cow::Borrowed(&data[..data.len().min(limit)]),
        Cow::Owned(mut data) => {
            data.truncate(limit);
            Cow::Owned(data)
        }
    }
}

/// The first value of a header, as text.
#[must_use]
pub fn header<'a>(headers: &'a [Header], name: &str) -> Option<Cow<'a, str>> {
    let found = headers.iter().find(|h| h.name.eq_ignore_ascii_case(name.as_bytes()))?;
    Some(String::from_utf8_lossy(&found.value))
}

/// Whether it reads as text: UTF-8, or cut within a character at its end, and no control characters of
/// binary formats.
#[must_use]
pub fn as_text(data: &[u8]) -> Option<&str> {
    let text = match std::str::from_utf8(data) {
        Ok(text) => text,
        Err(e) if e.error_len().is_none() => std::str::from_utf8(&data[..e.valid_up_to()]).ok()?,
        Err(_) => return None,
    };
    (!text.contains('\0')).then_some(text)
}

/// `deflate` is zlib by its RFC, and raw from some servers.
fn deflated(data: &[u8], limit: usize) -> Vec<u8> {
    let zlib = taken(flate2::read::ZlibDecoder::new(data), limit);
    if zlib.is_empty() { taken(flate2::read::DeflateDecoder::new(data), limit) } else { zlib }
}

fn taken(from: impl Read, limit: usize) -> Vec<u8> {
    let mut out = Vec::new();
    // What came before a damage is in `out`.
    let _ = from.take(limit as u64).read_to_end(&mut out);
    out
}
