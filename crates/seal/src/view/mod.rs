//! What is shown, for eyes and for programs: one value for each thing, its `Display` for people and
//! its `Serialize` for machines.

pub(crate) mod authority;
pub(crate) mod card;
pub(crate) mod checked;
pub(crate) mod connection;
pub(crate) mod crl;
pub(crate) mod ech;
pub(crate) mod handshake_page;
pub(crate) mod made;
pub(crate) mod public_web;
pub(crate) mod request;
pub(crate) mod trace;
pub(crate) mod trust;
