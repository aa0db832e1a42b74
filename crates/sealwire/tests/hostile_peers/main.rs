//! Peers that mean harm, more than thirty kinds of them. Against each: what it makes us hold is
//! bounded, the others are served meanwhile, and the error says what happened.

mod arena;
mod before;
mod insiders;
mod memory;
#[path = "../pair/mod.rs"]
mod pair;
#[path = "../peers/mod.rs"]
mod peers;
#[path = "../session/rogue.rs"]
#[allow(dead_code, reason = "shared with another test binary, which uses all of it")]
mod rogue;
mod servers;
mod wire;

use sealwire::ProtocolVersion;

const VERSIONS: [ProtocolVersion; 2] = [ProtocolVersion::Tls12, ProtocolVersion::Tls13];

/// How much one peer may make us hold whom nobody knows: a message of 64 KiB, its records, and
/// what tells of the connection. The buffers of a vector grow by doubling.
const MOST_FOR_A_STRANGER: usize = 400 * 1024;
