//! Whether there is a private key in a file, whatever its name.

use std::io::{self, Read, Seek};

use sealwire::pki::OtherForm;
use zeroize::Zeroizing;

/// Whether a private key begins in a file, in PEM, or is the file: in DER, in a PFX, in PuTTY's form or
/// Java's. Key files are small; a large file is not looked through. The file is at its start again after it.
pub(super) fn holds_private_key(file: &mut (impl Read + Seek), length: u64) -> io::Result<bool> {
    const LARGEST: u64 = 256 * 1024;
    if length > LARGEST {
        return Ok(false);
    }
    let mut bytes = Zeroizing::new(Vec::new());
    file.take(LARGEST).read_to_end(&mut bytes)?;
    file.rewind()?;
    if is_private_key(&bytes) {
        return Ok(true);
    }
    // Of UTF-16, what UTF-8 would be.
    bytes.retain(|byte| *byte != 0);
    Ok(begins_private_key(&bytes))
}

fn is_private_key(bytes: &[u8]) -> bool {
    let other = OtherForm::of(bytes);
    matches!(other, Some(OtherForm::Putty | OtherForm::Jks | OtherForm::Jceks))
        || is_key_in_der(bytes)
}

const INTEGER: u8 = 0x02;
const OCTET_STRING: u8 = 0x04;
const SEQUENCE: u8 = 0x30;

/// Whether the whole of it is, by its outermost elements, a key of PKCS#8, plain or encrypted, of PKCS#1 or
/// of SEC 1, or a PFX. Nothing is decrypted for it: a request for a file must not cost work.
fn is_key_in_der(bytes: &[u8]) -> bool {
    let Some((SEQUENCE, contents, [])) = element(bytes) else { return false };
    let (mut tags, mut rest) = (Vec::new(), contents);
    while let Some((tag, _, behind)) = element(rest) {
        tags.push(tag);
        rest = behind;
    }
    let whole = rest.is_empty();
    let is_pfx = || contents.starts_with(&[INTEGER, 1, 3]);
    whole
        && match tags.as_slice() {
            // PrivateKeyInfo; EncryptedPrivateKeyInfo.
            [INTEGER, SEQUENCE, OCTET_STRING, ..] | [SEQUENCE, OCTET_STRING] => true,
            // ECPrivateKey.
            [INTEGER, OCTET_STRING, ..] => true,
            // RSAPrivateKey has nine, a key of DSA six; public keys and parameters have fewer.
            all if all.len() >= 6 && all.iter().all(|tag| *tag == INTEGER) => true,
            [INTEGER, SEQUENCE] | [INTEGER, SEQUENCE, SEQUENCE] => is_pfx(),
            _ => false,
        }
}

/// The first element: its tag, its contents and what is behind it.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7F => (usize::from(first), rest),
        0x81..=0x84 => {
            let (length, rest) = rest.split_at_checked(usize::from(first - 0x80))?;
            (length.iter().fold(0, |all, byte| all << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    let (contents, behind) = rest.split_at_checked(length)?;
    Some((tag, contents, behind))
}

/// Whether a line ends after the words that begin a private key: behind a byte order mark, in the
/// middle of YAML, or in JSON, where the line end is an escape.
fn begins_private_key(bytes: &[u8]) -> bool {
    const BEGIN: &[u8] = b"-----BEGIN ";
    let marks = bytes.windows(BEGIN.len()).enumerate().filter(|(_, window)| *window == BEGIN);
    marks.map(|(at, _)| &bytes[at + BEGIN.len()..]).any(|after| {
        let length = after.windows(5).take(64).position(|window| window == b"-----");
        let Some((label, rest)) = length.map(|length| after.split_at(length)) else { return false };
        let blanks = rest[5..].iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        let rest = &rest[5 + blanks..];
        let ends = [&b"\n"[..], b"\r", b"\\n", b"\\r"].iter().any(|end| rest.starts_with(end));
        ends && (label.ends_with(b"PRIVATE KEY") || label.ends_with(b"PRIVATE KEY BLOCK"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_key_is_seen_wherever_it_begins() {
        for (text, is_key) in [
            ("-----BEGIN PRIVATE KEY-----\nMII", true),
            ("text\r\n  -----BEGIN ENCRYPTED PRIVATE KEY----- \r\nMII", true),
            ("\u{feff}-----BEGIN EC PRIVATE KEY-----\nMII", true),
            ("key: -----BEGIN OPENSSH PRIVATE KEY-----\n", true),
            (r#"{"key":"-----BEGIN PRIVATE KEY-----\nMII"#, true),
            ("-----BEGIN PGP PRIVATE KEY BLOCK-----\n", true),
            ("-----BEGIN CERTIFICATE-----\nMII\n-----BEGIN RSA PRIVATE KEY-----\n", true),
            ("a key begins with -----BEGIN PRIVATE KEY----- in its first line", false),
            ("-----BEGIN PUBLIC KEY-----\nMII", false),
            ("-----BEGIN CERTIFICATE-----\n-----END PRIVATE KEY-----\n", false),
            ("-----BEGIN PRIVATE KEY-----", false),
            ("-----BEGIN ", false),
        ] {
            assert_eq!(begins_private_key(text.as_bytes()), is_key, "{text}");
        }
    }

    #[test]
    fn a_key_is_seen_by_its_outermost_elements() {
        const CASES: [(&[u8], bool); 13] = [
            (&[0x30, 7, 2, 1, 0, 0x30, 0, 4, 0], true),
            (&[0x30, 9, 2, 1, 1, 0x30, 0, 4, 0, 0xA0, 0], true),
            (&[0x30, 4, 0x30, 0, 4, 0], true),
            (&[0x30, 5, 2, 1, 1, 4, 0], true),
            (&[0x30, 12, 2, 0, 2, 0, 2, 0, 2, 0, 2, 0, 2, 0], true),
            (&[0x30, 5, 2, 1, 3, 0x30, 0], true),
            (&[0x30, 7, 2, 1, 3, 0x30, 0, 0x30, 0], true),
            // A certificate, a public key, parameters, and what is cut or continues.
            (&[0x30, 6, 0x30, 0, 0x30, 0, 3, 0], false),
            (&[0x30, 4, 0x30, 0, 3, 0], false),
            (&[0x30, 4, 2, 0, 2, 0], false),
            (&[0x30, 7, 2, 1, 0, 0x30, 0, 4], false),
            (&[0x30, 4, 0x30, 0, 4, 0, 0], false),
            (&[0x30, 0x85, 0, 0, 0, 0, 4, 0x30, 0, 4, 0], false),
        ];
        for (der, is_key) in CASES {
            assert_eq!(is_key_in_der(der), is_key, "{der:02x?}");
        }
        assert!(is_private_key(b"PuTTY-User-Key-File-3: ssh-ed25519\r\n"));
        assert!(is_private_key(&[0xFE, 0xED, 0xFE, 0xED, 0, 0, 0, 2]));
        assert!(!is_private_key(b"ssh-ed25519 AAAA"));
    }
}
