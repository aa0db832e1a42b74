//! Inspecting TLS from the bytes on: the messages of a connection, their senders, times and reasons.

mod carriage;
pub(crate) mod ech;
pub(crate) mod observed;
pub(crate) mod obstacle;
pub(crate) mod posture;
pub(crate) mod scan;
pub(crate) mod staple;
