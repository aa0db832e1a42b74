//! Contexts that follow their files, and open connections that are verified again.
//!
//! * [`Current`] is a context that is swapped while others use it. An `Acceptor` and a `Connector`
//!   take one, and each connection has the context of its moment.
//! * [`Watched`] keeps one current: identity, trust and revocation lists out of files, PFX or a
//!   function of the program's, read again when they change (feature `watch`).
//! * `Spiffe` is a source of a `Watched`: the agent of a SPIFFE Workload API (feature `spiffe`).
//! * `Staples` holds OCSP responses that the program fetches for the certificates of a `Watched`.
//! * [`KnownFiles`] reads revocation lists, and large files once only (feature `watch`).
//! * [`Live`] knows the open connections, and closes those whose peers would not be accepted any longer.
//!
//! Readers take no lock, and nothing here is on the way of data.

mod connections;
mod current;
#[cfg(feature = "watch")]
mod files;
#[cfg(feature = "watch")]
mod fitness;
mod judgement;
#[cfg(feature = "watch")]
mod known;
mod options;
#[cfg(feature = "watch")]
mod source;
#[cfg(feature = "spiffe")]
mod spiffe;
#[cfg(feature = "watch")]
mod stamp;
#[cfg(feature = "watch")]
mod staples;
mod tether;
#[cfg(feature = "watch")]
mod watched;

pub use connections::{Admission, Live, Rechecked};
pub use current::Current;
#[cfg(feature = "watch")]
pub use files::FileWatch;
#[cfg(feature = "watch")]
pub use fitness::Unfit;
#[cfg(feature = "watch")]
pub use known::KnownFiles;
pub use options::{Closed, LiveOptions};
#[cfg(feature = "watch")]
pub use source::Material;
#[cfg(feature = "spiffe")]
pub use spiffe::{Spiffe, SpiffeError, SpiffeId, SpiffeStatus};
#[cfg(feature = "watch")]
pub use staples::Staples;
pub use tether::{Tether, Why};
#[cfg(feature = "watch")]
pub use watched::{Change, Failure, LoadError, Status, Watched, WatchedBuilder};
