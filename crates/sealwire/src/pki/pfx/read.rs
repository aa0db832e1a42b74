//! Reading a PFX: everything AWS-LC reads but RC4, and what it does not that users meet: files
//! without a MAC, with several keys, in BER, and with RC2-128.

use der::asn1::{Any, AnyRef, BmpString, OctetStringRef};
use der::{Decode, Encode, Reader, Sequence, SliceReader};
use spki::AlgorithmIdentifierOwned;
use x509_cert::attr::Attribute;
use zeroize::Zeroizing;

use super::cipher::Opener;
use super::structure::{
    CERT_BAG, CertBag, ContentInfo, DATA, ENCRYPTED_DATA, FRIENDLY_NAME, KEY_BAG, MacData,
    SAFE_CONTENTS_BAG, SHROUDED_KEY_BAG, X509_CERTIFICATE,
};
use super::{Pfx, mac};
use crate::pki::signature::name_of;
use crate::pki::{Certificate, Error, PrivateKey, Problem, ber, issuers};

/// Safes inside safes.
const DEEPEST: usize = 8;

/// Every key of the file with its certificate and chain, in the file's order.
pub(super) fn read(bytes: &[u8], passphrase: Option<&str>) -> Result<Vec<Pfx>, Error> {
    let der = ber::to_der(bytes).map_err(broken)?;
    let file = File::from_der(&der)
        .map_err(|e| Error::new(Problem::Malformed, format!("not a PFX (PKCS#12) file: {e}")))?;
    let safes = data(&file.auth_safe)?;
    let opener = &mut opener(&file, &safes, passphrase)?;
    let mut contents = Contents::default();
    for safe in Vec::<ContentInfo>::from_der(&ber::to_der(&safes).map_err(broken)?)
        .map_err(|e| malformed(&e))?
    {
        let bags = match safe.content_type {
            DATA => Zeroizing::new(data(&safe)?),
            ENCRYPTED_DATA => encrypted(&safe, opener)?,
            other => {
                let what = format!("the PFX has a part of kind {}", name_of(&other));
                return Err(Error::new(Problem::Unsupported, what));
            }
        };
        contents.add(&ber::to_der(&bags).map_err(broken)?, opener, 0)?;
    }
    contents.into_entries()
}

/// PFX (RFC 7292, section 4) for reading; the MAC need not be there.
#[derive(Sequence)]
struct File {
    version: u8,
    auth_safe: ContentInfo,
    #[asn1(optional = "true")]
    mac_data: Option<MacData>,
}

/// Finds out which form of the passphrase the file was made with. An empty passphrase and none
/// are two things in PKCS#12, but not to people: as in OpenSSL, both are tried for either.
fn opener(file: &File, safes: &[u8], passphrase: Option<&str>) -> Result<Opener, Error> {
    let other = match passphrase {
        None => Some(Some("")),
        Some("") => Some(None),
        Some(_) => None,
    };
    let mut opener = Opener::new(passphrase);
    let Some(mac) = &file.mac_data else { return Ok(opener) };
    match (mac::check(mac, safes, &mut opener), other) {
        (Ok(()), _) => Ok(opener),
        (Err(e), Some(other)) if e.problem() == Problem::WrongPassphrase => {
            let mut opener = Opener::new(other);
            match mac::check(mac, safes, &mut opener) {
                Ok(()) => Ok(opener),
                Err(_) if passphrase.is_none() => Err(Error::new(
                    Problem::PassphraseNeeded,
                    "the PFX has a passphrase and none was given",
                )),
                Err(e) => Err(e),
            }
        }
        (Err(e), _) => Err(e),
    }
}

/// The octets of a content of type `data`.
fn data(content: &ContentInfo) -> Result<Vec<u8>, Error> {
    if content.content_type != DATA {
        let what = format!("the PFX is protected with {}", name_of(&content.content_type));
        return Err(Error::new(Problem::Unsupported, what));
    }
    let content = content.content.as_ref().ok_or_else(|| broken("a part is empty"))?;
    let octets: &OctetStringRef = content.decode_as().map_err(|e| malformed(&e))?;
    Ok(octets.as_bytes().to_vec())
}

/// EncryptedData, with the ciphertext not yet put together.
#[derive(Sequence)]
struct EncryptedData {
    version: u8,
    content: EncryptedContentInfo,
}

#[derive(Sequence)]
struct EncryptedContentInfo {
    content_type: der::asn1::ObjectIdentifier,
    algorithm: AlgorithmIdentifierOwned,
    ciphertext: Any,
}

fn encrypted(content: &ContentInfo, opener: &mut Opener) -> Result<Zeroizing<Vec<u8>>, Error> {
    let content = content.content.as_ref().ok_or_else(|| broken("a part is empty"))?;
    let data: EncryptedData = content.decode_as().map_err(|e| malformed(&e))?;
    let ciphertext = data.content.ciphertext.to_der().map_err(|e| malformed(&e))?;
    let octets =
        ber::implicit_octets(ciphertext[0], data.content.ciphertext.value()).map_err(broken)?;
    opener.open(&data.content.algorithm, &octets)
}

/// A bag, with its attributes not looked at yet: some writers do not sort them.
#[derive(Sequence)]
struct Bag<'a> {
    id: der::asn1::ObjectIdentifier,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    value: AnyRef<'a>,
    #[asn1(optional = "true")]
    attributes: Option<AnyRef<'a>>,
}

#[derive(Sequence)]
struct ShroudedKey<'a> {
    algorithm: AlgorithmIdentifierOwned,
    ciphertext: &'a OctetStringRef,
}

#[derive(Default)]
struct Contents {
    keys: Vec<(PrivateKey, Option<String>)>,
    certificates: Vec<(Certificate, Option<String>)>,
}

impl Contents {
    fn add(&mut self, bags: &[u8], opener: &mut Opener, depth: usize) -> Result<(), Error> {
        if depth > DEEPEST {
            return Err(broken("safes are nested too deep"));
        }
        for bag in Vec::<Bag<'_>>::from_der(bags).map_err(|e| malformed(&e))? {
            let value = bag.value.to_der().map_err(|e| malformed(&e))?;
            let name = bag.attributes.and_then(friendly_name);
            match bag.id {
                KEY_BAG => self.keys.push((PrivateKey::from_der(&value, None)?, name)),
                SHROUDED_KEY_BAG => {
                    let shrouded = ShroudedKey::from_der(&value).map_err(|e| malformed(&e))?;
                    let key = opener.open(&shrouded.algorithm, shrouded.ciphertext.as_bytes())?;
                    let key = PrivateKey::from_der(&ber::to_der(&key).map_err(broken)?, None)?;
                    self.keys.push((key, name));
                }
                CERT_BAG => {
                    let bag = CertBag::from_der(&value).map_err(|e| malformed(&e))?;
                    if bag.id == X509_CERTIFICATE {
                        let der = bag.value.as_bytes();
                        self.certificates.push((Certificate::from_der(der)?, name));
                    }
                }
                SAFE_CONTENTS_BAG => self.add(&value, opener, depth + 1)?,
                // Revocation lists and secrets of other programs are of no use here.
                _ => {}
            }
        }
        Ok(())
    }

    fn into_entries(self) -> Result<Vec<Pfx>, Error> {
        let Self { keys, certificates } = self;
        let alone = keys.len() == 1;
        if keys.is_empty() {
            let what = match certificates.len() {
                0 => "the PFX has neither a key nor a certificate".to_owned(),
                count => format!("the PFX has no private key ({count} certificates)"),
            };
            return Err(Error::new(Problem::NoPrivateKey, what));
        }
        keys.into_iter()
            .map(|(key, key_name)| {
                let own = certificates.iter().find(|(certificate, _)| key.matches(certificate));
                let (certificate, certificate_name) =
                    own.cloned().ok_or_else(|| broken("there is a key without its certificate"))?;
                let others = certificates.iter().map(|(other, _)| other);
                let chain = match alone {
                    // Everything else in the file was put there for this key.
                    true => without_repeats(others, &certificate),
                    false => issuers(&certificate, others),
                };
                let friendly_name = key_name.or(certificate_name);
                Ok(Pfx { key, certificate, chain, friendly_name })
            })
            .collect()
    }
}

fn without_repeats<'a>(
    all: impl Iterator<Item = &'a Certificate>,
    own: &Certificate,
) -> Vec<Certificate> {
    let mut kept: Vec<Certificate> = Vec::new();
    for other in all {
        if other.der() != own.der() && !kept.iter().any(|one| one.der() == other.der()) {
            kept.push(other.clone());
        }
    }
    kept
}

fn friendly_name(attributes: AnyRef<'_>) -> Option<String> {
    let mut reader = SliceReader::new(attributes.value()).ok()?;
    while !reader.is_finished() {
        let attribute: Attribute = reader.decode().ok()?;
        if attribute.oid == FRIENDLY_NAME {
            let name: BmpString = attribute.values.iter().next()?.decode_as().ok()?;
            return Some(name.chars().collect());
        }
    }
    None
}

fn malformed(error: &der::Error) -> Error {
    broken(&error.to_string())
}

fn broken(why: &str) -> Error {
    Error::new(Problem::Malformed, format!("the PFX is broken: {why}"))
}
