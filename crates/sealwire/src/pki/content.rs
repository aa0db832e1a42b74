//! The content of a file, whatever its name.

use std::fmt;

use der::asn1::AnyRef;
use der::{Decode, Reader, SliceReader, Tag, Tagged};

use super::{
    Certificate, Crl, Csr, Error, KeyAlgorithm, OtherForm, PrivateKey, Problem, encrypted, pem,
    pkcs7,
};
use crate::reading::EchConfigList;

/// One object that a file may contain.
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
    /// Configurations of Encrypted Client Hello
    /// ([`EchConfigList`](crate::reading::EchConfigList)).
    EchConfigs,
}

impl Content {
    /// The content of these bytes, in order: each known block of a PEM text, or the one
    /// thing that a DER file is. Empty when it is nothing of these.
    ///
    /// # Errors
    /// A PEM block without an end, or with broken base64; the error names its line. A text in which a
    /// block begins elsewhere than at the beginning of a line, or whose lines around base64 are missing.
    pub fn of(bytes: &[u8]) -> Result<Vec<Self>, Error> {
        if !pem::is_pem(bytes) {
            let found = Self::of_der(bytes);
            return match found.map_or_else(|| nearly(bytes), |_| None) {
                Some(what) => Err(Error::new(Problem::NoPemBlock, what)),
                None => Ok(found.into_iter().collect()),
            };
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
                "ECHCONFIG" => Self::EchConfigs,
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
        if KeyAlgorithm::of_spki(der).is_ok() {
            return Some(Self::PublicKey);
        }
        if EchConfigList::from_file_bytes(der).is_ok() {
            return Some(Self::EchConfigs);
        }
        signed_shape(der)
    }
}

/// What an unreadable signed structure is meant to be, by its first fields: what is wrong with
/// it is for its reader to say.
fn signed_shape(der: &[u8]) -> Option<Content> {
    let [signed] = &elements(der)?[..] else { return None };
    let parts = elements(signed.value())?;
    let tags: Vec<Tag> = parts.iter().map(Tagged::tag).collect();
    let (Tag::Sequence, [Tag::Sequence, Tag::Sequence, Tag::BitString]) = (signed.tag(), &tags[..])
    else {
        return None;
    };
    let fields: Vec<Tag> = elements(parts[0].value())?.iter().map(Tagged::tag).collect();
    match fields[..] {
        [Tag::ContextSpecific { .. }, Tag::Integer, ..] => Some(Content::Certificate),
        [Tag::Integer, Tag::Sequence, Tag::Sequence, Tag::ContextSpecific { .. }] => {
            Some(Content::CertificateRequest)
        }
        [Tag::Integer, Tag::Sequence, Tag::Sequence, Tag::UtcTime | Tag::GeneralizedTime, ..] => {
            Some(Content::Crl)
        }
        _ => None,
    }
}

/// The elements that follow one another; `None` when it is not DER.
pub(super) fn elements(der: &[u8]) -> Option<Vec<AnyRef<'_>>> {
    let mut reader = SliceReader::new(der).ok()?;
    let mut all = Vec::new();
    while !reader.is_finished() {
        all.push(AnyRef::decode(&mut reader).ok()?);
    }
    Some(all)
}

/// Why no line of a text begins a PEM block, though the words are there.
fn lost_lines(bytes: &[u8]) -> &'static str {
    let line = bytes.split(|&byte| byte == b'\n').find(|line| pem::is_pem(line));
    let line = line.unwrap_or_default();
    if line.windows(2).any(|two| two == br"\n") {
        "-----BEGIN found, but the line ends are written as \\n: replace them by line ends"
    } else if line.contains(&b'\r') && line.trim_ascii().contains(&b'\r') {
        "-----BEGIN found, but the lines end with CR alone"
    } else if line.trim_ascii_start().starts_with(b"-----BEGIN ") {
        match line.windows(9).any(|nine| nine == b"-----END ") {
            true => "-----BEGIN found, but the line ends are lost: everything is on one line",
            false => "-----BEGIN found, but its line is indented: remove the blanks",
        }
    } else {
        "-----BEGIN found, but not at the beginning of a line"
    }
}

/// What was a PEM or DER file before something was done to it.
fn nearly(bytes: &[u8]) -> Option<&'static str> {
    let text: Vec<u8> = bytes.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let is_base64 = text.iter().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(byte));
    // A SEQUENCE of more than 127 bytes, `0x30 0x81` or `0x30 0x82`; `-----BEGIN`.
    if is_base64 && text.starts_with(b"MI") {
        Some("base64 without the lines -----BEGIN and -----END")
    } else if is_base64 && text.starts_with(b"LS0tLS1CRUdJ") {
        Some("base64 of a PEM file, as in a Kubernetes Secret: decode it first")
    } else if has_odd_dashes(bytes) {
        Some("BEGIN is not between five hyphens: a word processor may have changed them")
    } else if first_element(bytes).is_some_and(|first| Content::of_der(first).is_some()) {
        Some("more bytes follow the DER: remove them")
    } else {
        None
    }
}

/// Whether a line begins a PEM block but for its dashes: fewer or more than five, or those of typography.
fn has_odd_dashes(bytes: &[u8]) -> bool {
    let is_dash = |c: char| matches!(c, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}');
    let begins = |line: &str| {
        let rest = line.trim_start_matches(is_dash);
        rest.len() < line.len() && rest.starts_with("BEGIN ") && rest.trim_end().ends_with(is_dash)
    };
    bytes.split(|&byte| byte == b'\n').filter_map(|line| str::from_utf8(line).ok()).any(begins)
}

/// The first element of DER that continues after it.
fn first_element(bytes: &[u8]) -> Option<&[u8]> {
    let mut reader = SliceReader::new(bytes).ok()?;
    let length = reader.tlv_bytes().ok()?.len();
    (length < bytes.len()).then(|| &bytes[..length])
}

/// A PFX begins with its version, 3, and then the ContentInfo
/// ([RFC 7292, section 4](https://www.rfc-editor.org/rfc/rfc7292#section-4)); its lengths
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
            Self::EchConfigs => "ECH configuration",
        })
    }
}

/// What is wrong with a file in which no `wanted` could be read, when its bytes tell more than the
/// reader's `error`: it is empty, or something else, or a block of it is broken at some line.
pub(super) fn explained(error: Error, bytes: &[u8], wanted: &[Content]) -> Error {
    if let Some(form) = OtherForm::of(bytes) {
        let what = format!("it is {form}, which is not supported");
        return Error::new(Problem::Unsupported, what);
    }
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
        Some(Content::Pkcs7) if matches!(what, Content::Certificate | Content::Crl) => error,
        Some(_) if found.iter().any(|one| wanted.contains(one)) => error,
        Some(other) => {
            let article = if *other == Content::EncryptedPrivateKey { "an" } else { "a" };
            Error::new(Problem::NoPemBlock, format!("no {what} (it contains {article} {other})"))
        }
        None if pem::is_pem(bytes) || encrypted::is_one_element(bytes) => error,
        None => {
            let detail = format!("no {what}: not PEM or DER, or truncated or damaged");
            Error::new(Problem::Malformed, detail)
        }
    }
}

#[cfg(test)]
mod tests {
    use base64ct::{Base64, Encoding};

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
        assert!(error.contains("base64 without the lines"), "{error}");
        let pem = certificate.to_pem();
        let in_base64 = |bytes: &[u8]| Base64::encode_string(bytes);
        for (bytes, why) in [
            (in_base64(pem.as_bytes()).into_bytes(), "base64 of a PEM file"),
            (pem.replace("-----", "\u{2014}").into_bytes(), "not between five hyphens"),
            (pem.replace("-----", "----").into_bytes(), "not between five hyphens"),
            ([certificate.der(), b"\n"].concat(), "more bytes follow the DER"),
            ([key.to_pkcs8_der(), b"\0"].concat(), "more bytes follow the DER"),
        ] {
            let error = Content::of(&bytes).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
        for (text, why) in [
            (pem.replace('\n', "\\n"), "written as \\n"),
            (format!("\"{}\"", pem.replace('\n', "\\n")), "written as \\n"),
            (pem.replace('\n', "\r"), "CR alone"),
            (pem.replace('\n', " "), "everything is on one line"),
            (pem.lines().map(|line| format!("  {line}\n")).collect(), "remove the blanks"),
            (format!("cert: {pem}"), "not at the beginning of a line"),
        ] {
            let error = Content::of(text.as_bytes()).unwrap_err().to_string();
            assert!(error.starts_with("-----BEGIN found") && error.contains(why), "{error}");
        }
        let broken = certificate.to_pem().replacen('M', "!", 1);
        let error = Content::of(broken.as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), "malformed: line 1: the PEM block CERTIFICATE is not base64");
    }
}
