//! Servers as processes of their own, each with the same certificate, driven in turn by one load
//! generator. The server has a core of its own, the generator another.

mod contestants;
mod echo;
mod field;
mod load;
mod metrics;
mod process;
mod serve;
mod tunnels;

use std::time::Duration;

use clap::ValueEnum;
pub(crate) use contestants::{beside, npm_module};
pub(crate) use load::{Done, Terms, all_of};
pub(crate) use process::{Running, free_port};
pub(crate) use serve::{Serve, rustls_config, serve};
pub(crate) use tunnels::seal;

use crate::absent::Absent;
use crate::contestant::Failure;
use crate::report::chart::{Better, Chart};
use contestants::{Leaf, Material};
use field::Field;
use load::Load;

/// How much is measured.
#[derive(clap::Args, Clone)]
pub(crate) struct How {
    /// Rounds; in each, every contestant has its turn. The median is reported
    #[arg(long, default_value_t = 5)]
    rounds: usize,

    /// Seconds that each measurement of a contestant takes
    #[arg(long, default_value_t = 0.4)]
    seconds: f64,

    /// Hardly measures: whether everybody starts and answers, in three minutes. No figures to keep
    #[arg(long)]
    quick: bool,

    /// Which contestants
    #[arg(long, value_enum, value_delimiter = ',', default_value = "library,tunnel,node")]
    group: Vec<Group>,

    /// Only those by these names, beside ours
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,

    /// What is measured
    #[arg(
        long,
        value_enum,
        value_delimiter = ',',
        default_value = "handshakes,cores,storm,bulk,download,https,latency,second,memory"
    )]
    metric: Vec<Metric>,

    /// Cores of the servers; 1 leaves the other to the load generator
    #[arg(long, default_value_t = 1)]
    cores: usize,

    /// The most connections at once; 9000 is what a tunnel with 20,000 descriptors can hold
    #[arg(long, default_value_t = 9000)]
    connections: usize,
}

impl How {
    pub(crate) fn rounds(&self) -> usize {
        if self.quick { 1 } else { self.rounds }
    }

    pub(crate) fn time(&self) -> Duration {
        Duration::from_secs_f64(if self.quick { 0.1 } else { self.seconds })
    }

    fn connections(&self) -> usize {
        if self.quick { self.connections.min(1000) } else { self.connections }
    }

    /// Whether it is a run to see that everything works, and no more.
    pub(crate) fn is_quick(&self) -> bool {
        self.quick
    }

    pub(crate) fn wants(&self, name: &str) -> bool {
        const OURS: [&str; 2] = ["sealwire", "seal tunnel"];
        self.only.is_empty() || OURS.contains(&name) || self.only.iter().any(|one| one == name)
    }
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
    /// The same on one core and on two
    Cores,
    /// Event loops only: for how long they stand still while many connect
    Storm,
    /// Echo of much data in messages of a size
    Bulk,
    /// Much data one way
    Download,
    /// Servers in JavaScript only: requests over HTTP/1.1
    Https,
    /// Short requests on many connections at once
    Latency,
    /// Requests over HTTP/1.1 by another load generator
    Second,
    /// What an idle connection takes
    Memory,
}

/// Measures every group; what is missing on this machine is noted and left out.
pub(crate) fn measure(how: &How, absent: &Absent) -> Result<Vec<Chart>, Failure> {
    process::pin_to_client_core()?;
    let material = Material::make()?;
    let mut charts = Vec::new();
    for &group in &how.group {
        let field = Field::of(group, how, &material, absent)?;
        for &metric in &how.metric {
            let is_not_for = match metric {
                // Servers in JavaScript only echo.
                Metric::Download => group == Group::Node,
                Metric::Storm | Metric::Https => group != Group::Node,
                _ => false,
            };
            if is_not_for {
                continue;
            }
            charts.extend(match metric {
                Metric::Handshakes => metrics::handshakes(&field)?,
                Metric::Cores => metrics::cores(&field)?,
                Metric::Storm => metrics::storm(&field)?,
                Metric::Bulk => metrics::bulk(&field)?,
                Metric::Download => metrics::download(&field)?,
                Metric::Https => metrics::https(&field)?,
                Metric::Latency => metrics::latency(&field)?,
                Metric::Second => metrics::second(&field)?,
                Metric::Memory => metrics::memory(&field)?,
            });
        }
    }
    Ok(charts)
}

/// A table of the contestants and their versions.
pub(crate) fn versions() -> String {
    let mut text = String::from("| contestant | version |\n|---|---|\n");
    for group in [Group::Library, Group::Tunnel, Group::Node] {
        for contestant in contestants::all(group) {
            let version = contestant.version();
            let version = version.as_deref().map_or("**not on this machine**", str::trim);
            text += &format!("| {} ({}) | {version} |\n", contestant.name(), group.title());
        }
    }
    text
}

/// The same servers driven by our generator and by `openssl s_time`, which counts connections too.
pub(crate) fn cross_check(how: &How) -> Result<Chart, Failure> {
    process::pin_to_client_core()?;
    let material = Material::make()?;
    let title = "Library: full handshakes one at a time, driven by two generators".to_owned();
    let mut chart = Chart::new(title, "1/s", Better::Higher, "generator");
    for contestant in contestants::all(Group::Library) {
        if contestant.is_plain() || contestant.version().is_none() {
            continue;
        }
        let server = contestant.start(&material, Leaf::P256, how.cores)?;
        let time = how.time().max(Duration::from_secs(2));
        let load = Load::new(&server, time)?;
        let ours = load.handshakes(Terms::Full, 1, time)?.rate();
        chart.add(&server.name, "ours", ours);
        chart.add(&server.name, "openssl s_time", process::s_time(server.port, time)?);
    }
    Ok(chart)
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
