//! A service that keeps its own certificate fresh, by tls-alpn-01 on its own port or by http-01.

use sealwire::pki::{self, KeyAlgorithm};

use super::{
    Error, Folder, Held, Http, Http01, Login, RenewalConfig, Schedule, Session, Solver, TlsAlpn01,
    issue, renewal_window_of,
};
use crate::clock::{Clock, Seconds};

/// What keeps one certificate.
pub struct Keeper {
    /// Where it is, for all who share it.
    pub folder: Folder,
    /// The CA, and the account there.
    pub login: Login,
    /// The names; the certificate goes by the first.
    pub names: Vec<String>,
    /// The CA's profile.
    pub profile: Option<String>,
    /// The way to the CA.
    pub http: Http,
    /// How the names are proved.
    pub way: Validation,
    /// The time.
    pub clock: Clock,
}

/// How a service shows a CA that its names lead to it.
#[derive(Clone)]
pub enum Validation {
    /// At its own port.
    TlsAlpn(TlsAlpn01),
    /// At a port for that alone, which has to be what port 80 of the names leads to.
    Http(Http01),
}

impl Validation {
    /// What a CA that checks at the service's own port is answered with.
    #[must_use]
    pub fn tls_alpn(&self) -> Option<&TlsAlpn01> {
        match self {
            Self::TlsAlpn(shown) => Some(shown),
            Self::Http(_) => None,
        }
    }

    /// What is shown at the port for that.
    #[must_use]
    pub fn http(&self) -> Option<&Http01> {
        match self {
            Self::Http(shown) => Some(shown),
            Self::TlsAlpn(_) => None,
        }
    }

    fn solver(&self) -> &dyn Solver {
        match self {
            Self::TlsAlpn(shown) => shown,
            Self::Http(shown) => shown,
        }
    }
}

/// What a look came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// There is another certificate.
    Renewed,
    /// It is not time yet, or not time to try again.
    NotDue,
    /// Another process holds the lock of the folder.
    Busy,
}

impl Keeper {
    /// Sees to it that there is something to begin with: where no certificate was fetched before,
    /// a self-signed one, which no client trusts, and which is replaced as soon as the
    /// service can be asked for its name.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn prepare(&self) -> Result<(), Error> {
        let _lock = self.folder.lock()?;
        if self.folder.held(self.name())?.is_none() {
            let (certificate, key) = pki::self_signed(&self.names)?;
            self.folder.install(self.name(), &certificate.to_pem(), &key)?;
        }
        Ok(())
    }

    /// What the certificate goes by.
    #[must_use]
    pub fn name(&self) -> &str {
        self.names.first().map_or("", String::as_str)
    }

    /// Looks whether it is time, and renews. To be called every minute or so.
    ///
    /// # Errors
    /// Why it failed. The next try is put off: a minute, then two, up to a day.
    pub async fn step(&self) -> Result<Step, Error> {
        let Some(_lock) = self.folder.try_lock()? else { return Ok(Step::Busy) };
        let mut config = self.renewal_config()?;
        if self.clock.now() < config.schedule.retry_at {
            return Ok(Step::NotDue);
        }
        match self.look(&mut config).await {
            Ok(step) => Ok(step),
            Err(error) => {
                config.schedule.failed(error.to_string(), self.clock.now(), chance());
                self.folder.store_renewal_config(&config)?;
                Err(error)
            }
        }
    }

    async fn look(&self, config: &mut RenewalConfig) -> Result<Step, Error> {
        let now = self.clock.now();
        let held = self.folder.held(self.name())?;
        // One that is signed by itself is what `prepare` has put there.
        let fetched = held.as_ref().filter(|held| !held.chain[0].is_self_signed());
        let mut session = None;
        if let Some(held) = fetched {
            if now >= config.schedule.ask_at {
                let opened = Session::open(&self.login, &self.folder, &self.http).await?;
                self.ask(&opened, held, config, now).await?;
                session = Some(opened);
            }
            let (begin, end) = held.validity();
            if !config.schedule.is_due(begin, end, now) {
                return Ok(Step::NotDue);
            }
            config.schedule.check_enough(end - begin, now)?;
        }
        let session = match session {
            Some(session) => session,
            None => Session::open(&self.login, &self.folder, &self.http).await?,
        };
        let replaces = fetched.map(|held| &held.chain[0]);
        let profile = self.profile.as_deref();
        let kind = KeyAlgorithm::EcdsaP256;
        let solver = self.way.solver();
        let got = issue(&session, &self.names, profile, replaces, kind, solver).await?;
        self.folder.install(self.name(), &got.chain, &got.key)?;
        config.schedule.renewed(self.clock.now());
        self.folder.store_renewal_config(config)?;
        Ok(Step::Renewed)
    }

    /// Asks the CA when. One that does not say still renews.
    async fn ask(
        &self,
        session: &Session,
        held: &Held,
        config: &mut RenewalConfig,
        now: Seconds,
    ) -> Result<(), Error> {
        const NOT_SAID: Seconds = 6 * 3600;
        match renewal_window_of(session, &held.chain[0]).await {
            Ok(Some((start, end, again))) => {
                config.schedule.take_window(start, end, chance());
                config.schedule.ask_at = now + again;
            }
            _ => config.schedule.ask_at = now + NOT_SAID,
        }
        self.folder.store_renewal_config(config)
    }

    fn renewal_config(&self) -> Result<RenewalConfig, Error> {
        let kept = self.folder.renewal_config(self.name())?;
        // Other names make another order.
        Ok(kept.filter(|config| config.names == self.names).unwrap_or_else(|| RenewalConfig {
            names: self.names.clone(),
            server: self.login.server.clone(),
            profile: self.profile.clone(),
            // `seal acme renew` leaves it to the service.
            proof: RenewalConfig::service(),
            run: None,
            schedule: Schedule::default(),
        }))
    }
}

/// By chance, so that many clients do not do it at once.
#[must_use]
pub fn chance() -> u32 {
    let mut bytes = [0; 4];
    // Without random bytes there are no keys either.
    let _ = aws_lc_rs::rand::fill(&mut bytes);
    u32::from_ne_bytes(bytes)
}
