//! How many certificates a second, with so many stored: everything but the network, by so many
//! clients at once, each order with its account's signed requests, from the order to the download.
//!
//! `cargo run --release -p sealwire-acme --example rate [STORED] [SECONDS] [CLIENTS]`

#[path = "../tests/server/client.rs"]
#[allow(dead_code, reason = "the tests' client does more")]
mod client;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use sealwire_acme::server::{Check, Server, Settings};
use sealwire_acme::store::{
    Database, Durability, Error, Issued, Row, Sqlite, Statements, Store, Value,
};

use client::{Ca, Client};

#[tokio::main]
async fn main() {
    let argument = |n: usize, usual: u64| {
        std::env::args().nth(n).and_then(|text| text.parse().ok()).unwrap_or(usual)
    };
    let (stored, seconds, clients) = (argument(1, 100_000), argument(2, 10), argument(3, 4));
    let ca = Ca::new();
    let check: Check = Arc::new(|_| Box::pin(async { Ok(()) }));
    let counted = Counted::over(Sqlite::open(&ca.dir.path().join("ca.db")).expect("it opens"));
    let done = counted.done.clone();
    let store = Store::new(counted, ca.clock.clone());
    let settings = Settings { proofs_last: 0, ..Settings::default() };
    let server = Server::new(store, Arc::new(ca.authority()), settings, check).expect("a server");
    let first = Client::with_account(&server);
    let (_, pem) = first.certificate(&["first.test"]).await;
    let certificates = sealwire::pki::Certificate::all_from_pem(pem.as_bytes()).expect("a chain");
    let leaf = certificates[0].der().to_vec();
    let now = ca.clock.now();
    let begun = Instant::now();
    let issuer = server.authority().signer().id().to_owned();
    for thousand in 0..stored.div_ceil(1000) {
        let one = |n: u64| Issued {
            serial: format!("{:032X}", u128::from(thousand * 1000 + n) * 0x9E37_79B9_7F4A_7C15),
            issuer: issuer.clone(),
            account: None,
            created: now,
            not_after: now + 600_000,
            revoked: None,
            replaced: None,
            subject: "/CN=stored.test".to_owned(),
            names: "stored.test".to_owned(),
            der: Some(leaf.clone()),
        };
        let all: Vec<_> = (0..1000).map(one).collect();
        server.store().import(&all).expect("stored");
    }
    println!("{stored} stored in {:.1} s", begun.elapsed().as_secs_f64());
    let before = done.read();
    let (count, end) = (Arc::new(AtomicU64::new(0)), Instant::now() + Duration::from_secs(seconds));
    let runtime = tokio::runtime::Handle::current();
    let threads: Vec<_> = (0..clients)
        .map(|number| {
            let (server, count, runtime) = (server.clone(), count.clone(), runtime.clone());
            std::thread::spawn(move || {
                let client = Client::with_account(&server);
                let mut n = 0_u64;
                while Instant::now() < end {
                    let name = format!("c{number}-{n}.test");
                    runtime.block_on(client.certificate(&[&name]));
                    count.fetch_add(1, Ordering::Relaxed);
                    n += 1;
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().expect("no client fails");
    }
    let count = count.load(Ordering::Relaxed) as f64;
    println!("{:.0} certificates a second, by {clients} clients", count / seconds as f64);
    for ((what, after), before) in WHAT.iter().zip(done.read()).zip(before) {
        println!("  {what}: {:.1} a certificate", (after - before) as f64 / count.max(1.0));
    }
}

/// A database that counts what is asked of it.
struct Counted {
    database: Sqlite,
    done: Arc<Done>,
}

/// In the order of [`WHAT`].
#[derive(Default)]
struct Done([AtomicU64; 4]);

const WHAT: [&str; 4] = ["looks", "changes", "transactions", "transactions that wait for the disk"];

impl Done {
    fn read(&self) -> [u64; 4] {
        std::array::from_fn(|n| self.0[n].load(Ordering::Relaxed))
    }
}

impl Counted {
    fn over(database: Sqlite) -> Self {
        Self { database, done: Arc::default() }
    }

    fn count(&self, what: usize) {
        self.done.0[what].fetch_add(1, Ordering::Relaxed);
    }
}

impl Database for Counted {
    fn is_shared(&self) -> bool {
        self.database.is_shared()
    }

    fn execute(&self, sql: &'static str, values: &[Value]) -> Result<u64, Error> {
        self.count(1);
        self.database.execute(sql, values)
    }

    fn query(&self, sql: &'static str, values: &[Value]) -> Result<Vec<Row>, Error> {
        self.count(0);
        self.database.query(sql, values)
    }

    fn find(&self, sql: &'static str, values: &[Value]) -> Result<Option<Row>, Error> {
        self.count(0);
        self.database.find(sql, values)
    }

    fn transaction(
        &self,
        durability: Durability,
        work: &mut dyn FnMut(&mut dyn Statements) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.count(if durability == Durability::Disk { 3 } else { 2 });
        self.database.transaction(durability, work)
    }
}
