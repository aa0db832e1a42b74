//! `seal ca eab`.

use std::fmt;

use aws_lc_rs::rand;
use base64ct::{Base64UrlUnpadded, Encoding as _};
use clap::{Args, Subcommand};
use sealwire::Foreign;
use sealwire::pki::NameConstraint;
use sealwire_acme::store::{EabKey, Store};
use serde::Serialize;

use super::listed::Records;
use super::{database, permitted};
use crate::files::ca_folder::CaFolder;
use crate::say::failure::Failure;
use crate::say::report::{self, Answer};
use crate::view::card;

#[derive(Subcommand)]
pub(crate) enum Command {
    New(New),
    List(List),
}

/// Create a key that allows one account
///
/// Pass its identifier and secret to the ACME client: --eab-kid and --eab-hmac-key of certbot,
/// --kid and --hmac of lego. The account is limited to the names of --permit and the profiles of
/// --profile.
#[derive(Args)]
pub(crate) struct New {
    #[command(flatten)]
    folder: CaFolder,
    /// Note about the holder
    #[arg(long, value_name = "TEXT", default_value = "")]
    label: String,
    /// Limit to names below this domain, or addresses in this network; may be repeated
    #[arg(long, value_name = "NAME")]
    permit: Vec<NameConstraint>,
    /// Limit to this profile; may be repeated: server, client, shortlived
    #[arg(long, value_name = "PROFILE", value_parser = ["server", "client", "shortlived"])]
    profile: Vec<String>,
    #[command(flatten)]
    database: database::Place,
    /// Report as JSON
    #[arg(long)]
    json: bool,
}

/// List the keys, without their secrets
#[derive(Args)]
pub(crate) struct List {
    #[command(flatten)]
    keys: Records,
}

#[derive(Serialize)]
struct Made {
    kid: String,
    hmac_key: String,
}

impl fmt::Display for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "key id:   {}\nHMAC key: {}", self.kid, self.hmac_key)
    }
}

#[derive(Serialize)]
struct Line {
    kid: String,
    label: String,
    made: String,
    names: String,
    profiles: Vec<String>,
    account: Option<String>,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kid, made, .. } = self;
        let state = if self.account.is_some() { "used" } else { "unused" };
        let names = if self.names.is_empty() { "any name" } else { &self.names };
        write!(f, "{kid}  {state:<6}  {made}  {names}  {}", Foreign::new(&self.label))
    }
}

impl Command {
    pub(super) fn run(self) -> Result<Answer, Failure> {
        match self {
            Self::New(command) => command.run(),
            Self::List(command) => command.run(),
        }
    }
}

impl New {
    fn run(self) -> Result<Answer, Failure> {
        let rules = permitted::rules(&self.folder.open()?, self.permit, self.profile)?;
        let (store, _) = self.database.open(&self.folder)?;
        let random = |length| {
            let mut bytes = vec![0; length];
            rand::fill(&mut bytes).map_err(|_| Failure::usage("no random bytes"))?;
            Ok::<_, Failure>(Base64UrlUnpadded::encode_string(&bytes))
        };
        let key = EabKey {
            kid: random(12)?,
            secret: random(32)?,
            label: self.label,
            created: store.clock().now(),
            rules,
            account: None,
        };
        store.add_eab(&key).map_err(|e| Failure::usage(e.to_string()))?;
        report::print(&Made { kid: key.kid, hmac_key: key.secret }, self.json)?;
        Ok(Answer::Yes)
    }
}

impl List {
    fn run(self) -> Result<Answer, Failure> {
        let line = |key: EabKey| Line {
            made: card::time(key.created),
            names: key.rules.names.to_string(),
            profiles: key.rules.profiles,
            kid: key.kid,
            label: key.label,
            account: key.account,
        };
        self.keys.list("seal ca eab new", Store::eab_keys, line)
    }
}
