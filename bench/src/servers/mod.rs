//! Servers as processes of their own, each with the same certificate, driven in turn by one load
//! generator. The server has a core of its own, the generator another.

mod contestants;
mod load;
mod process;
mod serve;

use std::time::Duration;

use clap::ValueEnum;
pub(crate) use serve::{Serve, serve};

use crate::contestant::Failure;
use crate::report::chart::{Better, Chart};
use contestants::{Contestant, Leaf, Material};
use load::{Load, Terms};
use process::Running;

/// How much is measured.
#[derive(clap::Args, Clone)]
pub(crate) struct How {
    /// Rounds; in each, every contestant has its turn. The median is reported
    #[arg(long, default_value_t = 5)]
    pub(crate) rounds: usize,

    /// Seconds that each measurement of a contestant takes
    #[arg(long, default_value_t = 1.0)]
    pub(crate) seconds: f64,

    /// Which contestants
    #[arg(long, value_enum, value_delimiter = ',', default_value = "library,tunnel,node")]
    group: Vec<Group>,

    /// What is measured
    #[arg(
        long,
        value_enum,
        value_delimiter = ',',
        default_value = "handshakes,bulk,latency,memory"
    )]
    metric: Vec<Metric>,

    /// Cores of the servers; 1 leaves the other to the load generator
    #[arg(long, default_value_t = 1)]
    cores: usize,

    /// The most connections at once
    #[arg(long, default_value_t = 1000)]
    connections: usize,
}

/// Who is compared with whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Group {
    /// An echo server of a few lines over each library
    Library,
    /// A proxy that ends TLS before a plain backend
    Tunnel,
    /// An echo server in JavaScript
    Node,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Metric {
    /// Connections: accepted, answered one byte, reset
    Handshakes,
    /// Echo of much data in messages of a size
    Bulk,
    /// Short requests on many connections at once
    Latency,
    /// What an idle connection takes
    Memory,
}

/// Measures every group; what is missing on this machine is said and left out.
pub(crate) fn measure(how: &How) -> Result<Vec<Chart>, Failure> {
    process::pin_to_client_core()?;
    let material = Material::make()?;
    let mut charts = Vec::new();
    for &group in &how.group {
        let contestants = contestants::present(group);
        if contestants.is_empty() {
            continue;
        }
        for &metric in &how.metric {
            charts.extend(measure_one(how, group, metric, &contestants, &material)?);
        }
    }
    Ok(charts)
}

fn measure_one(
    how: &How,
    group: Group,
    metric: Metric,
    contestants: &[Contestant],
    material: &Material,
) -> Result<Vec<Chart>, Failure> {
    match metric {
        Metric::Handshakes => handshakes(how, group, contestants, material),
        Metric::Bulk => bulk(how, group, contestants, material),
        Metric::Latency => latency(how, group, contestants, material),
        Metric::Memory => memory(how, group, contestants, material),
    }
}

/// Starts all, measures each at every `x` once a round, in turn, and ends all. The first round
/// warms up. `take` gives a value for each of `charts`.
fn interleaved<X: Clone>(
    how: &How,
    contestants: &[Contestant],
    (material, leaf): (&Material, Leaf),
    charts: &mut [Chart],
    xs: &[(String, X)],
    take: impl Fn(&Running, &Load, &X) -> Result<Vec<f64>, Failure>,
) -> Result<(), Failure> {
    let running = contestants
        .iter()
        .map(|contestant| contestant.start(material, leaf, how.cores))
        .collect::<Result<Vec<_>, _>>()?;
    for round in 0..=how.rounds {
        for (label, x) in xs {
            for server in &running {
                let load = Load::new(server)?;
                let values = take(server, &load, x).map_err(|e| format!("{}: {e}", server.name))?;
                eprint!("\r{} {label} {round}/{}: {values:.1?}\x1b[K", server.name, how.rounds);
                if round > 0 {
                    for (chart, value) in charts.iter_mut().zip(values) {
                        chart.add(&server.name, label, value);
                    }
                }
            }
        }
    }
    eprintln!();
    Ok(())
}

fn handshakes(
    how: &How,
    group: Group,
    contestants: &[Contestant],
    material: &Material,
) -> Result<Vec<Chart>, Failure> {
    let title = |what: &str| format!("{}: {what}", group.title());
    let mut charts = [
        Chart::new(title("new connections a second"), "1/s", Better::Higher, "handshake"),
        Chart::new(
            title("processor time of the server for a new connection"),
            "µs",
            Better::Lower,
            "handshake",
        ),
    ];
    let time = Duration::from_secs_f64(how.seconds);
    for leaf in [Leaf::P256, Leaf::Rsa] {
        // How a session is resumed does not depend on the key.
        let terms = Terms::all().into_iter().filter(|terms| leaf == Leaf::P256 || terms.is_full());
        let terms: Vec<_> = terms.map(|terms| (format!("{terms}, {leaf}"), terms)).collect();
        let with = (material, leaf);
        interleaved(how, contestants, with, &mut charts, &terms, |server, load, &terms| {
            let before = server.processor_time()?;
            let done = load.handshakes(terms, 16, time)?;
            let spent = server.processor_time()? - before;
            Ok(vec![done.rate(), spent.as_secs_f64() * 1e6 / done.count as f64])
        })?;
    }
    Ok(charts.into())
}

fn bulk(
    how: &How,
    group: Group,
    contestants: &[Contestant],
    material: &Material,
) -> Result<Vec<Chart>, Failure> {
    let title = |what: &str| format!("{}: {what}", group.title());
    let mut charts = [
        Chart::new(title("echo on one connection"), "MB/s each way", Better::Higher, "message"),
        Chart::new(
            title("processor time of the server for a megabyte echoed"),
            "ms",
            Better::Lower,
            "message",
        ),
    ];
    let time = Duration::from_secs_f64(how.seconds);
    let sizes = [64, 1024, 16 * 1024, 256 * 1024, 16 * 1024 * 1024].map(|size| (bytes(size), size));
    let with = (material, Leaf::P256);
    interleaved(how, contestants, with, &mut charts, &sizes, |server, load, &size| {
        let before = server.processor_time()?;
        let done = load.echo(size, time)?;
        let spent = server.processor_time()? - before;
        let megabytes = done.count as f64 / 1e6;
        Ok(vec![done.rate() / 1e6, spent.as_secs_f64() * 1e3 / megabytes])
    })?;
    Ok(charts.into())
}

fn latency(
    how: &How,
    group: Group,
    contestants: &[Contestant],
    material: &Material,
) -> Result<Vec<Chart>, Failure> {
    let title = |what: &str| format!("{}: {what}", group.title());
    let mut charts = [
        Chart::new(title("requests a second"), "1/s", Better::Higher, "connections"),
        Chart::new(title("median latency of a request"), "µs", Better::Lower, "connections"),
        Chart::new(title("latency of the slowest percent"), "µs", Better::Lower, "connections"),
    ];
    let time = Duration::from_secs_f64(how.seconds);
    let counts = [1, 10, 100, 1000, 10_000].into_iter().filter(|&count| count <= how.connections);
    let counts: Vec<_> = counts.map(|count| (count.to_string(), count)).collect();
    let with = (material, Leaf::P256);
    interleaved(how, contestants, with, &mut charts, &counts, |_, load, &count| {
        let latencies = load.requests(count, time)?;
        let at = |part: f64| latencies.at(part).as_secs_f64() * 1e6;
        Ok(vec![latencies.done.rate(), at(0.5), at(0.99)])
    })?;
    Ok(charts.into())
}

fn memory(
    how: &How,
    group: Group,
    contestants: &[Contestant],
    material: &Material,
) -> Result<Vec<Chart>, Failure> {
    let title = format!("{}: memory of an idle connection", group.title());
    let mut chart = Chart::new(title, "KiB", Better::Lower, "connections");
    // The first connections make what all share.
    const WARM_UP: usize = 100;
    for &count in [100, 1000, 9000].iter().filter(|&&count| count <= how.connections.max(1000)) {
        for contestant in contestants {
            let server = contestant.start(material, Leaf::P256, how.cores)?;
            let load = Load::new(&server)?;
            let grown = load.idle(WARM_UP, count, || server.resident())?;
            chart.add(&server.name, &count.to_string(), grown as f64 / 1024.0 / count as f64);
        }
    }
    Ok(vec![chart])
}

/// A table of who was on this machine, and in which version.
pub(crate) fn versions() -> String {
    let mut text = String::from("| contestant | version |\n|---|---|\n");
    for group in [Group::Library, Group::Tunnel, Group::Node] {
        for contestant in contestants::present(group) {
            let version = contestant.version().unwrap_or_default();
            text += &format!("| {} | {} |\n", contestant.name(), version.trim());
        }
    }
    text
}

/// The same server driven by our generator and by `openssl s_time`, which counts connections too.
pub(crate) fn cross_check(how: &How) -> Result<(), Failure> {
    process::pin_to_client_core()?;
    let material = Material::make()?;
    println!("| | ours, one at a time | openssl s_time -new |");
    println!("|---|---:|---:|");
    for contestant in contestants::present(Group::Library) {
        if contestant.is_plain() {
            continue;
        }
        let server = contestant.start(&material, Leaf::P256, how.cores)?;
        let time = Duration::from_secs_f64(how.seconds.max(2.0));
        let load = Load::new(&server)?;
        let ours = load.handshakes(Terms::Full, 1, time)?.rate();
        let theirs = process::s_time(server.port, time)?;
        println!("| {} | {ours:.0}/s | {theirs:.0}/s |", server.name);
    }
    Ok(())
}

impl Group {
    fn title(self) -> &'static str {
        match self {
            Self::Library => "Library",
            Self::Tunnel => "Tunnel",
            Self::Node => "Server in JavaScript",
        }
    }
}

fn bytes(count: usize) -> String {
    match count {
        0..1024 => format!("{count} B"),
        1024..1_048_576 => format!("{} KiB", count / 1024),
        _ => format!("{} MiB", count / 1_048_576),
    }
}
