//! Heads of HTTP/1 messages: read by `httparse`, kept as they are on the wire.

use bytes::{Buf, Bytes, BytesMut};

use crate::flow::{Header, HttpVersion};

/// The longest head that is waited for. Servers take 8 to 64 KiB.
pub(crate) const LONGEST: usize = 256 * 1024;
/// How many fields a head may have: what costs nothing to look for, and the most.
const FEW: usize = 64;
const MOST: usize = 2048;

/// The head of a request, as it came.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) raw: Bytes,
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) version: HttpVersion,
    pub(crate) headers: Vec<Header>,
}

/// The head of an answer, as it came.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) raw: Bytes,
    pub(crate) status: u16,
    pub(crate) reason: Bytes,
    pub(crate) version: HttpVersion,
    pub(crate) headers: Vec<Header>,
}

/// Takes the head of a request off `buffer`, when all of it is there.
///
/// # Errors
/// What is wrong with it, in a line.
pub(crate) fn request(buffer: &mut BytesMut) -> Result<Option<Request>, String> {
    let mut config = httparse::ParserConfig::default();
    config.allow_multiple_spaces_in_request_line_delimiters(true);
    let Some(parsed) = parse(buffer, |headers| {
        let mut request = httparse::Request::new(&mut []);
        let status = config.parse_request_with_uninit_headers(&mut request, buffer, headers)?;
        let httparse::Status::Complete(length) = status else { return Ok(None) };
        let copy = Copied::of(buffer, length);
        let method = request.method.unwrap_or_default().to_owned();
        let target = request.path.unwrap_or_default().to_owned();
        let (version, headers) = (version(request.version), copy.headers(request.headers));
        Ok(Some(Request { raw: copy.raw, method, target, version, headers }))
    })?
    else {
        return Ok(None);
    };
    buffer.advance(parsed.raw.len());
    Ok(Some(parsed))
}

/// Takes the head of an answer off `buffer`, when all of it is there.
///
/// # Errors
/// What is wrong with it, in a line.
pub(crate) fn response(buffer: &mut BytesMut) -> Result<Option<Response>, String> {
    let mut config = httparse::ParserConfig::default();
    config
        .allow_spaces_after_header_name_in_responses(true)
        .allow_obsolete_multiline_headers_in_responses(true)
        .allow_multiple_spaces_in_response_status_delimiters(true);
    let Some(parsed) = parse(buffer, |headers| {
        let mut response = httparse::Response::new(&mut []);
        let status = config.parse_response_with_uninit_headers(&mut response, buffer, headers)?;
        let httparse::Status::Complete(length) = status else { return Ok(None) };
        let copy = Copied::of(buffer, length);
        let reason = copy.of_it(response.reason.unwrap_or_default().as_bytes());
        let status = response.code.unwrap_or_default();
        let (version, headers) = (version(response.version), copy.headers(response.headers));
        Ok(Some(Response { raw: copy.raw, status, reason, version, headers }))
    })?
    else {
        return Ok(None);
    };
    buffer.advance(parsed.raw.len());
    Ok(Some(parsed))
}

/// A copy of a head: what is recorded of it would hold on to all of the buffer, which is needed again.
struct Copied {
    raw: Bytes,
    /// Where the head begins in the buffer.
    start: usize,
}

impl Copied {
    fn of(buffer: &BytesMut, length: usize) -> Self {
        Self { raw: Bytes::copy_from_slice(&buffer[..length]), start: buffer.as_ptr() as usize }
    }

    /// What these bytes of the buffer are in the copy.
    fn of_it(&self, bytes: &[u8]) -> Bytes {
        let at = (bytes.as_ptr() as usize).wrapping_sub(self.start);
        // The parser gives constants where there is nothing.
        match at.checked_add(bytes.len()) {
            Some(end) if !bytes.is_empty() && end <= self.raw.len() => self.raw.slice(at..end),
            _ => Bytes::copy_from_slice(bytes),
        }
    }

    fn headers(&self, headers: &[httparse::Header<'_>]) -> Vec<Header> {
        let field = |header: &httparse::Header<'_>| Header {
            name: self.of_it(header.name.as_bytes()),
            value: self.of_it(header.value),
        };
        headers.iter().map(field).collect()
    }
}

type Room<'h, 'b> = &'h mut [std::mem::MaybeUninit<httparse::Header<'b>>];

/// Parses with room for few fields, and for many when they do not fit.
fn parse<'b, T>(
    buffer: &'b BytesMut,
    read: impl Fn(Room<'_, 'b>) -> Result<Option<T>, httparse::Error>,
) -> Result<Option<T>, String> {
    let mut few = [const { std::mem::MaybeUninit::uninit() }; FEW];
    let mut read_all = read(&mut few);
    if matches!(read_all, Err(httparse::Error::TooManyHeaders)) {
        let mut many: Vec<_> = (0..MOST).map(|_| std::mem::MaybeUninit::uninit()).collect();
        read_all = read(&mut many);
    }
    match read_all {
        Ok(None) if buffer.len() > LONGEST => {
            Err(format!("its head is longer than {} KiB", LONGEST / 1024))
        }
        Ok(found) => Ok(found),
        Err(error) => Err(error.to_string()),
    }
}

fn version(minor: Option<u8>) -> HttpVersion {
    if minor == Some(0) { HttpVersion::Http10 } else { HttpVersion::Http11 }
}

/// The values of a field, each as it came.
pub(crate) fn values<'a>(headers: &'a [Header], name: &str) -> impl Iterator<Item = &'a [u8]> {
    headers
        .iter()
        .filter(move |header| header.name.eq_ignore_ascii_case(name.as_bytes()))
        .map(|header| &header.value[..])
}

/// Whether one of the tokens of a list field is this.
pub(crate) fn has_token(headers: &[Header], name: &str, token: &str) -> bool {
    values(headers, name).any(|value| {
        value
            .split(|byte| *byte == b',')
            .any(|one| one.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
    })
}

/// A raw head without the fields of these names, in any case, and with `change` in place of the first
/// line, if it is given. Everything else is as it was, byte for byte.
pub(crate) fn edited(
    raw: &[u8],
    first_line: Option<&[u8]>,
    drop: &dyn Fn(&[u8]) -> Option<Vec<u8>>,
) -> Bytes {
    let mut out = Vec::with_capacity(raw.len() + 64);
    let mut dropping = false;
    for (index, line) in raw.split_inclusive(|byte| *byte == b'\n').enumerate() {
        if index == 0 {
            out.extend_from_slice(first_line.unwrap_or(line));
            continue;
        }
        // A line that begins with a blank continues the field before it.
        if !matches!(line.first(), Some(b' ' | b'\t')) {
            let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
            let replaced = if name.len() < line.len() { drop(name.trim_ascii()) } else { None };
            dropping = replaced.is_some();
            out.extend_from_slice(&replaced.unwrap_or_default());
        }
        if !dropping {
            out.extend_from_slice(line);
        }
    }
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_kept_as_they_came() {
        let bytes = b"GET /a?b HTTP/1.1\r\nhOST: a.test\r\nX-Two:  1 \r\nx-two: 2\r\n\r\nrest";
        let mut buffer = BytesMut::from(&bytes[..]);
        let head = request(&mut buffer).unwrap().unwrap();
        assert_eq!((&head.raw[..], &buffer[..]), (&bytes[..bytes.len() - 4], &b"rest"[..]));
        assert_eq!((head.method.as_str(), head.target.as_str()), ("GET", "/a?b"));
        let fields: Vec<_> = head.headers.iter().map(|h| (&h.name[..], &h.value[..])).collect();
        assert_eq!(fields, [(&b"hOST"[..], &b"a.test"[..]), (b"X-Two", b"1"), (b"x-two", b"2")]);
        assert_eq!(values(&head.headers, "X-TWO").count(), 2);
        assert!(request(&mut BytesMut::from(&b"GET / HTTP/1.1\r\n"[..])).unwrap().is_none());
        assert!(request(&mut BytesMut::from(&b"\x16\x03\x01"[..])).is_err());
    }

    #[test]
    fn many_fields_are_read_and_too_many_are_not() {
        let head = |count| {
            let fields: String = (0..count).map(|n| format!("f{n}: {n}\r\n")).collect();
            BytesMut::from(format!("HTTP/1.1 200 \r\n{fields}\r\n").as_bytes())
        };
        assert_eq!(response(&mut head(500)).unwrap().unwrap().headers.len(), 500);
        assert!(response(&mut head(MOST + 1)).is_err());
        let mut endless = BytesMut::from(&b"HTTP/1.1 200 "[..]);
        endless.resize(LONGEST + 1, b'a');
        assert!(response(&mut endless).is_err());
    }

    #[test]
    fn a_field_is_taken_out_with_its_folded_lines() {
        let raw = b"HTTP/1.1 200 OK\r\nA: 1\r\nAlt-Svc: h3\r\n =\":443\"\r\nb: 2\r\n\r\n";
        let out = edited(raw, None, &|name| name.eq_ignore_ascii_case(b"alt-svc").then(Vec::new));
        assert_eq!(&out[..], b"HTTP/1.1 200 OK\r\nA: 1\r\nb: 2\r\n\r\n");
    }
}
