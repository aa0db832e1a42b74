//! Looking at TLS from the bytes on: what was said on a connection, by whom, when and why.

pub(crate) mod observed;
pub(crate) mod scan;
pub(crate) mod staple;
