//! A hundred thousand clients with certificates for six days, for ten days of a clock that is not the
//! system's; the CA is down for 20 hours in the middle. How many come at once, and does one expire?
//!
//! `cargo run --release -p sealwire-acme --example herd [CLIENTS]`

use std::collections::BinaryHeap;

use sealwire_acme::authority::renewal_window;
use sealwire_acme::client::Schedule;
use sealwire_acme::clock::Seconds;

const HOUR: Seconds = 3600;
const DAY: Seconds = 24 * HOUR;
const LIFETIME: Seconds = 6 * DAY;
const DAYS: Seconds = 10;
/// The timer of each client.
const TIMER: Seconds = 15 * 60;
/// The outage.
const DOWN: std::ops::Range<Seconds> = 4 * DAY..4 * DAY + 20 * HOUR;

struct Client {
    begin: Seconds,
    schedule: Schedule,
}

fn main() {
    let count: usize =
        std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(100_000);
    let mut state = 42_u64;
    let mut chance = move || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 32) as u32
    };
    // They were set up over six days, each at its own moment.
    let mut clients: Vec<Client> = (0..count)
        .map(|_| {
            let age = Seconds::from(chance()) % (LIFETIME * 2 / 3);
            Client { begin: -age, schedule: Schedule::default() }
        })
        .collect();
    // When each of them looks next; the earliest first.
    let mut queue: BinaryHeap<std::cmp::Reverse<(Seconds, usize)>> = (0..count)
        .map(|client| std::cmp::Reverse((Seconds::from(chance()) % TIMER, client)))
        .collect();
    let hours = usize::try_from(DAYS * 24).expect("few");
    let mut issued = vec![0_u64; hours];
    let mut asked = vec![0_u64; hours];
    let mut refused = vec![0_u64; hours];
    let (mut expired, mut most_in_a_minute) = (0_u64, 0_u64);
    let (mut minute, mut in_minute) = (0, 0_u64);
    while let Some(std::cmp::Reverse((now, number))) = queue.pop() {
        if now >= DAYS * DAY {
            break;
        }
        let hour = usize::try_from(now / HOUR).expect("few");
        if now / 60 != minute {
            most_in_a_minute = most_in_a_minute.max(in_minute);
            (minute, in_minute) = (now / 60, 0);
        }
        let client = &mut clients[number];
        let (begin, end) = (client.begin, client.begin + LIFETIME);
        let down = DOWN.contains(&now);
        if now >= end {
            expired += 1;
        }
        if now >= client.schedule.ask_at && !down {
            let window = renewal_window(begin, end, false, now);
            client.schedule.take_window(window.start, window.end, chance());
            client.schedule.ask_at = now + window.retry_after;
            asked[hour] += 1;
        }
        if client.schedule.is_due(begin, end, now) {
            if down {
                client.schedule.failed("no answer", now, chance());
                refused[hour] += 1;
            } else {
                client.begin = now;
                client.schedule.renewed(now);
                issued[hour] += 1;
                in_minute += 1;
            }
        }
        queue.push(std::cmp::Reverse((now + TIMER, number)));
    }
    println!("{count} clients, certificates for {} days, {DAYS} days", LIFETIME / DAY);
    println!("the CA is down from hour {} to {}", DOWN.start / HOUR, DOWN.end / HOUR);
    let rate = |per_hour: u64| per_hour as f64 / 3600.0;
    let before = DOWN.start / HOUR - 1;
    let usual = issued[usize::try_from(before).expect("few")];
    let most = issued.iter().max().copied().unwrap_or(0);
    println!("issued: {} in all", issued.iter().sum::<u64>());
    println!("  usual:   {:.2} a second", rate(usual));
    println!(
        "  at most: {:.2} a second in an hour, {:.2} in a minute",
        rate(most),
        most_in_a_minute as f64 / 60.0
    );
    println!(
        "asked when to renew (ARI): {:.2} a second at most",
        rate(asked.iter().max().copied().unwrap_or(0))
    );
    println!(
        "tries while down: {:.2} a second at most",
        rate(refused.iter().max().copied().unwrap_or(0))
    );
    println!("looks with an expired certificate: {expired}");
    println!("hour: issued");
    for (hour, count) in issued.iter().enumerate().skip(90).take(48) {
        println!(
            "{hour:4}: {count:6} {}",
            "#".repeat(usize::try_from(count * 60 / most.max(1)).unwrap_or(0))
        );
    }
}
