//! The program of Sealwire: make certificates, use TLS, see why.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser;

mod advice;
mod args;
mod clock;
mod cmd;
mod delivery;
mod facts;
mod failure;
mod file;
mod inspect;
mod key_file;
mod key_form;
mod markup;
mod moment;
mod net;
mod output;
mod passphrase;
mod progress;
mod report;
mod truststore;
mod tunnel;

fn main() -> ExitCode {
    match args::Args::parse().run() {
        Ok(answer) => answer.into(),
        Err(failure) => {
            report::note(format_args!("seal: {failure}"));
            failure.exit_code()
        }
    }
}
