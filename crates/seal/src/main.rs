//! The program of Sealwire: make certificates, use TLS, see why.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    seal::main()
}
