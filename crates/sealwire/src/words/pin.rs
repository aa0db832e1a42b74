//! Pins: public keys, one of which must be in a server's chain.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, SHA256_OUTPUT_LEN, digest};
use base64ct::{Base64, Encoding as _};
use sealwire_x509::Certificate;

/// The SHA-256 of a public key's SubjectPublicKeyInfo
/// ([RFC 7469, section 2.4](https://www.rfc-editor.org/rfc/rfc7469#section-2.4)).
///
/// It stays when a certificate is renewed with the same key. As text it is base64 or hex, and
/// `sha256/` may go before it, with one slash or curl's two, or `sha256:`:
/// `sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=`.
#[derive(Clone, Copy)]
pub struct Pin([u8; SHA256_OUTPUT_LEN]);

/// A text that is not the SHA-256 of anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidPin(String);

impl Pin {
    /// The pin of a certificate's key.
    pub fn of(certificate: &Certificate) -> Self {
        Self::of_spki(&certificate.spki_der())
    }

    /// The pin of a SubjectPublicKeyInfo in DER.
    pub fn of_spki(spki: &[u8]) -> Self {
        let hash = digest(&SHA256, spki);
        Self(hash.as_ref().try_into().expect("a SHA-256 has 32 bytes"))
    }

    /// The hash itself.
    pub fn as_bytes(&self) -> &[u8; SHA256_OUTPUT_LEN] {
        &self.0
    }

    /// The hash in base64, without anything before it.
    pub fn to_base64(&self) -> String {
        Base64::encode_string(&self.0)
    }
}

impl From<[u8; SHA256_OUTPUT_LEN]> for Pin {
    fn from(hash: [u8; SHA256_OUTPUT_LEN]) -> Self {
        Self(hash)
    }
}

impl FromStr for Pin {
    type Err = InvalidPin;

    fn from_str(text: &str) -> Result<Self, InvalidPin> {
        let bare = text.trim();
        let hash = ["sha256/", "sha256:"].iter().find_map(|prefix| bare.strip_prefix(prefix));
        // The base64 may begin with a slash itself: only its length tells that from curl's second.
        let of_curl = hash.and_then(|hash| hash.strip_prefix('/'));
        [hash.or(Some(bare)), of_curl]
            .into_iter()
            .flatten()
            .find_map(from_digits)
            .map(Self)
            .ok_or_else(|| InvalidPin(text.to_owned()))
    }
}

fn from_digits(text: &str) -> Option<[u8; SHA256_OUTPUT_LEN]> {
    from_hex(text).or_else(|| Base64::decode_vec(text).ok())?.try_into().ok()
}

/// With or without colons between the bytes.
fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<char> = text.chars().filter(|c| *c != ':').collect();
    if digits.len() != 2 * SHA256_OUTPUT_LEN {
        return None;
    }
    let value = |c: &char| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    digits.chunks(2).map(|pair| Some(value(&pair[0])? << 4 | value(&pair[1])?)).collect()
}

impl PartialEq for Pin {
    fn eq(&self, other: &Self) -> bool {
        verify_slices_are_equal(&self.0, &other.0).is_ok()
    }
}

impl Eq for Pin {}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256/{}", self.to_base64())
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pin({self})")
    }
}

impl fmt::Display for InvalidPin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not the SHA-256 of a public key in base64 or hex", self.0)
    }
}

impl std::error::Error for InvalidPin {}

#[cfg(test)]
mod tests {
    use super::Pin;

    #[test]
    fn pins_are_read_in_every_common_form() {
        let pin = Pin::of_spki(b"");
        let text = "sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
        assert_eq!(pin.to_string(), text);
        let hex: String = pin.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        let pairs: Vec<String> = pin.as_bytes().iter().map(|byte| format!("{byte:02X}")).collect();
        for form in
            [text, &text["sha256/".len()..], &text.replace('/', "//"), &hex, &pairs.join(":")]
        {
            // Two slashes in the middle of the base64 would be another text.
            let form = form.replacen("+//", "+/", 1);
            assert_eq!(form.parse::<Pin>().expect("a pin"), pin, "{form}");
        }
    }

    #[test]
    fn a_base64_that_begins_with_a_slash_is_read_as_it_is() {
        let pin = Pin::from([0xff; 32]);
        let base64 = "//////////////////////////////////////////8=";
        for prefix in ["", "sha256/", "sha256//", "sha256:"] {
            let text = format!("{prefix}{base64}");
            assert_eq!(text.parse::<Pin>().expect("a pin"), pin, "{text}");
        }
        assert!(format!("sha256///{base64}").parse::<Pin>().is_err());
    }

    #[test]
    fn what_is_not_a_sha256_is_refused() {
        for text in ["", "sha256/", "sha1/AAAA", "abcd", &"g".repeat(64), &"a".repeat(63), "AAAA"] {
            let error = text.parse::<Pin>().expect_err(text);
            assert!(
                error.to_string().ends_with("is not the SHA-256 of a public key in base64 or hex")
            );
        }
    }
}
