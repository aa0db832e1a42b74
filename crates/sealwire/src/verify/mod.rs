//! Verification of peers: the verdict, its codes and the reasons.
//!
//! One function judges every chain, in every mode and on every connection, resumed or not:
//! `judge` asks AWS-LC's `X509_verify_cert` (through `sealwire-x509`), adds the checks that can
//! only refuse, and keeps every error met, in order. Server names are checked by
//! [`check_server_identity`].

mod alt_name;
mod certificate_request;
mod code;
mod common_name;
mod evidence;
mod identity;
pub(crate) mod level;
mod memory;
mod public;
mod verdict;

pub use crate::words::{InvalidPin, Pin};
pub(crate) use alt_name::{AltName, alt_names_text};
pub use certificate_request::CertificateRequest;
pub use code::Code;
pub use common_name::check_common_name_constraints;
pub use identity::{CustomCheck, NameCheck, NameMismatch, check_server_identity};
pub(crate) use public::Public;
#[cfg(feature = "upki")]
pub use public::{PublicRevocations, PublicStatus};
pub use verdict::{Finding, Refusal, Verdict};
pub(crate) use verdict::{Policy, judge, judge_anew, recall};
