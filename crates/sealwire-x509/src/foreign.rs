//! Untrusted text, escaped for display.

use std::fmt::{self, Write as _};

/// Text of a certificate, a file or a peer, shown on one line: what does not print is escaped.
///
/// Escaped are Unicode's control, format, surrogate and private characters, its line and paragraph
/// separators, odd spaces and what is not assigned (as `\u{202e}`), and bytes that are not UTF-8 (as
/// `\x9b`). So a name cannot move the cursor, reorder or hide what stands around it, or begin a line
/// of its own. It is for eyes: data that programs read stays as it is.
///
/// ```
/// use sealwire_x509::Foreign;
///
/// assert_eq!(Foreign::new("Käse \u{1b}[31m\r\nverified").to_string(), r"Käse \u{1b}[31m\r\nverified");
/// assert_eq!(Foreign::new(b"\x9b2J").to_string(), r"\x9b2J");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Foreign<'a>(&'a [u8]);

impl<'a> Foreign<'a> {
    /// This text: a `str`, or the bytes that should be one.
    pub fn new(text: &'a (impl AsRef<[u8]> + ?Sized)) -> Self {
        Self(text.as_ref())
    }

    /// Whether a character is shown as it is.
    pub fn prints(character: char) -> bool {
        is_printable(character)
    }

    /// Several, on one line.
    pub fn list(texts: impl IntoIterator<Item = impl AsRef<[u8]>>) -> String {
        let mut shown = String::new();
        for text in texts {
            let comma = if shown.is_empty() { "" } else { ", " };
            let _ = write!(shown, "{comma}{}", Foreign::new(&text));
        }
        shown
    }
}

impl fmt::Display for Foreign<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            let text = chunk.valid();
            if text.chars().all(is_printable) {
                f.write_str(text)?;
            } else {
                for character in text.chars() {
                    if is_printable(character) {
                        f.write_char(character)?;
                    } else {
                        write!(f, "{}", character.escape_debug())?;
                    }
                }
            }
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

/// Whether a character prints, by the standard library's tables. Those escape a mark that combines
/// with nothing; here it has what stands before it.
pub(crate) fn is_printable(character: char) -> bool {
    if character.is_ascii() {
        return matches!(character, ' '..='~');
    }
    let mut pair = [0; 5];
    pair[0] = b'a';
    let length = 1 + character.encode_utf8(&mut pair[1..]).len();
    std::str::from_utf8(&pair[..length]).is_ok_and(|pair| pair.escape_debug().count() == 2)
}

#[cfg(test)]
mod tests {
    use super::{Foreign, is_printable};

    #[test]
    fn what_does_not_print_is_escaped_and_nothing_else() {
        for (text, shown) in [
            ("", ""),
            ("plain, \"quoted\" and \\ 'all'", "plain, \"quoted\" and \\ 'all'"),
            ("Käse 大 e\u{301} नमस्ते 🦀", "Käse 大 e\u{301} नमस्ते 🦀"),
            ("a\nb\r\tc\0\x07\x1b[0m\x7f", r"a\nb\r\tc\0\u{7}\u{1b}[0m\u{7f}"),
            ("\u{9b}31m \u{85}", r"\u{9b}31m \u{85}"),
            (
                "\u{202e}txt \u{2066} \u{200b} \u{feff} \u{ad} \u{e0041}",
                r"\u{202e}txt \u{2066} \u{200b} \u{feff} \u{ad} \u{e0041}",
            ),
            ("\u{2028}\u{2029}\u{a0}\u{3000}", r"\u{2028}\u{2029}\u{a0}\u{3000}"),
        ] {
            assert_eq!(Foreign::new(text).to_string(), shown, "{text:?}");
        }
        // A lone surrogate in what pretends to be UTF-8, an overlong form, and a cut character.
        assert_eq!(
            Foreign::new(b"\xed\xa0\x80|\xc0\xaf|\xe2\x82").to_string(),
            r"\xed\xa0\x80|\xc0\xaf|\xe2\x82"
        );
        assert_eq!(Foreign::list(["a", "b\n"]), r"a, b\n");
    }

    #[test]
    fn of_the_categories_that_do_harm_none_prints() {
        for character in (0..=0x9f).chain(0x2000..=0x206f).filter_map(char::from_u32) {
            let harmless =
                matches!(character, ' '..='~' | '\u{2010}'..='\u{2027}' | '\u{2030}'..='\u{205e}');
            assert_eq!(is_printable(character), harmless, "{:04x}", u32::from(character));
        }
    }
}
