//! What a turn of a handshake brings, as bits of a number: those of nearly all turns of a server need no
//! object of JavaScript's, each of whose properties costs more than to compute it.

/// There are bytes to send.
pub(crate) const HAS_OUTPUT: u32 = 1;
/// They ask a client for another hello.
pub(crate) const ASKS_AGAIN: u32 = 2;
/// [`Session::take_server_name`](crate::session::Session::take_server_name) has the client's SNI.
pub(crate) const NAMED: u32 = 4;
/// The handshake is complete: [`Session::agreed`](crate::session::Session::agreed), and
/// [`Session::take_rest`](crate::session::Session::take_rest).
pub(crate) const COMPLETE: u32 = 8;
/// In place of all others: [`Session::progress`](crate::session::Session::progress) has something else to tell, too.
pub(crate) const MORE: u32 = 16;
/// In place of all others: the TLS engine has panicked.
pub(crate) const PANICKED: u32 = 32;
