//! Measures `seal tunnel` beside haproxy, hitch and stunnel: the same certificate, origin and load,
//! one thread per core each, in interleaved rounds of one run, on loopback.
#![forbid(unsafe_code)]

mod contestant;
mod load;
mod origin;

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

use contestant::{Contestant, Failure, Key, Material};

/// Requests a second, new connections a second, bulk, and memory of idle connections
#[derive(Parser)]
struct Args {
    /// The program to be measured
    #[arg(long, default_value = "target/release/seal")]
    seal: PathBuf,

    /// Rounds of each measurement; the median is reported
    #[arg(long, default_value_t = 3)]
    rounds: usize,

    /// Seconds of one measurement
    #[arg(long, default_value_t = 3)]
    seconds: u64,

    /// Connections at once
    #[arg(long, default_value_t = 20)]
    connections: usize,

    /// Idle connections to measure memory with; 0 leaves it out
    #[arg(long, default_value_t = 2000)]
    idle: usize,

    /// Only these contestants
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
}

fn main() -> Result<(), Failure> {
    let args = Args::parse();
    let origin = origin::start()?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    println!("{cores} cores, shared by client, tunnel and origin; loopback; TLS 1.3\n");
    for key in [Key::EcdsaP256, Key::Rsa2048] {
        let material = Material::new(key)?;
        let all = contestant::all(&args.seal, &material, origin, cores)?;
        let wanted = |c: &Contestant| args.only.is_empty() || args.only.iter().any(|o| o == c.name);
        let contestants: Vec<_> = all.into_iter().filter(wanted).collect();
        let load = load::Load::new(&material, args.connections, Duration::from_secs(args.seconds))?;
        if key == Key::EcdsaP256 {
            compare(
                "requests/s on kept connections, 1 KiB body",
                &contestants,
                args.rounds,
                |c| load.kept(c.port),
            )?;
            compare("MB/s of bulk on one connection", &contestants, args.rounds, |c| {
                load.bulk(c.port)
            })?;
        }
        compare(
            &format!("new connections/s, {key}, full handshakes"),
            &contestants,
            args.rounds,
            |c| load.fresh(c.port, false),
        )?;
        compare(&format!("new connections/s, {key}, resumed"), &contestants, args.rounds, |c| {
            load.fresh(c.port, true)
        })?;
        if key == Key::EcdsaP256 && args.idle > 0 {
            println!("memory of {} idle connections (KiB each, all processes)", args.idle);
            for contestant in &contestants {
                let before = contestant.memory()?;
                let held = load.idle(contestant.port, args.idle)?;
                let after = contestant.memory()?;
                drop(held);
                let each = after.saturating_sub(before) as f64 / 1024.0 / args.idle as f64;
                println!("  {:<9} {each:8.2}", contestant.name);
            }
            println!();
        }
    }
    Ok(())
}

/// What one measurement found: how much was done, at which rate, and the latency that 99 of 100 stay
/// below, if it has one.
#[derive(Clone, Copy)]
struct Measured {
    done: f64,
    rate: f64,
    p99: Option<Duration>,
}

/// One measurement, and how much was done in each second of the contestant's processor time.
type Round = (Measured, f64);

/// Measures each once a round, in turn, so that a machine that changes its speed changes it for
/// all; the first round warms up. Prints medians, and ratios to the best of the others.
fn compare(
    title: &str,
    contestants: &[Contestant],
    rounds: usize,
    measure: impl Fn(&Contestant) -> Result<Measured, Failure>,
) -> Result<(), Failure> {
    let mut all: Vec<Vec<Round>> = vec![Vec::new(); contestants.len()];
    for round in 0..=rounds {
        for (contestant, measured) in contestants.iter().zip(&mut all) {
            let before = contestant.processor_time()?;
            let one = measure(contestant).map_err(|e| format!("{}: {e}", contestant.name))?;
            let used = contestant.processor_time()? - before;
            if round > 0 {
                measured.push((one, one.done / used.max(0.01)));
            }
        }
    }
    let rate = |m: &Vec<Round>| median(m.iter().map(|(m, _)| m.rate).collect());
    let each = |m: &Vec<Round>| median(m.iter().map(|(_, each)| *each).collect());
    let best = |of: &dyn Fn(&Vec<Round>) -> f64| {
        let others = contestants.iter().zip(&all).filter(|(c, _)| c.name != "seal");
        others.map(|(_, m)| of(m)).fold(0.0, f64::max)
    };
    let (best_rate, best_each) = (best(&rate), best(&each));
    println!(
        "{title}\n  {:<9} {:>10} {:>6} {:>16} {:>6}",
        "", "", "ratio", "per CPU second", "ratio"
    );
    for (contestant, measured) in contestants.iter().zip(&all) {
        let (rate, each) = (rate(measured), each(measured));
        let p99s: Vec<f64> =
            measured.iter().filter_map(|(m, _)| m.p99).map(|p| p.as_secs_f64() * 1e3).collect();
        let p99 = match p99s.is_empty() {
            true => String::new(),
            false => format!("  p99 {:7.2} ms", median(p99s)),
        };
        println!(
            "  {:<9} {rate:10.0} {:6.2} {each:16.0} {:6.2}{p99}",
            contestant.name,
            rate / best_rate,
            each / best_each
        );
    }
    println!();
    Ok(())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
