//! The vocabulary: versions, suites, groups, schemes, alerts and OpenSSL's reasons, with the lists
//! in OpenSSL's language that choose among them. Nothing here knows of a connection.

mod alert;
mod cannot_speak;
mod cert_compression;
pub(crate) mod cipher_list;
mod clock;
mod config_error;
mod date;
pub(crate) mod groups;
#[cfg(feature = "legacy")]
mod legacy;
mod names;
mod old_suites;
pub(crate) mod openssl_reason;
mod pin;
mod policy;
mod psk;
pub(crate) mod scheme_list;
mod server_name;
mod signature_scheme;

pub use alert::Alert;
pub use cannot_speak::CannotSpeak;
pub use cert_compression::CertCompression;
pub use clock::TimeSource;
pub(crate) use clock::{SystemClock, now};
pub use config_error::ConfigError;
pub(crate) use date::Date;
pub use date::Moment;
#[cfg(feature = "legacy")]
pub(crate) use legacy::{Dh, ProtocolLevel};
#[cfg(feature = "legacy")]
pub use legacy::{Legacy, OpensslSource};
pub use names::{CipherSuite, NamedGroup, ProtocolVersion};
pub use openssl_reason::OpensslReason;
pub use pin::{InvalidPin, Pin};
pub(crate) use policy::Storing;
pub use policy::{ClientAuth, PeerVerification};
pub use psk::Psk;
pub use server_name::{InvalidServerName, ServerName};
pub use signature_scheme::SignatureScheme;
