//! Which root programs are told of, beside which, and by files where.

use std::path::{self, Path, PathBuf};

use clap::Args;
use sealwire::pki::{self, Certificate};

use crate::files::ca_folder::CaFolder;
use crate::files::material::Anchor;
use crate::say::failure::Failure;
use crate::truststore::environment::{self, TrustFiles};

/// What `trust env`, `run` and `doctor` have in common.
#[derive(Args)]
pub(super) struct RootOptions {
    #[command(flatten)]
    pub(super) folder: CaFolder,
    /// Root certificate to use instead of the CA's
    #[arg(long, value_name = "FILE")]
    pub(super) cert: Option<PathBuf>,
    /// Other roots for the bundle that replaces a program's own: a PEM file, `system` or `bundled`;
    /// may be repeated [default: those of SSL_CERT_FILE, else the system's]
    #[arg(long, value_name = "FILE")]
    roots: Vec<Anchor>,
    /// Folder for the files that the variables point to [default: one for each root, below
    /// sealwire/trust in the user's data folder]
    #[arg(long, value_name = "DIR")]
    files: Option<PathBuf>,
}

impl RootOptions {
    /// Writes the files, for programs that see their folder at `seen_at`, or where it is: the folder, too.
    pub(super) fn write(&self, seen_at: Option<&Path>) -> Result<(TrustFiles, PathBuf), Failure> {
        let root = super::root(&self.folder, self.cert.as_deref())?;
        let base = environment::base(&self.roots)?;
        let folder = match &self.files {
            Some(folder) => folder.clone(),
            None => {
                let ours = environment::ours().ok_or_else(|| {
                    Failure::usage("no home folder")
                        .advise("name a folder for the files with --files")
                })?;
                ours.join(self.name(&root.label, &base, seen_at))
            }
        };
        let folder = path::absolute(&folder).unwrap_or(folder);
        environment::make_folder(&folder)?;
        let files =
            TrustFiles::write(&folder, seen_at.unwrap_or(&folder), &base, &[root.certificate])?;
        Ok((files, folder))
    }

    /// The same for the same call, so that an earlier answer stays valid, and another for others,
    /// which do not disturb it.
    fn name(&self, label: &str, base: &[Certificate], seen_at: Option<&Path>) -> String {
        let mut name = label.to_owned();
        if !self.roots.is_empty() {
            let all: Vec<u8> = base.iter().flat_map(|one| one.der().to_vec()).collect();
            let print = pki::sha256_fingerprint(&all).replace(':', "");
            name = format!("{name}-{}", &print[..8].to_ascii_lowercase());
        }
        if seen_at.is_some() { name + "-container" } else { name }
    }
}
