//! Fingerprints of a ClientHello: they identify the client software, whatever server it connects
//! to.

use std::fmt::Write as _;

use aws_lc_rs::digest::{SHA256, digest};
use md5::{Digest as _, Md5};

use super::client_hello::ClientHello;
use super::names;

impl ClientHello {
    /// The string whose MD5 is JA3 (salesforce/ja3): version, suites, extensions, groups, formats.
    pub fn ja3_text(&self) -> String {
        let join = |numbers: &mut dyn Iterator<Item = u16>| {
            let kept: Vec<String> =
                numbers.filter(|n| !names::is_grease(*n)).map(|n| n.to_string()).collect();
            kept.join("-")
        };
        format!(
            "{},{},{},{},{}",
            self.legacy_version().unwrap_or(0),
            join(&mut self.cipher_suites().iter().copied()),
            join(&mut self.extensions().map(|(kind, _)| kind)),
            join(&mut self.named_groups().iter().copied()),
            join(&mut self.point_formats().iter().map(|format| u16::from(*format)))
        )
    }

    /// JA3: of no use for clients that shuffle their extensions, as Chromium does.
    pub fn ja3(&self) -> String {
        hex(&Md5::digest(self.ja3_text().as_bytes()))
    }

    /// JA4 (FoxIO, technical details of JA4): sorted, so that shuffling does not change it.
    pub fn ja4(&self) -> String {
        let plain = |numbers: &mut dyn Iterator<Item = u16>| -> Vec<String> {
            numbers.filter(|n| !names::is_grease(*n)).map(|n| format!("{n:04x}")).collect()
        };
        let mut suites = plain(&mut self.cipher_suites().iter().copied());
        let mut extensions = plain(&mut self.extensions().map(|(kind, _)| kind));
        let version = match self.newest_version() {
            0x0304 => "13",
            0x0303 => "12",
            0x0302 => "11",
            0x0301 => "10",
            0x0300 => "s3",
            0x0002 => "s2",
            _ => "00",
        };
        let sni = if self.extensions().get(0).is_some() { 'd' } else { 'i' };
        let mut text = format!(
            "t{version}{sni}{:02}{:02}{}",
            suites.len().min(99),
            extensions.len().min(99),
            alpn_ends(self.alpn().first())
        );
        suites.sort();
        // The server that it connects to is not part of the fingerprint.
        extensions.retain(|kind| kind != "0000" && kind != "0010");
        extensions.sort();
        let schemes = plain(&mut self.signature_schemes().iter().copied());
        let mut second = extensions.join(",");
        if !schemes.is_empty() {
            let _ = write!(second, "_{}", schemes.join(","));
        }
        let _ = write!(text, "_{}_{}", short_hash(&suites.join(",")), short_hash(&second));
        text
    }
}

/// First and last character of the first protocol, `00` for none.
fn alpn_ends(first: Option<&Vec<u8>>) -> String {
    let Some(name) = first.filter(|name| !name.is_empty()) else { return "00".to_owned() };
    let (start, end) = (name[0], name[name.len() - 1]);
    if start.is_ascii_alphanumeric() && end.is_ascii_alphanumeric() {
        format!("{}{}", char::from(start), char::from(end))
    } else {
        format!("{:x}{:x}", start >> 4, end & 0x0f)
    }
}

fn short_hash(text: &str) -> String {
    if text.is_empty() {
        return "000000000000".to_owned();
    }
    hex(&digest(&SHA256, text.as_bytes()).as_ref()[..6])
}

/// Two digits for each byte. Of a handshake that is told there are some five thousand: with `format!` for each they
/// took half a millisecond.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
    digits.map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

#[cfg(test)]
mod tests {
    use super::{ClientHello, short_hash};

    fn numbers(list: &[u16]) -> Vec<u8> {
        let bytes: Vec<u8> = list.iter().flat_map(|number| number.to_be_bytes()).collect();
        [&u16::try_from(bytes.len()).unwrap().to_be_bytes()[..], &bytes].concat()
    }

    /// The example of JA4's technical details: Chrome, whose parts are given there.
    #[test]
    fn fingerprints_are_those_of_their_definitions() {
        let suites = [
            0x2a2a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013,
            0xc014, 0x009c, 0x009d, 0x002f, 0x0035,
        ];
        let extensions: [u16; 17] = [
            0x3a3a, 0x001b, 0x0000, 0x0033, 0x0010, 0x4469, 0x0017, 0x002d, 0x000d, 0x0005, 0x0023,
            0x0012, 0x002b, 0xff01, 0x000b, 0x000a, 0x0015,
        ];
        let schemes = [0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601];
        let mut list = Vec::new();
        for kind in extensions {
            let body = match kind {
                0x0000 => b"\0\x0e\0\0\x0bexample.com".to_vec(),
                0x000a => numbers(&[0x4a4a, 29, 23, 24]),
                0x000b => vec![1, 0],
                0x000d => numbers(&schemes),
                0x0010 => b"\0\x0c\x02h2\x08http/1.1".to_vec(),
                0x002b => vec![6, 0x0a, 0x0a, 3, 4, 3, 3],
                0xff01 => vec![0],
                _ => Vec::new(),
            };
            list.extend(kind.to_be_bytes());
            list.extend(u16::try_from(body.len()).unwrap().to_be_bytes());
            list.extend(body);
        }
        let length = u16::try_from(list.len()).unwrap().to_be_bytes();
        let fixed = [&[3, 3][..], &[7; 32], &[0], &numbers(&suites), &[1, 0]].concat();
        let body = [&fixed[..], &length, &list].concat();
        let header = [&[1, 0][..], &u16::try_from(body.len()).unwrap().to_be_bytes()].concat();
        let hello = ClientHello::parse(&[header, body].concat()).unwrap();
        assert_eq!(hello.ja4(), "t13d1516h2_8daaf6152771_e5627efa2ab1");
        assert!(hello.has_grease() && hello.newest_version() == 0x0304);
        assert_eq!(
            hello.ja3_text(),
            "771,4865-4866-4867-49195-49199-49196-49200-52393-52392-49171-49172-156-157-47-53,\
             27-0-51-16-17513-23-45-13-5-35-18-43-65281-11-10-21,29-23-24,0"
        );
        assert_eq!(hello.ja3(), "c000e2caf3a25423f9de6c8a4b12a975");
        assert_eq!(short_hash(""), "000000000000");
    }
}
