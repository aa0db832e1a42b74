//! Looking at TLS from the bytes on: what was said on a connection, by whom, when and why.

pub(crate) mod client_hello;
pub(crate) mod handshake;
pub(crate) mod html;
pub(crate) mod names;
pub(crate) mod observed;
pub(crate) mod scan;
pub(crate) mod staple;
pub(crate) mod story;
mod unlock;
pub(crate) mod wire;
