//! `seal proxy open`: a session in the browser.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use sealwire_lens::api::{Session, Token, page_url, serve};
use sealwire_lens::rules::{Current, Holds};
use sealwire_lens::store::Reader;
use tokio::net::TcpListener;

use crate::net::stop::Stop;
use crate::say::failure::Failure;
use crate::say::report::{self, Answer};

/// Show a recorded session in the browser
///
/// Prints a URL on this machine that holds a token; whoever has the URL sees the session. Until it is
/// stopped (Ctrl-C).
#[derive(Args, Debug)]
pub(crate) struct OpenArgs {
    /// The session file
    #[arg(value_name = "SESSION")]
    session: PathBuf,

    /// Where to serve the page; loopback only
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    page: SocketAddr,
}

pub(crate) async fn run(args: OpenArgs) -> Result<Answer, Failure> {
    let session = Session {
        reader: reader(&args.session)?,
        store: None,
        sender: None,
        rules: Current::default(),
        holds: Holds::default(),
        token: Token::new().map_err(Failure::usage)?,
        title: title(&args.session),
    };
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

/// A listener on loopback, and the URL of the page on it.
pub(super) async fn listen(
    address: SocketAddr,
    token: &Token,
) -> Result<(TcpListener, String), Failure> {
    if !address.ip().is_loopback() {
        let fact = format!("the page is for this machine only, and {address} is not");
        return Err(Failure::usage(fact).advise("take 127.0.0.1, and reach it from afar by ssh -L"));
    }
    let told = |e: std::io::Error| Failure::usage(format!("{address} cannot be listened on: {e}"));
    let listener = TcpListener::bind(address).await.map_err(told)?;
    let url = page_url(listener.local_addr().map_err(told)?, token);
    Ok((listener, url))
}

pub(super) fn reader(path: &Path) -> Result<Reader, Failure> {
    Reader::open(path).map_err(|e| Failure::usage(e.to_string()))
}

/// The name of a session file.
pub(super) fn title(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}
