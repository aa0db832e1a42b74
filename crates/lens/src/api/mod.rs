//! The HTTP API and the page, behind their [`door`](crate::door).

mod events;
mod flows;
mod gate;
mod mcp;
mod search;
mod write;

pub use crate::door::{Token, page_url, serve};
pub use mcp::{Mcp, Remote};
pub use search::Searches;

use std::sync::Arc;

use crate::content::protobuf::Descriptors;
use crate::flow::Sender;
use crate::rules::{Current, Holds};
use crate::store::{Reader, Store};

/// A session to show.
pub struct Session {
    /// What is recorded.
    pub reader: Reader,
    /// What is being searched for in it.
    pub searches: Searches,
    /// The recording, while there is one.
    pub store: Option<Arc<Store>>,
    /// What sends composed requests, while there is a proxy.
    pub sender: Option<Arc<dyn Sender>>,
    /// The rules that the proxy follows.
    pub rules: Current,
    /// What waits for a decision.
    pub holds: Holds,
    /// What messages of protocol buffers look like.
    pub descriptors: Descriptors,
    /// The access check.
    pub token: Token,
    /// What the page says of the session: the file's name.
    pub title: String,
}

#[cfg(test)]
mod tests;
