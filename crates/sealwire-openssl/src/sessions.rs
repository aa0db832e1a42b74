//! Sessions for later connections, as bytes.

use std::ffi::{c_long, c_uchar, c_uint};
use std::ptr::{self, NonNull};
use std::slice;

use zeroize::Zeroizing;

use crate::source::Found;
use crate::table::SslSession;

/// A session that was made just now.
pub struct NewSession {
    /// The session itself (DER), with its secrets and the peer's leaf. Not its chain.
    pub der: Zeroizing<Vec<u8>>,
    /// Its id.
    pub id: Vec<u8>,
    /// The version on the wire.
    pub version: u16,
    /// What the server gave a client to show.
    pub ticket: Option<Vec<u8>>,
    /// How long that is good, in seconds; 0: the server did not say.
    pub lifetime: u32,
}

/// One reference to a session.
pub(crate) struct OwnedSession {
    found: &'static Found,
    session: NonNull<SslSession>,
}

impl OwnedSession {
    pub(crate) fn pointer(&self) -> *mut SslSession {
        self.session.as_ptr()
    }

    /// Gives it to OpenSSL.
    pub(crate) fn into_pointer(self) -> *mut SslSession {
        let pointer = self.session.as_ptr();
        std::mem::forget(self);
        pointer
    }
}

impl Drop for OwnedSession {
    fn drop(&mut self) {
        // SAFETY: one reference is ours.
        unsafe { (self.found.table.SSL_SESSION_free)(self.session.as_ptr()) }
    }
}

/// Reads a session back; `None` where it is not a session.
pub(crate) fn read(found: &'static Found, der: &[u8]) -> Option<OwnedSession> {
    let mut at: *const c_uchar = der.as_ptr();
    let length = c_long::try_from(der.len()).ok()?;
    // SAFETY: `at` has `length` bytes, and is only moved.
    let session = unsafe { (found.table.d2i_SSL_SESSION)(ptr::null_mut(), &raw mut at, length) };
    found.clear_errors();
    Some(OwnedSession { found, session: NonNull::new(session)? })
}

/// Encodes a session, if it is resumable.
///
/// # Safety
/// `session` is one.
pub(crate) unsafe fn written(found: &Found, session: *mut SslSession) -> Option<NewSession> {
    let table = &found.table;
    // SAFETY: the caller's promise. What is lent is copied; without a place to write to, only
    // counted.
    unsafe {
        if (table.SSL_SESSION_is_resumable)(session) != 1 {
            return None;
        }
        let length = (table.i2d_SSL_SESSION)(session, ptr::null_mut());
        let length = usize::try_from(length).ok().filter(|length| *length > 0)?;
        let mut der = Zeroizing::new(vec![0; length]);
        let mut at: *mut c_uchar = der.as_mut_ptr();
        (table.i2d_SSL_SESSION)(session, &raw mut at);
        let mut id_length: c_uint = 0;
        let id = (table.SSL_SESSION_get_id)(session, &raw mut id_length);
        let (mut ticket, mut ticket_length) = (ptr::null(), 0);
        (table.SSL_SESSION_get0_ticket)(session, &raw mut ticket, &raw mut ticket_length);
        let lifetime = (table.SSL_SESSION_get_ticket_lifetime_hint)(session);
        Some(NewSession {
            der,
            id: lent(id, id_length as usize).to_vec(),
            version: u16::try_from((table.SSL_SESSION_get_protocol_version)(session)).ok()?,
            ticket: (ticket_length > 0).then(|| lent(ticket, ticket_length).to_vec()),
            lifetime: u32::try_from(lifetime).unwrap_or(u32::MAX),
        })
    }
}

/// What was put into the ticket of this session.
///
/// # Safety
/// `session` is one.
pub(crate) unsafe fn appended(found: &Found, session: *mut SslSession) -> Zeroizing<Vec<u8>> {
    let (mut at, mut length) = (ptr::null_mut(), 0);
    // SAFETY: the caller's promise; what is lent is copied.
    Zeroizing::new(unsafe {
        let get = found.table.SSL_SESSION_get0_ticket_appdata;
        if get(session, &raw mut at, &raw mut length) == 1 {
            lent(at.cast_const().cast(), length).to_vec()
        } else {
            Vec::new()
        }
    })
}

/// # Safety
/// There are that many bytes, or none at null.
unsafe fn lent<'a>(at: *const u8, length: usize) -> &'a [u8] {
    // SAFETY: the caller's promise.
    if at.is_null() { &[] } else { unsafe { slice::from_raw_parts(at, length) } }
}
