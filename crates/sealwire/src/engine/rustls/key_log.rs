//! The key log of every context: it hands the secrets to the connection that is being driven.

use rustls::KeyLog;

use super::slot;
use crate::key_log::KeyLogLine;

#[derive(Debug)]
pub(super) struct ConnectionKeyLog;

impl KeyLog for ConnectionKeyLog {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        slot::handshake(|handshake| {
            if label == EXPORTER_SECRET {
                handshake.secrets.note_exporter_secret(secret);
            }
            // rustls tells a server's early secret also where, as here, no early data can come.
            if let Some(lines) = &mut handshake.key_log
                && label != "CLIENT_EARLY_TRAFFIC_SECRET"
            {
                lines.push(KeyLogLine::new(label, client_random, secret));
            }
        });
    }

    fn will_log(&self, label: &str) -> bool {
        label == EXPORTER_SECRET
            || slot::handshake(|handshake| handshake.key_log.is_some()).unwrap_or_default()
    }
}

/// The label of `exporter_master_secret` in NSS' format.
const EXPORTER_SECRET: &str = "EXPORTER_SECRET";
