//! Where a CA notes what it does: a file, or PostgreSQL.

use std::path::Path;

use clap::Args;
use sealwire::pki::CaStore;
use sealwire::{Connector, SecureContext};
use sealwire_acme::clock::Clock;
use sealwire_acme::store::{Postgres, Sqlite, Store};

use crate::files::ca_folder::CaFolder;
use crate::files::ledger::Ledger;
use crate::files::material::{Anchor, public_roots, trust_in};
use crate::files::passphrase::Source;
use crate::say::failure::Failure;

/// `--database` and what belongs to it, the same for every verb.
#[derive(Args)]
pub(super) struct Place {
    /// Database: a file, or postgres://USER@HOST/NAME, which several `ca serve` may share [default:
    /// ca.db in the CA's folder]
    #[arg(long, value_name = "FILE|URL", env = "SEAL_CA_DATABASE", hide_env_values = true)]
    database: Option<String>,
    /// Read PostgreSQL's password from FILE, `-` for standard input, or env:NAME
    #[arg(long, value_name = "FILE", requires = "database")]
    database_password_file: Option<Source>,
    /// Verify the PostgreSQL server against these CAs: a PEM file, `system` or `bundled` [default:
    /// both]; may be repeated
    #[arg(long, value_name = "FILE", requires = "database")]
    database_ca: Vec<Anchor>,
}

impl Place {
    /// The ledger of a CA: in the database that is named, else where the folder has it.
    pub(super) fn ledger(&self, folder: &CaFolder, ca: &CaStore) -> Result<Ledger, Failure> {
        match &self.database {
            Some(_) => Ledger::in_database(ca, self.open(folder)?.0),
            None => Ledger::of(ca),
        }
    }

    /// The store of a CA that there is.
    pub(super) fn of_ca(&self, folder: &CaFolder) -> Result<Store, Failure> {
        folder.open()?;
        Ok(self.open(folder)?.0)
    }

    /// The store, which is created when missing, and where it is.
    pub(super) fn open(&self, folder: &CaFolder) -> Result<(Store, String), Failure> {
        match &self.database {
            Some(url) if ["postgres://", "postgresql://"].iter().any(|s| url.starts_with(s)) => {
                self.open_postgresql(url)
            }
            Some(path) => open_file(Path::new(path)),
            None => open_file(&folder.path()?.join("ca.db")),
        }
    }

    fn open_postgresql(&self, url: &str) -> Result<(Store, String), Failure> {
        let password = self.database_password_file.as_ref().map(Source::read).transpose()?;
        let trust = trust_in(&self.database_ca)?.unwrap_or_else(public_roots);
        let context = SecureContext::builder().trust(trust).build();
        let context = context.map_err(|e| Failure::usage(e.to_string()))?;
        let password = password.as_ref().map(|text| text.as_str());
        let opened = Postgres::connect(url, password, Connector::new(context));
        let database = opened.map_err(|e| Failure::usage(format!("--database: {e}")))?;
        let place = database.place();
        Ok((Store::new(database, Clock::system()), place))
    }
}

fn open_file(path: &Path) -> Result<(Store, String), Failure> {
    let database = Sqlite::open(path).map_err(|e| Failure::usage(e.to_string()))?;
    Ok((Store::new(database, Clock::system()), path.display().to_string()))
}
