//! `seal proxy open`: a session in the browser.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use sealwire_lens::api::{Searches, Session, Token, serve};
use sealwire_lens::rules::{Current, Holds};
use sealwire_lens::store::{Reader, note_facts};

use super::descriptors::DescriptorFiles;
use crate::net::page::listen;
use crate::net::stop::Stop;
use crate::say::failure::Failure;
use crate::say::report::{self, Answer};

/// Show a recorded session in the browser
///
/// Prints a URL on this machine that contains a token; anyone with the URL can see the session.
/// Runs until Ctrl-C.
#[derive(Args, Debug)]
pub(crate) struct OpenArgs {
    /// The session file
    #[arg(value_name = "SESSION")]
    session: PathBuf,

    /// Address of the page; loopback only
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    page: SocketAddr,

    #[command(flatten)]
    descriptors: DescriptorFiles,
}

pub(crate) async fn run(args: OpenArgs) -> Result<Answer, Failure> {
    let session = Session {
        reader: reader(&args.session)?,
        store: None,
        sender: None,
        rules: Current::default(),
        holds: Holds::default(),
        searches: Searches::default(),
        descriptors: args.descriptors.read()?,
        token: Token::new().map_err(Failure::usage)?,
        title: title(&args.session),
    };
    let path = args.session.clone();
    // A file that cannot be written is searched by its rows.
    std::thread::spawn(move || drop(note_facts(&path)));
    let stop = Stop::on_signals().map_err(|e| Failure::usage(format!("signals: {e}")))?;
    let (listener, url) = listen(args.page, &session.token).await?;
    report::print_text(&url)?;
    tokio::select! {
        served = serve(listener, Arc::new(session)) => {
            served.map_err(|e| Failure::usage(format!("the page: {e}")))?;
        }
        () = stop.asked() => {}
    }
    Ok(Answer::Yes)
}

pub(super) fn reader(path: &Path) -> Result<Reader, Failure> {
    Reader::open(path).map_err(|e| Failure::usage(e.to_string()))
}

/// The name of a session file.
pub(super) fn title(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}
