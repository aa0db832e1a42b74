//! What is written when everything was measured: docs/benchmarks.md and its plots.

pub(crate) mod chart;
pub(crate) mod markdown;
mod svg;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use crate::absent::Absent;
use crate::contestant::Failure;
use crate::{certificates, library, limits, machine, proxies, servers};

/// What people wrote stays, below this line; all of it, where the line is not there yet.
const CONCLUSIONS: &str = "<!-- Written by hand from here on. -->\n";

/// Measures everything and writes `benchmarks.md` and `benchmarks/*.svg` into `out`.
pub(crate) fn all(how: &servers::How, out: &Path) -> Result<(), Failure> {
    let begin = Instant::now();
    let absent = Absent::default();
    let limits = limits::measure()?;
    let mut charts = library::measure(&library::Args::within(how))?;
    charts.extend(proxies::measure(&proxies::Args::within(how), &absent)?);
    match servers::cross_check(how) {
        Ok(chart) => charts.push(chart),
        Err(e) => absent.note("the cross-check of the load generator", &e.to_string()),
    }
    charts.extend(servers::measure(how, &absent)?);
    charts.extend(certificates::measure(how, &absent)?);
    let plots = out.join("benchmarks");
    fs::create_dir_all(&plots)?;
    for old in fs::read_dir(&plots)? {
        let old = old?.path();
        if old.extension().is_some_and(|extension| extension == "svg") {
            fs::remove_file(old)?;
        }
    }
    let mut text = introduction(how, &absent);
    let mut section = "";
    for chart in charts.iter().filter(|chart| !chart.is_empty()) {
        let (of, _) = chart.title.split_once(": ").unwrap_or_default();
        if of != section {
            text += &format!("## {of}\n\n");
            section = of;
        }
        let file = format!("{}.svg", chart.slug());
        fs::write(plots.join(&file), svg::draw(chart))?;
        text += &format!("{}\n![{}](benchmarks/{file})\n\n", markdown::table(chart), chart.title);
    }
    text += &format!("## The limits\n\n{limits}\n");
    let path = out.join("benchmarks.md");
    let old = fs::read_to_string(&path).unwrap_or_default();
    let kept = old.split_once(CONCLUSIONS).map_or(old.as_str(), |(_, kept)| kept);
    fs::write(&path, format!("{text}{CONCLUSIONS}{kept}"))?;
    eprint!("{}", absent.report());
    let minutes = begin.elapsed().as_secs_f64() / 60.0;
    println!("{} and {} plots, in {minutes:.1} minutes", path.display(), charts.len());
    Ok(())
}

fn introduction(how: &servers::How, absent: &Absent) -> String {
    let warning = match how.is_quick() {
        true => "**A quick run, to see that all of it works: its figures mean nothing.**\n\n",
        false => "",
    };
    format!(
        "# Benchmarks\n\n\
         {warning}\
         `just bench` measures these again on any Debian machine, after `bench/setup`. Each peer is a \
         process of its own with the same certificate and one core, driven by one load generator \
         (rustls, which believes every certificate) from another core. All take their turn in every \
         round; a cell is the median of {} rounds of {} s with the lowest and the highest, and **in \
         bold** how far Sealwire is ahead of that row: the median of the ratios, taken round by \
         round. Above 1 is ahead. Read the ratios, not the rates: they depend on the machine. \
         Processor time is that of the server's processes, as the kernel counts it. What takes 9,000 \
         connections is measured once. Before that, both ends of the libraries are measured in one \
         process, as two threads over loopback, and in memory, without a transport.\n\n\
         {}, {}, {}.\n\n{}{}{}{}\n",
        how.rounds(),
        how.time().as_secs_f64(),
        machine::hardware(),
        machine::system(),
        today(),
        absent.report(),
        servers::versions(),
        certificates::versions(),
        proxies::versions(),
    )
}

fn today() -> String {
    let date = Command::new("date").args(["-u", "+%Y-%m-%d"]).output();
    date.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}
