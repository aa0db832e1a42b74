//! Sockets of Node's by their descriptors: past the event loop, and without waiting.

/// Whether something waits at a socket that nobody has read, which the caller keeps open meanwhile.
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
    use std::mem::ManuallyDrop;
    use std::net::TcpStream;
    use std::os::fd::FromRawFd;
    if fd < 0 {
        return 0;
    }
    // SAFETY: as above, and it is not closed here. A socket of Node's does not block; of a TcpStream nothing is
    // used but send(2), which is the same for all of them, and an error on what is no socket.
    let mut socket = ManuallyDrop::new(unsafe { TcpStream::from_raw_fd(fd) });
    loop {
        match socket.write(bytes) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            sent => return sent.unwrap_or(0),
        }
    }
}

#[cfg(not(unix))]
pub(crate) fn send(_fd: i32, _bytes: &[u8]) -> usize {
    0
}
