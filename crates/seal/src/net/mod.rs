//! What the verbs that use the network have in common.

pub(crate) mod agreed;
pub(crate) mod answer;
pub(crate) mod dial;
pub(crate) mod ech;
pub(crate) mod first_bytes;
pub(crate) mod interfaces;
pub(crate) mod key_log;
pub(crate) mod legacy;
pub(crate) mod metrics_page;
pub(crate) mod page;
pub(crate) mod program;
pub(crate) mod protocol;
pub(crate) mod runtime;
pub(crate) mod staple;
pub(crate) mod stop;
pub(crate) mod target;
