//! Stopping in good order: first nothing new is accepted, then open work may end.

use std::io;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Tells all tasks to stop when the process is asked to (SIGINT, SIGTERM).
#[derive(Debug, Clone, Default)]
pub(crate) struct Stop {
    asked: CancellationToken,
    open: TaskTracker,
}

impl Stop {
    /// Listens for the signals from now on.
    pub(crate) fn on_signals() -> io::Result<Self> {
        let stop = Self::default();
        let asked = stop.asked.clone();
        let mut signals = Signals::new()?;
        tokio::spawn(async move {
            signals.next().await;
            asked.cancel();
        });
        Ok(stop)
    }

    /// Waits until the process is asked to stop.
    pub(crate) async fn asked(&self) {
        self.asked.cancelled().await;
    }

    /// Runs something that may end before the process does.
    pub(crate) fn spawn<F>(&self, work: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.open.spawn(work);
    }

    /// How many are at work.
    pub(crate) fn at_work(&self) -> usize {
        self.open.len()
    }

    /// Waits until all have ended, for at most `patience`, or until a second signal. What is not
    /// done then is cut off: how many.
    pub(crate) async fn drained(&self, patience: Duration) -> io::Result<usize> {
        self.open.close();
        let mut signals = Signals::new()?;
        tokio::select! {
            () = self.open.wait() => {}
            () = tokio::time::sleep(patience) => {}
            () = signals.next() => {}
        }
        Ok(self.at_work())
    }
}

/// The signals by which a person or a service manager ends a program.
struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    #[cfg(unix)]
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    #[cfg(unix)]
    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    #[cfg(not(unix))]
    fn new() -> io::Result<Self> {
        Ok(Self {})
    }

    #[cfg(not(unix))]
    async fn next(&mut self) {
        // Without a console there is no signal to wait for.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
