//! Writing a PFX as OpenSSL 3 does, with today's iteration counts.

use aws_lc_rs::{digest, hmac, rand};
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5912;
use der::asn1::{Any, BmpString, OctetString, SetOfVec};
use der::{Decode, Encode};
use pkcs5::pbes2;
use spki::AlgorithmIdentifierOwned;
use x509_cert::attr::Attribute;

use super::structure::{
    CERT_BAG, CertBag, ContentInfo, DATA, DigestInfo, ENCRYPTED_DATA, EncryptedContentInfo,
    EncryptedData, FRIENDLY_NAME, LOCAL_KEY_ID, MacData, Pfx as File, SHROUDED_KEY_BAG, SafeBag,
    X509_CERTIFICATE,
};
use super::{Pfx, kdf};
use crate::pki::signature::unencodable;
use crate::pki::{Error, KeyEncryption, Problem, encrypted};

/// The file: certificates encrypted in one safe, the key in another, a MAC over both.
pub(super) fn write(pfx: &Pfx, passphrase: &str, iterations: u32) -> Result<Vec<u8>, Error> {
    let key_id = key_id(pfx);
    let certificates = encrypt_safe(&certificate_bags(pfx, &key_id)?, passphrase, iterations)?;
    let keys = vec![key_bag(pfx, &key_id, passphrase, iterations)?];
    let safes = der(&vec![certificates, data(&der(&keys)?)?])?;
    let file = File {
        version: 3,
        auth_safe: data(&safes)?,
        mac_data: Some(mac(&safes, passphrase, iterations)?),
    };
    der(&file)
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

fn key_bag(pfx: &Pfx, key_id: &[u8], passphrase: &str, iterations: u32) -> Result<SafeBag, Error> {
    let how = KeyEncryption::Pbkdf2 { iterations };
    let key = encrypted::encrypt(pfx.key.to_pkcs8_der(), passphrase.as_bytes(), how)?;
    Ok(SafeBag {
        id: SHROUDED_KEY_BAG,
        value: Any::from_der(&key).map_err(|e| unencodable(&e))?,
        attributes: Some(attributes(pfx.friendly_name.as_deref(), key_id)?),
    })
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
        let name = BmpString::from_utf8(name).map_err(|_| {
            let what = format!("the name {name:?} has characters that a PFX cannot hold");
            Error::new(Problem::InvalidValue, what)
        })?;
        all.insert(attribute(FRIENDLY_NAME, &name)?).map_err(|e| unencodable(&e))?;
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

fn encrypt_safe(
    bags: &Vec<SafeBag>,
    passphrase: &str,
    iterations: u32,
) -> Result<ContentInfo, Error> {
    let parameters = encrypted::parameters(iterations)?;
    let ciphertext = parameters
        .encrypt(passphrase, &der(bags)?)
        .map_err(|_| Error::new(Problem::Internal, "encrypting the PFX failed"))?;
    let encrypted = EncryptedData {
        version: 0,
        content: EncryptedContentInfo {
            content_type: DATA,
            algorithm: algorithm(&parameters)?,
            ciphertext: octets(&ciphertext)?,
        },
    };
    let content = Any::encode_from(&encrypted).map_err(|e| unencodable(&e))?;
    Ok(ContentInfo { content_type: ENCRYPTED_DATA, content: Some(content) })
}

fn algorithm(parameters: &pbes2::Parameters) -> Result<AlgorithmIdentifierOwned, Error> {
    let parameters = Any::encode_from(parameters).map_err(|e| unencodable(&e))?;
    Ok(AlgorithmIdentifierOwned { oid: pbes2::PBES2_OID, parameters: Some(parameters) })
}

fn mac(content: &[u8], passphrase: &str, iterations: u32) -> Result<MacData, Error> {
    let mut salt = [0; 16];
    rand::fill(&mut salt).map_err(|_| Error::new(Problem::Internal, "no random bytes"))?;
    let digest = &digest::SHA256;
    let passphrase = kdf::bmp(passphrase);
    let length = digest.output_len();
    let key = kdf::derive(digest, kdf::Purpose::MacKey, &passphrase, &salt, iterations, length);
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), content);
    let oid = rfc5912::ID_SHA_256;
    Ok(MacData {
        mac: DigestInfo {
            algorithm: AlgorithmIdentifierOwned { oid, parameters: Some(Any::null()) },
            digest: octets(tag.as_ref())?,
        },
        salt: octets(&salt)?,
        iterations,
    })
}

fn octets(bytes: &[u8]) -> Result<OctetString, Error> {
    OctetString::new(bytes).map_err(|e| unencodable(&e))
}

fn der(value: &impl Encode) -> Result<Vec<u8>, Error> {
    value.to_der().map_err(|e| unencodable(&e))
}
