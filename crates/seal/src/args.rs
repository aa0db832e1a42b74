//! The command line: one enum of verbs, each with its own arguments beside its code.

use clap::{Parser, Subcommand};

use crate::failure::Failure;
use crate::report::Answer;

/// TLS for people who write programs: make certificates, use TLS, see why.
#[derive(Parser)]
#[command(name = "seal", version, arg_required_else_help = true, max_term_width = 100)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {}

impl Args {
    pub(crate) fn run(self) -> Result<Answer, Failure> {
        match self.command {}
    }
}
