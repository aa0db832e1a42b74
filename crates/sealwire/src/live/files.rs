//! Notices changed files: by notifications of the kernel, or by polling.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tracing::{debug, warn};

/// Renewals write several files: they are read when it has been quiet for this long.
pub(super) const QUIET: Duration = Duration::from_millis(100);

/// In a folder in which something always happens it is never quiet.
pub(super) const LONGEST: Duration = Duration::from_millis(500);

/// Watches files, in a thread of its own, until it is dropped.
///
/// What is watched are their folders, since files are replaced by renaming, and Kubernetes swaps a
/// link, `..data`, beside them; and where links lead as well.
pub struct FileWatch {
    wake: Sender<Wake>,
}

/// Why the thread woke up.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// The kernel reported a change, and it has been quiet since.
    Notified,
    /// It is time to look.
    Look,
    /// The other interval is over.
    Tick,
}

enum Wake {
    Changed,
    Stop,
}

struct Watching {
    files: Vec<PathBuf>,
    watcher: Option<RecommendedWatcher>,
    watched: BTreeSet<PathBuf>,
}

impl FileWatch {
    /// Calls `look` when something may have changed, about a tenth of a second after it did, and every
    /// so often in any case: some file systems send no notifications. The thread finds out what changed.
    pub fn new(
        files: impl IntoIterator<Item = PathBuf>,
        every: Duration,
        mut look: impl FnMut() + Send + 'static,
    ) -> Self {
        Self::start(files.into_iter().collect(), every, None, move |_| look())
    }

    /// The folders that are watched for these files, which a sandbox must permit.
    pub fn folders<'a>(files: impl Iterator<Item = &'a Path>) -> BTreeSet<PathBuf> {
        folders(files)
    }

    pub(super) fn start(
        files: Vec<PathBuf>,
        every: Duration,
        tick: Option<Duration>,
        woken: impl FnMut(Why) + Send + 'static,
    ) -> Self {
        let (wake, woke) = channel();
        let told = wake.clone();
        let handler = move |event: notify::Result<notify::Event>| {
            // Reading a file is not a change.
            if !event.is_ok_and(|event| event.kind.is_access()) {
                let _ = told.send(Wake::Changed);
            }
        };
        let watcher = (!files.is_empty()).then(|| notify::recommended_watcher(handler));
        let watcher = watcher.and_then(|watcher| match watcher {
            Ok(watcher) => Some(watcher),
            Err(e) => {
                warn!(reason = %e, "no file change notifications from the kernel; checking the files periodically");
                None
            }
        });
        let mut watching = Watching { files, watcher, watched: BTreeSet::new() };
        // Before they are read, so that no change is missed.
        watching.follow();
        let run = move || watching.run(&woke, every, tick, woken);
        if let Err(e) = thread::Builder::new().name("file-watch".to_owned()).spawn(run) {
            warn!(reason = %e, "files are not watched: no thread can be started");
        }
        Self { wake }
    }
}

impl Drop for FileWatch {
    fn drop(&mut self) {
        let _ = self.wake.send(Wake::Stop);
    }
}

impl fmt::Debug for FileWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileWatch").finish_non_exhaustive()
    }
}

impl Watching {
    fn run(
        mut self,
        woke: &Receiver<Wake>,
        every: Duration,
        tick: Option<Duration>,
        mut woken: impl FnMut(Why),
    ) {
        let mut next_look = Instant::now() + every;
        loop {
            let mut wait = next_look.saturating_duration_since(Instant::now());
            if let Some(tick) = tick {
                wait = wait.min(tick);
            }
            match woke.recv_timeout(wait) {
                Ok(Wake::Changed) => {
                    if settled(woke) == Settled::Stopped {
                        return;
                    }
                    // Links may lead elsewhere by now.
                    self.follow();
                    woken(Why::Notified);
                }
                Ok(Wake::Stop) | Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {}
            }
            if tick.is_some() {
                woken(Why::Tick);
            }
            if Instant::now() >= next_look {
                next_look = Instant::now() + every;
                self.follow();
                woken(Why::Look);
            }
        }
    }

    /// Watches the folders in which the files are now, and no others.
    fn follow(&mut self) {
        let Some(watcher) = &mut self.watcher else { return };
        let now = folders(self.files.iter().map(PathBuf::as_path));
        for gone in self.watched.difference(&now) {
            let _ = watcher.unwatch(gone);
        }
        let new: Vec<_> = now.difference(&self.watched).cloned().collect();
        self.watched.retain(|folder| now.contains(folder));
        for folder in new {
            match watcher.watch(&folder, RecursiveMode::NonRecursive) {
                Ok(()) => {
                    self.watched.insert(folder);
                }
                Err(e) => {
                    debug!(folder = %folder.display(), reason = %e, "cannot be watched");
                }
            }
        }
    }
}

#[derive(PartialEq, Eq)]
enum Settled {
    Quiet,
    Stopped,
}

/// Waits until nothing more happens, but not for ever.
fn settled(woke: &Receiver<Wake>) -> Settled {
    let until = Instant::now() + LONGEST;
    loop {
        match woke.recv_timeout(QUIET.min(until.saturating_duration_since(Instant::now()))) {
            Ok(Wake::Changed) if Instant::now() < until => {}
            Ok(Wake::Stop) => return Settled::Stopped,
            _ => return Settled::Quiet,
        }
    }
}

/// The folders in which these files, and the files that they are links to, can be replaced.
fn folders<'a>(files: impl Iterator<Item = &'a Path>) -> BTreeSet<PathBuf> {
    let mut folders = BTreeSet::new();
    for file in files {
        let parent = |path: &Path| match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
            _ => PathBuf::from("."),
        };
        folders.insert(parent(file));
        if let Ok(target) = file.canonicalize() {
            folders.insert(parent(&target));
        }
    }
    folders
}
