//! A server that refuses us: the alert, with what our own certificate has to do with it.

use std::sync::Arc;

use sealwire_x509::Certificate;

use super::Core;
use crate::context::SecureContext;
use crate::error::Error;
use crate::verify::CertificateRequest;

/// What a server of TLS 1.3 asked of us. It judges its client when the client is done with the handshake
/// already, so this is kept until its first data come: an open connection may outlive many contexts.
pub(super) struct Asked {
    pub(super) context: SecureContext,
    pub(super) request: CertificateRequest,
}

impl Core {
    /// The failure of an open connection.
    pub(super) fn refused(&self, error: Error) -> Error {
        let (Some(asked), Some(peer)) = (&self.asked, &self.peer) else { return error };
        explained(error, &asked.context, peer.local_certificates(), Some(asked.request.clone()))
    }

    /// It has passed judgement: no server sends data to a client that it refuses.
    pub(super) fn heard_data(&mut self) {
        self.asked = None;
    }
}

/// The failure of a client's handshake, or the error as it is. `own` is what is shown unless the request
/// says so.
pub(super) fn explained(
    error: Error,
    context: &SecureContext,
    own: &[Certificate],
    request: Option<CertificateRequest>,
) -> Error {
    match error {
        Error::AlertReceived { alert, ours: None } => {
            let ours = context.own_certificate_behind(alert, own, request);
            Error::AlertReceived { alert, ours: ours.map(Arc::new) }
        }
        other => other,
    }
}
