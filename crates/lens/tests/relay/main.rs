//! The relay between real clients and real origins.

mod compose;
mod faithful;
mod origins;
mod peers;
mod refusals;
mod rules;
mod sql;
mod support;
mod two;
mod upstream;
mod websocket;
