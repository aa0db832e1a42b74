//! Revocation lists in which our own certificate is looked up.

use std::path::PathBuf;

use clap::Args;
use sealwire::pki::{self, Crl};

use crate::say::failure::Failure;

/// Lists at hand, to tell why a server refuses us.
#[derive(Args, Debug, Default)]
pub(crate) struct OwnLists {
    /// CRL in which to look up the own certificate when the server refuses it; may be repeated
    #[arg(long, value_name = "FILE")]
    own_crl: Vec<PathBuf>,
}

impl OwnLists {
    /// Reads them.
    ///
    /// # Errors
    /// With the file at fault.
    pub(crate) fn read(&self) -> Result<Vec<Crl>, Failure> {
        let mut lists = Vec::new();
        for path in &self.own_crl {
            lists.extend(pki::crls_from_file(path)?);
        }
        Ok(lists)
    }

    pub(crate) fn are_given(&self) -> bool {
        !self.own_crl.is_empty()
    }
}
