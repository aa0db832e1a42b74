//! Measures Sealwire beside its peers: interleaved rounds in one run, reported as ratios.
#![forbid(unsafe_code)]

mod contestant;
mod measure;
mod table;

use clap::Parser;

/// Handshakes and echo against tokio-rustls and plain TCP, on loopback
#[derive(Parser)]
struct Args {
    /// Rounds of each measurement; the median is reported
    #[arg(long, default_value_t = 7)]
    rounds: usize,

    /// Full handshakes in a round
    #[arg(long, default_value_t = 1500)]
    handshakes: usize,

    /// Megabytes echoed in a round
    #[arg(long, default_value_t = 512)]
    megabytes: usize,
}

fn main() -> Result<(), contestant::Failure> {
    let args = Args::parse();
    println!("{}\n", table::machine());
    for key in contestant::KEYS {
        let contestants = contestant::tls(key)?;
        let rates = measure::interleaved(args.rounds, &contestants, |contestant| {
            measure::handshakes(contestant, args.handshakes)
        })?;
        table::print(
            &format!("Full handshakes, TLS 1.3, X25519, {key} leaf (handshakes/s)"),
            &contestants,
            &rates,
            "tokio-rustls",
        );
    }
    let contestants = contestant::all(contestant::KEYS[0])?;
    for size in [64, 1024, 16 * 1024, 256 * 1024] {
        let megabytes = if size < 1024 { args.megabytes / 16 } else { args.megabytes };
        let rates = measure::interleaved(args.rounds, &contestants, |contestant| {
            measure::echo(contestant, size, megabytes.max(1) * 1024 * 1024)
        })?;
        table::print(
            &format!("Echo in writes of {size} bytes, TLS 1.3 AES-256-GCM (MB/s each way)"),
            &contestants,
            &rates,
            "tokio-rustls",
        );
    }
    Ok(())
}
