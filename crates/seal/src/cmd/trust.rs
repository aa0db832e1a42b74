//! `seal trust`: the roots that this machine trusts.

mod doctor;
mod env;
mod root_options;
mod run;

use std::fmt;
use std::path::{self, Path, PathBuf};

use clap::{Args, Subcommand};
use sealwire::pki;
use serde::Serialize;

use crate::files::ca_folder::CaFolder;
use crate::files::sudo;
use crate::say::failure::Failure;
use crate::say::report::{self, Answer};
use crate::truststore::{self, Kind, Places, Root, Step, TrustStore};

/// The roots that this machine trusts
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Install your CA in the trust stores of this machine
    ///
    /// Adds the CA of `seal ca` (or --cert) to the system's store, Chromium's and Firefox's
    /// profiles, and Java's cacerts, and then verifies a certificate with each store. When one
    /// fails, the previous changes are undone.
    ///
    /// With mkcert: mkcert -install
    Install(Change),
    /// Remove your CA from the trust stores of this machine
    ///
    /// With mkcert: mkcert -uninstall
    Uninstall(Change),
    /// Show which trust stores contain your CA; exits with 1 when one does not
    Status(Status),
    Env(env::Env),
    Run(run::Run),
    Doctor(doctor::Doctor),
}

#[derive(Args)]
pub(crate) struct Which {
    #[command(flatten)]
    folder: CaFolder,
    /// Root certificate to use instead of the CA's
    #[arg(long, value_name = "FILE")]
    cert: Option<PathBuf>,
    /// Limit to this store; may be repeated [default: all]
    #[arg(long, value_enum, value_name = "STORE")]
    store: Vec<Kind>,
    /// Root folder of another system, such as a container image; run its update program yourself
    #[arg(long, value_name = "DIR")]
    system_root: Option<PathBuf>,
    /// NSS profile folder, instead of those of this user; may be repeated
    #[arg(long, value_name = "DIR")]
    nss_profile: Vec<PathBuf>,
    /// Java key store, instead of that of the installed Java; may be repeated
    #[arg(long, value_name = "FILE")]
    java_keystore: Vec<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(crate) struct Change {
    #[command(flatten)]
    which: Which,
    /// Print what would be done, without doing it
    #[arg(long)]
    dry_run: bool,
}

#[derive(Args)]
pub(crate) struct Status {
    #[command(flatten)]
    which: Which,
}

#[derive(Serialize)]
struct Report {
    root: String,
    stores: Vec<Line>,
}

#[derive(Serialize)]
struct Line {
    store: String,
    trusted: bool,
    state: &'static str,
    /// What is done; of a dry run, what would be.
    steps: Vec<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.root)?;
        for line in &self.stores {
            write!(f, "\n  {}: {}", line.store, line.state)?;
            for step in &line.steps {
                write!(f, "\n    {step}")?;
            }
        }
        Ok(())
    }
}

impl Command {
    pub(crate) async fn run(self) -> Result<Answer, Failure> {
        match self {
            Self::Install(change) => change.install(),
            Self::Uninstall(change) => change.uninstall(),
            Self::Status(status) => status.run(),
            Self::Env(env) => env.run(),
            Self::Run(run) => run.run(),
            Self::Doctor(doctor) => doctor.run().await,
        }
    }
}

impl Which {
    fn root(&self) -> Result<Root, Failure> {
        root(&self.folder, self.cert.as_deref())
    }

    fn stores(&self) -> Result<Vec<Box<dyn TrustStore>>, Failure> {
        // Root's profiles are not those of the user who called sudo, and profiles that root
        // changes are root's afterwards.
        let sudo = sudo::caller().filter(|_| self.nss_profile.is_empty());
        let kinds = match self.store.as_slice() {
            [] if sudo.is_some() => &[Kind::System, Kind::Java],
            [] => &[Kind::System, Kind::Nss, Kind::Java][..],
            some => some,
        };
        if let (Some((user, _)), true) = (sudo, kinds.contains(&Kind::Nss)) {
            return Err(Failure::usage("under sudo, the profiles of browsers would be root's")
                .advise(format!(
                    "run this as {user}, without sudo; or name the folder with --nss-profile"
                )));
        }
        let places = Places {
            system_root: self.system_root.clone(),
            nss_profiles: self.nss_profile.clone(),
            java_keystores: self.java_keystore.clone(),
        };
        let stores = truststore::find(kinds, &places);
        if stores.is_empty() {
            Err(Failure::usage("no such trust store on this machine"))
        } else {
            Ok(stores)
        }
    }

    fn report(&self, root: &Root, stores: Vec<Line>) -> Result<(), Failure> {
        report::print(&Report { root: root.subject(), stores }, self.json)
    }
}

impl Change {
    fn install(self) -> Result<Answer, Failure> {
        let root = self.which.root()?;
        let stores = self.which.stores()?;
        if self.dry_run {
            return self.plan(&root, &stores, |store| Ok(store.install(&root)));
        }
        let mut wanted = Vec::new();
        let mut lines = Vec::new();
        let nothing = |store: &dyn TrustStore| format!("{}: nothing was changed", store.name());
        for store in &stores {
            if store.trusts(&root).map_err(|e| e.prefix(&nothing(store.as_ref())))? {
                lines.push(line(store.as_ref(), true, "trusted already"));
            } else {
                wanted.push(store.as_ref());
            }
        }
        // Found out before anything is changed.
        for store in &wanted {
            store.check_ready(&root).map_err(|e| e.prefix(&store.name()))?;
        }
        for (done, store) in wanted.iter().enumerate() {
            // Debian's hook for Java takes the roots of the system's store.
            if store.trusts(&root)? {
                lines.push(line(*store, true, "trusted now"));
                continue;
            }
            if let Err(failure) = put_in(*store, &root) {
                for undone in wanted[..=done].iter().rev() {
                    take_out(*undone, &root);
                }
                return Err(failure.prefix(&nothing(*store)));
            }
            lines.push(line(*store, true, "trusted now"));
        }
        self.which.report(&root, lines)?;
        tell_of_others(&stores);
        Ok(Answer::Yes)
    }

    fn uninstall(self) -> Result<Answer, Failure> {
        let root = self.which.root()?;
        let stores = self.which.stores()?;
        if self.dry_run {
            return self.plan(&root, &stores, |store| store.uninstall(&root));
        }
        let mut lines = Vec::new();
        for store in &stores {
            if !store.holds(&root)? && !store.trusts(&root)? {
                lines.push(line(store.as_ref(), false, "was not there"));
                continue;
            }
            store.check_ready(&root).map_err(|e| e.prefix(&store.name()))?;
            for step in store.uninstall(&root)? {
                step.perform().map_err(|e| e.prefix(&store.name()))?;
            }
            if store.trusts(&root)? {
                return Err(Failure::usage(format!("{}: it is still trusted", store.name())));
            }
            lines.push(line(store.as_ref(), false, "removed"));
        }
        self.which.report(&root, lines)?;
        Ok(Answer::Yes)
    }

    fn plan(
        &self,
        root: &Root,
        stores: &[Box<dyn TrustStore>],
        steps: impl Fn(&dyn TrustStore) -> Result<Vec<Step>, Failure>,
    ) -> Result<Answer, Failure> {
        let mut lines = Vec::new();
        for store in stores {
            let trusted = store.trusts(root).unwrap_or(false);
            let mut line = line(store.as_ref(), trusted, "would be changed");
            line.steps = steps(store.as_ref())?.iter().map(ToString::to_string).collect();
            lines.push(line);
        }
        self.which.report(root, lines)?;
        Ok(Answer::Yes)
    }
}

/// What stores that serve only some programs leave to the user.
fn tell_of_others(stores: &[Box<dyn TrustStore>]) {
    if stores.iter().any(|store| store.bundle().is_some()) {
        report::note(
            "Node.js (NODE_EXTRA_CA_CERTS), Deno, Python's requests (REQUESTS_CA_BUNDLE) and others \
             keep roots of their own: eval \"$(seal trust env)\" lets them trust it too",
        );
    }
}

/// The root that is meant: of this file, or of the CA in the folder.
fn root(folder: &CaFolder, cert: Option<&Path>) -> Result<Root, Failure> {
    let named = |option: &str, path: &Path| {
        let path = path::absolute(path).unwrap_or_else(|_| path.to_owned());
        format!("{option} {}", path.display())
    };
    if let Some(path) = cert {
        let certificate = pki::certificates_from_file(path)?.swap_remove(0);
        return Root::new(certificate, named("--cert", path));
    }
    // Of an intermediate, the root above it is what others have to trust.
    let certificate = folder.open()?.chain()?.pop().expect("a chain has a certificate");
    Root::new(certificate, named("--ca-dir", &folder.path()?))
}

impl Status {
    fn run(self) -> Result<Answer, Failure> {
        let root = self.which.root()?;
        let mut lines = Vec::new();
        for store in self.which.stores()? {
            let trusted = store.trusts(&root).map_err(|e| e.prefix(&store.name()))?;
            let state = match (trusted, store.holds(&root)?) {
                (true, _) => "trusted",
                (false, true) => "present, but not trusted",
                (false, false) => "not trusted",
            };
            lines.push(line(store.as_ref(), trusted, state));
        }
        let all = lines.iter().all(|line| line.trusted);
        self.which.report(&root, lines)?;
        Ok(if all { Answer::Yes } else { Answer::No })
    }
}

fn line(store: &dyn TrustStore, trusted: bool, state: &'static str) -> Line {
    Line { store: store.name(), trusted, state, steps: Vec::new() }
}

/// Does the steps, then asks the store whether it believes.
fn put_in(store: &dyn TrustStore, root: &Root) -> Result<(), Failure> {
    for step in store.install(root) {
        step.perform()?;
    }
    if store.trusts(root)? {
        Ok(())
    } else {
        Err(Failure::usage("it does not trust the root that was just installed"))
    }
}

/// Takes out what may be there of a root that could not be installed. The failure that led here
/// is the one to tell.
fn take_out(store: &dyn TrustStore, root: &Root) {
    if store.holds(root).unwrap_or(true) {
        for step in store.uninstall(root).unwrap_or_default() {
            let _ = step.perform();
        }
    }
}
