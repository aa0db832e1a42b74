//! Measures Sealwire beside its peers: interleaved rounds in one run, reported as ratios.
//!
//! `library` drives both ends of a library in one process; `servers` starts each peer as a process
//! of its own and drives it with one load generator; `proxies` sends requests through debugging proxies;
//! `limits` measures the primitives that no
//! library can be faster than; `all` does everything and writes docs/benchmarks.md.
#![forbid(unsafe_code)]

mod absent;
mod certificates;
mod contestant;
mod idle;
mod library;
mod limits;
mod machine;
mod measure;
mod memory;
mod proxies;
mod report;
mod servers;

use std::path::PathBuf;
use std::process::ExitCode;

use absent::Absent;
use clap::{Parser, Subcommand};
use contestant::Failure;
use report::chart::Chart;

/// Sealwire beside its peers, on loopback
#[derive(Parser)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Everything below, written to docs/benchmarks.md with plots
    All {
        #[command(flatten)]
        how: servers::How,
        /// Where the report and its plots go
        #[arg(long, default_value = "docs")]
        out: PathBuf,
    },
    /// Both ends of a library in one process: handshakes, echo, processor time, idle memory
    Library(library::Args),
    /// Servers as processes of their own, driven by one load generator
    Servers {
        #[command(flatten)]
        how: servers::How,
    },
    /// Debugging proxies, ours recording: requests and long bodies through each
    Proxies(proxies::Args),
    /// A key and a certificate made by each program and library that makes them
    Certificates {
        #[command(flatten)]
        how: servers::How,
    },
    /// The primitives by themselves: what a handshake and a record cost at least
    Limits,
    /// The load generator checked against `openssl s_time`
    CrossCheck {
        #[command(flatten)]
        how: servers::How,
    },
    /// Serve as one of the contestants (for the program's own use)
    #[command(hide = true)]
    Serve(servers::Serve),
    /// Serve as what is behind debugging proxies (for the program's own use)
    #[command(hide = true)]
    ServeOrigin(proxies::ServeOrigin),
    /// Measure idle connections of a contestant (for the program's own use)
    #[command(hide = true)]
    IdleOf { contestant: String, connections: usize },
    /// Serve idle connections of a contestant (for the program's own use)
    #[command(hide = true)]
    ServeIdle { contestant: String, connections: usize },
}

fn main() -> ExitCode {
    match run(Args::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<(), Failure> {
    let absent = Absent::default();
    match command {
        Command::All { how, out } => report::all(&how, &out),
        Command::Library(args) => {
            println!("{}\n", machine::hardware());
            print(&library::measure(&args)?, &absent);
            Ok(())
        }
        Command::Servers { how } => {
            print(&servers::measure(&how, &absent)?, &absent);
            Ok(())
        }
        Command::Proxies(args) => {
            println!("{}\n\n{}", machine::hardware(), proxies::versions());
            print(&proxies::measure(&args, &absent)?, &absent);
            Ok(())
        }
        Command::Certificates { how } => {
            print(&certificates::measure(&how, &absent)?, &absent);
            Ok(())
        }
        Command::Limits => {
            println!("{}", limits::measure()?);
            Ok(())
        }
        Command::CrossCheck { how } => {
            print(&[servers::cross_check(&how)?], &absent);
            Ok(())
        }
        Command::Serve(serve) => servers::serve(&serve),
        Command::ServeOrigin(serve) => proxies::serve_origin(&serve),
        Command::IdleOf { contestant, connections } => idle::print(&contestant, connections),
        Command::ServeIdle { contestant, connections } => idle::serve(&contestant, connections),
    }
}

fn print(charts: &[Chart], absent: &Absent) {
    print!("{}", absent.report());
    for chart in charts {
        println!("{}", report::markdown::table(chart));
    }
}
