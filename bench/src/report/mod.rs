//! What is written when everything was measured: docs/benchmarks.md and its plots.

pub(crate) mod chart;
pub(crate) mod markdown;
mod svg;

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::contestant::Failure;
use crate::{limits, servers, table};

/// Measures everything and writes `benchmarks.md` and `benchmarks/*.svg` into `out`.
pub(crate) fn all(how: &servers::How, out: &Path) -> Result<(), Failure> {
    let limits = limits::measure()?;
    let charts = servers::measure(how)?;
    let plots = out.join("benchmarks");
    fs::create_dir_all(&plots)?;
    let mut text = introduction(how);
    for chart in &charts {
        let file = format!("{}.svg", chart.slug());
        fs::write(plots.join(&file), svg::draw(chart))?;
        text += &format!("{}\n![{}](benchmarks/{file})\n\n", markdown::table(chart), chart.title);
    }
    text += &format!("## The limits\n\n{limits}\n");
    // What people wrote stays, below this line; all of it, where the line is not there yet.
    const CONCLUSIONS: &str = "<!-- Written by hand from here on. -->\n";
    let path = out.join("benchmarks.md");
    let old = fs::read_to_string(&path).unwrap_or_default();
    let kept = old.split_once(CONCLUSIONS).map_or(old.as_str(), |(_, kept)| kept);
    fs::write(&path, format!("{text}{CONCLUSIONS}{kept}"))?;
    println!("{} and {} plots", path.display(), charts.len());
    Ok(())
}

fn introduction(how: &servers::How) -> String {
    let versions = servers::versions();
    format!(
        "# Benchmarks\n\n\
         `just bench` measures these again on any Debian machine, after `bench/setup`. Each peer is a \
         process of its own with the same certificate, driven by one load generator (rustls, which \
         believes every certificate) from another core. All take their turn in every round; a cell \
         is the median of {} rounds of {} s with the lowest and the highest, and **in bold** how far \
         Sealwire is ahead of that row: the median of the ratios, taken round by round. Above 1 is \
         ahead. Read the ratios, not the rates: they depend on the machine. Processor time is that of the \
         server's processes, as the kernel counts it.\n\n\
         {}, {}.\n\n{versions}\n",
        how.rounds,
        how.seconds,
        table::machine(),
        today(),
    )
}

fn today() -> String {
    let date = Command::new("date").args(["-u", "+%Y-%m-%d"]).output();
    date.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}
