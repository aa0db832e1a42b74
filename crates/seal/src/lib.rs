//! The program of Sealwire, as a library: what the binary `seal` calls, and what other programs of
//! the workspace use of it.
//!
//! Rooms, each of which uses only those below it:
//!
//! ```text
//!   args, cmd    the command line, and a module for each verb
//!   tunnel       TLS for plaintext servers and clients: [`Tunnel`], for other programs too
//!   inventory    what certificates there are, in files and on servers
//!   inspect      looking at a connection of ours and at a server
//!   truststore   the roots that a machine trusts
//!   net          the way to a server, programs on connections, stopping in good order
//!   view         what is shown: cards and reports
//!   files        keys, certificates, passphrases and CA folders, read and written
//!   say          answers, failures, advice
//!   words        lengths of time, the rules of names, text on a page
//! ```
#![forbid(unsafe_code)]

mod args;
mod cmd;
mod files;
mod inspect;
mod inventory;
mod net;
mod say;
mod truststore;
mod tunnel;
mod view;
mod words;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};

pub use say::failure::Failure;
pub use tunnel::Tunnel;

/// The command line, for tests and for packagers.
#[must_use]
pub fn command() -> clap::Command {
    args::Args::command()
}

/// Runs the program with the arguments of the process.
#[must_use]
pub fn main() -> ExitCode {
    let args = args::Args::try_parse().unwrap_or_else(|error| refuse(error));
    match args.run() {
        Ok(answer) => answer.into(),
        Err(failure) => {
            say::report::note(format_args!("seal: {failure}"));
            failure.exit_code()
        }
    }
}

/// Tells what is wrong with the arguments, which may be names of files that others made: clap puts
/// them in as they are, so it is asked once more about arguments that print.
fn refuse(error: clap::Error) -> ! {
    let shown =
        std::env::args_os().map(|arg| sealwire::Foreign::new(arg.as_encoded_bytes()).to_string());
    if let Err(told) = args::Args::try_parse_from(shown) {
        told.exit();
    }
    say::report::note(error.render());
    std::process::exit(error.exit_code());
}
