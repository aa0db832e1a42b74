//! Waiting for the disk, outside of SQLite.
//!
//! With `synchronous=FULL` SQLite waits for the disk at each commit, and lets no other connection write
//! meanwhile: so many commits a second as the disk has flushes. Here a commit writes its log
//! (`synchronous=NORMAL`), gives the turn to the next, and then waits until the log is on the disk,
//! together with all that wait for the same. So others may see what is not there yet; code that hands out what
//! cannot be taken back waits for its own.
//!
//! It is the same file that SQLite flushes before it copies the log into the database, and a log is
//! restarted only after that: what was committed is in the log as it is now, or safely in the database.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::store::database::Error;

/// The log of a database.
pub(super) struct Disk {
    log: File,
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Default)]
struct State {
    /// Flushes, numbered from 1.
    begun: u64,
    ended: u64,
    /// What a disk has failed to keep once it may say that it has kept (fsync(2)): it is not asked again.
    failed: Option<Error>,
}

impl Disk {
    /// For the database in `path`, which is open. What a process has left that was killed is flushed.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let mut log = path.as_os_str().to_owned();
        log.push("-wal");
        let log = File::options().write(true).open(log)?;
        log.sync_data()?;
        // And that there is such a file.
        #[cfg(unix)]
        if let Some(folder) = path.parent() {
            let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
            File::open(folder)?.sync_all()?;
        }
        Ok(Self { log, state: Mutex::default(), ended: Condvar::new() })
    }

    /// Waits until all that was written before is on the disk.
    pub(super) fn keep(&self) -> Result<(), Error> {
        let mut state = self.state();
        // One that has begun already may have missed it.
        let wanted = state.begun + 1;
        loop {
            match &state.failed {
                Some(failed) => return Err(failed.clone()),
                None if state.ended >= wanted => return Ok(()),
                None if state.begun > state.ended => {
                    state = self.ended.wait(state).unwrap_or_else(PoisonError::into_inner);
                }
                None => {
                    state.begun += 1;
                    drop(state);
                    let flushed = self.log.sync_data();
                    state = self.state();
                    state.ended = state.begun;
                    state.failed = flushed.err().map(|e| {
                        Error(format!("the database's log cannot be written to the disk: {e}"))
                    });
                    self.ended.notify_all();
                }
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
