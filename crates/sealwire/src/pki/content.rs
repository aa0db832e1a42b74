//! What is in a file, whatever its name says.

use std::fmt;

use super::{
    Certificate, Crl, Csr, Error, KeyAlgorithm, PrivateKey, Problem, encrypted, pem, pkcs7,
};

/// One thing that a file of ours or of anybody's may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Content {
    /// A certificate.
    Certificate,
    /// A certificate signing request (PKCS#10).
    CertificateRequest,
    /// A certificate revocation list.
    Crl,
    /// A private key that is not encrypted.
    PrivateKey,
    /// A private key that needs a passphrase.
    EncryptedPrivateKey,
    /// A public key (SubjectPublicKeyInfo).
    PublicKey,
    /// A PFX (PKCS#12) file.
    Pfx,
    /// Certificates or revocation lists in PKCS#7 (`.p7b`).
    Pkcs7,
}

impl Content {
    /// What these bytes hold, in order: each block of a PEM text that is known here, or the one
    /// thing that a DER file is. Empty when it is nothing of these.
    ///
    /// # Errors
    /// A PEM block without an end, or with broken base64; the error names its line. A text in which a
    /// block begins elsewhere than at the beginning of a line, or whose lines around base64 are missing.
    pub fn of(bytes: &[u8]) -> Result<Vec<Self>, Error> {
        if !pem::is_pem(bytes) {
            let found = Self::of_der(bytes);
            if found.is_none() && is_bare_base64(bytes) {
                let what = "it is base64 without the lines -----BEGIN and -----END";
                return Err(Error::new(Problem::NoPemBlock, what));
            }
            return Ok(found.into_iter().collect());
        }
        let blocks = pem::blocks(bytes);
        if blocks.is_empty() {
            return Err(Error::new(Problem::NoPemBlock, lost_lines(bytes)));
        }
        let mut found = Vec::new();
        for block in blocks {
            let label = block.label();
            let content = match label {
                "CERTIFICATE" | "X509 CERTIFICATE" | "TRUSTED CERTIFICATE" => Self::Certificate,
                "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => Self::CertificateRequest,
                "X509 CRL" => Self::Crl,
                "PUBLIC KEY" => Self::PublicKey,
                _ if pkcs7::is_label(label) => Self::Pkcs7,
                "ENCRYPTED PRIVATE KEY" => Self::EncryptedPrivateKey,
                // The traditional form says so in its headers.
                _ if label.ends_with("PRIVATE KEY") && block.headers().contains("ENCRYPTED") => {
                    Self::EncryptedPrivateKey
                }
                _ if label.ends_with("PRIVATE KEY") => Self::PrivateKey,
                _ => continue,
            };
            block.decode()?;
            found.push(content);
        }
        Ok(found)
    }

    fn of_der(der: &[u8]) -> Option<Self> {
        if is_pfx(der) {
            return Some(Self::Pfx);
        }
        if pkcs7::is_bundle(der) {
            return Some(Self::Pkcs7);
        }
        if Certificate::from_der(der).is_ok() {
            return Some(Self::Certificate);
        }
        if Crl::from_der(der).is_ok() {
            return Some(Self::Crl);
        }
        if Csr::from_der(der).is_ok() {
            return Some(Self::CertificateRequest);
        }
        match PrivateKey::from_der(der, None).map_err(|e| e.problem()) {
            Ok(_) | Err(Problem::Unsupported) => return Some(Self::PrivateKey),
            Err(Problem::PassphraseNeeded) => return Some(Self::EncryptedPrivateKey),
            Err(_) => {}
        }
        KeyAlgorithm::of_spki(der).is_ok().then_some(Self::PublicKey)
    }
}

/// Why no line of a text begins a PEM block, though the words are there.
fn lost_lines(bytes: &[u8]) -> &'static str {
    let line = bytes.split(|&byte| byte == b'\n').find(|line| pem::is_pem(line));
    let line = line.unwrap_or_default();
    if line.windows(2).any(|two| two == br"\n") {
        "-----BEGIN is there, but its line ends are written as \\n: make line ends of them"
    } else if line.contains(&b'\r') && line.trim_ascii().contains(&b'\r') {
        "-----BEGIN is there, but its line ends are those of an old Mac (CR alone)"
    } else if line.trim_ascii_start().starts_with(b"-----BEGIN ") {
        match line.windows(9).any(|nine| nine == b"-----END ") {
            true => "-----BEGIN is there, but its line ends are lost: all is on one line",
            false => {
                "-----BEGIN is there, but not at the beginning of its line: take the blanks away"
            }
        }
    } else {
        "-----BEGIN is there, but not at the beginning of a line"
    }
}

/// Whether a text is base64 of DER, without the lines of PEM around it.
fn is_bare_base64(bytes: &[u8]) -> bool {
    let text: Vec<u8> = bytes.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    // A SEQUENCE of more than 127 bytes: `0x30 0x81` or `0x30 0x82`.
    text.starts_with(b"MI")
        && text.iter().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(byte))
}

/// A PFX begins with its version, 3, and then the ContentInfo (RFC 7292, section 4); its lengths
/// may be those of BER.
fn is_pfx(der: &[u8]) -> bool {
    let header = match der {
        [0x30, length, ..] if *length > 0x80 => 2 + usize::from(length & 0x7f),
        [0x30, ..] => 2,
        _ => return false,
    };
    der.get(header..).is_some_and(|inside| inside.starts_with(&[2, 1, 3, 0x30]))
}

impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Certificate => "certificate",
            Self::CertificateRequest => "certificate request",
            Self::Crl => "revocation list",
            Self::PrivateKey => "private key",
            Self::EncryptedPrivateKey => "encrypted private key",
            Self::PublicKey => "public key",
            Self::Pfx => "PFX (PKCS#12)",
            Self::Pkcs7 => "PKCS#7 file",
        })
    }
}

/// What is wrong with a file in which no `wanted` could be read, when its bytes tell more than the
/// reader's `error`: it is empty, or something else, or a block of it is broken at some line.
pub(super) fn explained(error: Error, bytes: &[u8], wanted: &[Content]) -> Error {
    if !matches!(error.problem(), Problem::Malformed | Problem::NoPemBlock) {
        return error;
    }
    let what = wanted[0];
    if bytes.trim_ascii().is_empty() {
        return Error::new(Problem::NoPemBlock, "the file is empty");
    }
    if bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) {
        let detail =
            "the file is UTF-16 text, as PowerShell 5 writes it: save it as UTF-8 or ASCII";
        return Error::new(Problem::NoPemBlock, detail);
    }
    let found = match Content::of(bytes) {
        Ok(found) => found,
        Err(broken) => return broken,
    };
    match found.first() {
        // It was looked into, and the error says what for.
        Some(Content::Pkcs7) if wanted != [Content::Pfx] => error,
        Some(_) if found.iter().any(|one| wanted.contains(one)) => error,
        Some(other) => {
            let article = if *other == Content::EncryptedPrivateKey { "an" } else { "a" };
            Error::new(Problem::NoPemBlock, format!("no {what} (there is {article} {other})"))
        }
        None if pem::is_pem(bytes) || encrypted::is_one_element(bytes) => error,
        None => {
            let detail = format!("no {what}: neither PEM nor DER, or it was cut or damaged");
            Error::new(Problem::Malformed, detail)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Content;
    use crate::pki::{Csr, KeyEncryption, Pfx, PrivateKey, Subject, self_signed};

    #[test]
    fn everything_is_known_by_its_bytes() {
        let (certificate, key) = self_signed(["localhost"]).unwrap();
        let csr = Csr::new(&key, &Subject::from_common_name("x").unwrap()).unwrap();
        let few = KeyEncryption::Pbkdf2 { iterations: 1000 };
        let encrypted = key.to_encrypted_pem(b"x", few).unwrap();
        let pfx = Pfx::new(key.clone(), certificate.clone(), vec![]).unwrap().to_der("x").unwrap();
        let all = format!("{}{}{}{encrypted}", *key.to_pem(), certificate.to_pem(), csr.to_pem());
        use Content as C;
        for (bytes, expected) in [
            (certificate.der(), vec![C::Certificate]),
            (csr.der(), vec![C::CertificateRequest]),
            (key.to_pkcs8_der(), vec![C::PrivateKey]),
            (key.spki_der(), vec![C::PublicKey]),
            (&pfx, vec![C::Pfx]),
            (
                all.as_bytes(),
                vec![C::PrivateKey, C::Certificate, C::CertificateRequest, C::EncryptedPrivateKey],
            ),
            (b"hello", vec![]),
            (b"", vec![]),
        ] {
            assert_eq!(Content::of(bytes).unwrap(), expected);
        }
        assert!(PrivateKey::from_der(&pfx, None).is_err());
        let bare: String =
            certificate.to_pem().lines().filter(|line| !line.starts_with('-')).collect();
        let error = Content::of(bare.as_bytes()).unwrap_err().to_string();
        assert!(error.contains("it is base64 without the lines"), "{error}");
        let pem = certificate.to_pem();
        for (text, why) in [
            (pem.replace('\n', "\\n"), "written as \\n"),
            (format!("\"{}\"", pem.replace('\n', "\\n")), "written as \\n"),
            (pem.replace('\n', "\r"), "old Mac"),
            (pem.replace('\n', " "), "all is on one line"),
            (pem.lines().map(|line| format!("  {line}\n")).collect(), "take the blanks away"),
            (format!("cert: {pem}"), "not at the beginning of a line"),
        ] {
            let error = Content::of(text.as_bytes()).unwrap_err().to_string();
            assert!(error.starts_with("-----BEGIN is there") && error.contains(why), "{error}");
        }
        let broken = certificate.to_pem().replacen('M', "!", 1);
        let error = Content::of(broken.as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), "malformed: line 1: the PEM block CERTIFICATE is not base64");
    }
}
