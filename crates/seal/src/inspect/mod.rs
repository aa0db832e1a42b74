//! Looking at TLS from the bytes on: what was said on a connection, by whom, when and why.

mod carriage;
pub(crate) mod ech;
pub(crate) mod observed;
pub(crate) mod obstacle;
pub(crate) mod posture;
pub(crate) mod scan;
pub(crate) mod staple;
