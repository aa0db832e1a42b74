//! The signer: an intermediate below the CA of a folder, created when missing, and replaced in
//! time; the root's key is needed for that alone.

mod profile;
mod signer;
mod window;

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use sealwire::pki::{
    CaStore, CertificateBuilder, Error, Issuer, KeyEncryption, PrivateKey, Problem, Subject,
    Validity,
};
use zeroize::Zeroizing;

use crate::clock::{Clock, Seconds, system_time};
pub use profile::Profile;
pub use signer::{Refused, Request, Signer, bytes_of_hex, may_sign};
pub use window::{Window, renewal_window};

/// The folder of the intermediates in that of a CA. Each has a folder of its own, by its number.
const INTERMEDIATES: &str = "intermediates";

/// How long an intermediate is valid, where the root is for longer.
const INTERMEDIATE_LASTS: Seconds = 365 * 86_400;

/// The intermediates of a CA in a folder; the last one signs.
pub struct Authority {
    folder: PathBuf,
    passphrase: Option<Zeroizing<Vec<u8>>>,
    clock: Clock,
    signers: RwLock<Vec<Arc<Signer>>>,
}

impl Authority {
    /// Opens a CA. When it may have a CA below it, that one signs; the first is made here.
    ///
    /// # Errors
    /// With the file at fault.
    pub fn open(
        folder: &Path,
        passphrase: Option<&[u8]>,
        clock: Clock,
        record: Recorder<'_>,
    ) -> Result<Self, Error> {
        let passphrase = passphrase.map(|bytes| Zeroizing::new(bytes.to_vec()));
        let (folder, signers) = (folder.to_owned(), RwLock::default());
        let opened = Self { folder, passphrase, clock, signers };
        if numbers(&opened.folder).is_empty() && opened.has_intermediates()? {
            opened.make_intermediate(record)?;
        }
        opened.refresh()?;
        Ok(opened)
    }

    /// The current signer.
    #[must_use]
    pub fn signer(&self) -> Arc<Signer> {
        let signers = self.signers.read().unwrap_or_else(PoisonError::into_inner);
        signers.last().expect("opened with one, and never without").clone()
    }

    /// The signer of this name, if its key is here.
    #[must_use]
    pub fn signer_of(&self, id: &str) -> Option<Arc<Signer>> {
        let signers = self.signers.read().unwrap_or_else(PoisonError::into_inner);
        signers.iter().find(|signer| signer.id() == id).cloned()
    }

    /// Looks for intermediates that were made meanwhile. True: another one signs now.
    ///
    /// # Errors
    /// With the file at fault; the previous signer stays in use.
    pub fn refresh(&self) -> Result<bool, Error> {
        let known = self.signers.read().unwrap_or_else(PoisonError::into_inner).len();
        let numbers = numbers(&self.folder);
        if known > 0 && known >= numbers.len() {
            return Ok(false);
        }
        let passphrase = self.passphrase.as_ref().map(|bytes| bytes.as_slice());
        let mut signers = Vec::new();
        for number in &numbers {
            let store = CaStore::open(&intermediate(&self.folder, *number))?;
            signers.push(Arc::new(Signer::new(store.issuer(passphrase)?, store.chain()?)));
        }
        if signers.is_empty() {
            let store = CaStore::open(&self.folder)?;
            signers.push(Arc::new(Signer::new(store.issuer(passphrase)?, store.chain()?)));
        }
        *self.signers.write().unwrap_or_else(PoisonError::into_inner) = signers;
        Ok(true)
    }

    /// Whether the current signer should be replaced: a third of its time is left, or less.
    #[must_use]
    pub fn is_due(&self) -> bool {
        let signer = self.signer();
        let (begin, end) = (signer.certificate().not_before(), signer.certificate().not_after());
        !signer.certificate().is_self_signed() && self.clock.now() > end - (end - begin) / 3
    }

    /// Makes the next intermediate, which signs from now on. `record` notes it with the root's
    /// certificates, before it is used.
    ///
    /// # Errors
    /// When the root cannot sign one.
    pub fn rotate(&self, record: Recorder<'_>) -> Result<Arc<Signer>, Error> {
        if !self.has_intermediates()? {
            let what = "this CA must not issue CA certificates (pathLenConstraint 0)";
            return Err(
                Error::new(Problem::InvalidValue, what).at(self.folder.display().to_string())
            );
        }
        self.make_intermediate(record)?;
        self.refresh()?;
        Ok(self.signer())
    }

    fn has_intermediates(&self) -> Result<bool, Error> {
        let own = CaStore::open(&self.folder)?.certificate()?;
        Ok(!matches!(own.basic_constraints(), Some((_, Some(0))) | None))
    }

    fn make_intermediate(&self, record: Recorder<'_>) -> Result<(), Error> {
        let root = CaStore::open(&self.folder)?;
        let passphrase = self.passphrase.as_ref().map(|bytes| bytes.as_slice());
        let issuer = root.issuer(passphrase)?;
        let number = numbers(&self.folder).last().map_or(1, |last| last + 1);
        let key = PrivateKey::generate(issuer.key().algorithm())?;
        let certificate = self.intermediate_of(&issuer, &key, number)?;
        let text = match passphrase {
            Some(secret) => Zeroizing::new(key.to_encrypted_pem(secret, KeyEncryption::default())?),
            None => key.to_pem(),
        };
        let above = root.chain()?;
        let target = intermediate(&self.folder, number);
        record(&certificate, &mut || {
            CaStore::create(&target, &certificate, &text, &above).map(|_| ())
        })
    }

    fn intermediate_of(
        &self,
        issuer: &Issuer,
        key: &PrivateKey,
        number: u32,
    ) -> Result<sealwire::pki::Certificate, Error> {
        let now = self.clock.now();
        let root = issuer.certificate();
        let end = root.not_after().min(now + INTERMEDIATE_LASTS);
        if end <= now {
            let what = "the CA's certificate has expired";
            return Err(
                Error::new(Problem::InvalidValue, what).at(self.folder.display().to_string())
            );
        }
        let of = root.subject().common_name().unwrap_or("CA").to_owned();
        let subject = Subject::from_common_name(&format!("{of}, intermediate {number}"))?;
        CertificateBuilder::new(subject)
            .authority(Some(0))
            .validity(Validity::between(
                system_time(root.not_before().max(now - 3600)),
                system_time(end),
            )?)
            .signed_by(issuer, key.spki_der())
    }
}

/// Notes a certificate with others of the root, then runs what puts it to use.
pub type Recorder<'a> = &'a dyn Fn(
    &sealwire::pki::Certificate,
    &mut dyn FnMut() -> Result<(), Error>,
) -> Result<(), Error>;

fn intermediate(folder: &Path, number: u32) -> PathBuf {
    folder.join(INTERMEDIATES).join(number.to_string())
}

/// The numbers of the intermediates that are there, in order.
fn numbers(folder: &Path) -> Vec<u32> {
    let Ok(entries) = std::fs::read_dir(folder.join(INTERMEDIATES)) else { return Vec::new() };
    let there = |entry: std::io::Result<std::fs::DirEntry>| {
        let entry = entry.ok()?;
        let number = entry.file_name().to_str()?.parse().ok()?;
        // Its certificate is written last.
        entry.path().join("ca.pem").exists().then_some(number)
    };
    let mut numbers: Vec<u32> = entries.filter_map(there).collect();
    numbers.sort_unstable();
    numbers
}
