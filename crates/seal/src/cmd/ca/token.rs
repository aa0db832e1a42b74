//! `seal ca token`.

use std::fmt;

use clap::{Args, Subcommand};
use sealwire::Foreign;
use sealwire::pki::NameConstraint;
use sealwire_acme::store::{Store, Token, random_id};
use serde::Serialize;

use super::listed::Records;
use super::{database, permitted};
use crate::files::ca_folder::CaFolder;
use crate::say::failure::Failure;
use crate::say::report::{self, Answer};
use crate::view::card;
use crate::words::length::Length;

#[derive(Subcommand)]
pub(crate) enum Command {
    New(New),
    List(List),
    End(End),
}

/// Create a token for issuance without ACME
///
/// The holder runs `seal ca issue --server URL --token-file FILE NAME`. No challenge validates the
/// name: the token determines which names are allowed. It is printed once, and only its digest is
/// stored.
#[derive(Args)]
pub(crate) struct New {
    #[command(flatten)]
    folder: CaFolder,
    /// Note about the holder
    #[arg(long, value_name = "TEXT", default_value = "")]
    label: String,
    /// Allow names below this domain, or addresses in this network; may be repeated
    #[arg(long, value_name = "NAME", required_unless_present = "user")]
    permit: Vec<NameConstraint>,
    /// Allow client certificates with this common name; may be repeated
    #[arg(long, value_name = "USER")]
    user: Vec<String>,
    /// Limit to this profile; may be repeated: server, client, shortlived
    #[arg(long, value_name = "PROFILE", value_parser = ["server", "client", "shortlived"])]
    profile: Vec<String>,
    /// Number of certificates
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    uses: u32,
    /// Validity of the token
    #[arg(long, value_name = "TIME", default_value = "1d")]
    lasts: Length,
    #[command(flatten)]
    database: database::Place,
    /// Report as JSON
    #[arg(long)]
    json: bool,
}

/// List the tokens, without their secrets
#[derive(Args)]
pub(crate) struct List {
    #[command(flatten)]
    tokens: Records,
}

/// Invalidate a token
#[derive(Args)]
pub(crate) struct End {
    #[command(flatten)]
    folder: CaFolder,
    /// Identifier of the token, as `list` shows it
    #[arg(value_name = "ID", allow_hyphen_values = true)]
    id: String,
    #[command(flatten)]
    database: database::Place,
}

#[derive(Serialize)]
struct Made {
    id: String,
    token: String,
    expires: String,
}

/// The secret alone, so that standard output can be the file for --token-file.
impl fmt::Display for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.token)
    }
}

#[derive(Serialize)]
struct Line {
    id: String,
    label: String,
    expires: String,
    uses: i64,
    names: String,
    users: Vec<String>,
    profiles: Vec<String>,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, uses, expires, .. } = self;
        let users = self.users.iter().map(|user| Foreign::new(user).to_string());
        let names = Some(self.names.clone()).filter(|names| !names.is_empty());
        let holder: Vec<_> = names.into_iter().chain(users).collect();
        let (holder, label) = (holder.join(", "), Foreign::new(&self.label));
        write!(f, "{id}  {uses} left  to {expires}  {holder}  {label}")
    }
}

impl Command {
    pub(super) fn run(self) -> Result<Answer, Failure> {
        match self {
            Self::New(command) => command.run(),
            Self::List(command) => command.run(),
            Self::End(command) => command.run(),
        }
    }
}

impl New {
    fn run(self) -> Result<Answer, Failure> {
        let rules = permitted::rules(&self.folder.open()?, self.permit, self.profile)?;
        let (store, _) = self.database.open(&self.folder)?;
        let failed = |e: sealwire_acme::store::Error| Failure::usage(e.to_string());
        let created = store.clock().now();
        let lasts = i64::try_from(self.lasts.get().as_secs()).unwrap_or(i64::MAX);
        let token = Token {
            id: random_id().map_err(failed)?,
            label: self.label,
            created,
            expires: created.saturating_add(lasts),
            rules,
            users: self.user,
            uses: self.uses.into(),
        };
        let secret = store.add_token(&token).map_err(failed)?;
        let made = Made { expires: card::time(token.expires), id: token.id, token: secret };
        if !self.json {
            report::note(format_args!("token {}, to {}:", made.id, made.expires));
        }
        report::print(&made, self.json)?;
        Ok(Answer::Yes)
    }
}

impl List {
    fn run(self) -> Result<Answer, Failure> {
        let line = |token: Token| Line {
            expires: card::time(token.expires),
            names: token.rules.names.to_string(),
            profiles: token.rules.profiles,
            uses: token.uses,
            id: token.id,
            label: token.label,
            users: token.users,
        };
        self.tokens.list("seal ca token new", Store::tokens, line)
    }
}

impl End {
    fn run(self) -> Result<Answer, Failure> {
        let store = self.database.of_ca(&self.folder)?;
        match store.end_token(&self.id).map_err(|e| Failure::usage(e.to_string()))? {
            true => Ok(Answer::Yes),
            false => Err(Failure::usage(format!("{}: no such token", self.id))
                .advise("`seal ca token list` lists them")),
        }
    }
}
