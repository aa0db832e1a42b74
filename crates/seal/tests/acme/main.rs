//! `seal ca serve` and its clients: ours, and lego, which others wrote.

#[path = "../peers/mod.rs"]
mod peers;

mod ca;
mod client;
mod issue;
mod ledger;
mod others;
mod page;
mod proofs;
mod servers;
