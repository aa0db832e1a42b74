//! The metrics over HTTP, looked at again and again.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use hyper::body::Bytes;

use super::Looking;
use crate::inventory;
use crate::net::metrics_page;
use crate::net::stop::Stop;
use crate::say::failure::Failure;
use crate::say::report::{self, Answer};

/// Serves until it is asked to stop. What is served is whole from the first answer on.
pub(super) async fn serve(
    listen: &str,
    every: Duration,
    looking: Looking,
) -> Result<Answer, Failure> {
    let stop = Stop::on_signals().map_err(|e| Failure::usage(format!("signals: {e}")))?;
    let text = Arc::new(ArcSwap::from_pointee(look(&looking).await?));
    let shown = Arc::clone(&text);
    let shown: metrics_page::Text = Arc::new(move || Bytes::clone(&shown.load()));
    // By itself: while files are read, clients are answered, and the process can be stopped.
    let address = metrics_page::serve("--listen", listen, shown).await?;
    report::note(format_args!("metrics at http://{address}/metrics"));
    tokio::spawn(renew(looking, every, text));
    stop.asked().await;
    Ok(Answer::Yes)
}

async fn renew(looking: Looking, every: Duration, text: Arc<ArcSwap<Bytes>>) {
    loop {
        tokio::time::sleep(every).await;
        match look(&looking).await {
            Ok(new) => text.store(Arc::new(new)),
            // The last look stays; its own metric says when it was.
            Err(failure) => report::note(format_args!("seal: {failure}")),
        }
    }
}

async fn look(looking: &Looking) -> Result<Bytes, Failure> {
    Ok(inventory::metrics(&looking.rows().await?).into())
}
