//! The certificates that the server shows: those given, or one made on the spot; chosen by the
//! name that a client asks for (SNI, RFC 6066).

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use sealwire::Foreign;
use sealwire::pki::{
    self, CertificateBuilder, ExtendedKeyUsage, KeyAlgorithm, PrivateKey, SubjectAltName, Validity,
};
use sealwire::verify::{NameCheck, check_server_identity};
use sealwire::{Identity, SecureContext, ServerName, TrustStore};
use serde::Serialize;

use crate::cmd::ca::on_the_spot;
use crate::files::ca_folder::CaFolder;
use crate::net::legacy::LegacyOption;
use crate::say::failure::Failure;
use crate::view::connection::Brief;

/// The certificates of a server, and where they are from.
pub(super) struct Shown {
    identities: Vec<Identity>,
    origin: Origin,
}

/// Where a certificate is from.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case")]
enum Origin {
    Given,
    /// Issued just now by the CA in this folder.
    LocalCa(String),
    /// Made just now, and signed by itself.
    Temporary,
}

/// One certificate, as reported.
#[derive(Debug, Serialize)]
pub(super) struct ShownCertificate {
    #[serde(flatten)]
    card: Brief,
    names: Vec<String>,
    /// sha256 of the public key, base64: what `--pin` and curl's `--pinnedpubkey` take.
    pin: String,
    from: Origin,
}

impl Shown {
    pub(super) fn given(identities: Vec<Identity>) -> Self {
        Self { identities, origin: Origin::Given }
    }

    /// A certificate made on the spot, by the local CA if there is one. It lives in memory only.
    pub(super) fn made_here(ca: &CaFolder, names: Vec<SubjectAltName>) -> Result<Self, Failure> {
        // Long enough for a forgotten server, short enough to be worthless later.
        let builder = CertificateBuilder::for_names(names)?
            .extended_key_usage([ExtendedKeyUsage::SERVER_AUTH])
            .validity(Validity::days(30)?);
        let Ok(store) = ca.open() else {
            let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256)?;
            let certificate = builder.self_signed(&key)?;
            let identity = Identity::new(vec![certificate], &key)?;
            return Ok(Self { identities: vec![identity], origin: Origin::Temporary });
        };
        let folder = store.folder().display().to_string();
        let identity = on_the_spot(&store, builder)?;
        Ok(Self { identities: vec![identity], origin: Origin::LocalCa(folder) })
    }

    pub(super) fn identities(&self) -> &[Identity] {
        &self.identities
    }

    /// The output about them at start.
    pub(super) fn told(&self) -> Vec<ShownCertificate> {
        let told = |identity: &Identity| ShownCertificate {
            card: Brief::of(identity.leaf()),
            names: names(identity).iter().map(ToString::to_string).collect(),
            pin: pki::spki_pin(&identity.leaf().spki_der()),
            from: self.origin.clone(),
        };
        self.identities.iter().map(told).collect()
    }

    /// A name by which a client reaches this server with a certificate that holds.
    pub(super) fn reachable_as(&self, listening: IpAddr) -> String {
        let names = names(&self.identities[0]);
        let address = listening.to_canonical();
        let dns = |wanted: &dyn Fn(&str) -> bool| {
            let fits =
                |name: &&SubjectAltName| matches!(name, SubjectAltName::Dns(dns) if wanted(dns));
            names.iter().find(fits)
        };
        let here = address.is_loopback() || address.is_unspecified();
        let local = dns(&|name| name == "localhost").filter(|_| here);
        let name = local.or_else(|| dns(&|name| !name.contains('*') && name != "localhost"));
        match name {
            Some(name) => name.value().into_owned(),
            // Clients cannot connect to 0.0.0.0.
            None if address.is_unspecified() => "localhost".to_owned(),
            None if address.is_ipv6() => format!("[{address}]"),
            None => address.to_string(),
        }
    }

    /// The contexts of these identities, ready to be chosen by name.
    pub(super) fn by_name(
        &self,
        trust: Option<TrustStore>,
        legacy: LegacyOption,
    ) -> Result<ByName, Failure> {
        let first = names(&self.identities[0]);
        let fallback: Vec<usize> =
            (0..self.identities.len()).filter(|i| names(&self.identities[*i]) == first).collect();
        let by_name = ByName {
            identities: self.identities.clone(),
            trust,
            legacy,
            fallback,
            contexts: Arc::default(),
        };
        by_name.context(by_name.fallback.clone())?;
        Ok(by_name)
    }
}

/// Contexts by the name that a client asks for: the identities that are for it, or else the first
/// one given and those for the same names (with another kind of key, say).
#[derive(Clone)]
pub(super) struct ByName {
    identities: Vec<Identity>,
    trust: Option<TrustStore>,
    legacy: LegacyOption,
    fallback: Vec<usize>,
    /// Made when first needed, and kept: a context has its own keys for session tickets.
    contexts: Arc<Mutex<HashMap<Vec<usize>, SecureContext>>>,
}

impl ByName {
    /// Whether a client's name makes a difference.
    pub(super) fn is_a_choice(&self) -> bool {
        self.fallback.len() < self.identities.len()
    }

    /// The context for a client that asks for no name, or for an unknown one.
    pub(super) fn fallback(&self) -> Result<SecureContext, Failure> {
        self.context(self.fallback.clone())
    }

    /// The context for a client that asks for this name.
    pub(super) fn named(&self, name: Option<&str>) -> Option<SecureContext> {
        let name: ServerName = name?.parse().ok()?;
        let fits = |i: &usize| {
            check_server_identity(&name, self.identities[*i].leaf(), &NameCheck::Node).is_ok()
        };
        let fitting: Vec<usize> = (0..self.identities.len()).filter(fits).collect();
        if fitting.is_empty() {
            return None;
        }
        self.context(fitting).ok()
    }

    fn context(&self, identities: Vec<usize>) -> Result<SecureContext, Failure> {
        let mut contexts = self.contexts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(context) = contexts.get(&identities) {
            return Ok(context.clone());
        }
        let mut builder = self.legacy.apply(SecureContext::builder());
        for i in &identities {
            builder = builder.identity(self.identities[*i].clone());
        }
        if let Some(trust) = &self.trust {
            builder = builder.trust(trust.clone());
        }
        let context = builder.build().map_err(|e| Failure::usage(e.to_string()))?;
        contexts.insert(identities, context.clone());
        Ok(context)
    }
}

fn names(identity: &Identity) -> Vec<SubjectAltName> {
    let names = identity.leaf().subject_alt_names().unwrap_or_default();
    names.iter().filter_map(SubjectAltName::from_x509).collect()
}

impl fmt::Display for ShownCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.card)?;
        if !self.names.is_empty() {
            write!(f, " for {}", Foreign::list(&self.names))?;
        }
        let pad = " ".repeat(14);
        match &self.from {
            Origin::Given => Ok(()),
            Origin::LocalCa(folder) => {
                write!(f, "\n{pad}made at start by the CA in {folder}")
            }
            Origin::Temporary => write!(
                f,
                "\n{pad}made at start, self-signed: no client trusts it by default.\n{pad}\
                 `seal ca init` and `seal trust install` make certificates that browsers on this machine trust;\n{pad}\
                 its pin is {}",
                self.pin
            ),
        }
    }
}
