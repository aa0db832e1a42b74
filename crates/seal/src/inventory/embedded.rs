//! PEM within other texts: indented as YAML has it, in one string as JSON has it, and as base64 of base64 in
//! kubeconfig files and Secrets of Kubernetes.

use std::borrow::Cow;

use base64ct::{Base64, Encoding};
use memchr::memmem;
use zeroize::Zeroizing;

/// The text with its PEM blocks on lines of their own.
pub(super) fn straightened(text: &[u8]) -> Cow<'_, [u8]> {
    let escaped = memmem::find(text, b"-----\\n").is_some();
    let is_indented = |at: usize| at > 0 && !matches!(text[at - 1], b'\n' | b'\r' | b'-');
    let indented = memmem::find_iter(text, b"-----BEGIN ").any(is_indented);
    if !escaped && !indented {
        return Cow::Borrowed(text);
    }
    let mut lines = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        // A line end of JSON; its escape for the slash of base64.
        (rest, _) = match (byte, after.first()) {
            (b'\\', Some(b'n' | b'r')) => (&after[1..], lines.push(b'\n')),
            (b'\\', Some(b'/')) => (&after[1..], lines.push(b'/')),
            // .NET writes the plus sign of base64 so.
            (b'\\', Some(b'u')) => match ascii(&after[1..]) {
                Some(ascii) => (&after[5..], lines.push(ascii)),
                None => (after, lines.push(byte)),
            },
            _ => (after, lines.push(byte)),
        };
    }
    let mut straight = Vec::with_capacity(lines.len());
    for line in lines.split(|byte| *byte == b'\n') {
        let mut line = line.trim_ascii();
        let end = line.strip_prefix(b"-----END ").and_then(|rest| memmem::find(rest, b"-----"));
        let begin = memmem::find(line, b"-----BEGIN ");
        if let Some(end) = end {
            let (ended, rest) = line.split_at(9 + end + 5);
            straight.extend_from_slice(ended);
            straight.push(b'\n');
            line = rest;
            // The next block may begin on the line that ends the one before.
            if begin.is_none() {
                continue;
            }
        }
        // What stands before a block on its line: a key, a quotation mark.
        let begin = memmem::find(line, b"-----BEGIN ").unwrap_or(0);
        straight.extend_from_slice(&line[begin..]);
        straight.push(b'\n');
    }
    Cow::Owned(straight)
}

/// The ASCII character whose code these four hexadecimal digits are.
fn ascii(digits: &[u8]) -> Option<u8> {
    let digits = std::str::from_utf8(digits.get(..4)?).ok()?;
    u8::from_str_radix(digits, 16).ok().filter(u8::is_ascii)
}

/// The texts with PEM that lie in base64, each with the name that stands before it, or its line. In place of one
/// whose base64 is broken stands nothing.
pub(super) fn texts(text: &[u8]) -> Vec<(String, Option<Zeroizing<Vec<u8>>>)> {
    /// `-----BEGIN `, as far as the next three bytes do not count.
    const BEGIN: &[u8] = b"LS0tLS1CRUdJTi";
    /// What is shorter is not a certificate: a program that looks for some, as this one.
    const SHORTEST: usize = 100;
    let mut found = Vec::new();
    let mut from = 0;
    let mut line = 1;
    while let Some(at) = memmem::find(&text[from..], BEGIN) {
        let start = from + at;
        let is_base64 =
            |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
        let length = text[start..].iter().position(|byte| !is_base64(byte));
        let end = length.map_or(text.len(), |length| start + length);
        line += text[from..start].iter().filter(|byte| **byte == b'\n').count();
        let whole = wrapped(text, start, end, is_base64);
        let mut decoded = whole.as_ref().and_then(|(value, _)| decode(value));
        let end = match (&decoded, whole) {
            (Some(_), Some((_, end))) => end,
            _ => {
                decoded = decode(&text[start..end]);
                end
            }
        };
        if decoded.is_some() || end - start >= SHORTEST {
            let name = name(text, start).unwrap_or_else(|| format!("line {line}"));
            found.push((name, decoded));
        }
        from = end;
    }
    found
}

fn decode(text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let text = std::str::from_utf8(text).ok()?;
    Base64::decode_vec(text).ok().map(Zeroizing::new)
}

/// A value that continues in the next lines, without what divides them, and where it ends: `base64` breaks its lines
/// at 76 characters, and YAML has them indented. `None` of one that ends with its line.
fn wrapped(
    text: &[u8],
    start: usize,
    end: usize,
    is_base64: impl Fn(&u8) -> bool,
) -> Option<(Zeroizing<Vec<u8>>, usize)> {
    /// No encoder breaks lines so early.
    const SHORTEST_LINE: usize = 16;
    let width = end - start;
    let mut value = Zeroizing::new(text[start..end].to_vec());
    let mut at = end;
    while width >= SHORTEST_LINE && !value.ends_with(b"=") {
        let rest = &text[at..];
        let Some(next) = rest.strip_prefix(b"\n").or_else(|| rest.strip_prefix(b"\r\n")) else {
            break;
        };
        let line = next.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let part = line.trim_ascii();
        if part.is_empty() || part.len() > width || !part.iter().all(&is_base64) {
            break;
        }
        value.extend_from_slice(part);
        at = text.len() - next.len() + line.len() - usize::from(line.ends_with(b"\r"));
        if part.len() < width {
            break;
        }
    }
    (at > end).then_some((value, at))
}

/// What the value that begins at `start` is called: `tls.crt: LS0..`, `"tls.crt": "LS0.."`; of a block of YAML
/// (`tls.crt: |`) on the line before.
fn name(text: &[u8], start: usize) -> Option<String> {
    /// A line may be all of a long text.
    const LONGEST: usize = 256;
    let before = &text[start.saturating_sub(LONGEST)..start];
    let line_of = |text: &[u8]| text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let line = line_of(before);
    let mut word = String::from_utf8_lossy(&before[line..]).into_owned();
    if line > 0 && word.trim().is_empty() {
        let above = before[..line].trim_ascii_end();
        let above = String::from_utf8_lossy(&above[line_of(above)..]).into_owned();
        let is_block = above.trim_end_matches(['-', '+']).ends_with(['|', '>']);
        word =
            if is_block { above.trim_end_matches(['-', '+', '|', '>']).to_owned() } else { word };
    }
    let word = word.trim_end_matches([' ', '"', '\'', '\t']).trim_end_matches([':', '=']);
    let word = word.trim_end_matches('"').rsplit([' ', '"', '\'', '{', ',', '\t']).next();
    word.filter(|word| !word.is_empty() && *word != "-").map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::{straightened, texts};

    const BLOCK: &str = "-----BEGIN A-----\nYQ==\n-----END A-----";

    #[test]
    fn blocks_get_lines_of_their_own() {
        let indented = BLOCK.replace('\n', "\n    ");
        let escaped = BLOCK.replace('\n', "\\n");
        for text in [
            format!("a: |\n    {indented}\nb: 1\n"),
            format!("{{\"a\": \"{escaped}\\n\", \"b\": \"c\"}}"),
            format!("A=\"{escaped}\"\n"),
            format!("[{{\"a\":\"{escaped}\"}},{{\"a\":\"{escaped}\"}}]"),
        ] {
            let straight = String::from_utf8(straightened(text.as_bytes()).into_owned()).unwrap();
            let (found, there) = (straight.matches(BLOCK), text.matches("BEGIN"));
            assert_eq!(found.count(), there.count(), "{text}: {straight}");
        }
        let plus = straightened(br"x-----BEGIN A-----\nYQ\u002B\u002bYQ\u00e9\n-----END A-----");
        assert!(plus.windows(12).any(|part| part == br"YQ++YQ\u00e9"), "{plus:?}");
        assert!(matches!(straightened(BLOCK.as_bytes()), std::borrow::Cow::Borrowed(_)));
    }

    #[test]
    fn base64_of_pem_is_found_under_its_name() {
        use base64ct::{Base64, Encoding};
        let value = Base64::encode_string(BLOCK.as_bytes());
        for (text, name) in [
            (format!("data:\n  tls.crt: {value}\n  other: YQ==\n"), "tls.crt"),
            (format!("{{\"data\":{{\"tls.crt\":\"{value}\"}}}}"), "tls.crt"),
            (format!("a: >-\n  {value}\n"), "a"),
            (format!("x: 1\n  \"b\": |\r\n    {value}\n"), "b"),
            (format!("a:\n- {value}\n"), "line 2"),
            (format!("CERT='{value}'"), "CERT"),
        ] {
            let found = texts(text.as_bytes());
            assert_eq!(found.len(), 1, "{text}");
            assert_eq!(
                (found[0].0.as_str(), &found[0].1.as_ref().unwrap()[..]),
                (name, BLOCK.as_bytes())
            );
        }
        // Broken into lines, as `base64` does.
        let long = Base64::encode_string(BLOCK.replace("YQ==", &"YQ==".repeat(50)).as_bytes());
        let chars: Vec<char> = long.chars().collect();
        for (head, indent, line_end) in
            [("a: |\n  ", "  ", "\n"), ("a: >-\r\n    ", "    ", "\r\n"), ("", "", "\n")]
        {
            let lines: Vec<String> = chars.chunks(76).map(String::from_iter).collect();
            let text =
                format!("{head}{}{line_end}b: 1\n", lines.join(&format!("{line_end}{indent}")));
            let found = texts(text.as_bytes());
            assert_eq!(found.len(), 1, "{text}");
            assert!(found[0].1.as_ref().unwrap().ends_with(b"-----END A-----"), "{text}");
        }
        // Cut off: not base64 any longer.
        assert!(texts(&value.as_bytes()[..value.len() - 3]).is_empty());
        assert_eq!(texts(&long.as_bytes()[..long.len() - 3]), [("line 1".to_owned(), None)]);
    }
}
