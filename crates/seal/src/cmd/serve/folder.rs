//! The files of a folder, and no others.

use std::ffi::OsStr;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::SystemTime;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, Metadata};
use tokio::io::{AsyncRead, AsyncSeek, ReadBuf};
use tokio::task::spawn_blocking;
use tower_http::services::fs::{Backend, File, Metadata as FileMetadata};

use super::key_files::holds_private_key;

/// A folder that is open. Links in it lead to other places in it, never out of it: each name is
/// looked up below the folder that was opened, by the system itself where it can (`openat2`).
///
/// Names that start with a dot are not there (`.git`, `.env`, `.ssh`), but for `.well-known`
/// (RFC 8615), unless they are asked for; a link to such a name is not there either. What is neither
/// file nor folder is not there: to open a pipe or a device may block or do worse. And what holds a
/// private key is withheld, and said to be.
#[derive(Clone)]
pub(super) struct Folder {
    dir: Arc<Dir>,
    shown: Shown,
    /// The files that this server reads its keys from.
    ours: Arc<[Same]>,
    withheld: Arc<TellWithheld>,
}

/// The receiver of reports on withheld files.
type TellWithheld = dyn Fn(&Path, Withheld) + Send + Sync;

/// What is served that is not by default.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Shown {
    /// Names that start with a dot.
    pub(super) dotfiles: bool,
    /// Files with private keys in them; never those that the server uses itself.
    pub(super) private_keys: bool,
}

/// Why a file is withheld.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Withheld {
    /// The server uses it for its own keys.
    Ours,
    /// There is a private key in it.
    PrivateKey,
}

/// What tells whether two names are of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Same(u64, u64);

/// An entry of a folder.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) is_folder: bool,
    pub(super) bytes: u64,
    pub(super) modified: Option<SystemTime>,
}

impl Folder {
    /// Opens it. `ours` are files that are never served, wherever they lie; `withheld` is told of
    /// what is asked for and withheld.
    pub(super) fn open(
        path: &Path,
        shown: Shown,
        ours: &[&Path],
        withheld: impl Fn(&Path, Withheld) + Send + Sync + 'static,
    ) -> io::Result<Self> {
        // A file that is not there yet, or cannot be looked at, cannot be served either.
        let same = |path: &&Path| std::fs::metadata(path).ok().map(|found| Same::of_std(&found));
        Ok(Self {
            dir: Arc::new(Dir::open_ambient_dir(path, ambient_authority())?),
            shown,
            ours: ours.iter().filter_map(same).collect(),
            withheld: Arc::new(withheld),
        })
    }

    /// The entries that may be shown, folders first; `None` when this is not a folder.
    pub(super) async fn list(&self, path: PathBuf) -> io::Result<Option<Vec<Entry>>> {
        let (this, path) = (self.clone(), self.permitted(&path)?);
        blocking(move || this.entries(&path)).await
    }

    fn entries(&self, path: &Path) -> io::Result<Option<Vec<Entry>>> {
        if !self.dir.metadata(path)?.is_dir() {
            return Ok(None);
        }
        let folder = self.dir.open_dir(path)?;
        let mut entries = Vec::new();
        for entry in folder.entries()? {
            let name = entry?.file_name();
            let Some(name) = name.to_str().filter(|name| self.shows(OsStr::new(name))) else {
                continue;
            };
            // What a link points to counts; one that leads out, or is dangling, is left out.
            let real = self.real(&path.join(name)).and_then(|real| self.stat(&real));
            let Ok(metadata) = real else { continue };
            if self.ours.contains(&Same::of(&metadata)) {
                continue;
            }
            entries.push(Entry {
                name: name.to_owned(),
                is_folder: metadata.is_dir(),
                bytes: metadata.len(),
                modified: metadata.modified().ok().map(cap_std::time::SystemTime::into_std),
            });
        }
        entries.sort_by(|a, b| b.is_folder.cmp(&a.is_folder).then_with(|| a.name.cmp(&b.name)));
        Ok(Some(entries))
    }

    /// The path, if all of its names may be shown.
    fn permitted(&self, path: &Path) -> io::Result<PathBuf> {
        let shown = path.components().all(|component| match component {
            Component::Normal(name) => self.shows(name),
            Component::CurDir => true,
            _ => false,
        });
        if shown { Ok(path.to_owned()) } else { Err(io::ErrorKind::NotFound.into()) }
    }

    fn shows(&self, name: &OsStr) -> bool {
        self.shown.dotfiles || name == ".well-known" || !name.as_encoded_bytes().starts_with(b".")
    }

    /// Where a path leads, below the folder: each name on the way must be one that may be shown.
    fn real(&self, path: &Path) -> io::Result<PathBuf> {
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        let real = self.dir.canonicalize(path).map_err(outside_is_absent)?;
        self.permitted(&real)
    }

    /// Opens a file, unless it is withheld.
    fn file(&self, path: &Path) -> io::Result<OpenFile> {
        let real = self.real(path)?;
        self.stat(&real)?;
        let mut file = self.dir.open(&real).map_err(outside_is_absent)?;
        let metadata = file.metadata()?;
        let why = if self.ours.contains(&Same::of(&metadata)) {
            Some(Withheld::Ours)
        } else if !self.shown.private_keys && holds_private_key(&mut file, metadata.len())? {
            Some(Withheld::PrivateKey)
        } else {
            None
        };
        if let Some(why) = why {
            (self.withheld)(path.strip_prefix(".").unwrap_or(path), why);
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok(OpenFile { file: tokio::fs::File::from_std(file.into_std()), stat: Stat(metadata) })
    }

    /// What is told of a file or a folder; of one that is withheld, nothing: HEAD asks for no more.
    fn told(&self, path: &Path) -> io::Result<Stat> {
        let metadata = self.stat(&self.real(path)?)?;
        if metadata.is_file() { Ok(self.file(path)?.stat) } else { Ok(Stat(metadata)) }
    }

    fn stat(&self, path: &Path) -> io::Result<Metadata> {
        let metadata = self.dir.metadata(path).map_err(outside_is_absent)?;
        if metadata.is_dir() || metadata.is_file() {
            Ok(metadata)
        } else {
            Err(io::ErrorKind::NotFound.into())
        }
    }
}

impl Backend for Folder {
    type File = OpenFile;
    type Metadata = Stat;
    type OpenFuture = Pin<Box<dyn Future<Output = io::Result<OpenFile>> + Send>>;
    type MetadataFuture = Pin<Box<dyn Future<Output = io::Result<Stat>> + Send>>;

    fn open(&self, path: PathBuf) -> Self::OpenFuture {
        let (this, path) = (self.clone(), self.permitted(&path));
        Box::pin(async move {
            let path = path?;
            blocking(move || this.file(&path)).await
        })
    }

    fn metadata(&self, path: PathBuf) -> Self::MetadataFuture {
        let (this, path) = (self.clone(), self.permitted(&path));
        Box::pin(async move {
            let path = path?;
            blocking(move || this.told(&path)).await
        })
    }
}

impl Same {
    #[cfg(unix)]
    fn of(metadata: &Metadata) -> Self {
        use cap_std::fs::MetadataExt;
        Self(metadata.dev(), metadata.ino())
    }

    #[cfg(unix)]
    fn of_std(metadata: &std::fs::Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        Self(metadata.dev(), metadata.ino())
    }

    /// Without numbers of files, two that are as long and as old are taken for one.
    #[cfg(not(unix))]
    fn of(metadata: &Metadata) -> Self {
        let modified = metadata.modified().ok().map(cap_std::time::SystemTime::into_std);
        Self(metadata.len(), nanoseconds(modified))
    }

    #[cfg(not(unix))]
    fn of_std(metadata: &std::fs::Metadata) -> Self {
        Self(metadata.len(), nanoseconds(metadata.modified().ok()))
    }
}

#[cfg(not(unix))]
fn nanoseconds(time: Option<SystemTime>) -> u64 {
    let since = time.and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
    since.map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

/// A file that is open, with what was known of it then.
pub(super) struct OpenFile {
    file: tokio::fs::File,
    stat: Stat,
}

/// What is known of a file or folder.
#[derive(Clone)]
pub(super) struct Stat(Metadata);

impl FileMetadata for Stat {
    fn is_dir(&self) -> bool {
        self.0.is_dir()
    }

    fn modified(&self) -> io::Result<SystemTime> {
        self.0.modified().map(cap_std::time::SystemTime::into_std)
    }

    fn len(&self) -> u64 {
        self.0.len()
    }
}

impl File for OpenFile {
    type Metadata = Stat;
    type MetadataFuture<'a> = std::future::Ready<io::Result<Stat>>;

    fn metadata(&self) -> Self::MetadataFuture<'_> {
        std::future::ready(Ok(self.stat.clone()))
    }
}

impl AsyncRead for OpenFile {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.file).poll_read(cx, buf)
    }
}

impl AsyncSeek for OpenFile {
    fn start_seek(mut self: Pin<&mut Self>, position: io::SeekFrom) -> io::Result<()> {
        Pin::new(&mut self.file).start_seek(position)
    }

    fn poll_complete(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        Pin::new(&mut self.file).poll_complete(cx)
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    spawn_blocking(work).await.unwrap_or_else(|panicked| Err(io::Error::other(panicked)))
}

/// A link that leads out of the folder is not found, for any client.
fn outside_is_absent(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::PermissionDenied => io::ErrorKind::NotFound.into(),
        _ => error,
    }
}
