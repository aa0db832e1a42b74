//! What is measured of a server: for each quantity a rate, which people feel, and the processor time
//! of the server, which tells why.

use std::time::Duration;

use super::contestants::Leaf;
use super::field::{Field, Point};
use super::load::{Load, Terms};
use super::process::{self, Running};
use crate::contestant::Failure;
use crate::report::chart::{Better, Chart};

/// The kernel's clock for a process ticks every 10 ms: of less than this it says nothing.
const COUNTABLE: Duration = Duration::from_millis(20);

/// How many clients connect at once.
const AT_ONCE: usize = 16;

pub(crate) fn handshakes(field: &Field<'_>) -> Result<Vec<Chart>, Failure> {
    let mut charts = [
        Chart::new(field.title("new connections a second"), "1/s", Better::Higher, "handshake"),
        Chart::new(
            field.title("processor time of the server for a new connection"),
            "µs",
            Better::Lower,
            "handshake",
        ),
    ];
    for leaf in [Leaf::P256, Leaf::Rsa] {
        // How a session is resumed does not depend on the key.
        let wanted = |terms: &Terms| leaf == Leaf::P256 || terms.is_full();
        let points: Vec<_> = Terms::all()
            .into_iter()
            .filter(wanted)
            .map(|terms| Point::new(format!("{terms}, {leaf}"), terms))
            .collect();
        let with = (leaf, field.how.cores);
        field.interleaved(with, &mut charts, &points, |server, load, &terms| {
            connections(server, load, terms)
        })?;
    }
    Ok(charts.into())
}

/// The same handshakes where the server may use more cores. With two in all, the load generator
/// takes its part of the second.
pub(crate) fn cores(field: &Field<'_>) -> Result<Vec<Chart>, Failure> {
    let mut charts = [
        Chart::new(
            field.title("new connections a second on more cores (TLS 1.3, full)"),
            "1/s",
            Better::Higher,
            "cores",
        ),
        Chart::new(
            field.title("processor time of the server for one of them"),
            "µs",
            Better::Lower,
            "cores",
        ),
    ];
    for leaf in [Leaf::P256, Leaf::Rsa] {
        for cores in 1..=crate::machine::cores().min(2) {
            let point = Point::new(format!("{cores}, {leaf}"), Terms::Full);
            field.interleaved((leaf, cores), &mut charts, &[point], |server, load, &terms| {
                connections(server, load, terms)
            })?;
        }
    }
    Ok(charts.into())
}

fn connections(server: &Running, load: &Load, terms: Terms) -> Result<Vec<f64>, Failure> {
    let before = server.processor_time()?;
    let done = load.handshakes(terms, AT_ONCE, load.time)?;
    let spent = server.processor_time()? - before;
    Ok(vec![done.rate(), each(spent, done.count, 1e6)])
}

pub(crate) fn bulk(field: &Field<'_>) -> Result<Vec<Chart>, Failure> {
    let mut charts = [
        Chart::new(
            field.title("echo on one connection"),
            "MB/s each way",
            Better::Higher,
            "message",
        )
        .in_lines(),
        Chart::new(
            field.title("processor time of the server for a byte echoed"),
            "ns",
            Better::Lower,
            "message",
        )
        .in_lines(),
    ];
    let sizes = [64, 1024, 16 * 1024, 256 * 1024, 1024 * 1024, 16 * 1024 * 1024];
    let points = sizes.map(|size| Point::new(bytes(size), size));
    let with = (Leaf::P256, field.how.cores);
    field.interleaved(with, &mut charts, &points, |server, load, &size| {
        let before = server.processor_time()?;
        let done = load.echo(size, load.time)?;
        let spent = server.processor_time()? - before;
        Ok(vec![done.rate() / 1e6, each(spent, done.count, 1e9)])
    })?;
    Ok(charts.into())
}

/// One way, as most data go.
pub(crate) fn download(field: &Field<'_>) -> Result<Vec<Chart>, Failure> {
    let mut charts = [
        Chart::new(
            field.title("download on one connection"),
            "MB/s",
            Better::Higher,
            "written by the backend in",
        ),
        Chart::new(
            field.title("processor time of the server for a byte downloaded"),
            "ns",
            Better::Lower,
            "written by the backend in",
        ),
    ];
    let points = [Point::new(bytes(super::echo::FED), ())];
    let with = (Leaf::P256, field.how.cores);
    field.interleaved(with, &mut charts, &points, |server, load, ()| {
        let before = server.processor_time()?;
        let done = load.download(load.time)?;
        let spent = server.processor_time()? - before;
        Ok(vec![done.rate() / 1e6, each(spent, done.count, 1e9)])
    })?;
    Ok(charts.into())
}

pub(crate) fn latency(field: &Field<'_>) -> Result<Vec<Chart>, Failure> {
    let chart =
        |what, unit, better| Chart::new(field.title(what), unit, better, "connections").in_lines();
    let mut charts = [
        chart("requests a second", "1/s", Better::Higher),
        chart("median latency of a request", "µs", Better::Lower),
        chart("latency of the slowest percent", "µs", Better::Lower),
        chart("processor time of the server for a request", "µs", Better::Lower),
        chart("processor time of the server to open each", "µs", Better::Lower),
    ];
    let points: Vec<_> = [1, 10, 100, 1000, 9000]
        .into_iter()
        .filter(|&count| count <= field.how.connections())
        .map(|count| Point { once: count > 1000, ..Point::new(count, count) })
        .collect();
    let with = (Leaf::P256, field.how.cores);
    field.interleaved(with, &mut charts, &points, |server, load, &count| {
        let before = server.processor_time()?;
        let open = load.open(count)?;
        let opened = server.processor_time()?;
        // Each of many has its turn at least a few times.
        let time = load.time.max(Duration::from_micros(100 * count as u64));
        let latencies = load.requests(open, time)?;
        let spent = server.processor_time()? - opened;
        let at = |part: f64| latencies.at(part).as_secs_f64() * 1e6;
        Ok(vec![
            latencies.done.rate(),
            at(0.5),
            at(0.99),
            each(spent, latencies.done.count, 1e6),
            each(opened - before, count as u64, 1e6),
        ])
    })?;
    Ok(charts.into())
}

/// What a storm of new connections does to an event loop, where the server may use two cores.
pub(crate) fn storm(field: &Field<'_>) -> Result<Vec<Chart>, Failure> {
    /// As many as come back when a server was started anew.
    const CLIENTS: usize = 300;
    let chart = |what: &str| {
        let title = format!("{what} while {CLIENTS} clients connect at once, again and again");
        Chart::new(field.title(&title), "ms", Better::Lower, "certificate")
    };
    let mut charts = [
        chart("median delay of the event loop"),
        chart("delay of the event loop, slowest percent"),
        chart("longest delay of the event loop"),
    ];
    for leaf in [Leaf::P256, Leaf::Rsa] {
        let with = (leaf, crate::machine::cores().min(2));
        field.interleaved(with, &mut charts, &[Point::new(leaf, ())], |_, load, ()| {
            Ok(load.storm(CLIENTS, load.time * 4)?.into())
        })?;
    }
    Ok(charts.into())
}

pub(crate) fn https(field: &Field<'_>) -> Result<Vec<Chart>, Failure> {
    let mut charts = [
        Chart::new(
            field.title("HTTPS requests a second on kept connections"),
            "1/s",
            Better::Higher,
            "connections",
        ),
        Chart::new(
            field.title("processor time of the server for an HTTPS request"),
            "µs",
            Better::Lower,
            "connections",
        ),
    ];
    let points = [1, 32].map(|count| Point::new(count, count));
    let with = (Leaf::P256, field.how.cores);
    field.interleaved(with, &mut charts, &points, |server, load, &count| {
        let before = server.processor_time()?;
        let done = load.https(count, load.time)?;
        let spent = server.processor_time()? - before;
        Ok(vec![done.rate(), each(spent, done.count, 1e6)])
    })?;
    Ok(charts.into())
}

/// The same servers driven by a generator that others wrote, over OpenSSL: `wrk`. Libraries and the backend
/// of tunnels answer as little as the servers in JavaScript.
pub(crate) fn second(field: &Field<'_>) -> Result<Vec<Chart>, Failure> {
    let title = field.title("HTTPS requests a second, driven by wrk");
    let mut charts = [Chart::new(title, "1/s", Better::Higher, "connections")];
    let points = [
        Point::new("1, kept", (1, true)),
        Point::new("32, kept", (32, true)),
        Point::new("a new one for each request", (AT_ONCE, false)),
    ];
    let with = (Leaf::P256, field.how.cores);
    field.interleaved(with, &mut charts, &points, |server, load, &(count, kept)| {
        let port = server.more.map_or(server.port, |more| more.https);
        Ok(vec![process::wrk(port, server.plain, count, kept, load.time)?])
    })?;
    Ok(charts.into())
}

pub(crate) fn memory(field: &Field<'_>) -> Result<Vec<Chart>, Failure> {
    let title = field.title("memory of an idle connection");
    let mut chart = Chart::new(title, "KiB", Better::Lower, "connections").in_lines();
    // The first connections make what all share.
    const WARM_UP: usize = 100;
    for count in [100, 1000, 9000].into_iter().filter(|&count| count <= field.how.connections()) {
        field.one_by_one((Leaf::P256, field.how.cores), |server, load| {
            let grown = load.idle(WARM_UP, count, || server.resident())?;
            eprint!("\r{} {count} idle\x1b[K", server.name);
            chart.add(&server.name, &count.to_string(), grown as f64 / 1024.0 / count as f64);
            Ok(())
        });
    }
    eprintln!();
    Ok(vec![chart])
}

/// What one of `count` took, in parts of a second.
fn each(spent: Duration, count: u64, parts: f64) -> f64 {
    match spent >= COUNTABLE {
        true => spent.as_secs_f64() * parts / count as f64,
        false => f64::NAN,
    }
}

fn bytes(count: usize) -> String {
    match count {
        0..1024 => format!("{count} B"),
        1024..1_048_576 => format!("{} KiB", count / 1024),
        _ => format!("{} MiB", count / 1_048_576),
    }
}
