//! A tunnel from its start to its end: opens, confines itself, serves, reloads, drains.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use sealwire::live::FileWatch;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;
use tokio::time::Instant;
use tracing::{error, info, warn};

use super::config::{self, Mode, Plan};
use super::listen::{FromSystemd, Open};
use super::metrics::Metrics;
use super::pool::{Backend, Pool};
use super::service::Service;
use super::status::{self, Phase};
use super::worker::Workers;
use super::{acme, confine, log, ocsp, systemd};
use crate::say::failure::Failure;
use crate::say::report::Answer;

/// Runs a tunnel until it is told to stop.
///
/// # Errors
/// What keeps it from starting: a file, a place that cannot be listened on, an unknown user.
pub(crate) fn run(plan: Plan) -> Result<Answer, Failure> {
    log::start(&plan.process);
    let metrics = Arc::new(Metrics::new());
    let changed = Arc::new(Notify::new());
    let load = |service| {
        let loaded = Service::load(service, &metrics, &changed);
        loaded.map(Arc::new).map_err(|e| at_file(&plan, e))
    };
    let mut prepared = Vec::new();
    let mut given = FromSystemd::from_env();
    for service in &plan.services {
        // An agent is listened to by a thread, and asked as the user that we become.
        let loaded = service.spiffe.is_none().then(|| load(service)).transpose()?;
        let opened = service
            .listen
            .iter()
            .map(|listen| open(listen, service, &mut given))
            .collect::<Result<Vec<_>, _>>()?;
        prepared.push((service, loaded, opened));
    }
    let status = plan.process.status.as_ref().map(|listen| Open::at(listen, &mut given));
    let status = status.transpose()?;
    let challenges = acme::Challenges::listen(&plan)?;
    confine::raise_descriptor_limit();
    // Each thread has the identity and the limits of the one that made it: no thread before this.
    confine::drop_privileges(&plan.process)?;
    let loaded = prepared.iter().filter_map(|(_, loaded, _)| loaded.as_deref());
    let responders: Vec<_> = loaded.flat_map(Service::responder_ports).collect();
    confine::landlock(&plan, &responders)?;
    let mut listeners = Vec::new();
    for (service, loaded, opened) in prepared {
        listeners.push((loaded.map_or_else(|| load(service), Ok)?, opened));
    }
    for service in &plan.services {
        confine::warn_of_files_that_cannot_be_read_again(service);
        if service.legacy {
            warn!(
                service = service.name,
                "legacy allows broken or weak versions and suites of TLS: use it on trusted networks only, for peers that cannot be replaced"
            );
        }
        if service.proxy_in.is_some() && service.proxy_from.is_empty() {
            warn!(
                service = service.name,
                "any sender of a PROXY header can claim any source address; restrict senders with proxy-from"
            );
        }
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::usage(format!("cannot start threads: {e}")))?;
    // The first client is shown a response, too.
    runtime.block_on(async {
        for (service, _) in &listeners {
            ocsp::look(service, &metrics).await;
        }
    });
    let workers = Workers::start(plan.process.workers, &listeners)?;
    let control = Control { plan, metrics, changed, listeners, workers };
    runtime.block_on(control.run(status, challenges))
}

/// What happens besides moving data, in the first thread.
struct Control {
    plan: Plan,
    metrics: Arc<Metrics>,
    /// Notified when something may have changed.
    changed: Arc<Notify>,
    listeners: Vec<(Arc<Service>, Vec<Open>)>,
    workers: Workers,
}

/// What a signal asks for.
#[derive(PartialEq, Eq)]
enum Asked {
    /// SIGHUP
    Reload,
    /// SIGTERM or SIGINT
    Stop,
}

struct Signals {
    hangup: Signal,
    terminate: Signal,
    interrupt: Signal,
}

impl Control {
    async fn run(
        mut self,
        status: Option<Open>,
        challenges: acme::Challenges,
    ) -> Result<Answer, Failure> {
        let mut signals = Signals::new()?;
        let services: Vec<_> = self.listeners.iter().map(|(service, _)| service.clone()).collect();
        let changed = self.changed.clone();
        let mut _watch = self.watch(&changed);
        // What changed after it was read, and before it was watched.
        for service in &services {
            service.reload(None, &self.metrics);
        }
        for (service, opened) in &self.listeners {
            for open in opened {
                info!(service = service.name, address = open.shown, "listening");
            }
            start_checks(service);
        }
        let phase = Arc::new(Phase::default());
        if let Some(open) = &status {
            status::serve(open, services.clone(), self.metrics.clone(), phase.clone())?;
            info!(address = open.shown, "status page");
        }
        systemd::ready(&self.summary());
        let watchdog = tokio::spawn(watchdog());
        tokio::spawn(renew_ticket_keys(services.clone()));
        let _challenges = challenges.open(&services)?;
        for service in services.iter().filter(|service| service.keeper.is_some()) {
            tokio::spawn(acme::keep(service.clone(), self.metrics.clone()));
        }
        for service in &services {
            tokio::spawn(ocsp::keep(service.clone(), self.metrics.clone()));
        }
        tokio::spawn(close_what_is_due(services.clone()));
        loop {
            tokio::select! {
                () = changed.notified() => {
                    for service in &services {
                        service.reload(None, &self.metrics);
                    }
                }
                asked = signals.next() => match asked {
                    Asked::Reload => {
                        systemd::reloading();
                        self.reload_everything();
                        _watch = self.watch(&changed);
                        systemd::ready(&self.summary());
                    }
                    Asked::Stop => break,
                }
            }
        }
        self.drain(&phase, &mut signals).await;
        watchdog.abort();
        Ok(Answer::Yes)
    }

    /// Reads the file and all that it names again. What cannot be changed in a process that runs
    /// is said, and stays.
    fn reload_everything(&self) {
        let plan = match &self.plan.file {
            None => None,
            Some(file) => match config::from_file(file) {
                Ok(plan) => Some(plan),
                Err(failure) => {
                    error!(reason = %failure, "reload failed; keeping the previous configuration");
                    for (service, _) in &self.listeners {
                        service.metrics.failed_reloads.inc();
                    }
                    return;
                }
            },
        };
        if let Some(plan) = &plan {
            self.say_what_needs_a_restart(plan);
        }
        for (service, _) in &self.listeners {
            let old = service.state();
            let new =
                plan.iter().flat_map(|plan| &plan.services).find(|new| new.name == old.config.name);
            let new = match new {
                Some(new) if !new.fits_into(&old.config) => continue,
                new => new,
            };
            service.reload(new.or(Some(&old.config)), &self.metrics);
            start_checks(service);
        }
    }

    fn say_what_needs_a_restart(&self, plan: &Plan) {
        let needs = "a restart is needed for this";
        if plan.process != self.plan.process {
            warn!("settings of the whole process have changed: {needs}");
        }
        for new in &plan.services {
            let running = self.listeners.iter().find(|(service, _)| service.name == new.name);
            match running {
                None => warn!(service = new.name, "a new service: {needs}"),
                Some((service, _)) if !new.fits_into(&service.state().config) => {
                    let what = "its listen, mode, identity or acme has changed";
                    warn!(service = new.name, "{what}: {needs}");
                }
                Some(_) => {}
            }
        }
        for (service, _) in &self.listeners {
            if !plan.services.iter().any(|new| new.name == service.name) {
                warn!(service = service.name, "the service is no longer in the file: {needs}");
            }
        }
    }

    /// Accepts no more, and waits for what is open: not for ever, and not after a second signal.
    async fn drain(&mut self, phase: &Phase, signals: &mut Signals) {
        phase.drain();
        self.metrics.draining.set(1);
        self.workers.stop_accepting();
        for (_, opened) in &mut self.listeners {
            opened.clear();
        }
        let open = self.workers.connections();
        info!(open, "draining: no more connections are accepted");
        systemd::stopping(&format!("draining {open} connections"));
        let until = Instant::now() + self.plan.process.drain;
        while self.workers.connections() > 0 && Instant::now() < until {
            tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(20)) => {}
                asked = signals.next() => if asked == Asked::Stop { break },
            }
        }
        match self.workers.connections() {
            0 => info!("stopped"),
            cut => warn!(cut, "stopped; connections were cut"),
        }
    }

    /// Tells when something may have changed in the files of all services.
    fn watch(&self, changed: &Arc<Notify>) -> FileWatch {
        let states: Vec<_> = self.listeners.iter().map(|(service, _)| service.state()).collect();
        let files = states.iter().flat_map(|state| state.config.files()).map(Path::to_path_buf);
        let changed = changed.clone();
        FileWatch::new(files, self.plan.process.reload_every, move || changed.notify_one())
    }

    fn summary(&self) -> String {
        let (services, threads) = (self.listeners.len(), self.workers.alive());
        format!("{services} services on {threads} threads")
    }
}

impl Signals {
    fn new() -> Result<Self, Failure> {
        let listen = |kind| {
            signal(kind).map_err(|e| Failure::usage(format!("cannot listen to signals: {e}")))
        };
        Ok(Self {
            hangup: listen(SignalKind::hangup())?,
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.hangup.recv() => Asked::Reload,
            _ = self.terminate.recv() => Asked::Stop,
            _ = self.interrupt.recv() => Asked::Stop,
        }
    }
}

fn open(
    listen: &super::endpoint::Listen,
    service: &config::Service,
    given: &mut FromSystemd,
) -> Result<Open, Failure> {
    let at = |e: Failure| e.prefix(&format!("service \"{}\": listen", service.name));
    let open = Open::at(listen, given).map_err(at)?;
    if service.mode == Mode::Client && !service.unsafe_listen && !open.is_local() {
        return Err(at(Failure::usage(format!(
            "{} accepts plaintext from other machines",
            open.shown
        ))
        .advise("listen on 127.0.0.1, or set unsafe-listen")));
    }
    Ok(open)
}

fn at_file(plan: &Plan, failure: Failure) -> Failure {
    match &plan.file {
        Some(file) => failure.prefix(&file.display().to_string()),
        None => failure,
    }
}

/// Checks the targets of a service now and then, as long as they are in use.
fn start_checks(service: &Service) {
    let state = service.state();
    let Some(every) = state.config.health.interval else { return };
    for backend in state.active_routes().flat_map(|way| Pool::backends(&way.pool)) {
        if backend.begin_checks() {
            tokio::spawn(check(Arc::downgrade(backend), every));
        }
    }
}

async fn check(backend: std::sync::Weak<Backend>, every: Duration) {
    while let Some(backend) = backend.upgrade() {
        backend.check().await;
        drop(backend);
        tokio::time::sleep(every).await;
    }
}

/// Goes along with the epochs of a fleet's ticket keys.
async fn renew_ticket_keys(services: Vec<Arc<Service>>) {
    loop {
        tokio::time::sleep(Duration::from_secs(10)).await;
        for service in &services {
            service.state().renew_ticket_keys(SystemTime::now());
        }
    }
}

/// Ends connections whose peer's certificate has expired, or whose time is over.
async fn close_what_is_due(services: Vec<Arc<Service>>) {
    loop {
        tokio::time::sleep(Duration::from_millis(250)).await;
        for service in &services {
            service.live.tick();
        }
    }
}

async fn watchdog() {
    let Some(every) = systemd::watchdog_interval() else { return };
    loop {
        systemd::watchdog();
        tokio::time::sleep(every).await;
    }
}
