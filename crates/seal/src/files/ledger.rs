//! What a CA has signed: in its folder as `openssl ca` keeps it, or in a database for those that sign
//! much. One or the other: a CA with an index.txt keeps it.

use std::fs::{self, OpenOptions};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use sealwire::pki::{
    CaStore, Certificate, Crl, CrlBuilder, CrlNumber, Error, Issuer, Problem, RevocationReason,
    Revoked, Subject,
};
use sealwire_acme::authority::bytes_of_hex;
use sealwire_acme::clock::{self, Clock};
use sealwire_acme::store::{self, Filter, Issued, SignedCrl, Store};
use sealwire_files::{self as file, Access, Existing};

use crate::say::failure::Failure;

/// Where a CA notes what it signs.
pub(crate) struct Ledger {
    ca: CaStore,
    database: Option<Database>,
}

struct Database {
    store: Store,
    /// The subjectKeyIdentifier of the CA: others, its intermediates, may share the database.
    issuer: String,
}

/// The issuer of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose {
    /// The CA itself, whose key signs the list that it is on once it is revoked.
    Own,
    /// An intermediate that `ca serve` signs with, lists included.
    Served,
}

/// A certificate that was signed.
pub(crate) struct Entry {
    pub(crate) serial: String,
    pub(crate) subject: String,
    pub(crate) not_after: SystemTime,
    pub(crate) revoked: Option<(SystemTime, RevocationReason)>,
    /// The account or token at `ca serve` that asked for it.
    pub(crate) asked_by: Option<String>,
    pub(crate) certificate: Option<Certificate>,
}

const INDEX: &str = "index.txt";
const SET_ASIDE: &str = "index.txt.before-sqlite";
const DATABASE: &str = "ca.db";

impl Ledger {
    /// The ledger of a CA.
    pub(crate) fn of(ca: &CaStore) -> Result<Self, Failure> {
        let ledger = Self { ca: ca.clone(), database: None };
        if ledger.file(INDEX).exists() || !ledger.file(DATABASE).exists() {
            return Ok(ledger);
        }
        let database = Some(ledger.open_database()?);
        Ok(Self { database, ..ledger })
    }

    /// The ledger of a CA in a database that was named, which others may share.
    pub(crate) fn in_database(ca: &CaStore, store: Store) -> Result<Self, Failure> {
        let database = Some(Database { issuer: own_id(ca)?, store });
        Ok(Self { ca: ca.clone(), database })
    }

    /// Whether it is a database.
    pub(crate) fn is_database(&self) -> bool {
        self.database.is_some()
    }

    /// From the folder into a database; the index stays beside it under another name.
    pub(crate) fn into_database(self) -> Result<usize, Failure> {
        let _lock = self.lock()?;
        let database = self.open_database()?;
        let mut all = Vec::new();
        for entry in self.ca.entries()? {
            let certificate = self.ca.issued(entry.serial())?;
            let names = certificate.as_ref().map(names).unwrap_or_default();
            let created = certificate.as_ref().map_or(0, Certificate::not_before);
            all.push(Issued {
                serial: entry.serial().to_owned(),
                issuer: database.issuer.clone(),
                account: None,
                created,
                not_after: clock::seconds(entry.not_after()),
                revoked: entry.revoked().map(|(time, why)| (clock::seconds(time), why)),
                replaced: None,
                subject: entry.subject().to_owned(),
                names,
                der: certificate.map(|one| one.der().to_vec()),
            });
        }
        database.store.import(&all).map_err(failed)?;
        let path = self.file(INDEX);
        fs::rename(&path, self.file(SET_ASIDE)).map_err(|e| Error::io(&path, &e))?;
        Ok(all.len())
    }

    /// Notes a certificate, then hands it out with `deliver`; the note is taken back when that fails.
    pub(crate) fn record(
        &self,
        certificate: &Certificate,
        deliver: impl FnOnce() -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let Some(database) = &self.database else { return self.ca.record(certificate, deliver) };
        let issued = database.issued(certificate)?;
        database.store.record(&issued, || deliver().map_err(Undelivered::Deliver)).map_err(|e| {
            match e {
                Undelivered::Deliver(failure) => failure,
                Undelivered::Store(error) => failed(error),
            }
        })
    }

    /// What was signed, by the CA itself and by those below it with which `ca serve` signs; of those so
    /// many at most, the last ones.
    pub(crate) fn entries(&self, filter: Filter, most: i64) -> Result<Vec<Entry>, Failure> {
        let mut all = Vec::new();
        if self.database.is_none() {
            let now = clock::seconds(SystemTime::now());
            for one in self.ca.entries()? {
                let end = clock::seconds(one.not_after());
                let wanted = match filter {
                    Filter::All => true,
                    Filter::Revoked => one.revoked().is_some(),
                    Filter::ExpiringBefore(then) => {
                        one.revoked().is_none() && (now..then).contains(&end)
                    }
                };
                if wanted {
                    all.push(Entry {
                        serial: one.serial().to_owned(),
                        subject: one.subject().to_owned(),
                        not_after: one.not_after(),
                        revoked: one.revoked(),
                        asked_by: None,
                        certificate: self.ca.issued(one.serial())?,
                    });
                }
            }
        }
        if let Some(store) = self.served()? {
            let mut served = store.certificates(filter, most).map_err(failed)?;
            if filter == Filter::All {
                // In the order of signing, as the folder's.
                served.reverse();
            }
            all.extend(served.into_iter().map(entry));
        }
        Ok(all)
    }

    /// Whether the certificate of this number was signed here, and is revoked.
    pub(crate) fn revoked(&self, serial: &str) -> Result<Option<bool>, Failure> {
        let Some(database) = &self.database else {
            let entries = self.ca.entries()?;
            let entry = entries.iter().find(|entry| entry.serial() == serial);
            return Ok(entry.map(|entry| entry.revoked().is_some()));
        };
        let found = database.store.certificate(serial).map_err(failed)?;
        let found = found.filter(|one| one.issuer == database.issuer);
        Ok(found.map(|one| one.revoked.is_some()))
    }

    /// How many were signed, and how many of them are revoked.
    pub(crate) fn counts(&self) -> Result<(usize, usize), Failure> {
        let (mut issued, mut revoked) = (0, 0);
        if self.database.is_none() {
            let entries = self.ca.entries()?;
            issued = entries.len();
            revoked = entries.iter().filter(|entry| entry.revoked().is_some()).count();
        }
        if let Some(store) = self.served()? {
            let (more, of_them) = store.totals().map_err(failed)?;
            issued += usize::try_from(more).unwrap_or(0);
            revoked += usize::try_from(of_them).unwrap_or(0);
        }
        Ok((issued, revoked))
    }

    /// Whose certificate has this number; `None`: no such was signed here.
    pub(crate) fn whose(&self, serial: &str) -> Result<Option<Whose>, Failure> {
        let wanted = serial.to_ascii_uppercase();
        if self.revoked(&wanted)?.is_some() {
            return Ok(Some(Whose::Own));
        }
        let Some(store) = self.served()? else { return Ok(None) };
        let found = store.certificate(&wanted).map_err(failed)?;
        Ok(found.filter(|one| one.der.is_some()).map(|_| Whose::Served))
    }

    /// What `ca serve` has signed by this number.
    pub(crate) fn served_certificate(&self, serial: &str) -> Result<Option<Certificate>, Failure> {
        let Some(store) = self.served()? else { return Ok(None) };
        let found = store.certificate(serial).map_err(failed)?;
        Ok(found.and_then(|one| Certificate::from_der(one.der.as_deref()?).ok()))
    }

    /// Revokes a certificate that `ca serve` has signed; its list is signed again when it is next asked
    /// for.
    pub(crate) fn revoke_served(
        &self,
        serial: &str,
        reason: RevocationReason,
    ) -> Result<(), Error> {
        let unread = |e: Failure| Error::new(Problem::Internal, e.to_string());
        let store = self.served().map_err(unread)?;
        let revoked = store.map(|store| {
            store
                .revoke(&serial.to_ascii_uppercase(), reason, "seal ca revoke")
                .map_err(store_failed)
        });
        match revoked.transpose()? {
            Some(true) => Ok(()),
            Some(false) => Err(invalid("it is revoked already".to_owned())),
            None => Err(invalid(format!("no certificate {serial} was signed by `ca serve`"))),
        }
    }

    /// Revokes a certificate by its number. One that is not noted, but was signed by this CA, is given.
    pub(crate) fn revoke(
        &self,
        serial: &str,
        certificate: Option<&Certificate>,
        reason: RevocationReason,
    ) -> Result<(), Error> {
        let Some(database) = &self.database else {
            return self.ca.revoke(serial, certificate, reason);
        };
        let wanted = serial.to_ascii_uppercase();
        if database.store.certificate(&wanted).map_err(store_failed)?.is_none() {
            let certificate = certificate.ok_or_else(|| {
                invalid(format!("this CA signed no certificate with the serial number {serial}"))
            })?;
            let issued = database.issued(certificate)?;
            database.store.record(&issued, || Ok::<_, store::Error>(())).map_err(store_failed)?;
        }
        match database.store.revoke(&wanted, reason, "seal ca revoke").map_err(store_failed)? {
            true => Ok(()),
            false => Err(invalid("it is revoked already".to_owned())),
        }
    }

    /// Signs a new revocation list, and keeps it as crl.pem.
    pub(crate) fn publish_crl(&self, issuer: &Issuer, good_for: Duration) -> Result<Crl, Failure> {
        let Some(database) = &self.database else {
            return Ok(self.ca.publish_crl(issuer, good_for)?);
        };
        let _lock = self.lock()?;
        let path = self.file("crlnumber");
        let text = fs::read_to_string(&path).map_err(|e| Error::io(&path, &e))?;
        let next = i64::from_str_radix(text.trim(), 16).map_err(|_| {
            Failure::usage(format!("{}: no number that a database holds", path.display()))
        })?;
        let now = database.store.clock().now();
        let this_update = clock::system_time(now);
        let next_update = this_update
            .checked_add(good_for)
            .ok_or_else(|| Failure::usage("the time of the next list is out of range"))?;
        // The number is used up before the list is out: a crash between the two leaves a gap.
        let taken = database.store.next_crl_number(&database.issuer, next).map_err(failed)?;
        let number = CrlNumber::from(taken.unsigned_abs());
        let all = database.store.revoked(&database.issuer).map_err(failed)?;
        let one = |(serial, time, reason): (String, i64, RevocationReason)| Revoked {
            serial: bytes_of_hex(&serial),
            time: clock::system_time(time),
            reason,
        };
        let revoked = all.into_iter().map(one).collect();
        let after = format!("{}\n", number.next()?);
        let crl = CrlBuilder { number, this_update, next_update, revoked }.signed_by(issuer)?;
        let signed = SignedCrl {
            der: crl.der().to_vec(),
            next_update: clock::seconds(next_update),
            made: now,
            stale: false,
        };
        database.store.keep_crl(&database.issuer, taken, &signed).map_err(failed)?;
        file::write_file(&path, after.as_bytes(), Access::Public, Existing::Replace)?;
        let path = self.ca.crl_file();
        file::write_file(&path, crl.to_pem().as_bytes(), Access::Public, Existing::Replace)?;
        Ok(crl)
    }

    /// The list that is kept, while no other is due: half of its time is not over, and nothing was
    /// revoked since.
    pub(crate) fn current_crl(&self) -> Result<Option<Crl>, Failure> {
        let path = self.ca.crl_file();
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(Error::io(&path, &e).into()),
        };
        // One that cannot be read is replaced.
        let Ok(mut all) = Crl::all_from_pem(&bytes) else { return Ok(None) };
        let Some(crl) = all.pop() else { return Ok(None) };
        let (made, now) = (crl.this_update(), clock::seconds(SystemTime::now()));
        let half = crl.next_update().map(|end| made + (end - made) / 2);
        let own = match &self.database {
            Some(database) => database.store.revoked(&database.issuer).map_err(failed)?,
            None => Vec::new(),
        };
        let mut revoked: Vec<_> = own.into_iter().map(|(_, time, _)| time).collect();
        if self.database.is_none() {
            let times = self.ca.entries()?;
            revoked.extend(times.iter().filter_map(|one| Some(clock::seconds(one.revoked()?.0))));
        }
        let is_current = half.is_some_and(|half| (made..half).contains(&now))
            && revoked.iter().all(|time| *time <= made);
        Ok(is_current.then_some(crl))
    }

    /// Where what `ca serve` signs is noted: the database, or the one beside an index.
    fn served(&self) -> Result<Option<Store>, Failure> {
        match &self.database {
            Some(database) => Ok(Some(database.store.clone())),
            None if self.file(DATABASE).exists() => Ok(Some(self.open_database()?.store)),
            None => Ok(None),
        }
    }

    fn open_database(&self) -> Result<Database, Failure> {
        let store = Store::open(&self.file(DATABASE), Clock::system()).map_err(failed)?;
        Ok(Database { store, issuer: own_id(&self.ca)? })
    }

    fn file(&self, name: &str) -> PathBuf {
        self.ca.folder().join(name)
    }

    /// The lock of the folder, taken for every change.
    fn lock(&self) -> Result<fs::File, Failure> {
        let path = self.file("lock");
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        let locked = options.open(&path).and_then(|file| file.lock().map(|()| file));
        Ok(locked.map_err(|e| Error::io(&path, &e))?)
    }
}

impl Database {
    fn issued(&self, certificate: &Certificate) -> Result<Issued, Error> {
        Ok(Issued {
            serial: certificate.serial_hex(),
            issuer: self.issuer.clone(),
            account: None,
            created: self.store.clock().now(),
            not_after: certificate.not_after(),
            revoked: None,
            replaced: None,
            subject: Subject::from_der(certificate.subject().der())?.to_openssl(),
            names: names(certificate),
            der: Some(certificate.der().to_vec()),
        })
    }
}

/// Why a certificate was not handed out.
enum Undelivered {
    Deliver(Failure),
    Store(store::Error),
}

impl From<store::Error> for Undelivered {
    fn from(error: store::Error) -> Self {
        Self::Store(error)
    }
}

fn names(certificate: &Certificate) -> String {
    let names = certificate.subject_alt_names().unwrap_or_default();
    let shown = names.iter().filter_map(sealwire::pki::SubjectAltName::from_x509);
    shown.map(|name| name.value().into_owned()).collect::<Vec<_>>().join(" ")
}

fn entry(one: Issued) -> Entry {
    Entry {
        certificate: one.der.as_deref().and_then(|der| Certificate::from_der(der).ok()),
        not_after: clock::system_time(one.not_after),
        revoked: one.revoked.map(|(time, why)| (clock::system_time(time), why)),
        asked_by: one.account,
        serial: one.serial,
        subject: one.subject,
    }
}

/// By which a database knows a CA: its subjectKeyIdentifier.
fn own_id(ca: &CaStore) -> Result<String, Error> {
    let id = ca.certificate()?.subject_key_id().unwrap_or_default();
    Ok(id.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn invalid(what: String) -> Error {
    Error::new(Problem::InvalidValue, what)
}

fn store_failed(error: store::Error) -> Error {
    Error::new(Problem::Internal, error.to_string())
}

fn failed(error: store::Error) -> Failure {
    Failure::usage(error.to_string())
}
