//! Holds Sealwire against vectors that nobody here wrote, beside what OpenSSL says of them.
//!
//! Outside CI: `just vectors` fetches the PyPI package `cryptography_vectors` and runs this.

mod files;
mod random;
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
    /// Chains: NIST PKITS from the package, and suites whose source is at hand
    Verdicts(verdicts::Sources),
    /// Certificates, requests, revocation lists, keys and PFX, beside python's cryptography
    Files,
    /// Chains made at random: whether Sealwire and OpenSSL are of one mind
    Random {
        #[arg(long, default_value_t = 3000)]
        cases: u64,
        /// The number of the first
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Keep those on which they are not, for a look
        #[arg(long, value_name = "FOLDER")]
        keep: Option<PathBuf>,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match &arguments.what {
        What::Files => files::run(arguments.package.as_deref(), arguments.each),
        What::Random { cases, seed, keep } => random::run(*cases, *seed, keep.as_deref()),
        What::Verdicts(sources) => {
            verdicts::run(arguments.package.as_ref(), sources, arguments.each)
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
