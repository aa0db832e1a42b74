//! A context that follows its sources.

use std::error::Error as StdError;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use arc_swap::ArcSwap;
use sealwire_x509::{Certificate, Purpose};
use tracing::{info, warn};
use zeroize::Zeroizing;

use super::connections::Live;
use super::current::Current;
use super::files::{FileWatch, LONGEST, QUIET, Why};
use super::fitness::Unfit;
use super::known::KnownFiles;
use super::source::{Material, Snapshot, Source};
use super::staples::Staples;
use crate::context::{Identity, SecureContext, SecureContextBuilder};
use crate::pki::{self, TrustStore};
use crate::words::ConfigError;

/// Identity, trust and revocation lists that follow their files: what changes is read, built completely
/// and then used for the connections to come, within a second. Cheap to clone.
///
/// What would not hold is refused, logged, and tried again with the next change; the last good configuration
/// stays in use. Refused is what cannot be read, a key that is not its certificate's, and what a peer would
/// refuse that trusts the issuer: a certificate that has expired or is not valid yet, is not for its
/// purpose, is too weak, or is not led on from by those behind it; besides, revocation lists that are
/// too old or name us, and CAs of which none is valid. A file is not believed while it changes.
/// What was accepted once is not checked again: a certificate that has expired meanwhile, or a new one
/// that is refused, holds back no trust and no list.
///
/// Files may be replaced by renaming, written in place, or be links that Kubernetes swaps (`..data`).
/// The kernel reports changes, and the files are checked every minute in any case.
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use sealwire::{Acceptor, Connector, Watched};
/// let ours = Watched::builder()
///     .pem_files("tls.crt", "tls.key")
///     .trust_file("ca.crt")
///     .start()?;
/// let (acceptor, connector) = (Acceptor::new(&ours), Connector::new(&ours));
/// println!("valid until {:?}", ours.status().valid_until);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Watched(Arc<Inner>);

struct Inner {
    slot: Arc<ArcSwap<SecureContext>>,
    status: ArcSwap<Status>,
    /// One load at a time.
    loader: Mutex<Loader>,
    watch: OnceLock<FileWatch>,
}

struct Loader {
    settings: WatchedBuilder,
    /// Of the sources as last tried.
    tried: [u8; 32],
}

/// How it stands.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Status {
    /// How many contexts there have been; the first is 1.
    pub generation: u64,
    /// When the one of now was loaded.
    pub loaded_at: SystemTime,
    /// When the first certificate of ours expires; `None` without an identity.
    pub valid_until: Option<SystemTime>,
    /// Why the last load failed, until one succeeds.
    pub last_failure: Option<Failure>,
}

/// A load that failed.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Failure {
    /// When.
    pub at: SystemTime,
    /// Why.
    pub error: LoadError,
}

/// An event of a [`Watched`].
#[derive(Debug)]
#[non_exhaustive]
pub enum Change<'a> {
    /// Something new is used from now on.
    Loaded(&'a Status),
    /// The new state was refused; the previous one stays in use.
    Refused(&'a LoadError),
}

/// Why nothing was loaded.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum LoadError {
    /// A file cannot be read, or does not hold what it should; it is named.
    Material(pki::Error),
    /// The settings of the context do not go with it.
    Settings(ConfigError),
    /// It would not hold before a peer.
    Unfit(Unfit),
    /// The program's function failed.
    Program(Arc<dyn StdError + Send + Sync>),
}

type Adjust =
    dyn Fn(SecureContextBuilder) -> Result<SecureContextBuilder, ConfigError> + Send + Sync;
type Listener = dyn Fn(&Change<'_>) + Send + Sync;

/// Says what is watched.
pub struct WatchedBuilder {
    sources: Vec<Source>,
    staples: Staples,
    known: Arc<KnownFiles>,
    purposes: Vec<Purpose>,
    every: Duration,
    first_is_judged: bool,
    adjust: Box<Adjust>,
    listener: Option<Box<Listener>>,
    live: Vec<Box<dyn Rechecks>>,
    #[cfg(feature = "spiffe")]
    agents: Vec<super::spiffe::Spiffe>,
}

/// A [`Live`], whatever it notes of connections.
trait Rechecks: Send + Sync {
    fn recheck(&self, context: &SecureContext);
    fn tick(&self);
}

/// How often connections are looked at that may be due.
const TICK: Duration = Duration::from_millis(500);

impl Watched {
    /// Nothing is watched yet.
    pub fn builder() -> WatchedBuilder {
        WatchedBuilder {
            sources: Vec::new(),
            staples: Staples::new(),
            known: Arc::default(),
            purposes: Vec::new(),
            every: Duration::from_secs(60),
            first_is_judged: true,
            adjust: Box::new(Ok),
            listener: None,
            live: Vec::new(),
            #[cfg(feature = "spiffe")]
            agents: Vec::new(),
        }
    }

    /// The context of now.
    pub fn context(&self) -> SecureContext {
        SecureContext::clone(&self.0.slot.load())
    }

    /// How it stands.
    pub fn status(&self) -> Arc<Status> {
        self.0.status.load_full()
    }

    /// Looks at the sources now: for a signal, or before something that must not wait. True: what is
    /// used is new.
    ///
    /// # Errors
    /// Why what is new was refused.
    pub fn reload(&self) -> Result<bool, LoadError> {
        self.0.look(true)
    }
}

impl WatchedBuilder {
    /// An identity: a chain (leaf first) and its key, PEM. Several are chosen from as
    /// [`SecureContextBuilder::identity`] says.
    #[must_use]
    pub fn pem_files(self, chain: impl AsRef<Path>, key: impl AsRef<Path>) -> Self {
        self.pem(chain.as_ref(), key.as_ref(), None)
    }

    /// The same, with a key that is encrypted.
    #[must_use]
    pub fn encrypted_pem_files(
        self,
        chain: impl AsRef<Path>,
        key: impl AsRef<Path>,
        passphrase: impl AsRef<[u8]>,
    ) -> Self {
        self.pem(chain.as_ref(), key.as_ref(), Some(passphrase.as_ref()))
    }

    /// An identity out of a PFX (PKCS#12) file.
    #[must_use]
    pub fn pkcs12_file(mut self, path: impl AsRef<Path>, passphrase: impl AsRef<[u8]>) -> Self {
        let passphrase = Zeroizing::new(passphrase.as_ref().to_vec());
        let path = path.as_ref().to_path_buf();
        self.sources.push(Source::Pfx { path, passphrase, staple: None });
        self
    }

    /// The OCSP response (DER) that a server staples to the identity that was added last, from files.
    /// It is checked as by [`Identity::stapling`]: an unusable one is refused as every other
    /// file is.
    #[must_use]
    pub fn ocsp_file(mut self, path: impl AsRef<Path>) -> Self {
        if let Some(Source::Pem { staple, .. } | Source::Pfx { staple, .. }) =
            self.sources.last_mut()
        {
            *staple = Some(path.as_ref().to_path_buf());
        }
        self
    }

    /// The OCSP responses for identities without one from a file: what is put there later is used after
    /// [`Watched::reload`].
    #[must_use]
    pub fn staples(mut self, staples: &Staples) -> Self {
        self.staples = staples.clone();
        self
    }

    /// Trusted certificates, PEM; several files are added up. The default is the bundled roots.
    #[must_use]
    pub fn trust_file(mut self, path: impl AsRef<Path>) -> Self {
        self.sources.push(Source::TrustFile(path.as_ref().to_path_buf()));
        self
    }

    /// The same, of a set that does not change: the system's roots, say.
    #[must_use]
    pub fn trust(mut self, trust: TrustStore) -> Self {
        self.sources.push(Source::Trust(trust));
        self
    }

    /// Revocation lists, PEM or DER.
    #[must_use]
    pub fn crl_file(mut self, path: impl AsRef<Path>) -> Self {
        self.sources.push(Source::CrlFile(path.as_ref().to_path_buf()));
        self
    }

    /// Asks the program: a secret store, an agent. It is asked as often as files are looked at, and by
    /// [`Watched::reload`], in a thread in which it may take its time.
    #[must_use]
    pub fn material<E: Into<Box<dyn StdError + Send + Sync>>>(
        mut self,
        ask: impl Fn() -> Result<Material, E> + Send + Sync + 'static,
    ) -> Self {
        self.sources.push(Source::Program(Box::new(move || ask().map_err(Into::into))));
        self
    }

    /// Identity, CAs and revocation lists from an agent; its updates are used at once.
    #[cfg(feature = "spiffe")]
    #[must_use]
    pub fn spiffe(mut self, spiffe: &super::spiffe::Spiffe) -> Self {
        self.agents.push(spiffe.clone());
        let asked = spiffe.clone();
        self.material(move || Ok::<_, std::convert::Infallible>(asked.material()))
    }

    /// The purpose that our certificate must have for its peers: [`Purpose::Server`],
    /// [`Purpose::Client`], or both. Called once for each. Without, it may be for anything.
    #[must_use]
    pub fn purpose(mut self, purpose: Purpose) -> Self {
        self.purposes.push(purpose);
        self
    }

    /// The other settings of each context: versions, suites, security level.
    #[must_use]
    pub fn settings(
        mut self,
        adjust: impl Fn(SecureContextBuilder) -> Result<SecureContextBuilder, ConfigError>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        self.adjust = Box::new(adjust);
        self
    }

    /// Accepts the files at the start unchecked, also when peers would refuse them: for a server that is meant
    /// to show just that. Later changes are checked.
    #[must_use]
    pub fn take_the_first_as_it_is(mut self) -> Self {
        self.first_is_judged = false;
        self
    }

    /// How often sources are checked in addition to change notifications; a minute by default.
    #[must_use]
    pub fn look_every(mut self, every: Duration) -> Self {
        self.every = every.max(Duration::from_millis(10));
        self
    }

    /// Sets the callback for each change, called in the watching thread. Without, [`tracing`] has it.
    #[must_use]
    pub fn on_change(mut self, listener: impl Fn(&Change<'_>) + Send + Sync + 'static) -> Self {
        self.listener = Some(Box::new(listener));
        self
    }

    /// Has these connections judged again after each change, and closed when they are due.
    #[must_use]
    pub fn live<T: Send + Sync + 'static>(mut self, live: &Live<T>) -> Self {
        self.live.push(Box::new(live.clone()));
        self
    }

    /// Loads everything for the first time, and watches it from then on: until the last clone, and
    /// everything that took one, is dropped.
    ///
    /// # Errors
    /// When what there is would be refused.
    pub fn start(self) -> Result<Watched, LoadError> {
        let snapshot = Snapshot::take(&self.sources, &self.staples, &self.known);
        let context = self.build(&snapshot, None, None)?;
        let files: Vec<PathBuf> =
            self.sources.iter().flat_map(Source::files).map(Path::to_path_buf).collect();
        let (every, tick) = (self.every, (!self.live.is_empty()).then_some(TICK));
        let status = Status {
            generation: 1,
            loaded_at: SystemTime::now(),
            valid_until: valid_until(&context),
            last_failure: None,
        };
        let loader = Loader { settings: self, tried: snapshot.digest };
        let inner = Arc::new(Inner {
            slot: Arc::new(ArcSwap::from_pointee(context)),
            status: ArcSwap::from_pointee(status),
            loader: Mutex::new(loader),
            watch: OnceLock::new(),
        });
        let weak = Arc::downgrade(&inner);
        let watch = FileWatch::start(files, every, tick, move |why| {
            let Some(inner) = weak.upgrade() else { return };
            match why {
                Why::Tick => inner.tick(),
                // What is wrong was told.
                Why::Notified => drop(inner.look(true)),
                Why::Look => drop(inner.look(false)),
            }
        });
        let _ = inner.watch.set(watch);
        #[cfg(feature = "spiffe")]
        for agent in &inner.loader.lock().unwrap_or_else(PoisonError::into_inner).settings.agents {
            let weak = Arc::downgrade(&inner);
            agent.on_change(move || {
                // What is wrong was told.
                weak.upgrade().map(|inner| drop(inner.look(true))).is_some()
            });
        }
        // What changed after it was read, and before it was watched.
        let _ = inner.look(true);
        Ok(Watched(inner))
    }

    fn pem(mut self, chain: &Path, key: &Path, passphrase: Option<&[u8]>) -> Self {
        let passphrase = passphrase.map(|one| Zeroizing::new(one.to_vec()));
        let (chain, key) = (chain.to_path_buf(), key.to_path_buf());
        self.sources.push(Source::Pem { chain, key, passphrase, staple: None });
        self
    }

    fn build(
        &self,
        snapshot: &Snapshot,
        old: Option<&SecureContext>,
        ours: Option<&[Identity]>,
    ) -> Result<SecureContext, LoadError> {
        let mut builder = (self.adjust)(SecureContext::builder())?;
        if let Some(old) = old {
            builder = builder.sessions_of(old);
        }
        let context = snapshot.add_to(&self.sources, builder, ours)?.build()?;
        if old.is_none() && !self.first_is_judged {
            return Ok(context);
        }
        let any = [Purpose::Any];
        let purposes = if self.purposes.is_empty() { &any[..] } else { &self.purposes };
        Unfit::check(&context, purposes, old).map_err(LoadError::Unfit)?;
        Ok(context)
    }

    fn tell(&self, change: &Change<'_>) {
        match (&self.listener, change) {
            (Some(listener), change) => listener(change),
            (None, Change::Loaded(status)) => {
                info!(generation = status.generation, "certificates reloaded");
            }
            (None, Change::Refused(error)) => {
                warn!(%error, "reload failed; keeping the previous configuration");
            }
        }
    }
}

impl Inner {
    /// Looks at the sources, and uses what is new and good. `settled`: nothing has changed for a
    /// moment, or the caller does not want to wait.
    fn look(&self, settled: bool) -> Result<bool, LoadError> {
        let mut loader = self.loader.lock().unwrap_or_else(PoisonError::into_inner);
        let Loader { settings, tried } = &mut *loader;
        let until = Instant::now() + LONGEST;
        let mut snapshot = Snapshot::take(&settings.sources, &settings.staples, &settings.known);
        if snapshot.digest == *tried {
            return Ok(false);
        }
        let mut waits = !settled;
        let built = loop {
            let built = settings.build(&snapshot, Some(&self.slot.load()), None);
            // What does not fit may be half of a change, and what does as well.
            if waits || built.is_err() {
                thread::sleep(QUIET);
            }
            let again = Snapshot::take(&settings.sources, &settings.staples, &settings.known);
            if again.digest == snapshot.digest || Instant::now() >= until {
                break built;
            }
            (snapshot, waits) = (again, true);
        };
        *tried = snapshot.digest;
        match built {
            Ok(context) => {
                self.take(settings, context, None);
                Ok(true)
            }
            Err(error) => {
                let failure = Failure { at: SystemTime::now(), error: error.clone() };
                match self.with_old_identities(settings, &snapshot) {
                    Some(context) => self.take(settings, context, Some(failure)),
                    None => {
                        let status = Status::clone(&self.status.load());
                        let status = Status { last_failure: Some(failure), ..status };
                        self.status.store(Arc::new(status));
                    }
                }
                settings.tell(&Change::Refused(&error));
                Err(error)
            }
        }
    }

    /// Today's trust and revocation lists for connections under an older identity, if anything is new in them:
    /// a certificate that cannot be used does not hold back a CRL that revokes a peer.
    fn with_old_identities(
        &self,
        settings: &WatchedBuilder,
        snapshot: &Snapshot,
    ) -> Option<SecureContext> {
        let old = self.slot.load();
        let context = settings.build(snapshot, Some(&old), Some(old.identities())).ok()?;
        let same = context.trust().certificates() == old.trust().certificates()
            && context.policy().crls == old.policy().crls;
        (!same).then_some(context)
    }

    /// Uses it from now on.
    fn take(&self, settings: &WatchedBuilder, context: SecureContext, failure: Option<Failure>) {
        let status = Status {
            generation: self.status.load().generation + 1,
            loaded_at: SystemTime::now(),
            valid_until: valid_until(&context),
            last_failure: failure,
        };
        self.slot.store(Arc::new(context.clone()));
        self.status.store(Arc::new(status.clone()));
        settings.tell(&Change::Loaded(&status));
        for live in &settings.live {
            live.recheck(&context);
        }
    }

    fn tick(&self) {
        let loader = self.loader.lock().unwrap_or_else(PoisonError::into_inner);
        for live in &loader.settings.live {
            live.tick();
        }
    }
}

impl<T: Send + Sync + 'static> Rechecks for Live<T> {
    fn recheck(&self, context: &SecureContext) {
        Self::recheck(self, context);
    }

    fn tick(&self) {
        Self::tick(self);
    }
}

/// When the first certificate of ours expires.
fn valid_until(context: &SecureContext) -> Option<SystemTime> {
    let first =
        context.chains().flat_map(|chain| chain.iter()).map(Certificate::not_after).min()?;
    let seconds = u64::try_from(first).unwrap_or(0);
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

impl From<&Watched> for Current {
    fn from(watched: &Watched) -> Self {
        Self::kept_by(watched.0.slot.clone(), watched.0.clone())
    }
}

impl From<Watched> for Current {
    fn from(watched: Watched) -> Self {
        Self::from(&watched)
    }
}

impl From<pki::Error> for LoadError {
    fn from(error: pki::Error) -> Self {
        Self::Material(error)
    }
}

impl From<ConfigError> for LoadError {
    fn from(error: ConfigError) -> Self {
        Self::Settings(error)
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Material(error) => error.fmt(f),
            Self::Settings(error) => error.fmt(f),
            Self::Unfit(error) => error.fmt(f),
            Self::Program(error) => error.fmt(f),
        }
    }
}

impl StdError for LoadError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Material(error) => Some(error),
            Self::Settings(error) => Some(error),
            Self::Unfit(error) => Some(error),
            Self::Program(error) => Some(&**error),
        }
    }
}

impl fmt::Debug for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watched").field("status", &self.0.status.load()).finish_non_exhaustive()
    }
}

impl fmt::Debug for WatchedBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WatchedBuilder")
            .field("sources", &self.sources)
            .field("purposes", &self.purposes)
            .finish_non_exhaustive()
    }
}
