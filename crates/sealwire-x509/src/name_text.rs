//! The one text form in which names are shown:
//! [RFC 4514](https://www.rfc-editor.org/rfc/rfc4514)'s, the most specific part first.

use std::fmt::{Display, Formatter, Result, Write};

use crate::foreign::is_printable;

/// An attribute of a name: its name, and its text, or `#` and the DER of a value that has no text in
/// hexadecimal.
pub type ShownAttribute = (String, std::result::Result<String, String>);

/// A name as [RFC 4514](https://www.rfc-editor.org/rfc/rfc4514)
/// writes it, of its relative names in the order of the encoding:
/// `CN=localhost,O=Sealwire\, Inc.,C=DE`. Every name that is shown passes through here.
pub struct Rfc4514<'a>(pub &'a [Vec<ShownAttribute>]);

impl Display for Rfc4514<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        for (i, rdn) in self.0.iter().rev().enumerate() {
            for (j, (name, value)) in rdn.iter().enumerate() {
                let divider = match (i, j) {
                    (0, 0) => "",
                    (_, 0) => ",",
                    _ => "+",
                };
                write!(f, "{divider}{name}=")?;
                match value {
                    Ok(text) => write_escaped(text, f)?,
                    Err(hex) => f.write_str(hex)?,
                }
            }
        }
        Ok(())
    }
}

/// [RFC 4514, section 2.4](https://www.rfc-editor.org/rfc/rfc4514#section-2.4);
/// what does not print as hex too, so that one name is one line.
fn write_escaped(value: &str, f: &mut Formatter<'_>) -> Result {
    let last = value.char_indices().next_back().map(|(i, _)| i);
    for (i, c) in value.char_indices() {
        match c {
            ' ' if i == 0 || Some(i) == last => f.write_str("\\ ")?,
            '#' if i == 0 => f.write_str("\\#")?,
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' => write!(f, "\\{c}")?,
            c if !is_printable(c) => {
                for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                    write!(f, "\\{byte:02X}")?;
                }
            }
            c => f.write_char(c)?,
        }
    }
    Ok(())
}
