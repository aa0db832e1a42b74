//! BER to DER: NSS, BouncyCastle and old Windows write PFX and PKCS#7 files with indefinite lengths
//! and octet strings in pieces, which a DER reader refuses.

/// What is wrong with it.
type Why = &'static str;

const CONSTRUCTED: u8 = 0x20;
const OCTET_STRING: u8 = 0x04;
/// Such files nest about ten levels deep.
const DEEPEST: usize = 32;

/// The same values with definite lengths and whole octet strings. DER comes out as it went in.
pub(super) fn to_der(ber: &[u8]) -> Result<Vec<u8>, Why> {
    let mut input = Input { bytes: ber };
    let der = input.value(0)?;
    if input.bytes.is_empty() { Ok(der) } else { Err("bytes follow its end") }
}

/// The contents of an octet string that is tagged implicitly, whole or in pieces: the one place
/// where [`to_der`] cannot tell what the tag stands for.
pub(super) fn implicit_octets(tag: u8, content: &[u8]) -> Result<Vec<u8>, Why> {
    if tag & CONSTRUCTED == 0 {
        return Ok(content.to_vec());
    }
    let mut input = Input { bytes: content };
    let mut whole = Vec::new();
    while !input.bytes.is_empty() {
        let (piece_tag, piece) = input.definite()?;
        if piece_tag != OCTET_STRING {
            return Err("an OCTET STRING has segments of another type");
        }
        whole.extend_from_slice(piece);
    }
    Ok(whole)
}

struct Input<'a> {
    bytes: &'a [u8],
}

impl<'a> Input<'a> {
    /// Reads one value of any form and gives its DER.
    fn value(&mut self, depth: usize) -> Result<Vec<u8>, Why> {
        if depth > DEEPEST {
            return Err("it is nested too deeply");
        }
        let tag = self.byte()?;
        if tag & 0x1f == 0x1f {
            return Err("tags of more than one byte are not supported");
        }
        let content = match self.length()? {
            Some(length) if tag & CONSTRUCTED == 0 => self.take(length)?.to_vec(),
            Some(length) => {
                let mut inner = Input { bytes: self.take(length)? };
                let mut content = Vec::new();
                while !inner.bytes.is_empty() {
                    content.extend(inner.value(depth + 1)?);
                }
                content
            }
            None if tag & CONSTRUCTED == 0 => return Err("a length is missing"),
            None => {
                let mut content = Vec::new();
                while !self.bytes.starts_with(&[0, 0]) {
                    content.extend(self.value(depth + 1)?);
                }
                self.take(2)?;
                content
            }
        };
        if tag == OCTET_STRING | CONSTRUCTED {
            return Ok(encode(OCTET_STRING, &implicit_octets(tag, &content)?));
        }
        Ok(encode(tag, &content))
    }

    fn definite(&mut self) -> Result<(u8, &'a [u8]), Why> {
        let tag = self.byte()?;
        let length = self.length()?.ok_or("a length is missing")?;
        Ok((tag, self.take(length)?))
    }

    /// `None` is the indefinite form.
    fn length(&mut self) -> Result<Option<usize>, Why> {
        match self.byte()? {
            short @ ..0x80 => Ok(Some(usize::from(short))),
            0x80 => Ok(None),
            long => {
                let bytes = self.take(usize::from(long & 0x7f))?;
                let bytes = &bytes[bytes.iter().take_while(|byte| **byte == 0).count()..];
                if bytes.len() > 4 {
                    return Err("a length is too large");
                }
                Ok(Some(bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte))))
            }
        }
    }

    fn byte(&mut self) -> Result<u8, Why> {
        Ok(self.take(1)?[0])
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], Why> {
        let (taken, rest) = self.bytes.split_at_checked(count).ok_or("it ends too early")?;
        self.bytes = rest;
        Ok(taken)
    }
}

fn encode(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut der = vec![tag];
    let length = content.len();
    if length < 0x80 {
        der.push(length as u8);
    } else {
        let bytes = length.to_be_bytes();
        let significant = &bytes[bytes.iter().take_while(|byte| **byte == 0).count()..];
        der.push(0x80 | significant.len() as u8);
        der.extend_from_slice(significant);
    }
    der.extend_from_slice(content);
    der
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn der_stays_and_ber_becomes_der() {
        let der = [0x30, 0x06, 0x04, 0x01, 0xAA, 0x02, 0x01, 0x05];
        assert_eq!(to_der(&der).unwrap(), der);
        let indefinite = [0x30, 0x80, 0x04, 0x01, 0xAA, 0x02, 0x01, 0x05, 0, 0];
        assert_eq!(to_der(&indefinite).unwrap(), der);
        let pieces = [0x24, 0x80, 0x04, 0x01, 1, 0x24, 0x03, 0x04, 0x01, 2, 0, 0];
        assert_eq!(to_der(&pieces).unwrap(), [0x04, 0x02, 1, 2]);
        let long = [0x30, 0x83, 0, 0, 0x03, 0x02, 0x01, 0x05];
        assert_eq!(to_der(&long).unwrap(), [0x30, 0x03, 0x02, 0x01, 0x05]);
        let large = encode(0x04, &[7; 300]);
        assert_eq!(to_der(&large).unwrap(), large);
        assert_eq!(large[..4], [0x04, 0x82, 0x01, 0x2C]);
    }

    #[test]
    fn nonsense_is_refused() {
        for bad in [
            &[][..],
            &[0x30],
            &[0x30, 0x05, 0x02],
            &[0x30, 0x80, 0x02, 0x01, 0x05],
            &[0x04, 0x80, 0, 0],
            &[0x30, 0x00, 0x00],
            &[0x3f, 0x01, 0x00],
            &[0x30, 0x85, 1, 1, 1, 1, 1],
            &[0x24, 0x03, 0x02, 0x01, 0x05],
        ] {
            assert!(to_der(bad).is_err(), "{bad:?}");
        }
        let deep: Vec<u8> = [0x30, 0x80].repeat(1000);
        assert!(to_der(&deep).is_err());
    }
}
