//! Sockets of Node's by their descriptors: past the event loop, and without waiting.

/// Whether a socket, which the caller keeps open meanwhile, has unread bytes.
#[cfg(unix)]
pub(crate) fn has_pending_read(fd: i32) -> bool {
    use std::os::fd::BorrowedFd;
    if fd < 0 {
        return false;
    }
    // SAFETY: not -1; the JavaScript half has taken it from a handle that is open, which nothing
    // closes during this call. If it were closed, the system would say so.
    let socket = unsafe { BorrowedFd::borrow_raw(fd) };
    rustix::io::ioctl_fionread(socket).is_ok_and(|count| count > 0)
}

#[cfg(not(unix))]
pub(crate) fn has_pending_read(_fd: i32) -> bool {
    false
}

/// Sends what a socket takes at once, and gives how many bytes. Why it does not take more is for the
/// event loop to find out, with the rest.
#[cfg(unix)]
pub(crate) fn send(fd: i32, bytes: &[u8]) -> usize {
    use std::io::{ErrorKind, Write};
    let Some(socket) = borrowed(fd) else { return 0 };
    loop {
        match (&*socket).write(bytes) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            sent => return sent.unwrap_or(0),
        }
    }
}

#[cfg(not(unix))]
pub(crate) fn send(_fd: i32, _bytes: &[u8]) -> usize {
    0
}

/// Ends our side. That the peer has gone meanwhile is told by reading.
#[cfg(unix)]
pub(crate) fn end(fd: i32) {
    if let Some(socket) = borrowed(fd) {
        let _ = socket.shutdown(std::net::Shutdown::Write);
    }
}

#[cfg(not(unix))]
pub(crate) fn end(_fd: i32) {}

/// A socket of Node's: it does not block, and is not closed here. Of a `TcpStream` nothing is used but send(2)
/// and shutdown(2), which are the same for all of them.
#[cfg(unix)]
fn borrowed(fd: i32) -> Option<std::mem::ManuallyDrop<std::net::TcpStream>> {
    use std::os::fd::FromRawFd;
    // SAFETY: as above; on what is not a socket, the system gives an error.
    (fd >= 0).then(|| std::mem::ManuallyDrop::new(unsafe { std::net::TcpStream::from_raw_fd(fd) }))
}
