//! Notices that files have changed: told by the kernel, or by looking now and then.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::Notify;
use tracing::{debug, warn};

/// Tells when something may have changed; what has, the reader finds out.
pub(crate) struct Watch {
    changed: Arc<Notify>,
    _watcher: Option<RecommendedWatcher>,
    every: Duration,
}

/// Renewals write several files: they are read when it has been quiet for this long.
const QUIET: Duration = Duration::from_millis(200);

/// In a folder in which something always happens it is never quiet.
const LONGEST: Duration = Duration::from_secs(2);

impl Watch {
    /// Watches the folders of these files.
    ///
    /// Folders, since files are replaced by renaming, and Kubernetes swaps a link, `..data`, beside
    /// them; and where links lead as well.
    pub(crate) fn new<'a>(files: impl Iterator<Item = &'a Path>, every: Duration) -> Self {
        let changed = Arc::new(Notify::new());
        let told = changed.clone();
        let handler = move |event: notify::Result<notify::Event>| {
            // Reading a file is no change.
            if !event.is_ok_and(|event| event.kind.is_access()) {
                told.notify_one();
            }
        };
        let mut watcher = match notify::recommended_watcher(handler) {
            Ok(watcher) => watcher,
            Err(e) => {
                warn!(reason = %e, "the kernel does not tell of changed files; they are looked at now and then");
                return Self { changed, _watcher: None, every };
            }
        };
        for folder in folders(files) {
            if let Err(e) = watcher.watch(&folder, RecursiveMode::NonRecursive) {
                debug!(folder = %folder.display(), reason = %e, "cannot be watched");
            }
        }
        Self { changed, _watcher: Some(watcher), every }
    }

    /// Waits until it is worth looking.
    pub(crate) async fn changed(&self) {
        if tokio::time::timeout(self.every, self.changed.notified()).await.is_ok() {
            let settled = async {
                while tokio::time::timeout(QUIET, self.changed.notified()).await.is_ok() {}
            };
            let _ = tokio::time::timeout(LONGEST, settled).await;
        }
    }
}

/// The folders in which these files, and the files that they are links to, can be replaced.
pub(crate) fn folders<'a>(files: impl Iterator<Item = &'a Path>) -> BTreeSet<PathBuf> {
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
