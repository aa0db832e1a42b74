//! Writing a PFX as OpenSSL 3 does with today's iteration counts, or as its `-legacy` does.

use aws_lc_rs::{digest, hmac, rand};
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5912;
use der::asn1::{Any, BmpString, OctetString, SetOfVec};
use der::{Decode, Encode, Sequence};
use pkcs5::pbes2;
use spki::AlgorithmIdentifierOwned;
use x509_cert::attr::Attribute;

use super::Pfx;
use super::structure::{
    CERT_BAG, CertBag, ContentInfo, DATA, DigestInfo, ENCRYPTED_DATA, EncryptedContentInfo,
    EncryptedData, FRIENDLY_NAME, LOCAL_KEY_ID, MacData, Pfx as File, SHROUDED_KEY_BAG, SafeBag,
    TRUSTED_BY_JAVA, X509_CERTIFICATE,
};
use crate::pki::pbe::kdf;
use crate::pki::pbe::pkcs12::seal_3des;
use crate::pki::signature::unencodable;
use crate::pki::{Certificate, Error, KeyEncryption, Problem, encrypted};

/// With what the parts are encrypted.
#[derive(Clone, Copy)]
pub(super) enum Form {
    /// AES-256 and SHA-256.
    Modern { iterations: u32 },
    /// 3DES and SHA-1, 2048 iterations.
    Legacy,
}

const LEGACY_ITERATIONS: u32 = 2048;

/// The file: certificates encrypted in one safe, the key in another, a MAC over both.
pub(super) fn write(pfx: &Pfx, passphrase: &str, form: Form) -> Result<Vec<u8>, Error> {
    let key_id = key_id(pfx);
    let certificates = encrypt_safe(&certificate_bags(pfx, &key_id)?, passphrase, form)?;
    let keys = vec![key_bag(pfx, &key_id, passphrase, form)?];
    let safes = der(&vec![certificates, data(&der(&keys)?)?])?;
    let file = File {
        version: 3,
        auth_safe: data(&safes)?,
        mac_data: Some(mac(&safes, passphrase, form)?),
    };
    der(&file)
}

/// A trust store: certificates without a key, each marked as trusted, without which Java lists no entry.
pub(super) fn write_trusted(
    certificates: &[Certificate],
    passphrase: &str,
    form: Form,
) -> Result<Vec<u8>, Error> {
    let mut bags = Vec::new();
    for (number, one) in certificates.iter().enumerate() {
        // Java wants names of its entries that differ.
        let subject = one.subject();
        let name = format!("{} {}", number + 1, subject.common_name().unwrap_or("certificate"));
        let mut all = SetOfVec::new();
        all.insert(attribute(FRIENDLY_NAME, &text(&name)?)?).map_err(|e| unencodable(&e))?;
        let any_use = rfc5912::ANY_EXTENDED_KEY_USAGE;
        all.insert(attribute(TRUSTED_BY_JAVA, &any_use)?).map_err(|e| unencodable(&e))?;
        bags.push(SafeBag { id: CERT_BAG, value: certificate(one.der())?, attributes: Some(all) });
    }
    let safes = der(&vec![encrypt_safe(&bags, passphrase, form)?])?;
    der(&File {
        version: 3,
        auth_safe: data(&safes)?,
        mac_data: Some(mac(&safes, passphrase, form)?),
    })
}

fn text(name: &str) -> Result<BmpString, Error> {
    BmpString::from_utf8(name).map_err(|_| {
        let what = format!("the name {name:?} has characters that a PFX cannot hold");
        Error::new(Problem::InvalidValue, what)
    })
}

fn certificate_bags(pfx: &Pfx, key_id: &[u8]) -> Result<Vec<SafeBag>, Error> {
    let mut bags = vec![SafeBag {
        id: CERT_BAG,
        value: certificate(pfx.certificate.der())?,
        attributes: Some(attributes(pfx.friendly_name.as_deref(), key_id)?),
    }];
    // OpenSSL's `-certfile` puts a certificate in twice when it is given twice; once is enough.
    for other in pfx.chain.iter().filter(|other| other.der() != pfx.certificate.der()) {
        bags.push(SafeBag { id: CERT_BAG, value: certificate(other.der())?, attributes: None });
    }
    Ok(bags)
}

fn key_bag(pfx: &Pfx, key_id: &[u8], passphrase: &str, form: Form) -> Result<SafeBag, Error> {
    let plain = pfx.key.to_pkcs8_der();
    let shrouded = match form {
        Form::Modern { iterations } => {
            let how = KeyEncryption::Pbkdf2 { iterations };
            encrypted::encrypt(plain, passphrase.as_bytes(), how)?
        }
        Form::Legacy => {
            let (algorithm, ciphertext) =
                seal_3des(passphrase, &random::<8>()?, LEGACY_ITERATIONS, plain)?;
            der(&ShroudedKey { algorithm, ciphertext: octets(&ciphertext)? })?
        }
    };
    Ok(SafeBag {
        id: SHROUDED_KEY_BAG,
        value: Any::from_der(&shrouded).map_err(|e| unencodable(&e))?,
        attributes: Some(attributes(pfx.friendly_name.as_deref(), key_id)?),
    })
}

/// EncryptedPrivateKeyInfo with an algorithm that the pkcs8 crate does not support.
#[derive(Sequence)]
struct ShroudedKey {
    algorithm: AlgorithmIdentifierOwned,
    ciphertext: OctetString,
}

/// What ties the key to its certificate: the certificate's SHA-1, as OpenSSL has it.
fn key_id(pfx: &Pfx) -> Vec<u8> {
    digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, pfx.certificate.der()).as_ref().to_vec()
}

fn certificate(certificate: &[u8]) -> Result<Any, Error> {
    let bag = CertBag { id: X509_CERTIFICATE, value: octets(certificate)? };
    Any::encode_from(&bag).map_err(|e| unencodable(&e))
}

fn attributes(friendly_name: Option<&str>, key_id: &[u8]) -> Result<SetOfVec<Attribute>, Error> {
    let mut all = SetOfVec::new();
    if let Some(name) = friendly_name {
        all.insert(attribute(FRIENDLY_NAME, &text(name)?)?).map_err(|e| unencodable(&e))?;
    }
    all.insert(attribute(LOCAL_KEY_ID, &octets(key_id)?)?).map_err(|e| unencodable(&e))?;
    Ok(all)
}

fn attribute(
    oid: ObjectIdentifier,
    value: &(impl der::Tagged + der::EncodeValue),
) -> Result<Attribute, Error> {
    let value = Any::encode_from(value).map_err(|e| unencodable(&e))?;
    let values = SetOfVec::try_from(vec![value]).map_err(|e| unencodable(&e))?;
    Ok(Attribute { oid, values })
}

fn data(content: &[u8]) -> Result<ContentInfo, Error> {
    let content = Any::encode_from(&octets(content)?).map_err(|e| unencodable(&e))?;
    Ok(ContentInfo { content_type: DATA, content: Some(content) })
}

fn encrypt_safe(bags: &Vec<SafeBag>, passphrase: &str, form: Form) -> Result<ContentInfo, Error> {
    let plain = der(bags)?;
    let (algorithm, ciphertext) = match form {
        Form::Modern { iterations } => {
            let parameters = encrypted::parameters(iterations)?;
            let ciphertext = parameters
                .encrypt(passphrase, &plain)
                .map_err(|_| Error::new(Problem::Internal, "encrypting the PFX failed"))?;
            (algorithm(&parameters)?, ciphertext)
        }
        Form::Legacy => seal_3des(passphrase, &random::<8>()?, LEGACY_ITERATIONS, &plain)?,
    };
    let ciphertext = octets(&ciphertext)?;
    let content = EncryptedContentInfo { content_type: DATA, algorithm, ciphertext };
    let encrypted = EncryptedData { version: 0, content };
    let content = Any::encode_from(&encrypted).map_err(|e| unencodable(&e))?;
    Ok(ContentInfo { content_type: ENCRYPTED_DATA, content: Some(content) })
}

fn algorithm(parameters: &pbes2::Parameters) -> Result<AlgorithmIdentifierOwned, Error> {
    let parameters = Any::encode_from(parameters).map_err(|e| unencodable(&e))?;
    Ok(AlgorithmIdentifierOwned { oid: pbes2::PBES2_OID, parameters: Some(parameters) })
}

fn mac(content: &[u8], passphrase: &str, form: Form) -> Result<MacData, Error> {
    let (digest, hmac, oid, iterations) = match form {
        Form::Modern { iterations } => {
            (&digest::SHA256, hmac::HMAC_SHA256, rfc5912::ID_SHA_256, iterations)
        }
        Form::Legacy => (
            &digest::SHA1_FOR_LEGACY_USE_ONLY,
            hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            rfc5912::ID_SHA_1,
            LEGACY_ITERATIONS,
        ),
    };
    let salt: [u8; 16] = random()?;
    let passphrase = kdf::bmp(passphrase);
    let length = digest.output_len();
    let key = kdf::derive(digest, kdf::Purpose::MacKey, &passphrase, &salt, iterations, length);
    let tag = hmac::sign(&hmac::Key::new(hmac, &key), content);
    Ok(MacData {
        mac: DigestInfo {
            algorithm: AlgorithmIdentifierOwned { oid, parameters: Some(Any::null()) },
            digest: octets(tag.as_ref())?,
        },
        salt: octets(&salt)?,
        iterations,
    })
}

fn random<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).map_err(|_| Error::new(Problem::Internal, "no random bytes"))?;
    Ok(bytes)
}

fn octets(bytes: &[u8]) -> Result<OctetString, Error> {
    OctetString::new(bytes).map_err(|e| unencodable(&e))
}

fn der(value: &impl Encode) -> Result<Vec<u8>, Error> {
    value.to_der().map_err(|e| unencodable(&e))
}
