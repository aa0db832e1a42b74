//! Certificates, keys, trust and revocation lists: from files into contexts.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use aws_lc_rs::digest::{Context, SHA256};
use sealwire::pki::{Certificate, Crl, Error, GeneralName, Problem, spki_pin};
use sealwire::{Identity, ProtocolVersion, SecureContext, TrustStore};
use zeroize::Zeroizing;

use super::allow::Names;
use super::config::{Anchor, IdentityFiles, Mode, Service};
use super::tickets::FleetSecret;
use crate::failure::Failure;
use crate::passphrase;

/// How long a session can be resumed: shorter than an epoch of a fleet's keys.
pub(crate) const SESSIONS_LAST: Duration = Duration::from_secs(30 * 60);

/// What the files of a service held, at one moment.
pub(crate) struct Material {
    /// One context for each route, in their order, and for the service itself. None where TLS is
    /// passed through.
    pub(crate) routes: Vec<Option<SecureContext>>,
    pub(crate) default: Option<SecureContext>,
    /// When the first of our certificates expires.
    pub(crate) not_after: Option<i64>,
    /// What this service shares with its like on other machines.
    pub(crate) fleet: Option<FleetSecret>,
}

impl Material {
    /// Reads everything. Nothing is half done: it is all good, or an error.
    ///
    /// # Errors
    /// With the file at fault.
    pub(crate) fn load(service: &Service) -> Result<Self, Failure> {
        let trust = trust(service)?;
        let crls = crls(service)?;
        let fleet = service.ticket_secret_file.as_deref().map(FleetSecret::read).transpose()?;
        let keys = fleet.as_ref().map(|f| f.ticket_keys(&service.name, SystemTime::now()));
        let mut not_after: Option<i64> = None;
        let mut context = |files: &IdentityFiles| {
            let mut builder = SecureContext::builder()
                .versions(service.min_version..=ProtocolVersion::Tls13)
                .crls(crls.iter().cloned())
                .session_timeout(SESSIONS_LAST);
            if let Some(keys) = &keys {
                builder = builder.ticket_keys(keys.clone());
            }
            if let Some(trust) = &trust {
                builder = builder.trust(trust.clone());
            }
            for identity in identities(files)? {
                let expires = identity.leaf().not_after();
                not_after = Some(not_after.map_or(expires, |first| first.min(expires)));
                builder = builder.identity(identity);
            }
            builder.build().map_err(|e| Failure::usage(e.to_string()))
        };
        let default = match &service.default {
            Some(route) => Some(context(&route.identity)?),
            None => None,
        };
        let mut routes = Vec::new();
        for route in &service.routes {
            let same = service.default.as_ref().is_some_and(|d| d.identity == route.identity);
            routes.push(match (route.passthrough, same) {
                (true, _) => None,
                (false, true) => default.clone(),
                (false, false) => Some(context(&route.identity)?),
            });
        }
        Ok(Self { routes, default, not_after, fleet })
    }
}

/// A digest of all files of a service as they are now, readable or not: when it changes, they
/// have to be read again.
pub(crate) fn fingerprint(service: &Service) -> [u8; 32] {
    let mut digest = Context::new(&SHA256);
    for path in service.files() {
        let content = read(path);
        let (length, bytes) = match &content {
            Ok(bytes) => (bytes.len(), bytes.as_slice()),
            Err(_) => (usize::MAX, &[][..]),
        };
        digest.update(&length.to_be_bytes());
        digest.update(bytes);
    }
    let mut out = [0; 32];
    out.copy_from_slice(digest.finish().as_ref());
    out
}

/// The names in a certificate that rules speak of.
pub(crate) fn names(certificate: &Certificate) -> Names {
    let subject = certificate.subject();
    let all = |oid: &str| {
        let of_kind = subject.attributes().iter().filter(|attribute| attribute.oid == oid);
        of_kind.map(|attribute| attribute.value.clone()).collect()
    };
    let mut names = Names {
        common_name: subject.common_name().map(str::to_owned),
        organizations: all("2.5.4.10"),
        units: all("2.5.4.11"),
        pin: spki_pin(&certificate.spki_der()),
        ..Names::default()
    };
    // Names that cannot be read are no names: no rule holds for them.
    for name in certificate.subject_alt_names().unwrap_or_default() {
        match name {
            GeneralName::Dns(name) => names.dns.push(name),
            GeneralName::Uri(name) => names.uris.push(name),
            GeneralName::Email(name) => names.emails.push(name),
            GeneralName::Ip(address) => names.addresses.push(address),
            _ => {}
        }
    }
    names
}

/// Reads a file that may hold a secret; the bytes are wiped when dropped.
pub(crate) fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, Error> {
    fs::read(path).map(Zeroizing::new).map_err(|e| Error::io(path, &e))
}

fn identities(files: &IdentityFiles) -> Result<Vec<Identity>, Failure> {
    let passphrase = files.passphrase.as_ref();
    let mut identities = Vec::new();
    if let Some(pfx) = &files.pfx {
        let opened = passphrase::open(passphrase, &pfx.display().to_string(), |passphrase| {
            Identity::from_pkcs12_file(pfx, passphrase.unwrap_or_default())
        });
        identities.push(opened?);
    }
    for (cert, key) in &files.pairs {
        let opened =
            passphrase::open(
                passphrase,
                &key.display().to_string(),
                |passphrase| match passphrase {
                    Some(passphrase) => Identity::from_encrypted_pem_files(cert, key, passphrase),
                    None => Identity::from_pem_files(cert, key),
                },
            );
        identities.push(opened?);
    }
    Ok(identities)
}

/// Whom the service trusts. A client without trust of its own trusts the public roots; a server
/// without asks nobody.
fn trust(service: &Service) -> Result<Option<TrustStore>, Failure> {
    if service.ca.is_empty() {
        return Ok((service.mode == Mode::Client).then(public_roots));
    }
    let mut all: Option<TrustStore> = None;
    for anchor in &service.ca {
        let more = match anchor {
            Anchor::File(path) => TrustStore::from_pem_file(path)?,
            Anchor::System => TrustStore::system()?,
            Anchor::Bundled => TrustStore::bundled(),
        };
        all = Some(all.map_or_else(|| more.clone(), |all| all.and(&more)));
    }
    Ok(all)
}

/// Mozilla's roots and the system's, if it has any.
fn public_roots() -> TrustStore {
    match TrustStore::system() {
        Ok(system) => TrustStore::bundled().and(&system),
        Err(_) => TrustStore::bundled(),
    }
}

fn crls(service: &Service) -> Result<Vec<Crl>, Failure> {
    let mut crls = Vec::new();
    for path in &service.crl {
        let found = Crl::all_from_pem(&read(path)?)
            .map_err(|e| Error::from(e).at(path.display().to_string()))?;
        if found.is_empty() {
            let nothing = Error::new(Problem::NoPemBlock, "no revocation list");
            return Err(nothing.at(path.display().to_string()).into());
        }
        crls.extend(found);
    }
    Ok(crls)
}
