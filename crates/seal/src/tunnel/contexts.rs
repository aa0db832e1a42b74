//! From files into contexts: certificates, keys, trust and revocation lists of a service.

use std::path::Path;
use std::time::{Duration, SystemTime};

use aws_lc_rs::digest::{Context, SHA256};
use sealwire::live::{KnownFiles, Staples};
use sealwire::pki::Crl;
use sealwire::{Identity, ProtocolVersion, SecureContext, TrustStore};

use super::config::{Mode, Service};
use super::tickets::FleetSecret;
use crate::files::agent::Agent;
use crate::files::material::{IdentityFiles, public_roots, trust_in};
use crate::net::legacy::with_legacy;
use crate::net::staple::check_demands;
use crate::say::failure::Failure;

/// How long a session can be resumed: shorter than an epoch of a fleet's keys.
pub(crate) const SESSIONS_LAST: Duration = Duration::from_secs(30 * 60);

/// What the files of a service held, at one moment.
pub(crate) struct Contexts {
    /// One context for each route, in their order, and for the service itself. None where TLS is
    /// passed through.
    pub(crate) routes: Vec<Option<SecureContext>>,
    pub(crate) default: Option<SecureContext>,
    /// When the first of our certificates expires.
    pub(crate) not_after: Option<i64>,
    /// What this service shares with its like on other machines.
    pub(crate) fleet: Option<FleetSecret>,
}

impl Contexts {
    /// Reads everything. Nothing is half done: it is all good, or an error. `staples` are those that were
    /// fetched.
    ///
    /// # Errors
    /// With the file at fault.
    pub(crate) fn load(
        service: &Service,
        agent: Option<&Agent>,
        staples: &Staples,
        known: &KnownFiles,
    ) -> Result<Self, Failure> {
        Self::load_for(service, agent, known, &|files| {
            let ours = match agent {
                Some(agent) if files.is_empty() => agent.identities(),
                _ => files.load()?,
            };
            Ok(match service.ocsp_fetch {
                true => ours.into_iter().map(|one| staples.stapled(one)).collect(),
                false => ours,
            })
        })
    }

    /// Reads trust and lists, for identities that come from elsewhere.
    ///
    /// # Errors
    /// With the file at fault.
    pub(crate) fn load_for(
        service: &Service,
        agent: Option<&Agent>,
        known: &KnownFiles,
        identities: &dyn Fn(&IdentityFiles) -> Result<Vec<Identity>, Failure>,
    ) -> Result<Self, Failure> {
        let trust = trust(service, agent)?;
        let mut crls = crls(service, known)?;
        crls.extend(agent.map(Agent::crls).unwrap_or_default());
        let fleet = service.ticket_secret_file.as_deref().map(FleetSecret::read).transpose()?;
        let keys = fleet.as_ref().map(|f| f.ticket_keys(&service.name, SystemTime::now()));
        let mut not_after: Option<i64> = None;
        let mut context = |files: &IdentityFiles| {
            let mut builder = with_legacy(service.legacy, SecureContext::builder())
                .versions(service.min_version..=ProtocolVersion::Tls13)
                .crls(crls.iter().cloned())
                .retry_for_post_quantum(service.hybrid_retry)
                .session_timeout(SESSIONS_LAST);
            if let Some(keys) = &keys {
                builder = builder.ticket_keys(keys.clone());
            }
            if let Some(tickets) = service.tickets {
                builder = builder.tickets(tickets);
            }
            if let Some(trust) = &trust {
                builder = builder.trust(trust.clone());
            }
            let ours = identities(files)?;
            if service.mode == Mode::Server {
                check_demands(&ours, service.ocsp_fetch)?;
            }
            for identity in ours {
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

/// A digest of all files of a service as they are now, readable or not, of what its agent gave, and of
/// which responses were fetched: when it changes, they have to be read again.
pub(crate) fn fingerprint(
    service: &Service,
    agent: Option<&Agent>,
    staples: &Staples,
    known: &KnownFiles,
) -> [u8; 32] {
    digest_of(service.files(), agent, staples.changes(), known)
}

/// The same of the files with rules on peers.
pub(crate) fn trust_fingerprint(
    service: &Service,
    agent: Option<&Agent>,
    known: &KnownFiles,
) -> [u8; 32] {
    digest_of(service.trust_files(), agent, 0, known)
}

fn digest_of(
    files: Vec<&Path>,
    agent: Option<&Agent>,
    staples: u64,
    known: &KnownFiles,
) -> [u8; 32] {
    let mut digest = Context::new(&SHA256);
    digest.update(&staples.to_be_bytes());
    digest.update(&agent.map_or(0, Agent::generation).to_be_bytes());
    for path in files {
        let content = known.digest(path);
        digest.update(&[u8::from(content.is_some())]);
        digest.update(&content.unwrap_or_default());
    }
    let mut out = [0; 32];
    out.copy_from_slice(digest.finish().as_ref());
    out
}

/// The certificates that the service trusts. A client without trust of its own trusts the public roots; a server
/// without requests no certificate.
fn trust(service: &Service, agent: Option<&Agent>) -> Result<Option<TrustStore>, Failure> {
    let trust = match service.ca.is_empty() {
        true if agent.is_some() => agent.map(Agent::trust),
        true => (service.mode == Mode::Client).then(public_roots),
        false => trust_in(&service.ca)?,
    };
    Ok(trust.map(|trust| service.policies.apply_to(trust)).transpose()?)
}

fn crls(service: &Service, known: &KnownFiles) -> Result<Vec<Crl>, Failure> {
    let mut crls = Vec::new();
    for path in &service.crl {
        crls.extend(known.crls(path)?);
    }
    Ok(crls)
}
