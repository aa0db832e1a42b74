//! Reading a PFX, of whatever program: DER and BER, with and without a MAC, with any number of keys
//! and of certificates, and with every encryption that OpenSSL reads.

use der::asn1::{Any, AnyRef, BmpString, ObjectIdentifier, OctetStringRef};
use der::{Decode, Encode, Reader, Sequence, SliceReader};
use spki::AlgorithmIdentifierOwned;
use x509_cert::attr::Attribute;
use zeroize::Zeroizing;

use super::structure::{
    CERT_BAG, CRL_BAG, CertBag, ContentInfo, DATA, ENCRYPTED_DATA, FRIENDLY_NAME, KEY_BAG, MacData,
    SAFE_CONTENTS_BAG, SECRET_BAG, SHROUDED_KEY_BAG, TRUSTED_BY_JAVA, X509_CERTIFICATE,
};
use super::{Pfx, PfxCertificate, PfxContents, mac};
use crate::pki::encrypted::is_whole;
use crate::pki::pbe::{self, Opener};
use crate::pki::signature::name_of;
use crate::pki::{Certificate, Error, PrivateKey, Problem, ber, issuers};

/// Safes inside safes.
const DEEPEST: usize = 8;

/// What is in the file.
pub(super) fn read(bytes: &[u8], passphrase: Option<&str>) -> Result<PfxContents, Error> {
    let der = ber::to_der(bytes).map_err(broken)?;
    let file = File::from_der(&der)
        .map_err(|e| Error::new(Problem::Malformed, format!("not a PFX (PKCS#12) file: {e}")))?;
    let safes = data(&file.auth_safe)?;
    let parts = ber::to_der(&safes).map_err(broken)?;
    let parts = Vec::<ContentInfo>::from_der(&parts).map_err(|e| malformed(&e))?;
    let opener = &mut Opener::new("the PFX", passphrase.map(str::as_bytes));
    opener.check_sum(parts.iter().map(cost).chain(file.mac_data.iter().map(mac::cost)))?;
    check_mac(&file, &safes, passphrase, opener)?;
    let mut found = Found::default();
    for part in &parts {
        let bags = match part.content_type {
            DATA => Zeroizing::new(data(part)?),
            ENCRYPTED_DATA => {
                let EncryptedContentInfo { algorithm, .. } = encrypted(part)?;
                opener.open(&algorithm, &ciphertext(part)?)?
            }
            other => {
                let what = format!("the PFX has a part of kind {}", name_of(&other));
                return Err(Error::new(Problem::Unsupported, what));
            }
        };
        // Noise by a wrong passphrase, where there is no MAC to tell one.
        let bags = ber::to_der(&bags).map_err(|why| match file.mac_data {
            None if part.content_type == ENCRYPTED_DATA => opener.wrong_passphrase(),
            _ => broken(why),
        })?;
        found.add(&bags, opener, 0)?;
    }
    Ok(found.into_contents())
}

/// The work of opening a part, as far as it can be seen from outside.
fn cost(part: &ContentInfo) -> u64 {
    if part.content_type == ENCRYPTED_DATA {
        return encrypted(part).map_or(0, |info| pbe::cost(&info.algorithm));
    }
    let Ok(bags) = data(part).and_then(|bags| ber::to_der(&bags).map_err(broken)) else { return 0 };
    let Ok(bags) = Vec::<Bag<'_>>::from_der(&bags) else { return 0 };
    let keys = bags.iter().filter(|bag| bag.id == SHROUDED_KEY_BAG);
    let costs = keys.filter_map(|bag| bag.value.decode_as::<ShroudedKey<'_>>().ok());
    costs.map(|key| pbe::cost(&key.algorithm)).fold(0, u64::saturating_add)
}

/// PFX ([RFC 7292, section 4](https://www.rfc-editor.org/rfc/rfc7292#section-4))
/// for reading; the MAC need not be there.
#[derive(Sequence)]
struct File {
    version: u8,
    auth_safe: ContentInfo,
    #[asn1(optional = "true")]
    mac_data: Option<MacData>,
}

/// Checks the MAC, and finds out which form of the passphrase the file was made with. An empty
/// passphrase and none are two things in PKCS#12, but not to people: as in OpenSSL, both are tried
/// for either.
fn check_mac(
    file: &File,
    safes: &[u8],
    passphrase: Option<&str>,
    opener: &mut Opener,
) -> Result<(), Error> {
    let Some(mac) = &file.mac_data else { return Ok(()) };
    let other = match passphrase {
        None => Some(Some(&b""[..])),
        Some("") => Some(None),
        Some(_) => None,
    };
    match (mac::check(mac, safes, opener), other) {
        (Err(e), Some(other)) if e.problem() == Problem::WrongPassphrase => {
            opener.set_passphrase(other);
            mac::check(mac, safes, opener).map_err(|e| match (e.problem(), passphrase) {
                (Problem::WrongPassphrase, None) => Error::new(
                    Problem::PassphraseNeeded,
                    "the PFX is encrypted and no passphrase was given",
                ),
                _ => e,
            })
        }
        (checked, _) => checked,
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
    content_type: ObjectIdentifier,
    algorithm: AlgorithmIdentifierOwned,
    ciphertext: Any,
}

fn encrypted(content: &ContentInfo) -> Result<EncryptedContentInfo, Error> {
    let content = content.content.as_ref().ok_or_else(|| broken("a part is empty"))?;
    let data: EncryptedData = content.decode_as().map_err(|e| malformed(&e))?;
    Ok(data.content)
}

fn ciphertext(content: &ContentInfo) -> Result<Vec<u8>, Error> {
    let ciphertext = encrypted(content)?.ciphertext;
    let der = ciphertext.to_der().map_err(|e| malformed(&e))?;
    ber::implicit_octets(der[0], ciphertext.value()).map_err(broken)
}

/// A bag, with its attributes not looked at yet: some writers do not sort them.
#[derive(Sequence)]
struct Bag<'a> {
    id: ObjectIdentifier,
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
struct Found {
    keys: Vec<(PrivateKey, Option<String>)>,
    certificates: Vec<PfxCertificate>,
    others: Vec<String>,
}

impl Found {
    fn add(&mut self, bags: &[u8], opener: &mut Opener, depth: usize) -> Result<(), Error> {
        if depth > DEEPEST {
            return Err(broken("SafeContents are nested too deeply"));
        }
        for bag in Vec::<Bag<'_>>::from_der(bags).map_err(|e| malformed(&e))? {
            let name = bag.attributes.and_then(friendly_name);
            let value = bag.value.to_der().map_err(|e| malformed(&e))?;
            match bag.id {
                KEY_BAG => self.keys.push((PrivateKey::from_plain_der(&value)?, name)),
                SHROUDED_KEY_BAG => {
                    let shrouded = ShroudedKey::from_der(&value).map_err(|e| malformed(&e))?;
                    let key = opener.open(&shrouded.algorithm, shrouded.ciphertext.as_bytes())?;
                    let key = Zeroizing::new(ber::to_der(&key).unwrap_or_default());
                    if !is_whole(&key) {
                        return Err(opener.wrong_passphrase());
                    }
                    self.keys.push((PrivateKey::from_plain_der(&key)?, name));
                }
                CERT_BAG => {
                    let bag_value = CertBag::from_der(&value).map_err(|e| malformed(&e))?;
                    if bag_value.id != X509_CERTIFICATE {
                        self.others.push(named("a certificate of another kind", name));
                        continue;
                    }
                    let certificate = Certificate::from_der(bag_value.value.as_bytes())?;
                    let trusted = bag.attributes.is_some_and(|all| has(all, TRUSTED_BY_JAVA));
                    self.certificates.push(PfxCertificate { certificate, name, trusted });
                }
                SAFE_CONTENTS_BAG => self.add(&value, opener, depth + 1)?,
                SECRET_BAG => self.others.push(named("a secret key", name)),
                CRL_BAG => self.others.push(named("a revocation list", name)),
                other => self.others.push(named(&name_of(&other), name)),
            }
        }
        Ok(())
    }

    /// Puts each key together with its certificate and the chain.
    fn into_contents(self) -> PfxContents {
        let Self { keys, certificates, others } = self;
        let alone = keys.len() == 1;
        let mut contents = PfxContents { others, ..PfxContents::default() };
        let mut used = vec![false; certificates.len()];
        for (key, key_name) in keys {
            // OpenSSL takes the last that fits.
            let own = certificates.iter().rposition(|one| key.matches(&one.certificate));
            let Some(own) = own else {
                contents.lone_keys.push((key, key_name));
                continue;
            };
            let PfxCertificate { certificate, name, .. } = certificates[own].clone();
            let all = certificates.iter().map(|one| &one.certificate);
            let chain = match alone {
                // Everything else in the file was put there for this key.
                true => without_repeats(all, &certificate),
                false => issuers(&certificate, all),
            };
            for (used, one) in used.iter_mut().zip(&certificates) {
                *used |= one.certificate == certificate || chain.contains(&one.certificate);
            }
            let friendly_name = key_name.or(name);
            contents.entries.push(Pfx { key, certificate, chain, friendly_name });
        }
        let rest = certificates.into_iter().zip(used).filter(|(_, used)| !used);
        contents.certificates = rest.map(|(one, _)| one).collect();
        contents
    }
}

fn named(what: &str, name: Option<String>) -> String {
    name.map_or_else(|| what.to_owned(), |name| format!("{what} {name:?}"))
}

fn has(attributes: AnyRef<'_>, wanted: ObjectIdentifier) -> bool {
    let Ok(mut reader) = SliceReader::new(attributes.value()) else { return false };
    while !reader.is_finished() {
        let Ok(attribute) = reader.decode::<Attribute>() else { return false };
        if attribute.oid == wanted {
            return true;
        }
    }
    false
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
