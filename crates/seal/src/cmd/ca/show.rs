//! `seal ca show`.

use clap::Args;

use crate::files::ca_folder::CaFolder;
use crate::say::failure::Failure;
use crate::say::report::{self, Answer};
use crate::view::authority::Authority;

/// Show the CA's folder, certificate and number of certificates issued
#[derive(Args)]
pub(crate) struct Show {
    #[command(flatten)]
    folder: CaFolder,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Show {
    pub(super) fn run(self) -> Result<Answer, Failure> {
        report::print(&Authority::new(&self.folder.open()?)?, self.json)?;
        Ok(Answer::Yes)
    }
}
