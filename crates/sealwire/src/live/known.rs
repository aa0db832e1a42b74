//! Files that were read before, so that what is large is not read, or even parsed, for nothing.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use aws_lc_rs::digest::{SHA256, digest};
use sealwire_x509::Crl;
use zeroize::Zeroizing;

use super::stamp::Stamp;
use crate::pki::{self, Error};

/// What is known of files. A revocation list may have a hundred megabytes, and files are looked at whenever
/// something happens in their folder: a large file is not read again while the system says that no program has
/// written to it, and a list is not parsed again while the content is the same.
#[derive(Debug, Default)]
pub struct KnownFiles(Mutex<BTreeMap<PathBuf, Known>>);

#[derive(Debug, Default)]
struct Known {
    stamp: Option<Stamp>,
    digest: Digest,
    lists: Option<Vec<Crl>>,
}

/// Of the content of a file, or that it could not be read.
type Digest = Option<[u8; 32]>;

impl KnownFiles {
    /// Nothing is known.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The SHA-256 digest of a file's content; `None` when it cannot be read.
    pub fn digest(&self, path: &Path) -> Option<[u8; 32]> {
        let stamp = Stamp::of(path);
        if let Some(known) = self.lock().get(path)
            && known.stamp.is_some()
            && known.stamp == stamp
        {
            return known.digest;
        }
        // It may hold a key.
        let bytes = fs::read(path).map(Zeroizing::new).ok();
        let digest = bytes.map(|bytes| digest_of(&bytes));
        self.note(path, stamp, digest);
        digest
    }

    /// The revocation lists of a file, at least one: PEM, DER, or PKCS#7 in either. Errors name the file.
    ///
    /// # Errors
    /// As of [`pki::crls_from_file`](crate::pki::crls_from_file).
    pub fn crls(&self, path: &Path) -> Result<Vec<Crl>, Error> {
        let stamp = Stamp::of(path);
        if let Some(Known { stamp: known @ Some(_), lists: Some(lists), .. }) =
            self.lock().get(path)
            && *known == stamp
        {
            return Ok(lists.clone());
        }
        let bytes = fs::read(path).map_err(|e| Error::io(path, &e))?;
        self.note(path, stamp, Some(digest_of(&bytes)));
        if let Some(Known { lists: Some(lists), .. }) = self.lock().get(path) {
            return Ok(lists.clone());
        }
        let lists = pki::crls_in(&bytes, path)?;
        if let Some(known) = self.lock().get_mut(path) {
            known.lists = Some(lists.clone());
        }
        Ok(lists)
    }

    /// Reads these files again when they are asked for next, whatever the system says of them, and forgets
    /// all others.
    pub fn distrust(&self, files: &[&Path]) {
        let mut all = self.lock();
        all.retain(|path, _| files.contains(&path.as_path()));
        all.values_mut().for_each(|known| known.stamp = None);
    }

    /// Notes what a file holds now. Lists of another content are forgotten.
    fn note(&self, path: &Path, stamp: Option<Stamp>, digest: Digest) {
        let mut all = self.lock();
        let known = all.entry(path.to_path_buf()).or_default();
        if known.digest != digest {
            known.lists = None;
        }
        (known.stamp, known.digest) = (stamp, digest);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<PathBuf, Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn digest_of(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest(&SHA256, bytes).as_ref());
    out
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::{Duration, SystemTime};

    use super::KnownFiles;
    use crate::pki::{
        Certificate, CertificateBuilder, CrlBuilder, CrlNumber, Issuer, KeyAlgorithm, PrivateKey,
        Subject,
    };

    fn ca() -> (Certificate, Issuer) {
        let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
        let subject = Subject::from_common_name("CA").unwrap();
        let ca = CertificateBuilder::new(subject).authority(None).self_signed(&key).unwrap();
        (ca.clone(), Issuer::new(ca, key).unwrap())
    }

    fn list(issuer: &Issuer, number: u64) -> String {
        let this_update = SystemTime::now();
        let next_update = this_update + Duration::from_secs(1000);
        let number = CrlNumber::from(number);
        let list = CrlBuilder { number, this_update, next_update, revoked: Vec::new() };
        list.signed_by(issuer).unwrap().to_pem()
    }

    #[test]
    fn a_list_is_parsed_once_while_the_file_holds_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("list");
        let ((certificate, issuer), known) = (ca(), KnownFiles::new());
        let signer = std::slice::from_ref(&certificate);
        fs::write(&path, list(&issuer, 1)).unwrap();
        let (digest, first) = (known.digest(&path), known.crls(&path).unwrap());
        assert!(digest.is_some() && first[0].find_signer(signer));
        // What one of them has found out the other knows: they are one.
        let again = known.crls(&path).unwrap();
        assert_eq!((again[0].signature_checks(), known.digest(&path)), (1, digest));
        // Small files are read each time: a change shows at once.
        fs::write(&path, list(&issuer, 2)).unwrap();
        assert_ne!(known.digest(&path), digest);
        let second = known.crls(&path).unwrap();
        assert_eq!((second[0].number().as_deref(), second[0].signature_checks()), (Some("02"), 0));
        known.distrust(&[&path]);
        assert!(second[0].find_signer(signer));
        assert_eq!(known.crls(&path).unwrap()[0].signature_checks(), 1, "read again, and the same");
        known.distrust(&[]);
        assert_eq!(known.crls(&path).unwrap()[0].signature_checks(), 0, "forgotten");
    }

    #[test]
    fn a_file_that_is_gone_or_broken_is_an_error_and_its_list_is_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("list");
        let ((_, issuer), known) = (ca(), KnownFiles::new());
        assert_eq!(known.digest(&path), None);
        assert!(known.crls(&path).unwrap_err().to_string().contains("list"));
        fs::write(&path, list(&issuer, 1)).unwrap();
        known.crls(&path).unwrap();
        fs::write(&path, "no list").unwrap();
        assert!(known.crls(&path).is_err());
        assert!(known.crls(&path).is_err());
        fs::remove_file(&path).unwrap();
        assert_eq!(known.digest(&path), None);
        assert!(known.crls(&path).is_err());
    }
}
