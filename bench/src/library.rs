//! Both ends of a library in one process, over loopback or in memory.

use clap::ValueEnum;

use crate::contestant::{self, Failure, Terms};
use crate::{idle, measure, memory, table};

/// Handshakes, echo and memory against tokio-rustls and plain TCP
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Rounds of each measurement; the median is reported
    #[arg(long, default_value_t = 7)]
    rounds: usize,

    /// Handshakes in a round
    #[arg(long, default_value_t = 1500)]
    handshakes: usize,

    /// Megabytes echoed in a round
    #[arg(long, default_value_t = 512)]
    megabytes: usize,

    /// Connections that are open and idle at once
    #[arg(long, default_value_t = 10_000)]
    connections: usize,

    /// Measure only these
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<What>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    /// Handshakes a second over TCP
    Handshakes,
    /// Processor time of a handshake, without a transport
    Processor,
    /// Bulk data over TCP
    Echo,
    /// Memory of idle connections
    Idle,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    println!("{}\n", table::machine());
    let wanted = |what| args.only.is_empty() || args.only.contains(&what);
    if wanted(What::Processor) {
        processor(args)?;
    }
    if wanted(What::Handshakes) {
        handshakes(args)?;
    }
    if wanted(What::Echo) {
        echo(args)?;
    }
    if wanted(What::Idle) {
        idle::compare(args.connections)?;
    }
    Ok(())
}

fn processor(args: &Args) -> Result<(), Failure> {
    for terms in Terms::all() {
        let contestants = contestant::tls(terms)?;
        let costs = measure::interleaved(args.rounds, &contestants, |contestant| {
            let ends = contestant.ends.as_ref().ok_or("no ends in memory")?;
            memory::handshakes(ends, args.handshakes)
        })?;
        let title = format!("Handshakes in memory, {terms} (microseconds of processor time)");
        table::print(&title, &contestants, &costs, "tokio-rustls");
    }
    Ok(())
}

fn handshakes(args: &Args) -> Result<(), Failure> {
    for terms in Terms::all() {
        let contestants = contestant::tls(terms)?;
        let rates = measure::interleaved(args.rounds, &contestants, |contestant| {
            measure::handshakes(contestant, args.handshakes)
        })?;
        let title = format!("Handshakes, {terms}, X25519 (handshakes/s)");
        table::print_samples(&title, &contestants, &rates, "tokio-rustls");
    }
    Ok(())
}

fn echo(args: &Args) -> Result<(), Failure> {
    let contestants = contestant::all(Terms::BULK)?;
    for size in [64, 1024, 16 * 1024, 256 * 1024] {
        let megabytes = if size < 1024 { args.megabytes / 16 } else { args.megabytes };
        let rates = measure::interleaved(args.rounds, &contestants, |contestant| {
            measure::echo(contestant, size, megabytes.max(1) * 1024 * 1024)
        })?;
        let title = format!("Echo in writes of {size} bytes, TLS 1.3 AES-256-GCM (MB/s each way)");
        table::print_samples(&title, &contestants, &rates, "tokio-rustls");
    }
    Ok(())
}
