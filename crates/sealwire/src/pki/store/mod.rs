//! A CA in a folder: its certificate and key, what it has signed, and its revocation lists.
//!
//! ```text
//! ca.pem        the certificate
//! ca-key.pem    the key (mode 0600, perhaps encrypted)
//! chain.pem     the certificates above it, when it is not a root
//! addresses.txt the networks that it signs for, when its certificate does not limit addresses
//! index.txt     what it has signed, as `openssl ca` keeps it
//! crlnumber     the number of the next revocation list, in hexadecimal
//! crl.pem       the latest revocation list
//! issued/       the certificates, by serial number
//! lock          held while anything is changed
//! ```
//!
//! Every file is replaced whole, so a crash leaves the old or the new one. A certificate is put
//! into the index before it is handed out, so none exists that cannot be revoked; numbers of
//! revocation lists may have gaps but never repeat.

mod index;

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sealwire_files::{Access, Existing, Staged, place_of, put_all};

use super::{
    Certificate, Crl, CrlBuilder, CrlNumber, Error, Issuer, Moment, NameConstraint, Problem,
    RevocationReason, Revoked, Subject,
};
pub use index::Entry;
use index::Index;

/// The file with the networks that a CA signs for.
const ADDRESSES: &str = "addresses.txt";

/// A CA in a folder. Several processes may use it at once.
#[derive(Debug, Clone)]
pub struct CaStore {
    folder: PathBuf,
}

impl CaStore {
    /// Makes a new store for a CA, with `key` as the text of its key file. `above` are the
    /// certificates up to a root, when the CA is not one. Fails when the folder contains a CA already.
    pub fn create(
        folder: &Path,
        certificate: &Certificate,
        key: &str,
        above: &[Certificate],
    ) -> Result<Self, Error> {
        let store = Self { folder: folder.to_owned() };
        make_private_folder(folder).map_err(|e| Error::io(folder, &e))?;
        let _lock = store.lock_file()?;
        // The certificate comes last: a store is there when its certificate is.
        if store.file("ca.pem").exists() {
            let what = "this folder already contains a CA";
            return Err(Error::new(Problem::Exists, what).at(folder.display().to_string()));
        }
        let chain: String = above.iter().map(Certificate::to_pem).collect();
        let certificate = certificate.to_pem();
        let files = [
            ("index.txt", "", Access::Public),
            // Renewals have the same subject, which `openssl ca` refuses unless told.
            ("index.txt.attr", "unique_subject = no\n", Access::Public),
            ("crlnumber", "01\n", Access::Public),
            ("chain.pem", &chain, Access::Public),
            ("ca-key.pem", key, Access::Private),
            ("ca.pem", &certificate, Access::Public),
        ];
        let files = files.iter().filter(|(name, ..)| *name != "chain.pem" || !above.is_empty());
        let files: Vec<_> = files
            .map(|(name, text, access)| (store.file(name), text.as_bytes(), *access))
            .collect();
        let staged = files
            .iter()
            .map(|(path, bytes, access)| stage(path, bytes, *access, Existing::Replace))
            .collect::<Result<_, _>>()?;
        put_all(staged).map_err(|not_put| not_put.error)?;
        Ok(store)
    }

    /// Opens the store in a folder.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        let store = Self { folder: folder.to_owned() };
        if store.file("ca.pem").exists() {
            return Ok(store);
        }
        let what = "no CA in this folder";
        let error = Error::new(Problem::Io(io::ErrorKind::NotFound), what);
        Err(error.at(folder.display().to_string()))
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The file of the CA's certificate.
    pub fn certificate_file(&self) -> PathBuf {
        self.file("ca.pem")
    }

    /// The CA's certificate.
    pub fn certificate(&self) -> Result<Certificate, Error> {
        Ok(super::certificates_from_file(&self.certificate_file())?.swap_remove(0))
    }

    /// The certificates from this CA up to the root: itself first.
    pub fn chain(&self) -> Result<Vec<Certificate>, Error> {
        let mut chain = vec![self.certificate()?];
        let above = self.file("chain.pem");
        if above.exists() {
            chain.extend(super::certificates_from_file(&above)?);
        }
        Ok(chain)
    }

    /// Keeps the networks whose addresses the CA signs for beside its certificate, one a line.
    ///
    /// They bind programs that sign with this store and check [`Self::addresses`] first, and not a
    /// thief of the key: that would take constraints in the certificate, which BoringSSL cannot
    /// read.
    pub fn limit_addresses(&self, networks: &[NameConstraint]) -> Result<(), Error> {
        let _lock = self.lock_file()?;
        let text: String = networks.iter().map(|network| format!("{network}\n")).collect();
        self.put(ADDRESSES, text.as_bytes(), Access::Public)
    }

    /// The networks whose addresses the CA signs for; `None` when only its certificate limits them.
    pub fn addresses(&self) -> Result<Option<Vec<NameConstraint>>, Error> {
        let path = self.file(ADDRESSES);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(Error::io(&path, &e)),
        };
        let lines = text.lines().enumerate().map(|(at, line)| (at + 1, line.trim()));
        let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        let network = |(at, line): (usize, &str)| {
            let place = || format!("{}, line {at}", path.display());
            match line.parse().map_err(|e: Error| e.at(place()))? {
                network @ NameConstraint::Ip { .. } => Ok(network),
                _ => {
                    let what = format!("{line:?} is not a network: 10.0.0.0/8, ::1");
                    Err(Error::new(Problem::InvalidValue, what).at(place()))
                }
            }
        };
        lines.map(network).collect::<Result<_, _>>().map(Some)
    }

    /// The file that holds the root of this CA: its own certificate's, or of an intermediate the
    /// one with the certificates above it.
    pub fn root_file(&self) -> Result<PathBuf, Error> {
        let own = self.certificate()?.is_self_signed() || !self.file("chain.pem").exists();
        Ok(if own { self.certificate_file() } else { self.file("chain.pem") })
    }

    /// The CA with its key, to sign with.
    pub fn issuer(&self, passphrase: Option<&[u8]>) -> Result<Issuer, Error> {
        Issuer::from_files(&self.certificate_file(), &self.file("ca-key.pem"), passphrase)
    }

    /// The certificates that the CA has signed, in order.
    pub fn entries(&self) -> Result<Vec<Entry>, Error> {
        Ok(self.index()?.entries)
    }

    /// The certificate with this serial number, if it was signed here.
    pub fn issued(&self, serial: &str) -> Result<Option<Certificate>, Error> {
        let path = self.issued_file(serial);
        if path.exists() {
            Ok(Some(super::certificates_from_file(&path)?.swap_remove(0)))
        } else {
            Ok(None)
        }
    }

    /// Notes a certificate as signed, then hands it out with `deliver`, which leaves nothing behind
    /// when it fails: the note is taken back then.
    pub fn record<E: From<Error>>(
        &self,
        certificate: &Certificate,
        deliver: impl FnOnce() -> Result<(), E>,
    ) -> Result<(), E> {
        let _lock = self.lock_file()?;
        let before = self.index()?;
        let mut after = before.clone();
        after.entries.push(entry_of(certificate)?);
        let copy = self.issued_file(&certificate.serial_hex());
        make_folder(&self.file("issued")).map_err(|e| Error::io(&self.file("issued"), &e))?;
        let (index, pem, text) = (self.file("index.txt"), certificate.to_pem(), after.to_text());
        let staged = vec![
            stage(&copy, pem.as_bytes(), Access::Public, Existing::Keep)?,
            stage(&index, text.as_bytes(), Access::Public, Existing::Replace)?,
        ];
        // The first error is the one to tell: what is left is a copy that the index does not name.
        put_all(staged).map_err(|not_put| not_put.error)?;
        deliver().inspect_err(|_| {
            // The first error is the one to report; a superfluous entry does no harm.
            let _ = self.put("index.txt", before.to_text().as_bytes(), Access::Public);
            let _ = fs::remove_file(&copy);
        })
    }

    /// Revokes a certificate by its serial number (hexadecimal). A certificate of the same CA that this
    /// store did not sign must be passed as `certificate`.
    pub fn revoke(
        &self,
        serial: &str,
        certificate: Option<&Certificate>,
        reason: RevocationReason,
    ) -> Result<(), Error> {
        let _lock = self.lock_file()?;
        let mut index = self.index()?;
        let wanted = serial.to_ascii_uppercase();
        let known = index.entries.iter_mut().find(|entry| same_number(entry.serial(), &wanted));
        let entry = match (known, certificate) {
            (Some(entry), _) => entry,
            (None, Some(certificate)) => {
                index.entries.push(entry_of(certificate)?);
                index.entries.last_mut().expect("pushed just above")
            }
            (None, None) => {
                let what = format!("this CA signed no certificate with the serial number {serial}");
                return Err(Error::new(Problem::InvalidValue, what));
            }
        };
        if let Some((time, _)) = entry.revoked() {
            let what = format!("it is revoked already, since {}", text(time));
            return Err(Error::new(Problem::InvalidValue, what));
        }
        entry.revoke(now(), reason);
        self.put("index.txt", index.to_text().as_bytes(), Access::Public)
    }

    /// Signs a new revocation list that is good for so long, and keeps it as `crl.pem`.
    pub fn publish_crl(&self, issuer: &Issuer, good_for: Duration) -> Result<Crl, Error> {
        let _lock = self.lock_file()?;
        let number = self.crl_number()?;
        let this_update = now();
        let next_update = this_update.checked_add(good_for).ok_or_else(|| {
            Error::new(Problem::InvalidValue, "the time of the next list is out of range")
        })?;
        let revoked = self.index()?.entries.into_iter().filter_map(|entry| {
            let (time, reason) = entry.revoked()?;
            Some(Revoked { serial: bytes_of_hex(entry.serial()), time, reason })
        });
        let next = format!("{}\n", number.next()?);
        let crl = CrlBuilder { number, this_update, next_update, revoked: revoked.collect() }
            .signed_by(issuer)?;
        // The number is used up before the list is out: a crash between the two leaves a gap.
        self.put("crlnumber", next.as_bytes(), Access::Public)?;
        self.put("crl.pem", crl.to_pem().as_bytes(), Access::Public)?;
        Ok(crl)
    }

    /// The file of the latest revocation list.
    pub fn crl_file(&self) -> PathBuf {
        self.file("crl.pem")
    }

    fn crl_number(&self) -> Result<CrlNumber, Error> {
        let path = self.file("crlnumber");
        let text = fs::read_to_string(&path).map_err(|e| Error::io(&path, &e))?;
        text.parse().map_err(|e: Error| e.at(path.display().to_string()))
    }

    fn index(&self) -> Result<Index, Error> {
        let path = self.file("index.txt");
        let text = fs::read_to_string(&path).map_err(|e| Error::io(&path, &e))?;
        Index::parse(&text).map_err(|e| e.at(path.display().to_string()))
    }

    /// Whether this is one of the store's own files, which must not be overwritten.
    pub fn owns(&self, path: &Path) -> bool {
        const OWN: [&str; 9] = [
            "ca.pem",
            "ca-key.pem",
            "chain.pem",
            "index.txt",
            "index.txt.attr",
            "ca.db",
            "crlnumber",
            "crl.pem",
            "lock",
        ];
        let (place, folder) = (place_of(path), place_of(&self.folder));
        place.strip_prefix(&folder).is_ok_and(|inside| {
            inside.starts_with("issued") || OWN.iter().any(|own| inside == Path::new(own))
        })
    }

    fn put(&self, name: &str, bytes: &[u8], access: Access) -> Result<(), Error> {
        stage(&self.file(name), bytes, access, Existing::Replace)?.put()
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn issued_file(&self, serial: &str) -> PathBuf {
        // Only digits, so that a serial number is never a path.
        let digits: String = serial.chars().filter(char::is_ascii_hexdigit).collect();
        self.file("issued").join(format!("{digits}.pem"))
    }

    /// Waits until no other process changes the store. The lock ends with the file's handle, also
    /// when the process is killed.
    fn lock_file(&self) -> Result<File, Error> {
        let path = self.file("lock");
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        let locked = options.open(&path).and_then(|file| file.lock().map(|()| file));
        locked.map_err(|e| Error::io(&path, &e))
    }
}

fn entry_of(certificate: &Certificate) -> Result<Entry, Error> {
    let seconds = u64::try_from(certificate.not_after()).unwrap_or(0);
    let subject = Subject::from_der(certificate.subject().der())?.to_openssl();
    let not_after = UNIX_EPOCH + Duration::from_secs(seconds);
    Ok(Entry::new(certificate.serial_hex(), not_after, subject))
}

fn same_number(one: &str, other: &str) -> bool {
    one.trim_start_matches('0') == other.trim_start_matches('0')
}

pub(super) fn bytes_of_hex(hexadecimal: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        hexadecimal.chars().filter_map(|c| c.to_digit(16)).map(|digit| digit as u8).collect();
    // An odd first digit is a byte of its own.
    let (first, rest) = digits.split_at(digits.len() % 2);
    first.iter().copied().chain(rest.chunks(2).map(|pair| pair[0] << 4 | pair[1])).collect()
}

/// Now, in whole seconds, as certificates and the index have it.
fn now() -> SystemTime {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UNIX_EPOCH + Duration::from_secs(elapsed.as_secs())
}

/// What stands in for a file of the store (a pipe, a device) keeps nothing.
fn stage<'a>(
    path: &'a Path,
    bytes: &'a [u8],
    access: Access,
    existing: Existing,
) -> Result<Staged<'a>, Error> {
    match fs::metadata(path) {
        Ok(there) if !there.is_file() => {
            let what = "not a regular file: refusing to write to it";
            Err(Error::new(Problem::Exists, what).at(path.display().to_string()))
        }
        _ => Staged::new(path, bytes, access, existing),
    }
}

fn text(time: SystemTime) -> String {
    Moment::from(time).to_string()
}

fn make_folder(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).create(path)
}

#[cfg(unix)]
fn make_private_folder(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

#[cfg(not(unix))]
fn make_private_folder(path: &Path) -> io::Result<()> {
    make_folder(path)
}
