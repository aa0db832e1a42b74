//! Mixed traffic for a while: many clients at once, short words and much data, resumed and refused,
//! reset and garbled, while the server's certificate is changed under them. No byte is lost or
//! changed, nobody is refused who should not be, and neither memory nor descriptors grow.
//!
//! Twenty seconds; `SOAK_SECONDS` says otherwise (`just soak`).

mod clients;
#[path = "../hostile_peers/memory.rs"]
#[allow(dead_code, reason = "shared with another test binary, which uses all of it")]
mod memory;
#[path = "../peers/mod.rs"]
mod peers;
mod server;

use std::sync::Arc;
use std::time::{Duration, Instant};

use clients::{Client, Count};
use memory::Memory;
use peers::present;
use server::Server;
use tokio::task::JoinSet;

/// How many clients there are at once.
const CLIENTS: u64 = 12;

/// What is held when nobody is connected.
#[derive(Debug, Clone, Copy)]
struct Held {
    rust: usize,
    resident: usize,
    descriptors: usize,
}

impl Held {
    fn now() -> Self {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
        let kilobytes: usize = line.trim().trim_end_matches(" kB").parse().unwrap_or(0);
        let descriptors = std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
        Self { rust: Memory::now(), resident: kilobytes * 1024, descriptors }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_grows() {
    if !present("openssl") {
        return;
    }
    let seconds = std::env::var("SOAK_SECONDS").map_or(20, |text| text.parse().expect("seconds"));
    // The first legs fill caches: of sessions, of chains that were judged, of the allocator.
    const LEGS: u32 = 10;
    const WARM: usize = 4;
    let leg = Duration::from_secs(seconds) / LEGS;
    let server = Arc::new(Server::start().await);
    let (mut held, mut counts) = (Vec::new(), Count::default());
    for number in 0..LEGS {
        let until = Instant::now() + leg;
        let mut clients = JoinSet::new();
        for client in 0..CLIENTS {
            let seed = u64::from(number) * CLIENTS + client + 1;
            clients.spawn(Client::new(server.clone(), seed).work(until));
        }
        let reloads = {
            let server = server.clone();
            tokio::spawn(async move { server.reload_again_and_again().await })
        };
        while let Some(count) = clients.join_next().await {
            counts += count.expect("no client panics");
        }
        reloads.abort();
        server.is_idle().await;
        held.push(Held::now());
    }
    println!("{counts:?}");
    for (number, held) in held.iter().enumerate() {
        println!("leg {number}: {held:?}");
    }
    let (warm, end) = (held[WARM], held[LEGS as usize - 1]);
    assert!(end.descriptors <= warm.descriptors + 2, "descriptors: {warm:?} to {end:?}");
    assert!(end.rust < warm.rust + 128 * 1024, "memory: {warm:?} to {end:?}");
    // What AWS-LC holds is seen here only. The allocator keeps something for later.
    let slack = 4 * 1024 * 1024;
    assert!(end.resident < warm.resident + slack, "resident: {warm:?} to {end:?}");
    assert!(counts.all_kinds_happened(), "{counts:?}");
}
