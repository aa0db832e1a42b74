//! Holds Sealwire against vectors that nobody here wrote, beside what OpenSSL says of them.
//!
//! Outside CI: `just vectors` fetches the PyPI package `cryptography_vectors` and runs this.

mod files;
mod verdicts;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(about = "Holds Sealwire against public test vectors, beside OpenSSL")]
struct Arguments {
    /// The folder of the PyPI package cryptography_vectors
    #[arg(long, value_name = "FOLDER", global = true)]
    package: Option<PathBuf>,
    /// Name every vector on which one of the two disagrees with what is expected
    #[arg(long, global = true)]
    each: bool,
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Chains: NIST PKITS from the package, and BetterTLS
    Verdicts {
        /// What `bettertls export-tests` has written, or a folder of Netflix/bettertls (needs Go)
        #[arg(long, value_name = "FILE|FOLDER")]
        bettertls: Option<PathBuf>,
    },
    /// Certificates, requests, revocation lists, keys and PFX, beside python's cryptography
    Files,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match &arguments.what {
        What::Files => files::run(arguments.package.as_deref(), arguments.each),
        What::Verdicts { bettertls } => {
            verdicts::run(arguments.package.as_deref(), bettertls.as_deref(), arguments.each)
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("vectors: {error}");
            ExitCode::FAILURE
        }
    }
}
