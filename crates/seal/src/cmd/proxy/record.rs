//! What a running proxy records, and the page that shows it while it runs.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use sealwire_lens::api::{Searches, Session, Token, serve};
use sealwire_lens::flow::{Event, Recorder};
use sealwire_lens::intercept::Proxy;
use sealwire_lens::store::{Options, Store};

use super::descriptors::DescriptorFiles;
use super::open::title;
use super::stream::Stream;
use crate::net::page::listen;
use crate::say::failure::Failure;
use crate::say::report;
use crate::words::count::counted;

/// What is kept.
#[derive(Args, Debug)]
pub(super) struct Recording {
    /// Record into this session file (`seal proxy open` shows it); an existing one is continued
    #[arg(long, value_name = "FILE")]
    session: Option<PathBuf>,

    /// Maximum size of the session on disk, in megabytes; the oldest flows are removed first
    #[arg(long, value_name = "MB", default_value_t = 1024, value_parser = clap::value_parser!(u64).range(16..=1 << 40))]
    keep: u64,

    /// Record the encrypted bytes as well, for export to Wireshark and for the record view of the
    /// page
    #[arg(long)]
    pub(super) wire: bool,

    /// Serve a page that shows the traffic live, and print its URL
    #[arg(long, value_name = "ADDRESS", num_args = 0..=1, default_missing_value = "127.0.0.1:0")]
    page: Option<SocketAddr>,

    #[command(flatten)]
    descriptors: DescriptorFiles,
}

/// The recorder of a proxy: what shows it in the terminal, and what keeps it.
pub(super) struct ActiveRecording {
    stream: Arc<Stream>,
    store: Option<Arc<Store>>,
    is_lasting: bool,
}

impl Recording {
    /// Whether a file is named to record into.
    pub(super) fn names_session(&self) -> bool {
        self.session.is_some()
    }

    /// Begins. `otherwise` is recorded into when no file is named; `folder` takes a session that the user did not
    /// ask to keep.
    pub(super) fn start(
        &self,
        stream: Arc<Stream>,
        folder: &Path,
        otherwise: Option<PathBuf>,
    ) -> Result<Arc<ActiveRecording>, Failure> {
        let lasting = self.session.clone().or(otherwise);
        let is_lasting = lasting.is_some();
        let path = match (lasting, self.page) {
            (None, None) => {
                return Ok(Arc::new(ActiveRecording { stream, store: None, is_lasting: false }));
            }
            (Some(path), _) => path,
            (None, Some(_)) => folder.join("session.db"),
        };
        let options = Options { keep: self.keep << 20, ..Options::default() };
        let store = Store::create(&path, options).map_err(|e| Failure::usage(e.to_string()))?;
        Ok(Arc::new(ActiveRecording { stream, store: Some(Arc::new(store)), is_lasting }))
    }

    /// Serves the page, where it is asked for, and says so.
    pub(super) async fn show(
        &self,
        kept: &ActiveRecording,
        proxy: &Arc<Proxy>,
    ) -> Result<bool, Failure> {
        let (Some(address), Some(store)) = (self.page, &kept.store) else { return Ok(false) };
        let session = Session {
            reader: store.reader().map_err(|e| Failure::usage(e.to_string()))?,
            store: Some(store.clone()),
            sender: Some(proxy.clone()),
            rules: proxy.current_rules().clone(),
            holds: proxy.holds().clone(),
            searches: Searches::default(),
            descriptors: self.descriptors.read()?,
            token: Token::new().map_err(Failure::usage)?,
            title: title(store.path()),
        };
        let (listener, url) = listen(address, &session.token).await?;
        report::note(format_args!("the page: {url}"));
        tokio::spawn(serve(listener, Arc::new(session)));
        Ok(true)
    }
}

impl ActiveRecording {
    /// The first number for connections and flows.
    pub(super) fn first(&self) -> u64 {
        self.store.as_ref().map_or(1, |store| {
            let (connection, flow) = store.first_free();
            connection.0.max(flow.0)
        })
    }

    /// Writes what is left, and says where it is.
    pub(super) fn end(&self) {
        let Some(store) = &self.store else { return };
        store.close();
        let status = store.status();
        if let Some(reason) = status.stopped {
            report::note(reason);
        }
        if status.dropped > 0 {
            let dropped = counted(status.dropped, "byte");
            report::note(format_args!("{dropped} of bodies dropped: faster than the disk"));
        }
        if self.is_lasting {
            let path = store.path().display();
            report::note(format_args!("recorded in {path}: seal proxy open {path}"));
        }
    }
}

impl Recorder for ActiveRecording {
    fn record(&self, event: Event) {
        self.stream.hear(&event);
        if let Some(store) = &self.store {
            store.record(event);
        }
    }
}
