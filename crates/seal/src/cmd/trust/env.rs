//! `seal trust env`.

use std::fmt;
use std::path::{self, PathBuf};

use clap::Args;
use serde::Serialize;

use crate::files::ca_folder::CaFolder;
use crate::say::failure::Failure;
use crate::say::report::{self, Answer};
use crate::truststore::runtimes::VARIABLES;
use crate::truststore::{self, Kind, Places};

/// Print the variables that let programs with roots of their own trust your CA
///
/// For Node.js, Deno, Python's requests and others, which do not look into the system's store:
/// eval "$(seal trust env)". Some add your CA to their roots; others take a file in place of
/// their roots, and get the system's, which must have your CA already.
#[derive(Args)]
pub(crate) struct Env {
    #[command(flatten)]
    folder: CaFolder,
    /// This root instead of the CA's
    #[arg(long, value_name = "FILE")]
    cert: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Env {
    pub(super) fn run(self) -> Result<Answer, Failure> {
        let root = super::root(&self.folder, self.cert.as_deref())?;
        let file = match &self.cert {
            Some(path) => path.clone(),
            None => self.folder.open()?.root_file()?,
        };
        let file = path::absolute(&file).unwrap_or(file);
        let places =
            Places { system_root: None, nss_profiles: Vec::new(), java_keystores: Vec::new() };
        let system = truststore::find(&[Kind::System], &places);
        let mut trusting = system.iter().filter(|store| store.trusts(&root).unwrap_or(false));
        let bundle = trusting.find_map(|store| store.bundle());
        if bundle.is_none() {
            report::note(
                "this system's store does not have the root, so variables that take a file in \
                 place of all roots are left out: `seal trust install --store system` puts it in",
            );
        }
        let set = VARIABLES.iter().filter_map(|variable| {
            let value = variable.value(&file, bundle.as_deref())?;
            Some(Set { name: variable.name, value, readers: variable.readers })
        });
        report::print(&Environment { variables: set.collect() }, self.json)?;
        Ok(Answer::Yes)
    }
}

#[derive(Serialize)]
struct Environment {
    variables: Vec<Set>,
}

#[derive(Serialize)]
struct Set {
    name: &'static str,
    value: String,
    readers: &'static str,
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Set { name, value, readers }) in self.variables.iter().enumerate() {
            let end = if index == 0 { "" } else { "\n" };
            // Quoted as sh reads it.
            write!(f, "{end}export {name}='{}' # {readers}", value.replace('\'', "'\\''"))?;
        }
        Ok(())
    }
}
