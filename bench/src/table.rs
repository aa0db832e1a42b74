//! How results are shown: medians, spread and ratios.

use crate::contestant::Contestant;
use crate::measure::Sample;

/// Prints a table of the contestants' rates and each one's ratio to `base`, round by round.
pub(crate) fn print(title: &str, contestants: &[Contestant], rates: &[Vec<f64>], base: &str) {
    let base = contestants.iter().position(|contestant| contestant.name == base).unwrap_or(0);
    println!("### {title}\n");
    println!("| | median | min | max | to {} |", contestants[base].name);
    println!("|---|---:|---:|---:|---:|");
    for (contestant, own) in contestants.iter().zip(rates) {
        let ratios: Vec<f64> = own.iter().zip(&rates[base]).map(|(own, base)| own / base).collect();
        println!(
            "| {} | {:.0} | {:.0} | {:.0} | {:.2} |",
            contestant.name,
            median(own),
            own.iter().copied().fold(f64::INFINITY, f64::min),
            own.iter().copied().fold(0.0, f64::max),
            median(&ratios),
        );
    }
    println!();
}

/// Prints rates as [`print`](fn@print) does, and beside them what one takes of the processor, in
/// microseconds: the least of all rounds, which other programs disturb least.
pub(crate) fn print_samples(
    title: &str,
    contestants: &[Contestant],
    samples: &[Vec<Sample>],
    base: &str,
) {
    let base = contestants.iter().position(|contestant| contestant.name == base).unwrap_or(0);
    let name = contestants[base].name;
    println!("### {title}\n");
    println!("| | median | min | max | to {name} | processor, us | to {name} |");
    println!("|---|---:|---:|---:|---:|---:|---:|");
    let least = |samples: &[Sample]| samples.iter().map(|s| s.cost).fold(f64::INFINITY, f64::min);
    for (contestant, own) in contestants.iter().zip(samples) {
        let rates: Vec<f64> = own.iter().map(|sample| sample.rate).collect();
        let pairs = own.iter().zip(&samples[base]);
        let ratios: Vec<f64> = pairs.map(|(own, base)| own.rate / base.rate).collect();
        println!(
            "| {} | {:.0} | {:.0} | {:.0} | {:.2} | {:.1} | {:.2} |",
            contestant.name,
            median(&rates),
            rates.iter().copied().fold(f64::INFINITY, f64::min),
            rates.iter().copied().fold(0.0, f64::max),
            median(&ratios),
            least(own) * 1e6,
            least(own) / least(&samples[base]),
        );
    }
    println!();
}

/// The machine that the numbers are of.
pub(crate) fn machine() -> String {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": ").map(|(_, name)| name))
        .unwrap_or("unknown processor");
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{} cores of {model}, Linux {}", cores(), kernel.trim())
}

/// How many cores there are, whichever this process is pinned to.
pub(crate) fn cores() -> usize {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    cpu.lines().filter(|line| line.starts_with("processor")).count().max(1)
}

/// The distribution, and the compiler that this was built with.
pub(crate) fn system() -> String {
    let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let name = release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    let rustc = std::process::Command::new("rustc").arg("--version").output();
    let rustc = rustc.map(|said| String::from_utf8_lossy(&said.stdout).trim().to_owned());
    format!("{}, {}", name.unwrap_or("Linux").trim_matches('"'), rustc.unwrap_or_default())
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}
