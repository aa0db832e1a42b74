//! What waits at a socket that nobody has read yet.

/// Whether there is something, at a socket that the caller keeps open meanwhile.
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
