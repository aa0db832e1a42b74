//! `seal proxy` as it is run, between programs as they are.

#[path = "../peers/mod.rs"]
mod peers;

mod browser;
mod databases;
mod hostile;
mod hostile_protocols;
mod hostile_two;
mod lasting;
mod origin;
mod packets;
mod page;
mod programs;
mod protobuf;
mod run;
mod running;
