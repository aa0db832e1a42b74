//! Part one: the founding document's four files.

use std::path::Path;

use sealwire::pki::{CertificateBuilder, Csr, KeyAlgorithm, Pfx, PrivateKey, Subject};
use sealwire::{Identity, TrustStore};
use sealwire_files::{Access, Existing, write_file};
use serde::Serialize;

use crate::say::failure::Failure;

/// What the conversations need.
pub(super) struct Material {
    pub(super) identity: Identity,
    pub(super) trust: TrustStore,
}

/// One file: how to make it by hand, and what it is.
#[derive(Serialize)]
pub(super) struct Made {
    pub(super) file: String,
    pub(super) command: String,
    pub(super) what: String,
}

const PASSPHRASE: &str = "demo";

/// Makes the files in `dir`, reads them back, and says how. Files that are there already are
/// replaced in a folder of the demo's own only.
pub(super) fn all(dir: &Path, own_folder: bool) -> Result<(Material, Vec<Made>), Failure> {
    let existing = if own_folder { Existing::Replace } else { Existing::Keep };
    let [key_file, csr_file, cert_file, pfx_file] =
        ["amit-key.pem", "amit-csr.pem", "amit-cert.pem", "amit.pfx"].map(|name| dir.join(name));

    let key = PrivateKey::generate(KeyAlgorithm::Rsa { bits: 2048 })?;
    write_file(&key_file, key.to_pem().as_bytes(), Access::Private, existing)?;

    let csr = Csr::new(&key, &Subject::from_common_name("localhost")?)?;
    write_file(&csr_file, csr.to_pem().as_bytes(), Access::Public, existing)?;

    let certificate = CertificateBuilder::for_csr(&csr).openssl_compat().self_signed(&key)?;
    write_file(&cert_file, certificate.to_pem().as_bytes(), Access::Public, existing)?;

    let pfx = Pfx::new(key, certificate.clone(), Vec::new())?.to_der(PASSPHRASE)?;
    write_file(&pfx_file, &pfx, Access::Private, existing)?;

    // The conversations use the files on disk: the PFX for the identity, the PEM for the certificates to
    // trust.
    let material = Material {
        identity: Identity::from_pkcs12_file(&pfx_file, PASSPHRASE)?,
        trust: TrustStore::from_pem_file(&cert_file)?,
    };
    let made = |file: &Path, command: &str, what: String| Made {
        file: file.display().to_string(),
        command: command.to_owned(),
        what,
    };
    let made = vec![
        made(
            &key_file,
            "seal key new --rsa 2048 --out amit-key.pem",
            "a private key, which stays here".to_owned(),
        ),
        made(
            &csr_file,
            "seal csr new --key amit-key.pem --subject /CN=localhost --out amit-csr.pem",
            "a request: \"I am localhost, and this is my public key\"".to_owned(),
        ),
        made(
            &cert_file,
            "seal cert self-sign --csr amit-csr.pem --key amit-key.pem --openssl-compat --out amit-cert.pem",
            format!(
                "a certificate (X.509 v{}, serial {}), signed by its own key, not by a CA",
                certificate.version(),
                certificate.serial_hex()
            ),
        ),
        made(
            &pfx_file,
            "seal pfx export --cert amit-cert.pem --key amit-key.pem --passphrase-file pass.txt --out amit.pfx",
            "both in one encrypted file".to_owned(),
        ),
    ];
    Ok((material, made))
}
