//! Both ends of a library in one process, over loopback or in memory.

use clap::ValueEnum;

use crate::contestant::{self, Contestant, Failure, Terms};
use crate::measure::{self, Sample};
use crate::report::chart::{Better, Chart};
use crate::servers::How;
use crate::{idle, memory};

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
    #[arg(long, default_value_t = 9500)]
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

impl Args {
    /// The part of this in a run of everything.
    pub(crate) fn within(how: &How) -> Self {
        let (handshakes, megabytes, connections) = match how.is_quick() {
            true => (20, 2, 500),
            false => (500, 128, 9500),
        };
        Self { rounds: how.rounds(), handshakes, megabytes, connections, only: Vec::new() }
    }
}

/// Call it before the process is pinned: client and server are two threads.
pub(crate) fn measure(args: &Args) -> Result<Vec<Chart>, Failure> {
    let wanted = |what| args.only.is_empty() || args.only.contains(&what);
    let mut charts = Vec::new();
    if wanted(What::Handshakes) {
        charts.extend(handshakes(args)?);
    }
    if wanted(What::Processor) {
        charts.push(processor(args)?);
    }
    if wanted(What::Echo) {
        charts.extend(echo(args)?);
    }
    if wanted(What::Idle) {
        charts.push(idle::compare(args.connections)?);
    }
    Ok(charts)
}

fn processor(args: &Args) -> Result<Chart, Failure> {
    let title = "In memory: processor time of both ends for a handshake".to_owned();
    let mut chart = Chart::new(title, "µs", Better::Lower, "handshake");
    for terms in Terms::all() {
        let contestants = contestant::tls(terms)?;
        let costs = measure::interleaved(args.rounds, &contestants, |contestant| {
            let ends = contestant.ends.as_ref().ok_or("no ends in memory")?;
            memory::handshakes(ends, args.handshakes)
        })?;
        for (contestant, costs) in contestants.iter().zip(costs) {
            costs.into_iter().for_each(|cost| chart.add(contestant.name, &terms.to_string(), cost));
        }
    }
    Ok(chart)
}

fn handshakes(args: &Args) -> Result<[Chart; 2], Failure> {
    let rate = "In one process: handshakes a second, one after the other";
    let cost = "In one process: processor time of both sides for a handshake";
    let mut charts = [
        Chart::new(rate.to_owned(), "1/s", Better::Higher, "handshake"),
        Chart::new(cost.to_owned(), "µs", Better::Lower, "handshake"),
    ];
    for terms in Terms::all() {
        let contestants = contestant::tls(terms)?;
        let samples = measure::interleaved(args.rounds, &contestants, |contestant| {
            measure::handshakes(contestant, args.handshakes)
        })?;
        add(&mut charts, &contestants, &terms.to_string(), samples, |one| {
            (one.rate, one.cost * 1e6)
        });
    }
    Ok(charts)
}

fn echo(args: &Args) -> Result<[Chart; 2], Failure> {
    let rate = "In one process: echo, TLS 1.3 with AES-256-GCM";
    let cost = "In one process: processor time of both sides for a byte echoed";
    let mut charts = [
        Chart::new(rate.to_owned(), "MB/s each way", Better::Higher, "message").in_lines(),
        Chart::new(cost.to_owned(), "ns", Better::Lower, "message").in_lines(),
    ];
    let contestants = contestant::all(Terms::BULK)?;
    for (label, size) in
        [("64 B", 64), ("1 KiB", 1024), ("16 KiB", 16 * 1024), ("256 KiB", 256 * 1024)]
    {
        let megabytes = if size < 1024 { args.megabytes / 16 } else { args.megabytes };
        let samples = measure::interleaved(args.rounds, &contestants, |contestant| {
            measure::echo(contestant, size, megabytes.max(1) * 1024 * 1024)
        })?;
        // A megabyte has 10^6 bytes.
        add(&mut charts, &contestants, label, samples, |one| (one.rate, one.cost * 1e3));
    }
    Ok(charts)
}

fn add(
    [rates, costs]: &mut [Chart; 2],
    contestants: &[Contestant],
    column: &str,
    samples: Vec<Vec<Sample>>,
    scaled: impl Fn(Sample) -> (f64, f64),
) {
    for (contestant, samples) in contestants.iter().zip(samples) {
        for (rate, cost) in samples.into_iter().map(&scaled) {
            rates.add(contestant.name, column, rate);
            costs.add(contestant.name, column, cost);
        }
    }
}
