//! One service by flags.

use std::path::Path;

use clap::Args;

use super::options::{Mode, Process, Service};
use super::{Plan, plan};
use crate::say::failure::Failure;

/// Accept TLS and forward plaintext
///
/// With --ca, clients must present a certificate that chains to it; --allow restricts which. Rules,
/// revocation and expiry are checked on every connection, including resumed ones. Files are
/// watched: a renewed certificate takes effect without a restart, and an invalid one is ignored.
///
/// Targets must be on this machine, unless --unsafe-target is given.
#[derive(Args, Debug)]
#[command(
    mut_arg("servername", |arg| arg.hide(true)),
    mut_arg("unsafe_listen", |arg| arg.hide(true)),
    after_help = "Examples:\n  seal tunnel server --listen :8443 --target 127.0.0.1:8080 --cert cert.pem --key key.pem\n  seal tunnel server -l :6380 -t unix:/run/redis.sock --cert cert.pem --key key.pem --ca ca.pem --allow ou=ops --allow 'uri=spiffe://td/web/*'\n  seal tunnel server -l :587 -t 127.0.0.1:25 --starttls smtp --cert cert.pem --key key.pem"
)]
pub(crate) struct ServerArgs {
    #[command(flatten)]
    service: Service,

    #[command(flatten)]
    process: Process,
}

/// Accept plaintext and forward TLS
///
/// Verifies the server: its certificate must chain to --ca (or to Mozilla's and this system's
/// roots) and match the target's name.
///
/// Plaintext is accepted on loopback addresses only, unless --unsafe-listen is given.
#[derive(Args, Debug)]
#[command(
    mut_arg("acme", |arg| arg.hide(true)),
    mut_arg("acme_name", |arg| arg.hide(true)),
    mut_arg("acme_ca", |arg| arg.hide(true)),
    mut_arg("acme_dir", |arg| arg.hide(true)),
    mut_arg("acme_http", |arg| arg.hide(true)),
    mut_arg("acme_profile", |arg| arg.hide(true)),
    mut_arg("acme_contact", |arg| arg.hide(true)),
    mut_arg("client_auth", |arg| arg.hide(true)),
    mut_arg("ticket_secret_file", |arg| arg.hide(true)),
    mut_arg("session_store", |arg| arg.hide(true)),
    mut_arg("unsafe_target", |arg| arg.hide(true)),
    after_help = "Examples:\n  seal tunnel client --listen 127.0.0.1:6379 --target redis.example:6380 --ca ca.pem --cert me.pem --key me-key.pem\n  seal tunnel client -l unix:/run/db.sock -t a.example:5433 -t b.example:5433"
)]
pub(crate) struct ClientArgs {
    #[command(flatten)]
    service: Service,

    #[command(flatten)]
    process: Process,
}

impl ServerArgs {
    /// The plan of one service, `server`.
    pub(crate) fn plan(self) -> Result<Plan, Failure> {
        of_one(self.process, self.service, "server", Mode::Server)
    }
}

impl ClientArgs {
    /// The plan of one service, `client`.
    pub(crate) fn plan(self) -> Result<Plan, Failure> {
        of_one(self.process, self.service, "client", Mode::Client)
    }
}

/// The options of one service have the names of the file's keys, so its errors fit.
fn of_one(
    mut process: Process,
    mut service: Service,
    name: &str,
    mode: Mode,
) -> Result<Plan, Failure> {
    service.name = Some(name.to_owned());
    service.mode = Some(mode);
    process.service.push(service);
    plan::build(process, Path::new(""), None).map_err(|e| {
        let option = e.split_once(": ").filter(|(service, _)| service.starts_with("service"));
        Failure::usage(format!("--{}", option.map_or(e.as_str(), |(_, rest)| rest)))
    })
}
