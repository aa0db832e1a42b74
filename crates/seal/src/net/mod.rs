//! What the verbs that use the network have in common.

pub(crate) mod first_bytes;
pub(crate) mod stop;
