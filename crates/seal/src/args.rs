//! The command line: one enum of verbs, each with its own arguments beside its code.

use clap::{CommandFactory, Parser, Subcommand};

use crate::cmd::{
    acme, ca, cert, connect, crl, csr, demo, explain, inspect, inventory, key, manual, pfx, proxy,
    serve, trust, tunnel,
};
use crate::net::runtime::on_the_network;
use crate::say::failure::Failure;
use crate::say::report::Answer;

/// Make certificates, use TLS, and find out why a connection fails.
#[derive(Parser)]
#[command(name = "seal", version, arg_required_else_help = true, max_term_width = 100)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Demo(demo::DemoArgs),
    Serve(serve::ServeArgs),
    Connect(connect::ConnectArgs),
    Inspect(Box<inspect::InspectArgs>),
    Inventory(Box<inventory::InventoryArgs>),
    Explain(explain::Explain),
    Proxy(Box<proxy::ProxyArgs>),
    /// Add TLS to plaintext servers and clients
    #[command(subcommand)]
    Tunnel(tunnel::Command),
    /// Private keys: generate, show, convert, match with a certificate
    #[command(subcommand)]
    Key(key::Command),
    /// Certificate signing requests (CSRs): create, show, verify
    #[command(subcommand)]
    Csr(csr::Command),
    /// Certificates: sign, renew, show, check, lint
    #[command(subcommand)]
    Cert(cert::Command),
    /// Private CA in a folder: create it, issue, revoke
    #[command(subcommand)]
    Ca(ca::Command),
    /// Obtain and renew certificates from an ACME CA
    #[command(subcommand)]
    Acme(acme::Command),
    /// Certificate revocation lists (CRLs): show
    #[command(subcommand)]
    Crl(crl::Command),
    /// Trust stores of this machine: install, uninstall, status, env, run, doctor
    #[command(subcommand)]
    Trust(trust::Command),
    /// PFX (PKCS#12) files: a key, its certificate and the chain, encrypted
    #[command(subcommand)]
    Pfx(pfx::Command),
    Completions(manual::Completions),
    Man(manual::Man),
}

impl Args {
    pub(crate) fn run(self) -> Result<Answer, Failure> {
        match self.command {
            Command::Demo(args) => on_the_network(demo::run(args)),
            Command::Serve(args) => on_the_network(serve::run(args)),
            Command::Connect(args) => on_the_network(connect::run(args)),
            Command::Inspect(args) => on_the_network(inspect::run(*args)),
            Command::Inventory(args) => on_the_network(inventory::run(*args)),
            Command::Explain(command) => command.run(),
            Command::Proxy(args) => on_the_network(proxy::run(*args)),
            Command::Tunnel(command) => command.run(),
            Command::Key(command) => command.run(),
            Command::Csr(command) => command.run(),
            Command::Cert(command) => command.run(),
            Command::Ca(command) => command.run(),
            Command::Acme(command) => on_the_network(command.run()),
            Command::Crl(command) => command.run(),
            Command::Trust(command) => on_the_network(command.run()),
            Command::Pfx(command) => command.run(),
            Command::Completions(command) => command.run(Self::command()),
            Command::Man(command) => command.run(Self::command()),
        }
    }
}
