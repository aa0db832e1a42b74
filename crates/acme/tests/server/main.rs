//! The server as a client sees it, without a network: every request through [`Server::answer`].

mod bad_requests;
mod client;
mod kill;
mod life;
mod nodes;
mod odd;
mod slow;
mod tokens;
