//! The key log of every context: it hands the secrets to the connection that is being driven.

use rustls::KeyLog;

use super::slot;
use crate::key_log::KeyLogLine;

#[derive(Debug)]
pub(super) struct DeskKeyLog;

impl KeyLog for DeskKeyLog {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        slot::papers(|papers| {
            if label == EXPORTER_SECRET {
                papers.secrets.note_exporter_secret(secret);
            }
            // rustls tells a server's early secret also where, as here, no early data can come.
            if let Some(lines) = &mut papers.key_log
                && label != "CLIENT_EARLY_TRAFFIC_SECRET"
            {
                lines.push(KeyLogLine::new(label, client_random, secret));
            }
        });
    }

    fn will_log(&self, label: &str) -> bool {
        label == EXPORTER_SECRET
            || slot::papers(|papers| papers.key_log.is_some()).unwrap_or_default()
    }
}

/// The label of `exporter_master_secret` in NSS' format.
const EXPORTER_SECRET: &str = "EXPORTER_SECRET";
