//! PEM blocks in a text ([RFC 7468](https://www.rfc-editor.org/rfc/rfc7468), and
//! [RFC 1421](https://www.rfc-editor.org/rfc/rfc1421) headers), read as generously as OpenSSL does,
//! because files come from mail clients, editors and heredocs.
//!
//! AWS-LC's own reader stops at lines longer than 254 characters and at the first bad block, and
//! counts a byte order mark as part of the first line; so the framing is read here and only base64
//! is AWS-LC's (its decoder runs in constant time, which matters for keys).

use aws_lc_sys as c;
use zeroize::{Zeroize, Zeroizing};

use crate::error::{Error, Problem};

/// One `-----BEGIN LABEL-----` .. `-----END LABEL-----`: the word, its headers, its bytes.
#[derive(Debug)]
pub struct Block<'a> {
    label: &'a str,
    line: usize,
    /// Everything between the two lines.
    body: &'a [u8],
    /// An `END` line with the same label was there.
    closed: bool,
}

/// Every block of the text in order, whatever surrounds it: a byte order mark, CRLF, lines of any
/// width, spaces at their ends, the invisible characters that web pages put around lines. Nothing
/// is decoded yet, so a damaged block that is not used does no harm.
#[must_use]
pub fn blocks(text: &[u8]) -> Vec<Block<'_>> {
    let mut blocks: Vec<Block<'_>> = Vec::new();
    // Where the body of the block that is open begins.
    let mut open = None;
    let mut start = 0;
    for (index, line) in text.split(|&byte| byte == b'\n').enumerate() {
        let next = (start + line.len() + 1).min(text.len());
        let line = visible(line);
        if let Some(label) = boundary(line, b"-----BEGIN ") {
            blocks.push(Block { label, line: index + 1, body: &[], closed: false });
            open = Some(next);
        } else if let Some(label) = boundary(line, b"-----END ") {
            if let Some(block) = blocks.last_mut().filter(|block| block.label == label)
                && let Some(begin) = open
            {
                block.body = &text[begin..start];
                block.closed = true;
            }
            open = None;
        }
        start = next;
    }
    blocks
}

/// A line without what cannot be seen at its ends: blanks at the end, and at both ends the no-break
/// and zero-width spaces of web pages and the byte order marks of editors.
fn visible(mut line: &[u8]) -> &[u8] {
    const INVISIBLE: [&[u8]; 4] = [b"\xC2\xA0", b"\xE2\x80\x8B", b"\xEF\xBB\xBF", b"\xE2\x81\xA0"];
    loop {
        line = line.trim_ascii_end();
        let shorter = INVISIBLE
            .iter()
            .find_map(|&it| line.strip_suffix(it).or_else(|| line.strip_prefix(it)));
        match shorter {
            Some(shorter) => line = shorter,
            None => return line,
        }
    }
}

/// The one private key of a text, whatever its form.
///
/// # Errors
/// [`Problem::NoPemBlock`]; [`Problem::SeveralKeys`] when nothing says which one is meant;
/// [`Problem::Unsupported`] for the forms of other programs, naming theirs.
pub fn private_key(text: &[u8]) -> Result<Block<'_>, Error> {
    let mut keys = blocks(text);
    keys.retain(|block| block.label().ends_with("PRIVATE KEY"));
    if keys.len() > 1 {
        let labels: Vec<_> = keys.iter().map(Block::label).collect();
        return Err(Error::fact(Problem::SeveralKeys, labels.join(", ")));
    }
    let key =
        keys.pop().ok_or_else(|| Error::fact(Problem::NoPemBlock, "expected BEGIN PRIVATE KEY"))?;
    match key.label() {
        "PRIVATE KEY"
        | "ENCRYPTED PRIVATE KEY"
        | "ANY PRIVATE KEY"
        | "RSA PRIVATE KEY"
        | "EC PRIVATE KEY"
        | "DSA PRIVATE KEY" => Ok(key),
        other => Err(Error::fact(Problem::Unsupported, format!("PEM block {other}"))),
    }
}

/// Whether the bytes are PEM rather than DER: the beginning of a block is somewhere in them.
#[must_use]
pub fn is_pem(bytes: &[u8]) -> bool {
    const BEGIN: &[u8] = b"-----BEGIN ";
    bytes.windows(BEGIN.len()).any(|window| window == BEGIN)
}

/// One PEM block around the bytes, 64 characters a line. No copy is left behind, so a key may be
/// written when the caller wipes the text.
#[must_use]
pub fn encode(label: &str, der: &[u8]) -> String {
    // Three bytes become four characters, and EVP_EncodeBlock writes a NUL after them.
    let mut base64 = Zeroizing::new(vec![0u8; der.len().div_ceil(3) * 4 + 1]);
    // SAFETY: `der.len()` readable bytes, and as many writable ones as the encoder fills.
    let len = unsafe { c::EVP_EncodeBlock(base64.as_mut_ptr(), der.as_ptr(), der.len()) };
    let frame = "-----BEGIN -----\n-----END -----\n".len() + 2 * label.len();
    // All of it at once: a text that grows would leave copies.
    let mut text = String::with_capacity(frame + len + len.div_ceil(64));
    text.extend(["-----BEGIN ", label, "-----\n"]);
    for line in base64[..len].chunks(64) {
        text.extend(line.iter().map(|&byte| char::from(byte)));
        text.push('\n');
    }
    text.extend(["-----END ", label, "-----\n"]);
    text
}

impl<'a> Block<'a> {
    /// The word after `BEGIN`: `CERTIFICATE`, `PRIVATE KEY`.
    #[must_use]
    pub fn label(&self) -> &'a str {
        self.label
    }

    /// The line of the `BEGIN`, counted from 1.
    #[must_use]
    pub fn line(&self) -> usize {
        self.line
    }

    /// The bytes of the block. Wiped when dropped, since they may be a key.
    ///
    /// # Errors
    /// [`Problem::Malformed`], naming the line: no `END` line of the same label, or not base64.
    pub fn decode(&self) -> Result<Zeroizing<Vec<u8>>, Error> {
        if !self.closed {
            return Err(self.malformed("has no END line"));
        }
        let lines = self.lines().skip(self.header_lines());
        let mut base64 = Zeroizing::new(Vec::with_capacity(self.body.len()));
        base64.extend(lines.flatten().filter(|byte| !byte.is_ascii_whitespace()));

        let mut der = Zeroizing::new(vec![0u8; base64.len() / 4 * 3]);
        let mut len = 0;
        // SAFETY: as many readable and writable bytes as the lengths say.
        let ok = unsafe {
            c::EVP_DecodeBase64(
                der.as_mut_ptr(),
                &raw mut len,
                der.len(),
                base64.as_ptr(),
                base64.len(),
            )
        };
        if ok != 1 {
            return Err(self.malformed("is not base64"));
        }
        der[len..].zeroize();
        der.truncate(len);
        Ok(der)
    }

    /// Reads what the block holds; when that is broken, the error names the block's line.
    ///
    /// # Errors
    /// Those of [`decode`](Self::decode), and what `read` says.
    pub fn parse<T>(&self, read: impl FnOnce(&[u8]) -> Result<T, Error>) -> Result<T, Error> {
        read(&self.decode()?).map_err(|error| match error.problem() {
            Problem::Malformed => error.at_line(self.line),
            _ => error,
        })
    }

    /// The `Name: value` lines before the first empty line, as one text; empty without such lines.
    #[must_use]
    pub fn headers(&self) -> String {
        let lines = self.lines().take(self.header_lines());
        lines.map(|line| String::from_utf8_lossy(line) + "\n").collect()
    }

    fn lines(&self) -> impl Iterator<Item = &'a [u8]> {
        self.body.split(|&byte| byte == b'\n').map(visible)
    }

    fn header_lines(&self) -> usize {
        let headed = self.lines().next().is_some_and(|line| line.contains(&b':'));
        if headed { self.lines().take_while(|line| !line.is_empty()).count() } else { 0 }
    }

    fn malformed(&self, what: &str) -> Error {
        Error::fact(Problem::Malformed, format!("the PEM block {} {what}", self.label))
            .at_line(self.line)
    }
}

fn boundary<'a>(line: &'a [u8], start: &[u8]) -> Option<&'a str> {
    let label = std::str::from_utf8(line.strip_prefix(start)?.strip_suffix(b"-----")?).ok()?;
    // More than a label: a block whose line ends are lost is one line.
    (!label.contains("-----")).then_some(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(text: &str) -> Result<Vec<u8>, Error> {
        blocks(text.as_bytes())[0].decode().map(|der| der.to_vec())
    }

    #[test]
    fn reads_what_people_paste() {
        for text in [
            "-----BEGIN X-----\nAQIDBAU=\n-----END X-----",
            "\u{feff}-----BEGIN X-----\r\nAQID\r\nBAU=\r\n-----END X-----\r\n",
            "subject=/CN=a\n-----BEGIN X-----  \n A Q I D\nBAU=  \n\n-----END X----- \t\n",
            "-----BEGIN X-----\nA: b\n c\n\nAQIDBAU=\n-----END X-----\n",
            "\u{200b}-----BEGIN X-----\u{a0}\nAQIDBAU=\u{a0} \n-----END X-----\u{a0}\u{200b}\n",
        ] {
            assert_eq!(only(text).unwrap(), [1, 2, 3, 4, 5], "{text:?}");
        }
    }

    #[test]
    fn says_what_is_wrong_with_a_block() {
        for (text, reason) in [
            ("-----BEGIN X-----\nAQID", "line 1: the PEM block X has no END line"),
            ("-----BEGIN X-----\nAQID\n-----END Y-----", "line 1: the PEM block X has no END line"),
            ("-----BEGIN X-----\nAQI\n-----END X-----", "line 1: the PEM block X is not base64"),
            ("-----BEGIN X-----\nAQ*D\n-----END X-----", "line 1: the PEM block X is not base64"),
        ] {
            assert_eq!(only(text).unwrap_err().to_string(), format!("malformed: {reason}"));
        }
        assert!(blocks(b"  -----BEGIN X-----\nAQID\n  -----END X-----\n").is_empty());
    }

    #[test]
    fn a_damaged_block_does_not_hide_the_next() {
        let text = b"-----BEGIN A-----\n***\n-----BEGIN B-----\nAQID\n-----END B-----\n";
        let blocks = blocks(text);
        let found: Vec<_> = blocks.iter().map(|block| (block.label(), block.line())).collect();
        assert_eq!(found, [("A", 1), ("B", 3)]);
        assert_eq!(*blocks[1].decode().unwrap(), [1, 2, 3]);
    }

    #[test]
    fn writes_what_it_reads() {
        for len in [0, 1, 2, 3, 47, 48, 49, 200] {
            let der: Vec<u8> = (0..len).map(|byte: u8| byte.wrapping_mul(37)).collect();
            let text = encode("X", &der);
            assert_eq!(text.len(), text.capacity(), "written in one piece");
            assert!(text.lines().all(|line| line.len() <= 64));
            assert_eq!(only(&text).unwrap(), der);
        }
    }
}
