//! What the verbs that use the network have in common.

pub(crate) mod dial;
pub(crate) mod first_bytes;
pub(crate) mod key_log;
pub(crate) mod legacy;
pub(crate) mod program;
pub(crate) mod protocol;
pub(crate) mod stop;
pub(crate) mod target;
