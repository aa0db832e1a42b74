//! The stores in which a machine keeps the roots that it trusts, and how each is changed.
//!
//! A store says beforehand what it would do, as steps; so what `--dry-run` prints is what is done.

pub(crate) mod environment;
mod java;
mod jks;
mod nss;
mod platform;
pub(crate) mod runtimes;
mod step;
mod system;

use clap::ValueEnum;
use sealwire::pki::{self, Certificate};

use crate::say::failure::Failure;
pub(crate) use step::Step;

/// A root certificate that is to be trusted.
pub(crate) struct Root {
    pub(crate) certificate: Certificate,
    /// How stores that want a name call it; the same for the same certificate.
    pub(crate) label: String,
    /// The option that names it: `--ca-dir DIR` or `--cert FILE`, as another user would give it.
    pub(crate) option: String,
}

/// One place where roots are kept.
pub(crate) trait TrustStore {
    /// What it is called in reports: `system (Debian)`, `nss /home/..`.
    fn name(&self) -> String;
    /// Whether it could be changed now: the programs are there, the folders are writable.
    fn check_ready(&self, root: &Root) -> Result<(), Failure>;
    /// Whether the root is there and believed: asked of the store, not remembered.
    fn trusts(&self, root: &Root) -> Result<bool, Failure>;
    /// Whether anything of the root is there, believed or not.
    fn holds(&self, root: &Root) -> Result<bool, Failure> {
        self.trusts(root)
    }
    /// What puts the root in.
    fn install(&self, root: &Root) -> Vec<Step>;
    /// The file in which this store's roots are, as PEM, for programs that read such files.
    fn bundle(&self) -> Option<std::path::PathBuf> {
        None
    }
    /// What takes the root out, under whatever name it is there.
    fn uninstall(&self, root: &Root) -> Result<Vec<Step>, Failure>;
}

/// Which kinds of stores are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// The operating system's: curl, Python, Go, .NET, most programs
    System,
    /// Chromium's and Firefox's on Linux, Firefox's elsewhere
    Nss,
    /// Java's cacerts
    Java,
}

/// Places to look at besides the usual ones.
pub(crate) struct Places {
    /// Another system's root folder, such as that of a container image.
    pub(crate) system_root: Option<std::path::PathBuf>,
    /// NSS profile folders; when given, no others are looked for.
    pub(crate) nss_profiles: Vec<std::path::PathBuf>,
    /// Java key stores; when given, no others are looked for.
    pub(crate) java_keystores: Vec<std::path::PathBuf>,
}

impl Root {
    pub(crate) fn new(certificate: Certificate, option: String) -> Result<Self, Failure> {
        if !certificate.is_ca() {
            return Err(Failure::refused("the certificate is not one of a CA").advise(
                "to trust a single self-signed certificate, give it to the client with --ca",
            ));
        }
        let print = pki::sha256_fingerprint(certificate.der()).replace(':', "");
        let label = format!("sealwire-{}", &print[..16].to_ascii_lowercase());
        Ok(Self { certificate, label, option })
    }

    /// Whether it is among the certificates of this PEM text.
    fn is_in(&self, pem: &str) -> bool {
        let all = Certificate::all_from_pem(pem.as_bytes()).unwrap_or_default();
        all.iter().any(|certificate| certificate.der() == self.certificate.der())
    }

    pub(crate) fn subject(&self) -> String {
        self.certificate.subject().to_string()
    }
}

/// The stores of these kinds that this machine has.
pub(crate) fn find(kinds: &[Kind], places: &Places) -> Vec<Box<dyn TrustStore>> {
    let mut stores: Vec<Box<dyn TrustStore>> = Vec::new();
    for kind in kinds {
        match kind {
            Kind::System => stores.extend(system(places)),
            Kind::Nss => stores.extend(
                nss::find(&places.nss_profiles)
                    .into_iter()
                    .map(|store| Box::new(store) as Box<dyn TrustStore>),
            ),
            Kind::Java => stores.extend(
                java::find(&places.java_keystores)
                    .into_iter()
                    .map(|store| Box::new(store) as Box<dyn TrustStore>),
            ),
        }
    }
    stores
}

fn system(places: &Places) -> Option<Box<dyn TrustStore>> {
    if cfg!(target_os = "macos") {
        return Some(Box::new(platform::MacOs));
    }
    if cfg!(windows) {
        return Some(Box::new(platform::Windows));
    }
    let found = system::Linux::find(places.system_root.as_deref());
    found.map(|store| Box::new(store) as Box<dyn TrustStore>)
}
