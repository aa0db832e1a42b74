//! What is to survive a power cut, on its way to the disk.

use std::fs::File;
use std::io;
use std::path::Path;
use std::thread::{self, JoinHandle};

/// A file that a thread syncs meanwhile: the system takes several of them to the disk in the time of one.
#[derive(Debug)]
pub(crate) enum Syncing {
    Thread(JoinHandle<io::Result<()>>),
    Done(io::Result<()>),
}

impl Syncing {
    /// Begins with it.
    pub(crate) fn begin(file: &File) -> Self {
        let Ok(copy) = file.try_clone() else { return Self::Done(file.sync_all()) };
        match thread::Builder::new().name("sync".to_owned()).spawn(move || copy.sync_all()) {
            Ok(thread) => Self::Thread(thread),
            Err(_) => Self::Done(file.sync_all()),
        }
    }

    /// Waits until it is there.
    pub(crate) fn wait(self) -> io::Result<()> {
        match self {
            Self::Thread(thread) => {
                thread.join().unwrap_or_else(|_| Err(io::Error::other("the sync panicked")))
            }
            Self::Done(synced) => synced,
        }
    }
}

/// Makes names in these folders survive a power cut, where the system has a way.
pub(crate) fn sync_folders(folders: &[&Path]) -> io::Result<()> {
    if cfg!(not(unix)) {
        return Ok(());
    }
    let Some((first, others)) = folders.split_first() else { return Ok(()) };
    let others: Vec<_> =
        others.iter().map(|folder| Ok(Syncing::begin(&File::open(folder)?))).collect();
    let mut synced = File::open(first).and_then(|folder| folder.sync_all());
    for other in others {
        // Each is waited for, also when one before it has failed.
        let other = other.and_then(Syncing::wait);
        synced = synced.and(other);
    }
    synced
}
