//! Debugging proxies between one client and one origin, all with the same certificates to believe. They
//! share all cores with both, as they do on a developer's machine. Ours records to disk meanwhile.

mod client;
mod contestants;
mod origin;

use std::time::{Duration, Instant};

use clap::ValueEnum;
pub(crate) use origin::{ServeOrigin, serve as serve_origin};

use crate::absent::Absent;
use crate::contestant::Failure;
use crate::report::chart::{Better, Chart};
use crate::servers::{self, Running};
use client::{Client, Road};
use contestants::{Behind, Contestant, Files};

/// How much is measured.
#[derive(clap::Args, Clone)]
pub(crate) struct Args {
    /// Rounds; in each, every proxy has its turn. The median is reported
    #[arg(long, default_value_t = 5)]
    rounds: usize,

    /// Seconds that each measurement of rates takes
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,

    /// The length of the body that passes each way. mitmdump and mockttp hold it before they pass it
    #[arg(long, default_value_t = 100)]
    megabytes: u64,

    /// Only those by these names, beside ours
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,

    /// What is measured
    #[arg(long, value_enum, value_delimiter = ',', default_value = "rates,body")]
    metric: Vec<Metric>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Metric {
    /// Requests a second, and the processor time that each takes
    Rates,
    /// A long body, down and up
    Body,
}

/// How many clients ask at once.
const CLIENTS: usize = 20;

impl Args {
    /// The part of this in a run of everything.
    pub(crate) fn within(how: &servers::How) -> Self {
        let (seconds, megabytes) = if how.is_quick() { (0.1, 4) } else { (2.0, 100) };
        let metric = vec![Metric::Rates, Metric::Body];
        Self { rounds: how.rounds(), seconds, megabytes, only: Vec::new(), metric }
    }

    fn wants(&self, contestant: &Contestant) -> bool {
        let name = contestant.name();
        contestant.is_ours() || self.only.is_empty() || self.only.iter().any(|one| one == name)
    }
}

/// Call it before the process is pinned.
pub(crate) fn measure(args: &Args, absent: &Absent) -> Result<Vec<Chart>, Failure> {
    let files = Files::make()?;
    let origin = Behind::start(&files)?;
    let mut field = Vec::new();
    for contestant in Contestant::all().into_iter().filter(|one| args.wants(one)) {
        match contestant.start(&files) {
            Ok(running) => field.push((contestant, running)),
            Err(e) if contestant.is_ours() => return Err(e),
            Err(e) => note(absent, &contestant, &format!("does not start: {e}; see bench/setup")),
        }
    }
    let track = Track { args, absent, origin: &origin, field };
    let mut charts = Vec::new();
    if args.metric.contains(&Metric::Rates) {
        charts.extend(track.rates()?);
    }
    if args.metric.contains(&Metric::Body) {
        charts.push(track.body()?);
    }
    Ok(charts)
}

/// Rows for the table of contestants.
pub(crate) fn versions() -> String {
    let row = |contestant: &Contestant| {
        let version = contestant.version();
        let version = version.as_deref().map_or("**not on this machine**", str::trim);
        format!("| {} (Debugging proxies) | {version} |\n", contestant.name())
    };
    Contestant::all().iter().map(row).collect()
}

fn note(absent: &Absent, contestant: &Contestant, why: &str) {
    absent.note(&format!("{} (Debugging proxies)", contestant.name()), why);
}

struct Track<'a> {
    args: &'a Args,
    absent: &'a Absent,
    origin: &'a Behind,
    /// Those that run; without a proxy there is none.
    field: Vec<(Contestant, Option<Running>)>,
}

impl Track<'_> {
    fn rates(&self) -> Result<Vec<Chart>, Failure> {
        let mut charts = [
            chart("answers of 1 KiB to 20 clients", "1/s", Better::Higher, "requests"),
            chart("processor time of the proxy for one of them", "µs", Better::Lower, "requests"),
        ];
        for (label, is_tls, is_kept) in [
            ("HTTP, connections kept", false, true),
            ("HTTPS, tunnels kept", true, true),
            ("HTTPS, a new tunnel each", true, false),
        ] {
            self.interleaved(label, is_tls, &mut charts, |client, running, is_warm| {
                let time = if is_warm { self.args.seconds } else { WARM_UP };
                let time = Duration::from_secs_f64(time.min(self.args.seconds));
                let before = processor_time(running)?;
                let done = client.requests(CLIENTS, is_kept, time)?;
                settle(running)?;
                let spent = processor_time(running)? - before;
                let each = spent.as_secs_f64() * 1e6 / done.count.max(1) as f64;
                // Without a proxy there is nothing to count.
                let each = if running.is_some() { each } else { f64::NAN };
                Ok(vec![done.rate(), each])
            })?;
        }
        Ok(charts.into())
    }

    fn body(&self) -> Result<Chart, Failure> {
        let megabytes = self.args.megabytes;
        let title = format!("a body of {megabytes} MB over HTTPS");
        let mut charts = [chart(&title, "s", Better::Lower, "direction")];
        for (label, is_up) in [("down", false), ("up", true)] {
            self.interleaved(label, true, &mut charts, |client, running, is_warm| {
                let megabytes = if is_warm { megabytes } else { 1 };
                let took = client.body(megabytes << 20, is_up)?;
                settle(running)?;
                Ok(vec![took.as_secs_f64()])
            })?;
        }
        let [chart] = charts;
        Ok(chart)
    }

    /// Measures each once a round, in turn; the first round warms up. Who breaks down is noted and not
    /// asked again.
    fn interleaved(
        &self,
        label: &str,
        is_tls: bool,
        charts: &mut [Chart],
        take: impl Fn(&Client, Option<&Running>, bool) -> Result<Vec<f64>, Failure>,
    ) -> Result<(), Failure> {
        let mut field: Vec<_> = self.field.iter().collect();
        for round in 0..=self.args.rounds {
            let mut broken = Vec::new();
            for (contestant, running) in &field {
                let name = contestant.name();
                let road = Road {
                    proxy: running.as_ref().map(|running| running.port),
                    origin: if is_tls { self.origin.tls } else { self.origin.plain },
                    is_tls,
                };
                let taken =
                    Client::new(road).and_then(|client| take(&client, running.as_ref(), round > 0));
                match taken {
                    Ok(values) => {
                        eprint!(
                            "\r{name}, {label} {round}/{}: {values:.1?}\x1b[K",
                            self.args.rounds
                        );
                        for (chart, value) in charts.iter_mut().zip(values) {
                            if round > 0 {
                                chart.add(name, label, value);
                            }
                        }
                    }
                    Err(e) => {
                        note(self.absent, contestant, &format!("failed at {label}: {e}"));
                        broken.push(name);
                    }
                }
            }
            field.retain(|(contestant, _)| !broken.contains(&contestant.name()));
        }
        eprintln!();
        Ok(())
    }
}

/// What the first round takes of each.
const WARM_UP: f64 = 0.2;

fn chart(what: &str, unit: &'static str, better: Better, along: &'static str) -> Chart {
    Chart::new(format!("Debugging proxies: {what}"), unit, better, along)
}

fn processor_time(running: Option<&Running>) -> Result<Duration, Failure> {
    running.map_or(Ok(Duration::ZERO), Running::processor_time)
}

/// Waits until it has done what it had put off, such as to write: that is its own time, and not that of
/// whose turn it is next.
fn settle(running: Option<&Running>) -> Result<(), Failure> {
    const LOOK: Duration = Duration::from_millis(150);
    const LONGEST: Duration = Duration::from_secs(60);
    // Ours waits for up to a second between what it puts into its index, so as to give way to traffic.
    const QUIET: u32 = 8;
    let (begin, mut before) = (Instant::now(), processor_time(running)?);
    let mut quiet = 0;
    while running.is_some() && quiet < QUIET && begin.elapsed() < LONGEST {
        std::thread::sleep(LOOK);
        let now = processor_time(running)?;
        // A timer that ticks is no work.
        quiet = if now - before <= Duration::from_millis(20) { quiet + 1 } else { 0 };
        before = now;
    }
    Ok(())
}
