//! What is left of rustls when the handshake is complete: its key schedule and ticket store.

use std::sync::{MutexGuard, PoisonError};

use rustls::client::ClientConnectionData;
use rustls::kernel::KernelConnection;
use rustls::server::ServerConnectionData;
use rustls::{AlertDescription, Error, HandshakeType};

use super::failure::Failure;
use super::keys::Keys;
use crate::engine::EngineState;
use crate::engine::rustls::sessions::{Again, ClientKernel};
use crate::engine::rustls::slot;

/// Which messages may come after the handshake, and their handlers.
pub(in crate::engine::rustls) enum Kernel {
    Client13(ClientKernel),
    Server13(Box<KernelConnection<ServerConnectionData>>),
    /// TLS 1.2 has neither key updates nor tickets after the handshake: nothing of rustls stays.
    Client12,
    Server12,
}

impl Kernel {
    /// The handshake messages that the peer may send.
    pub(super) fn expected(&self) -> &'static [HandshakeType] {
        match self {
            Self::Client13(_) => &[HandshakeType::NewSessionTicket, HandshakeType::KeyUpdate],
            Self::Server13(_) => &[HandshakeType::KeyUpdate],
            // To ask for renegotiation, which is declined.
            Self::Client12 => &[HandshakeType::HelloRequest],
            Self::Server12 => &[HandshakeType::ClientHello],
        }
    }

    /// The next keys for what we send.
    pub(super) fn next_sending_keys(&mut self) -> Result<Keys, Error> {
        Keys::new(match self {
            Self::Client13(kernel) => lock(kernel).update_tx_secret()?,
            Self::Server13(kernel) => kernel.update_tx_secret()?,
            Self::Client12 | Self::Server12 => return Err(Self::no_update()),
        })
    }

    /// The next keys for what the peer sends.
    pub(super) fn next_receiving_keys(&mut self) -> Result<Keys, Error> {
        Keys::new(match self {
            Self::Client13(kernel) => lock(kernel).update_rx_secret()?,
            Self::Server13(kernel) => kernel.update_rx_secret()?,
            Self::Client12 | Self::Server12 => return Err(Self::no_update()),
        })
    }

    /// Keeps the session of a NewSessionTicket (RFC 8446, 4.6.1) whose body this is.
    pub(super) fn keep_ticket(
        &mut self,
        conn: &mut EngineState,
        body: &[u8],
    ) -> Result<(), Failure> {
        let Self::Client13(kernel) = self else {
            return Err(Failure::unexpected_message(
                HandshakeType::NewSessionTicket,
                self.expected(),
            ));
        };
        if let Some(sessions) = &mut conn.sessions {
            let again = sessions.are_reused().then(|| Again::new(kernel, body));
            sessions.note_ticket(body, again);
        }
        slot::with(conn, || lock(kernel).handle_new_session_ticket(body)).map_err(|error| {
            match error {
                Error::InvalidMessage(what) => Failure::malformed(what),
                Error::PeerMisbehaved(what) => {
                    Failure::new(AlertDescription::IllegalParameter, what)
                }
                other => other.into(),
            }
        })
    }

    fn no_update() -> Error {
        Error::General("TLS 1.2 does not support key updates".to_owned())
    }
}

/// Sessions that outlive the connection make others from it (`Again`), each on its own thread.
fn lock(kernel: &ClientKernel) -> MutexGuard<'_, KernelConnection<ClientConnectionData>> {
    kernel.lock().unwrap_or_else(PoisonError::into_inner)
}
