//! The threads that move data: each has a runtime, a handle of every listener and connections of
//! its own, so that nothing is shared while data move.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Handle, Runtime};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error};

use super::connection::{self, Incoming};
use super::listen::Open;
use super::service::Service;
use super::socket::{Listener, Parked};
use crate::say::failure::Failure;

/// All the threads.
pub(crate) struct Workers {
    shared: Arc<[Worker]>,
    stop: CancellationToken,
    threads: Vec<std::thread::JoinHandle<()>>,
}

/// One thread, as the others see it.
struct Worker {
    handle: Handle,
    load: Load,
}

/// How many connections a thread has, on a cache line of its own.
#[repr(align(128))]
#[derive(Default)]
struct Load(Arc<AtomicUsize>);

/// A connection that counts for its thread until dropped.
struct Counted(Arc<AtomicUsize>);

impl Workers {
    /// Starts the threads, which accept at once.
    ///
    /// # Errors
    /// When the system has no threads or descriptors left.
    pub(crate) fn start(
        count: usize,
        listeners: &[(Arc<Service>, Vec<Open>)],
    ) -> Result<Self, Failure> {
        let failed = |e: io::Error| Failure::usage(format!("cannot start threads: {e}"));
        let runtimes = (0..count)
            .map(|_| Builder::new_current_thread().enable_all().build())
            .collect::<io::Result<Vec<Runtime>>>()
            .map_err(failed)?;
        let shared: Arc<[Worker]> = runtimes
            .iter()
            .map(|runtime| Worker { handle: runtime.handle().clone(), load: Load::default() })
            .collect();
        let stop = CancellationToken::new();
        let mut threads = Vec::new();
        for (index, runtime) in runtimes.into_iter().enumerate() {
            let mut accepting = Vec::new();
            for (service, opened) in listeners {
                for open in opened {
                    let _here = runtime.enter();
                    accepting.push((service.clone(), open.listener().map_err(failed)?));
                }
            }
            let (workers, stop) = (shared.clone(), stop.clone());
            let thread = std::thread::Builder::new().name(format!("worker-{index}"));
            let run = move || {
                for (service, listener) in accepting {
                    let accepting = accept(service, listener, workers.clone(), index, stop.clone());
                    runtime.spawn(accepting);
                }
                runtime.block_on(async {
                    stop.cancelled().await;
                    // Connections stay open until the process ends.
                    std::future::pending::<()>().await;
                });
            };
            threads.push(thread.spawn(run).map_err(failed)?);
        }
        Ok(Self { shared, stop, threads })
    }

    /// Accepts no more. Connections stay open.
    pub(crate) fn stop_accepting(&self) {
        self.stop.cancel();
    }

    /// How many connections there are.
    pub(crate) fn connections(&self) -> usize {
        self.shared.iter().map(|worker| worker.load.0.load(Ordering::Relaxed)).sum()
    }

    /// How many threads are alive; they never end by themselves.
    pub(crate) fn alive(&self) -> usize {
        self.threads.iter().filter(|thread| !thread.is_finished()).count()
    }
}

/// Accepts connections on one listener, in one thread.
async fn accept(
    service: Arc<Service>,
    listener: Listener,
    workers: Arc<[Worker]>,
    here: usize,
    stop: CancellationToken,
) {
    loop {
        let next = async {
            // Clients wait in the system's queue.
            let pass = service.connections.enter().await;
            let handshake = service.handshakes.enter().await;
            (listener.accept().await, pass, handshake)
        };
        let (accepted, pass, handshake) = tokio::select! {
            next = next => next,
            () = stop.cancelled() => return,
        };
        let (socket, source) = match accepted {
            Ok(accepted) => accepted,
            Err(e) => {
                wait_out(&service, &e).await;
                continue;
            }
        };
        let incoming = Incoming { socket, source, since: Instant::now(), pass, handshake };
        hand_out(incoming, service.clone(), &workers, here);
    }
}

/// Serves a connection in this thread, or in one that has clearly less to do.
fn hand_out(incoming: Incoming, service: Arc<Service>, workers: &[Worker], here: usize) {
    let load = |worker: &Worker| worker.load.0.load(Ordering::Relaxed);
    let least = (0..workers.len()).min_by_key(|&i| load(&workers[i])).unwrap_or(here);
    // To hand over costs two system calls and waking a thread.
    if load(&workers[here]) < load(&workers[least]) + 2 {
        let counted = Counted::at(&workers[here]);
        tokio::spawn(async move {
            connection::serve(incoming, service).await;
            drop(counted);
        });
        return;
    }
    let Incoming { socket, source, since, pass, handshake } = incoming;
    let parked = match Parked::park(socket) {
        Ok(parked) => parked,
        Err(e) => return debug!(reason = %e, "a connection was lost between threads"),
    };
    let counted = Counted::at(&workers[least]);
    workers[least].handle.spawn(async move {
        match parked.unpark() {
            Ok(socket) => {
                let incoming = Incoming { socket, source, since, pass, handshake };
                connection::serve(incoming, service).await;
            }
            Err(e) => debug!(reason = %e, "a connection was lost between threads"),
        }
        drop(counted);
    });
}

impl Counted {
    fn at(worker: &Worker) -> Self {
        worker.load.0.fetch_add(1, Ordering::Relaxed);
        Self(worker.load.0.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Errors of `accept` that pass: a client that left early, or no descriptor to be had just now.
async fn wait_out(service: &Service, e: &io::Error) {
    const NO_FILE_DESCRIPTORS: [i32; 2] = [23, 24]; // ENFILE, EMFILE
    match e.kind() {
        io::ErrorKind::ConnectionAborted
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::Interrupted => return,
        _ if e.raw_os_error().is_some_and(|code| NO_FILE_DESCRIPTORS.contains(&code)) => {
            service.descriptors.missed(&service.name);
        }
        _ => error!(service = service.name, reason = %e, "cannot accept"),
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
}
