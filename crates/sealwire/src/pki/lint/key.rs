//! Programs that refuse a key file for its format. The key itself may be good.

use const_oid::ObjectIdentifier;
use const_oid::db::{rfc5912, rfc8410};
use der::asn1::AnyRef;
use der::{Tag, Tagged};

use super::{Findings, KeyAlgorithm, Lint};
use crate::pki::content::elements;
use crate::pki::{Error, MlDsaForm, PrivateKey, encrypted, no_key, pem};

/// Encryption of keys that some programs cannot open: the name of the algorithm, a code, the programs.
const ENCRYPTIONS: [(&str, &str, &str); 3] = [
    (
        "1.3.6.1.4.1.11591.4.11",
        "scrypt",
        "encrypted with scrypt: Bun, Java and GnuTLS do not open it",
    ),
    (
        "1.2.840.113549.2.11",
        "pbkdf2-sha512",
        "encrypted with PBKDF2 by SHA-512: Bun does not open it",
    ),
    ("1.2.840.113549.3.7", "3des", "encrypted with 3DES: Java and Deno do not open it in PBES2"),
];

const PBES2: &str = "1.2.840.113549.1.5.13";

/// Looks a file with a private key over (PEM or DER) for what programs refuse that people use. With a
/// passphrase, what is inside of an encrypted one is looked over as well. The worst comes first.
///
/// # Errors
/// When it does not contain exactly one key.
pub fn lint_key(bytes: &[u8], passphrase: Option<&[u8]>) -> Result<Vec<Lint>, Error> {
    let mut found = Findings(Vec::new());
    let der = if pem::is_pem(bytes) {
        let block = pem::private_key(bytes).map_err(|e| no_key(e, bytes))?;
        if block.headers().contains("ENCRYPTED") {
            found.warning(
                "traditional-encryption",
                "encrypted in OpenSSL's form of old: one round of MD5 lies between the passphrase and \
                 the key, and Java does not open it",
            );
            return Ok(found.0);
        }
        block.decode()?
    } else {
        bytes.to_vec().into()
    };
    match encrypted::decrypt(&der, passphrase) {
        Ok(None) => plain(&der, bytes, &mut found)?,
        Ok(Some(key)) => {
            envelope(&der, &mut found);
            plain(&key, bytes, &mut found)?;
        }
        Err(_) if passphrase.is_none() => envelope(&der, &mut found),
        Err(error) => return Err(error),
    }
    found.0.sort_by_key(|lint| std::cmp::Reverse(lint.severity));
    Ok(found.0)
}

fn envelope(der: &[u8], found: &mut Findings) {
    let mut names = Vec::new();
    gather(der, &mut names, 0);
    let has = |dotted: &str| names.iter().any(|name| name.to_string() == dotted);
    if !has(PBES2) {
        found.warning(
            "pbes1",
            "encrypted by a scheme from before PBES2, which is weak: OpenSSL 3 opens most of them with \
             its legacy provider only",
        );
        return;
    }
    for (_, code, who) in ENCRYPTIONS.iter().filter(|(name, ..)| has(name)) {
        found.warning(code, *who);
    }
}

/// All object identifiers in it.
fn gather(der: &[u8], names: &mut Vec<ObjectIdentifier>, depth: usize) {
    const DEEP: usize = 8;
    for element in elements(der).unwrap_or_default() {
        match element.tag() {
            Tag::Sequence if depth < DEEP => gather(element.value(), names, depth + 1),
            Tag::ObjectIdentifier => names.extend(element.decode_as::<ObjectIdentifier>()),
            _ => {}
        }
    }
}

fn plain(der: &[u8], file: &[u8], found: &mut Findings) -> Result<(), Error> {
    let key = PrivateKey::from_der(der, None).map_err(|e| no_key(e, file))?;
    if let KeyAlgorithm::Rsa { bits } = key.algorithm()
        && bits < 2048
    {
        found.error("weak-key", format!("RSA with {bits} bits: current software requires 2048"));
    }
    match key.ml_dsa_form() {
        Some(MlDsaForm::Seed) => {
            found.notice("ml-dsa-form", "written as a seed: Java reads the expanded form only");
        }
        Some(MlDsaForm::Expanded) => found.notice(
            "ml-dsa-form",
            "written in the expanded form: Python's cryptography reads a seed only",
        ),
        Some(MlDsaForm::Both) => found.notice(
            "ml-dsa-form",
            "written as seed and expanded key: Python's cryptography and Java read theirs only",
        ),
        None => {}
    }
    let whole = elements(der).unwrap_or_default();
    let fields = whole.first().and_then(|whole| elements(whole.value())).unwrap_or_default();
    let names = |fields: &[AnyRef<'_>]| {
        let mut names = Vec::new();
        fields.get(1).into_iter().for_each(|algorithm| gather(algorithm.value(), &mut names, 1));
        names
    };
    let algorithm = names(&fields).first().copied();
    if algorithm == Some(rfc8410::ID_ED_25519) && fields.iter().any(is_public) {
        found.warning(
            "ed25519-version-2",
            "PKCS#8 of version 2, with the public half: OpenSSL 3.0, Node 20, Bun and Python's \
             cryptography refuse it",
        );
    }
    // SEC 1 alone, or inside of PKCS#8.
    let inside = fields.get(2).and_then(|private| elements(private.value()));
    let inside = inside.and_then(|all| elements(all.first()?.value()));
    let sec1 = match algorithm {
        Some(rfc5912::ID_EC_PUBLIC_KEY) => inside,
        None if fields.get(1).is_some_and(|second| second.tag() == Tag::OctetString) => {
            Some(fields)
        }
        _ => None,
    };
    if sec1.is_some_and(|fields| !fields.iter().any(is_public)) {
        found.warning(
            "no-public-half",
            "the public half is left out, as Java and openssl pkcs8 write it: GnuTLS and ring refuse it",
        );
    }
    Ok(())
}

/// `[1]`: the public half, in PKCS#8 of version 2 as in SEC 1.
fn is_public(field: &AnyRef<'_>) -> bool {
    matches!(field.tag(), Tag::ContextSpecific { number, .. } if number.value() == 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::KeyEncryption;

    #[test]
    fn keys_of_ours_are_read_by_all_but_where_that_cannot_be() {
        for (algorithm, codes) in [
            (KeyAlgorithm::EcdsaP256, &[][..]),
            (KeyAlgorithm::Ed25519, &[]),
            (KeyAlgorithm::MlDsa65, &["ml-dsa-form"]),
        ] {
            let key = PrivateKey::generate(algorithm).unwrap();
            let told = |file: &[u8], passphrase: Option<&[u8]>| -> Vec<_> {
                lint_key(file, passphrase).unwrap().iter().map(|lint| lint.code).collect()
            };
            assert_eq!(told(key.to_pem().as_bytes(), None), codes, "{algorithm}");
            let sealed = key.to_encrypted_der(b"x", KeyEncryption::Scrypt).unwrap();
            assert_eq!(told(&sealed, None), ["scrypt"], "{algorithm}");
            assert_eq!(told(&sealed, Some(b"x")), [&["scrypt"], codes].concat(), "{algorithm}");
            assert!(lint_key(&sealed, Some(b"y")).is_err());
        }
        assert!(lint_key(b"hello", None).is_err());
    }
}
