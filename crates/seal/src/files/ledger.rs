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
use sealwire_acme::store::{self, Issued, Store};
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

/// A certificate that was signed.
pub(crate) struct Entry {
    pub(crate) serial: String,
    pub(crate) subject: String,
    pub(crate) not_after: SystemTime,
    pub(crate) revoked: Option<(SystemTime, RevocationReason)>,
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

    /// What was signed, in the order of signing.
    pub(crate) fn entries(&self) -> Result<Vec<Entry>, Failure> {
        let Some(database) = &self.database else {
            let entry = |one: &sealwire::pki::Entry| {
                Ok(Entry {
                    serial: one.serial().to_owned(),
                    subject: one.subject().to_owned(),
                    not_after: one.not_after(),
                    revoked: one.revoked(),
                    certificate: self.ca.issued(one.serial())?,
                })
            };
            return self.ca.entries()?.iter().map(entry).collect();
        };
        let all = database.store.certificates_of(&database.issuer).map_err(failed)?;
        let entry = |one: Issued| Entry {
            certificate: one.der.as_deref().and_then(|der| Certificate::from_der(der).ok()),
            not_after: clock::system_time(one.not_after),
            revoked: one.revoked.map(|(time, why)| (clock::system_time(time), why)),
            serial: one.serial,
            subject: one.subject,
        };
        Ok(all.into_iter().map(entry).collect())
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
        let Some(database) = &self.database else {
            let entries = self.ca.entries()?;
            let revoked = entries.iter().filter(|entry| entry.revoked().is_some()).count();
            return Ok((entries.len(), revoked));
        };
        let (issued, revoked) = database.store.counts_of(&database.issuer).map_err(failed)?;
        Ok((usize::try_from(issued).unwrap_or(0), usize::try_from(revoked).unwrap_or(0)))
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
        let invalid = |what: String| Error::new(Problem::InvalidValue, what);
        let store_failed = |e: store::Error| Error::new(Problem::Internal, e.to_string());
        let wanted = serial.to_ascii_uppercase();
        if database.store.certificate(&wanted).map_err(store_failed)?.is_none() {
            let certificate = certificate.ok_or_else(|| {
                invalid(format!("no certificate with the serial number {serial} was signed here"))
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
        let number: CrlNumber =
            text.parse().map_err(|e: Error| e.at(path.display().to_string()))?;
        let this_update = clock::system_time(database.store.clock().now());
        let next_update = this_update
            .checked_add(good_for)
            .ok_or_else(|| Failure::usage("the time of the next list is out of range"))?;
        let all = database.store.revoked(&database.issuer).map_err(failed)?;
        let one = |(serial, time, reason): (String, i64, RevocationReason)| Revoked {
            serial: bytes_of_hex(&serial),
            time: clock::system_time(time),
            reason,
        };
        let revoked = all.into_iter().map(one).collect();
        let next = format!("{}\n", number.next()?);
        let crl = CrlBuilder { number, this_update, next_update, revoked }.signed_by(issuer)?;
        // The number is used up before the list is out: a crash between the two leaves a gap.
        file::write_file(&path, next.as_bytes(), Access::Public, Existing::Replace)?;
        let path = self.ca.crl_file();
        file::write_file(&path, crl.to_pem().as_bytes(), Access::Public, Existing::Replace)?;
        Ok(crl)
    }

    fn open_database(&self) -> Result<Database, Failure> {
        let store = Store::open(&self.file(DATABASE), Clock::system()).map_err(failed)?;
        let id = self.ca.certificate()?.subject_key_id().unwrap_or_default();
        let issuer = id.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Database { store, issuer })
    }

    fn file(&self, name: &str) -> PathBuf {
        self.ca.folder().join(name)
    }

    /// The lock of the folder, which everybody takes who changes it.
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

fn failed(error: store::Error) -> Failure {
    Failure::usage(error.to_string())
}
