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

/// A folder that is open. Links in it lead to other places in it, never out of it: each name is
/// looked up below the folder that was opened, by the system itself where it can (`openat2`).
///
/// Names that start with a dot are not there (`.git`, `.env`, `.ssh`), but for `.well-known`
/// (RFC 8615), unless they are asked for. What is neither file nor folder is not there either: to
/// open a pipe or a device may block or do worse.
#[derive(Debug, Clone)]
pub(super) struct Folder {
    dir: Arc<Dir>,
    dotfiles: bool,
}

/// An entry of a folder.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) is_folder: bool,
    pub(super) bytes: u64,
    pub(super) modified: Option<SystemTime>,
}

impl Folder {
    pub(super) fn open(path: &Path, dotfiles: bool) -> io::Result<Self> {
        Ok(Self { dir: Arc::new(Dir::open_ambient_dir(path, ambient_authority())?), dotfiles })
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
            // What a link points to counts; one that leads out, or nowhere, is left out.
            let Ok(metadata) = folder.metadata(&name) else { continue };
            let plain = metadata.is_dir() || metadata.is_file();
            let Some(name) = name.to_str().filter(|n| plain && self.shows(OsStr::new(n))) else {
                continue;
            };
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
        self.dotfiles || name == ".well-known" || !name.as_encoded_bytes().starts_with(b".")
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
            blocking(move || {
                this.stat(&path)?;
                let file = this.dir.open(&path).map_err(outside_is_absent)?;
                let stat = Stat(file.metadata()?);
                Ok(OpenFile { file: tokio::fs::File::from_std(file.into_std()), stat })
            })
            .await
        })
    }

    fn metadata(&self, path: PathBuf) -> Self::MetadataFuture {
        let (this, path) = (self.clone(), self.permitted(&path));
        Box::pin(async move {
            let path = path?;
            blocking(move || this.stat(&path).map(Stat)).await
        })
    }
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

/// A link that leads out of the folder leads nowhere, to whoever asks.
fn outside_is_absent(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::PermissionDenied => io::ErrorKind::NotFound.into(),
        _ => error,
    }
}
