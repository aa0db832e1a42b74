//! HTTP over our TLS: hyper, axum, tonic and reqwest, each by a feature of its name.
//!
//! * [`HttpsConnector`] (feature `hyper`) makes the connections of a client of hyper-util's. The
//!   client is made once: key, CAs and revocation lists change under it, and its pool stays.
//! * [`grpc`] (feature `tonic`) does the same for tonic's channels, and serves tonic's services.
//! * [`Listener`](crate::Listener) is one for `axum::serve` (feature `axum`).
//! * [`Connector::rustls_config`](crate::Connector::rustls_config) (feature `rustls-config`) is for
//!   reqwest, and other users of a rustls configuration.
//!
//! On the server's side [`PeerInfo`] is the peer of a request, and [`Authorized`] is
//! the same of an authenticated peer: there is no other way to obtain one.

#[cfg(any(feature = "hyper", feature = "axum"))]
mod authorized;
#[cfg(feature = "axum")]
mod axum;
#[cfg(feature = "tonic")]
pub mod grpc;
#[cfg(feature = "hyper")]
mod https;

#[cfg(any(feature = "hyper", feature = "axum"))]
pub use authorized::{Authorized, NotAuthorized, PeerInfo};
#[cfg(feature = "hyper")]
pub use https::HttpsConnector;
