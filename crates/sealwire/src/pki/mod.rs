//! Making and reading keys, requests, certificates, PFX files and root sets.

mod error;

pub use error::{Error, Problem};
pub use sealwire_x509 as x509;
