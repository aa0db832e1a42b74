//! The session file: everything that passed, on disk, with a cap.
//!
//! A [`Store`] is the [`Recorder`] of a running proxy. It takes events without
//! blocking, and writes them on a thread of its own, in one transaction for all that came within
//! [`Options::delay`]. What is shown comes from a [`Reader`], which others may hold on the same file: the
//! page, exports, a program that opens an old session.
//!
//! Of a flow that is over nothing is kept in memory.

mod bodies;
mod facts;
mod fold;
mod found;
mod functions;
mod head;
mod inbox;
mod index;
mod keep;
mod packed;
mod read;
mod rows;
mod run;
mod schema;
mod search;
mod segment;
mod text;
mod words;
mod write;

pub use read::{Order, Reader};
pub use rows::{
    BodyPart, ConnectionFacts, Detail, FrameRow, HandshakeRow, Message, StatementRow, Summary,
    WireRow,
};

pub use search::Search;

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::broadcast;

use crate::flow::{ConnectionId, Event, FlowId, Recorder};
use inbox::{Command, Inbox};

/// How a session is recorded.
#[derive(Clone, Debug)]
pub struct Options {
    /// The most that the session may take on disk; the oldest flows go first.
    pub keep: u64,
    /// How long events wait for others to be written with them.
    pub delay: Duration,
    /// The most bytes of bodies that wait to be written; what comes then is not recorded.
    pub waiting: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { keep: 1 << 30, delay: Duration::from_millis(40), waiting: 16 << 20 }
    }
}

/// A session that is being recorded.
pub struct Store {
    inbox: Inbox,
    shared: Arc<Shared>,
    first_free: (u64, u64),
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// What the threads of a store share.
struct Shared {
    path: PathBuf,
    options: Options,
    live: broadcast::Sender<Live>,
    /// Bytes of bodies that wait in the inbox.
    waiting: AtomicU64,
    /// Facts that wait in the inbox.
    facts: AtomicU64,
    dropped: AtomicU64,
    /// What there was no room for, until the writer hears of it: bytes of each side.
    left_out: Mutex<HashMap<FlowId, [u64; 2]>>,
    stopped: Mutex<Option<String>>,
    is_stopped: AtomicBool,
    closing: AtomicBool,
    /// Events since the indexer looked last.
    busy: AtomicU64,
    /// Whether a caller waits until all is in the index.
    all_indexed: AtomicBool,
}

/// News of a session.
#[derive(Clone, Debug)]
pub enum Live {
    /// These flows are new or have changed, and can be read.
    Changed(Arc<[FlowId]>),
    /// Something about the recording itself: it stopped, and why.
    Banner(String),
}

/// How the recording goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Bytes of bodies that were not recorded because the disk did not keep up.
    pub dropped: u64,
    /// Why recording stopped; traffic continues.
    pub stopped: Option<String>,
}

/// Why a session file cannot be used.
#[derive(Debug)]
pub struct StoreError(pub(crate) String);

impl StoreError {
    fn open(path: &Path, error: &rusqlite::Error) -> Self {
        Self(format!("cannot use {} as a session file: {error}", path.display()))
    }

    fn read(error: impl fmt::Display) -> Self {
        Self(format!("cannot read the session file: {error}"))
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for StoreError {}

impl Store {
    /// Records into `path`: a new file, or an old session to continue.
    ///
    /// # Errors
    /// When the file cannot be created or is not a session file.
    pub fn create(path: &Path, options: Options) -> Result<Self, StoreError> {
        // What is recorded is decrypted, so the file is made, and looked at, as one of secrets.
        sealwire_files::append_secrets(path).map_err(|e| StoreError(e.to_string()))?;
        let database = schema::writable(path)?;
        let first_free = write::first_free(&database).map_err(|e| StoreError::open(path, &e))?;
        let (live, _) = broadcast::channel(1024);
        let shared = Arc::new(Shared {
            path: path.to_owned(),
            options,
            live,
            waiting: AtomicU64::new(0),
            facts: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            left_out: Mutex::default(),
            stopped: Mutex::default(),
            is_stopped: AtomicBool::new(false),
            closing: AtomicBool::new(false),
            busy: AtomicU64::new(0),
            all_indexed: AtomicBool::new(false),
        });
        let (inbox, arrivals) = Inbox::new(Arc::clone(&shared));
        let for_writer = Arc::clone(&shared);
        let (wake, woken) = std::sync::mpsc::sync_channel(1);
        let spawn = |name: &str, run: Box<dyn FnOnce() + Send>| {
            std::thread::Builder::new()
                .name(name.to_owned())
                .spawn(move || {
                    give_way();
                    run();
                })
                .map_err(|e| StoreError(format!("cannot start a thread: {e}")))
        };
        let threads = vec![
            spawn(
                "store",
                Box::new(move || write::run(database, for_writer, first_free, &arrivals, &wake)),
            )?,
            spawn("index", {
                let shared = Arc::clone(&shared);
                Box::new(move || index::run(&shared, &woken))
            })?,
        ];
        Ok(Self { inbox, shared, first_free, threads: Mutex::new(threads) })
    }

    /// The first numbers that no connection and no flow of this session has.
    #[must_use]
    pub fn first_free(&self) -> (ConnectionId, FlowId) {
        (ConnectionId(self.first_free.0), FlowId(self.first_free.1))
    }

    /// Where it records.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.shared.path
    }

    /// News, from now on. A receiver that falls behind learns so from the channel, and reloads.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Live> {
        self.shared.live.subscribe()
    }

    /// A reader of what was written.
    ///
    /// # Errors
    /// When the file has gone.
    pub fn reader(&self) -> Result<Reader, StoreError> {
        Reader::open(&self.shared.path)
    }

    /// How it goes.
    #[must_use]
    pub fn status(&self) -> Status {
        Status {
            dropped: self.shared.dropped.load(Ordering::Relaxed),
            stopped: self.shared.stopped(),
        }
    }

    /// Waits until all that was told before is written (or the recording has stopped).
    pub fn flush(&self) {
        let (done, wait) = std::sync::mpsc::sync_channel(1);
        self.inbox.send(Command::Flush(done));
        let _ = wait.recv();
    }

    /// Waits until all that was told before, and is over, is in the index.
    pub fn flush_index(&self) {
        self.shared.all_indexed.store(true, Ordering::Relaxed);
        self.flush();
        if let Ok(reader) = self.reader() {
            while self.shared.stopped().is_none()
                && !self.shared.closing.load(Ordering::Relaxed)
                && let Ok(left @ 1..) = reader.unindexed()
            {
                // To count them takes time of the indexer.
                std::thread::sleep(Duration::from_millis(5 + left / 10));
            }
        }
        self.shared.all_indexed.store(false, Ordering::Relaxed);
    }

    /// Ends the recording in good order. Called by `drop`, too.
    pub fn close(&self) {
        self.flush();
        self.shared.closing.store(true, Ordering::Relaxed);
        self.inbox.send(Command::Close);
        let threads =
            std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            let _ = thread.join();
        }
    }
}

/// The relay's threads go before this one where there are not enough cores: what is recorded can wait, and traffic
/// should not. Only Linux has it for one thread.
fn give_way() {
    #[cfg(target_os = "linux")]
    // Refused by a sandbox, perhaps: then this thread is as important as any.
    let _ = rustix::process::nice(5);
}

impl Drop for Store {
    fn drop(&mut self) {
        self.close();
    }
}

impl Recorder for Store {
    fn record(&self, event: Event) {
        self.inbox.record(event);
    }
}

impl Shared {
    fn stopped(&self) -> Option<String> {
        self.stopped.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Nothing is recorded from here on; the banner says why.
    fn stop(&self, reason: String) {
        let mut stopped = self.stopped.lock().unwrap_or_else(PoisonError::into_inner);
        if stopped.is_none() {
            self.is_stopped.store(true, Ordering::Relaxed);
            *stopped = Some(reason.clone());
            let _ = self.live.send(Live::Banner(reason));
        }
    }
}

/// Puts into the index what a recorder has left, since it was killed or few flows were left: searches are quicker
/// afterwards. It can take seconds, so it is for a thread of its own.
///
/// # Errors
/// When the file cannot be written; it can be read all the same.
pub fn note_facts(path: &Path) -> Result<(), StoreError> {
    let mut database = schema::writable(path)?;
    let mut made = facts::NONE;
    while let Some(block) = facts::make_next(&mut database, made).map_err(StoreError::read)? {
        made = block;
    }
    while index::some(&mut database, path, 1).map_err(StoreError::read)? {}
    Ok(())
}

#[cfg(test)]
mod tests;
