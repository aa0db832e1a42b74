//! A ClientHello, read to the last field, and its fingerprints.

use std::fmt::Write as _;

use aws_lc_rs::digest::{SHA256, digest};
use md5::{Digest as _, Md5};
use serde::Serialize;

use super::names;
use super::wire::{self, Fields};

/// What a client says first.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct ClientHello {
    /// With the header of the message.
    pub(crate) bytes: usize,
    pub(crate) legacy_version: u16,
    pub(crate) session_id_bytes: usize,
    pub(crate) cipher_suites: Vec<u16>,
    pub(crate) compressions: Vec<u8>,
    /// Types in the order sent, with the length of each.
    pub(crate) extensions: Vec<(u16, usize)>,
    pub(crate) server_name: Option<String>,
    pub(crate) alpn: Vec<String>,
    pub(crate) versions: Vec<u16>,
    pub(crate) groups: Vec<u16>,
    pub(crate) point_formats: Vec<u8>,
    pub(crate) signature_schemes: Vec<u16>,
    /// Groups with a share, and how long it is.
    pub(crate) key_shares: Vec<(u16, usize)>,
}

impl ClientHello {
    /// Reads the content of the message, without its header of four bytes.
    pub(crate) fn parse(content: &[u8]) -> Option<Self> {
        let mut fields = Fields(content);
        let mut hello =
            Self { bytes: content.len() + 4, legacy_version: fields.u16()?, ..Self::default() };
        fields.take(32)?;
        hello.session_id_bytes = fields.vector8()?.len();
        hello.cipher_suites = wire::numbers(fields.vector16()?);
        hello.compressions = fields.vector8()?.to_vec();
        let list = if fields.is_empty() { &[] } else { fields.vector16()? };
        for (kind, body) in wire::extensions(list)? {
            hello.extensions.push((kind, body.len()));
            // What is wrong inside of one is for its server to refuse; the rest is told all the same.
            let _ = hello.read(kind, Fields(body));
        }
        Some(hello)
    }

    fn read(&mut self, kind: u16, mut body: Fields<'_>) -> Option<()> {
        match kind {
            0 => {
                let mut list = Fields(body.vector16()?);
                list.u8()?;
                self.server_name = Some(String::from_utf8_lossy(list.vector16()?).into_owned());
            }
            10 => self.groups = wire::numbers(body.vector16()?),
            11 => self.point_formats = body.vector8()?.to_vec(),
            13 => self.signature_schemes = wire::numbers(body.vector16()?),
            16 => {
                let mut list = Fields(body.vector16()?);
                while !list.is_empty() {
                    self.alpn.push(String::from_utf8_lossy(list.vector8()?).into_owned());
                }
            }
            43 => self.versions = wire::numbers(body.vector8()?),
            51 => {
                let mut list = Fields(body.vector16()?);
                while !list.is_empty() {
                    self.key_shares.push((list.u16()?, list.vector16()?.len()));
                }
            }
            _ => {}
        }
        Some(())
    }

    /// Whether meaningless numbers are among the offers (RFC 8701), as Chromium sends them.
    pub(crate) fn has_grease(&self) -> bool {
        self.extensions.iter().any(|(kind, _)| names::is_grease(*kind))
            || self.cipher_suites.iter().any(|suite| names::is_grease(*suite))
    }

    pub(crate) fn has_extension(&self, kind: u16) -> bool {
        self.extensions.iter().any(|(found, _)| *found == kind)
    }

    /// The newest version offered.
    pub(crate) fn newest(&self) -> u16 {
        let offered = self.versions.iter().filter(|version| !names::is_grease(**version));
        offered.copied().max().unwrap_or(self.legacy_version)
    }

    /// The string whose MD5 is JA3 (salesforce/ja3): version, suites, extensions, groups, formats.
    pub(crate) fn ja3_text(&self) -> String {
        let join = |numbers: &mut dyn Iterator<Item = u16>| {
            let kept: Vec<String> =
                numbers.filter(|n| !names::is_grease(*n)).map(|n| n.to_string()).collect();
            kept.join("-")
        };
        format!(
            "{},{},{},{},{}",
            self.legacy_version,
            join(&mut self.cipher_suites.iter().copied()),
            join(&mut self.extensions.iter().map(|(kind, _)| *kind)),
            join(&mut self.groups.iter().copied()),
            join(&mut self.point_formats.iter().map(|format| u16::from(*format)))
        )
    }

    /// JA3: of no use for clients that shuffle their extensions, as Chromium does.
    pub(crate) fn ja3(&self) -> String {
        wire::hex(&Md5::digest(self.ja3_text().as_bytes()))
    }

    /// JA4 (FoxIO, technical details of JA4): sorted, so that shuffling does not change it.
    pub(crate) fn ja4(&self) -> String {
        let plain = |numbers: &mut dyn Iterator<Item = u16>| -> Vec<String> {
            numbers.filter(|n| !names::is_grease(*n)).map(|n| format!("{n:04x}")).collect()
        };
        let mut suites = plain(&mut self.cipher_suites.iter().copied());
        let mut extensions = plain(&mut self.extensions.iter().map(|(kind, _)| *kind));
        let version = match self.newest() {
            0x0304 => "13",
            0x0303 => "12",
            0x0302 => "11",
            0x0301 => "10",
            0x0300 => "s3",
            0x0002 => "s2",
            _ => "00",
        };
        let sni = if self.has_extension(0) { 'd' } else { 'i' };
        let mut text = format!(
            "t{version}{sni}{:02}{:02}{}",
            suites.len().min(99),
            extensions.len().min(99),
            alpn_ends(self.alpn.first())
        );
        suites.sort();
        // Whom it speaks to is no part of who it is.
        extensions.retain(|kind| kind != "0000" && kind != "0010");
        extensions.sort();
        let schemes = plain(&mut self.signature_schemes.iter().copied());
        let mut second = extensions.join(",");
        if !schemes.is_empty() {
            let _ = write!(second, "_{}", schemes.join(","));
        }
        let _ = write!(text, "_{}_{}", short_hash(&suites.join(",")), short_hash(&second));
        text
    }
}

/// First and last character of the first protocol, `00` for none.
fn alpn_ends(first: Option<&String>) -> String {
    let Some(name) = first.filter(|name| !name.is_empty()) else { return "00".to_owned() };
    let bytes = name.as_bytes();
    let (start, end) = (bytes[0], bytes[bytes.len() - 1]);
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
    wire::hex(&digest(&SHA256, text.as_bytes()).as_ref()[..6])
}

#[cfg(test)]
mod tests {
    use super::{ClientHello, short_hash};

    /// The example of JA4's technical details: Chrome, whose parts are given there.
    #[test]
    fn fingerprints_are_those_of_their_definitions() {
        let suites = [
            0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014,
            0x009c, 0x009d, 0x002f, 0x0035,
        ];
        let extensions = [
            0x001b, 0x0000, 0x0033, 0x0010, 0x4469, 0x0017, 0x002d, 0x000d, 0x0005, 0x0023, 0x0012,
            0x002b, 0xff01, 0x000b, 0x000a, 0x0015,
        ];
        let hello = ClientHello {
            legacy_version: 0x0303,
            cipher_suites: [&[0x2a2a][..], &suites].concat(),
            extensions: [&[0x3a3a][..], &extensions].concat().into_iter().map(|e| (e, 0)).collect(),
            server_name: Some("example.com".to_owned()),
            alpn: vec!["h2".to_owned(), "http/1.1".to_owned()],
            versions: vec![0x0a0a, 0x0304, 0x0303],
            groups: vec![0x4a4a, 29, 23, 24],
            point_formats: vec![0],
            signature_schemes: vec![0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601],
            ..ClientHello::default()
        };
        assert_eq!(hello.ja4(), "t13d1516h2_8daaf6152771_e5627efa2ab1");
        assert!(hello.has_grease() && hello.newest() == 0x0304);
        assert_eq!(
            hello.ja3_text(),
            "771,4865-4866-4867-49195-49199-49196-49200-52393-52392-49171-49172-156-157-47-53,\
             27-0-51-16-17513-23-45-13-5-35-18-43-65281-11-10-21,29-23-24,0"
        );
        assert_eq!(hello.ja3(), "c000e2caf3a25423f9de6c8a4b12a975");
        assert_eq!(short_hash(""), "000000000000");
    }
}
