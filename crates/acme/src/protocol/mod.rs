//! The words of ACME: problems, identifiers, and what is said on the wire.

mod identifier;
mod problem;

pub(crate) use identifier::Asked;
pub use identifier::{Identifier, NameRules};
pub use problem::{Kind, Problem};
