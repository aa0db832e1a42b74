//! PEM as people have it: one lenient reader, one strict writer.
//!
//! The reader takes what OpenSSL takes (a byte-order mark, CRLF, text around the blocks, lines of
//! any width, headers after the label), because files come from mail clients, editors and heredocs.

use base64ct::{Base64, Encoding as _};
use der::pem::LineEnding;
use zeroize::Zeroizing;

use super::{Error, Problem};

/// One `-----BEGIN LABEL-----` .. `-----END LABEL-----`.
pub(crate) struct Block<'a> {
    pub(crate) label: &'a str,
    /// The line of the BEGIN, counted from 1: errors name it.
    pub(crate) line: usize,
    body: Vec<&'a str>,
}

impl Block<'_> {
    /// Whether there are headers before the base64 (`Proc-Type: 4,ENCRYPTED`).
    pub(crate) fn has_headers(&self) -> bool {
        self.body.first().is_some_and(|line| line.contains(':'))
    }

    /// The bytes inside. Wiped when dropped, since the block may be a key.
    pub(crate) fn decode(&self) -> Result<Zeroizing<Vec<u8>>, Error> {
        let base64: Zeroizing<String> = Zeroizing::new(
            self.body.iter().flat_map(|line| line.split_ascii_whitespace()).collect(),
        );
        Base64::decode_vec(&base64).map(Zeroizing::new).map_err(|_| {
            Error::new(
                Problem::Malformed,
                format!("line {}: the base64 of the {} block is broken", self.line, self.label),
            )
        })
    }
}

/// Every block of `input`, in order. A block that does not end is an error; text between blocks
/// is not.
pub(crate) fn blocks(input: &[u8]) -> Result<Vec<Block<'_>>, Error> {
    let mut found = Vec::new();
    let mut open: Option<Block<'_>> = None;
    for (index, line) in input.split(|&b| b == b'\n').enumerate() {
        // Only the text around the blocks may be anything but ASCII, and that is skipped.
        let Ok(line) = std::str::from_utf8(line) else { continue };
        let line = line.trim_start_matches('\u{feff}').trim_end();
        match &mut open {
            None => {
                if let Some(label) = boundary(line, "BEGIN") {
                    open = Some(Block { label, line: index + 1, body: Vec::new() });
                }
            }
            Some(block) => {
                if boundary(line, "END") == Some(block.label) {
                    found.extend(open.take());
                } else if line.starts_with("-----") {
                    return Err(unterminated(block));
                } else {
                    block.body.push(line);
                }
            }
        }
    }
    match open {
        Some(block) => Err(unterminated(&block)),
        None => Ok(found),
    }
}

/// Whether `input` is PEM rather than DER.
pub(crate) fn is_pem(input: &[u8]) -> bool {
    const BEGIN: &[u8] = b"-----BEGIN ";
    input.windows(BEGIN.len()).any(|window| window == BEGIN)
}

/// `der` under `label`, lines of 64, ending in a line end.
pub(crate) fn encode(label: &'static str, der: &[u8]) -> String {
    der::pem::encode_string(label, LineEnding::LF, der)
        .expect("the label is one of ours and the length fits in memory")
}

fn boundary<'a>(line: &'a str, verb: &str) -> Option<&'a str> {
    line.strip_prefix("-----")?.strip_prefix(verb)?.strip_prefix(' ')?.strip_suffix("-----")
}

fn unterminated(block: &Block<'_>) -> Error {
    Error::new(
        Problem::Malformed,
        format!("line {}: the {} block has no END line", block.line, block.label),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_editors_and_mail_clients_make_of_pem() {
        let plain = encode("CERTIFICATE REQUEST", &[7; 100]);
        let one_line = {
            let body: String = plain.lines().filter(|l| !l.starts_with('-')).collect();
            format!(
                "-----BEGIN CERTIFICATE REQUEST-----\n{body}\n-----END CERTIFICATE REQUEST-----"
            )
        };
        for text in [
            plain.clone(),
            one_line,
            plain.replace('\n', "\r\n"),
            plain.replace('\n', "  \n"),
            format!("\u{feff}{plain}"),
            format!("Here is my request, Zoë:\n{plain}Thanks"),
        ] {
            let blocks = blocks(text.as_bytes()).unwrap();
            assert_eq!(blocks.len(), 1, "{text}");
            assert_eq!(blocks[0].label, "CERTIFICATE REQUEST");
            assert_eq!(*blocks[0].decode().unwrap(), [7; 100]);
        }
    }

    #[test]
    fn names_the_line_of_a_broken_block() {
        let cut = "text\n-----BEGIN X-----\nAAAA\n";
        assert_eq!(
            blocks(cut.as_bytes()).err().unwrap().to_string(),
            "line 2: the X block has no END line"
        );
        let garbled = "-----BEGIN X-----\nAA!A\n-----END X-----\n";
        let block = blocks(garbled.as_bytes()).unwrap();
        assert_eq!(
            block[0].decode().unwrap_err().to_string(),
            "line 1: the base64 of the X block is broken"
        );
    }
}
