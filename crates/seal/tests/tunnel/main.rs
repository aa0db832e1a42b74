//! `seal tunnel` as it is run: real processes, ports chosen by the kernel, other programs on the
//! other side. Nothing sleeps: what a test waits for, the tunnel says in its log.

#[path = "../peers/mod.rs"]
mod peers;

mod access;
mod balance;
mod check;
mod confine;
mod drain;
mod faults;
mod fleet;
mod hybrid;
mod legacy;
mod limits;
mod live;
mod mqtt;
mod neighbours;
mod ourselves;
mod postgres;
mod proxy;
mod redis;
mod reload;
mod routes;
mod soak;
mod stapling;
mod starttls;
mod status;
mod support;
mod systemd;
mod traffic;
mod transfer;
mod unix_sockets;
mod writers;
