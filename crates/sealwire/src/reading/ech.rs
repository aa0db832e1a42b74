//! Configurations of Encrypted Client Hello
//! ([RFC 9849, section 4](https://www.rfc-editor.org/rfc/rfc9849#section-4)): what a server publishes so that
//! clients can hide the name that they ask for.

use base64ct::{Base64, Encoding as _};
use sealwire_x509::{Error, Problem, pem};

use super::Fields;

/// A list of configurations, as servers publish it (in DNS, in files) and as they give it to a client
/// whose own was out of date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EchConfigList {
    bytes: Vec<u8>,
    configs: Vec<EchConfig>,
}

/// One configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EchConfig {
    /// 0xfe0d in [RFC 9849](https://www.rfc-editor.org/rfc/rfc9849);
    /// configurations of other versions are passed over.
    pub version: u16,
    /// Its content; `None` in other versions.
    pub contents: Option<EchContents>,
    /// As it is in the list.
    bytes: Vec<u8>,
}

/// The content of a configuration of [RFC 9849](https://www.rfc-editor.org/rfc/rfc9849) says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EchContents {
    /// By which the server finds its key.
    pub config_id: u8,
    /// The KEM of HPKE ([RFC 9180, 7.1](https://www.rfc-editor.org/rfc/rfc9180#section-7.1)), by number.
    pub kem: u16,
    /// The server's public key of that KEM.
    pub public_key: Vec<u8>,
    /// Pairs of a KDF and an AEAD
    /// ([RFC 9180, 7.2](https://www.rfc-editor.org/rfc/rfc9180#section-7.2) and 7.3), by number.
    pub suites: Vec<(u16, u16)>,
    /// The length of the longest hidden name (maximum_name_length); 0 when not given.
    pub maximum_name_length: u8,
    /// The public name, visible to observers; the server authenticates with it when it cannot
    /// decrypt.
    pub public_name: String,
    /// The types of its extensions. One with the highest bit set is mandatory.
    pub extensions: Vec<u16>,
}

/// The version of [RFC 9849](https://www.rfc-editor.org/rfc/rfc9849), which is the extension's number, too.
pub const ECH: u16 = 0xfe0d;

const LABEL: &str = "ECHCONFIG";

impl EchConfigList {
    /// Reads a list with its length before it, as it is in DNS and in TLS.
    ///
    /// # Errors
    /// [`Problem::Malformed`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let configs = read(bytes).filter(|configs| !configs.is_empty());
        let malformed = || Error::new(Problem::Malformed, "no list of ECH configurations");
        Ok(Self { bytes: bytes.to_vec(), configs: configs.ok_or_else(malformed)? })
    }

    /// Reads a file: PEM with a block `ECHCONFIG` (as OpenSSL and curl have it, beside a private key
    /// or not), the list in base64 (as it is in an HTTPS record), the list itself, or one configuration
    /// without a list around it (as Caddy keeps it).
    ///
    /// # Errors
    /// [`Problem::Malformed`] and [`Problem::NoPemBlock`].
    pub fn from_file_bytes(bytes: &[u8]) -> Result<Self, Error> {
        if pem::is_pem(bytes) {
            let blocks = pem::blocks(bytes);
            let block = blocks.iter().find(|block| block.label() == LABEL);
            let lacks = || Error::new(Problem::NoPemBlock, "expected BEGIN ECHCONFIG");
            return Self::from_bytes(&block.ok_or_else(lacks)?.decode()?);
        }
        let text = std::str::from_utf8(bytes).ok().map(str::trim);
        match text.and_then(|text| Base64::decode_vec(text).ok()) {
            Some(decoded) => Self::from_bytes(&decoded),
            None if bytes.starts_with(&ECH.to_be_bytes()) => Self::from_bytes(&listed(bytes)),
            None => Self::from_bytes(bytes),
        }
    }

    /// The configurations, the server's favourite first.
    pub fn configs(&self) -> &[EchConfig] {
        &self.configs
    }

    /// The list as it was read.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The list in base64, as an HTTPS record has it.
    pub fn to_base64(&self) -> String {
        Base64::encode_string(&self.bytes)
    }
}

impl EchConfig {
    /// A list of this one only.
    pub(crate) fn alone(&self) -> Vec<u8> {
        listed(&self.bytes)
    }
}

/// With the length of a list before it.
fn listed(config: &[u8]) -> Vec<u8> {
    let length = u16::try_from(config.len()).unwrap_or(u16::MAX);
    [&length.to_be_bytes()[..], config].concat()
}

fn read(bytes: &[u8]) -> Option<Vec<EchConfig>> {
    let mut whole = Fields(bytes);
    let mut list = Fields(whole.vector16()?);
    let mut configs = Vec::new();
    while !list.is_empty() {
        let before = list.0;
        let version = list.u16()?;
        let content = list.vector16()?;
        let contents = match version {
            ECH => Some(contents(content)?),
            _ => None,
        };
        let bytes = before[..before.len() - list.0.len()].to_vec();
        configs.push(EchConfig { version, contents, bytes });
    }
    whole.is_empty().then_some(configs)
}

fn contents(bytes: &[u8]) -> Option<EchContents> {
    let mut fields = Fields(bytes);
    let (config_id, kem) = (fields.u8()?, fields.u16()?);
    let public_key = fields.vector16()?.to_vec();
    let suites = Fields(fields.vector16()?).u16s()?;
    let suites: Vec<(u16, u16)> = suites.chunks_exact(2).map(|two| (two[0], two[1])).collect();
    let maximum_name_length = fields.u8()?;
    let public_name = fields.vector8()?;
    let mut list = Fields(fields.vector16()?);
    let mut extensions = Vec::new();
    while !list.is_empty() {
        extensions.push(list.u16()?);
        list.vector16()?;
    }
    let is_sound = !public_key.is_empty() && !suites.is_empty() && !public_name.is_empty();
    (fields.is_empty() && is_sound).then(|| EchContents {
        config_id,
        kem,
        public_key,
        suites,
        maximum_name_length,
        public_name: String::from_utf8_lossy(public_name).into_owned(),
        extensions,
    })
}

/// The name of a KEM of HPKE.
pub fn hpke_kem(number: u16) -> String {
    match number {
        0x0010 => "DHKEM(P-256, HKDF-SHA256)".to_owned(),
        0x0011 => "DHKEM(P-384, HKDF-SHA384)".to_owned(),
        0x0012 => "DHKEM(P-521, HKDF-SHA512)".to_owned(),
        0x0020 => "DHKEM(X25519, HKDF-SHA256)".to_owned(),
        0x0021 => "DHKEM(X448, HKDF-SHA512)".to_owned(),
        0x647a => "X-Wing".to_owned(),
        other => format!("KEM {other:#06x}"),
    }
}

/// The names of a KDF and an AEAD of HPKE.
pub fn hpke_suite((kdf, aead): (u16, u16)) -> String {
    let kdf = match kdf {
        1 => "HKDF-SHA256".to_owned(),
        2 => "HKDF-SHA384".to_owned(),
        3 => "HKDF-SHA512".to_owned(),
        other => format!("KDF {other:#06x}"),
    };
    let aead = match aead {
        1 => "AES-128-GCM".to_owned(),
        2 => "AES-256-GCM".to_owned(),
        3 => "ChaCha20Poly1305".to_owned(),
        other => format!("AEAD {other:#06x}"),
    };
    format!("{kdf}, {aead}")
}

#[cfg(test)]
mod tests {
    use super::{EchConfigList, hpke_kem, hpke_suite};

    /// A configuration, written by hand.
    fn config(name: &str) -> Vec<u8> {
        let content = [
            &[7, 0, 0x20, 0, 32][..],
            &[9; 32],
            &[0, 8, 0, 1, 0, 1, 0, 1, 0, 3, 64],
            &[u8::try_from(name.len()).unwrap()],
            name.as_bytes(),
            &[0, 4, 0x80, 1, 0, 0],
        ]
        .concat();
        let length = u16::try_from(content.len()).unwrap().to_be_bytes();
        [&[0xfe, 0x0d][..], &length, &content].concat()
    }

    fn list(configs: &[Vec<u8>]) -> Vec<u8> {
        let all = configs.concat();
        [&u16::try_from(all.len()).unwrap().to_be_bytes()[..], &all].concat()
    }

    #[test]
    fn every_field_is_read_in_every_form_of_the_file() {
        let unknown = vec![0xfe, 0x0a, 0, 2, 1, 1];
        let bytes = list(&[unknown, config("public.test")]);
        let read = EchConfigList::from_bytes(&bytes).unwrap();
        assert_eq!(read.configs()[0].version, 0xfe0a);
        assert!(read.configs()[0].contents.is_none());
        let told = read.configs()[1].contents.as_ref().unwrap();
        assert_eq!((told.config_id, told.maximum_name_length), (7, 64));
        assert_eq!(hpke_kem(told.kem), "DHKEM(X25519, HKDF-SHA256)");
        assert_eq!(hpke_suite(told.suites[1]), "HKDF-SHA256, ChaCha20Poly1305");
        assert_eq!(
            (told.public_name.as_str(), &told.extensions[..]),
            ("public.test", &[0x8001][..])
        );
        assert_eq!(read.configs()[1].alone(), list(&[config("public.test")]));
        let base64 = read.to_base64();
        let pem = format!("-----BEGIN ECHCONFIG-----\n{base64}\n-----END ECHCONFIG-----\n");
        for form in
            [&bytes[..], base64.as_bytes(), format!("{base64}\n").as_bytes(), pem.as_bytes()]
        {
            assert_eq!(EchConfigList::from_file_bytes(form).unwrap(), read);
        }
        let one = EchConfigList::from_file_bytes(&config("public.test")).unwrap();
        assert_eq!(one.configs(), &read.configs()[1..]);
    }

    #[test]
    fn what_is_cut_or_goes_on_is_no_list() {
        let bytes = list(&[config("public.test")]);
        for end in 0..bytes.len() {
            assert!(EchConfigList::from_bytes(&bytes[..end]).is_err(), "{end}");
        }
        assert!(EchConfigList::from_bytes(&[&bytes[..], &[0]].concat()).is_err());
        assert!(EchConfigList::from_bytes(&[0, 0]).is_err());
        assert!(EchConfigList::from_file_bytes(b"-----BEGIN X-----\n-----END X-----\n").is_err());
    }
}
