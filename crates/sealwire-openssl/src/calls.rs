//! OpenSSL's callbacks from inside a call, and how they reach their handler.
//!
//! Most of OpenSSL's callbacks are given nothing of ours, and all of them are called from inside of
//! a call that we make, on its thread. So the handler is in a slot of the thread while that lasts.

use std::cell::{Cell, RefCell};
use std::ffi::{CStr, c_char, c_int, c_uchar, c_uint, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::{self, NonNull};
use std::slice;

use zeroize::Zeroizing;

use crate::owned::{OwnedBio, der_of};
use crate::sessions::{NewSession, appended, read, written};
use crate::source::Found;
use crate::table::{Ssl, SslSession, StoreCtx, number};

/// Answers the questions of a handshake.
pub trait Handler {
    /// Whether the peer with this chain (DER, leaf first) is accepted.
    ///
    /// # Errors
    /// Refused: a number of OpenSSL's (`X509_V_ERR_*`), by which the alert is chosen.
    fn verify(&mut self, chain: &[Vec<u8>]) -> Result<(), i32>;

    /// A server's choice among the protocols that a client offers: the place of one, or `None` to
    /// refuse. Asked only of servers that have protocols.
    fn alpn(&mut self, offered: &[&[u8]]) -> Option<usize>;

    /// A line of the key log.
    fn key_log(&mut self, line: &str);

    /// The key that a server shares with the client of this name.
    fn psk_of(&mut self, identity: &[u8]) -> Option<Vec<u8>>;

    /// The identity of a client for this server, which may have sent a hint.
    fn psk(&mut self, hint: Option<&[u8]>) -> Option<PskAnswer>;

    /// A resumable session: one that a client received, or one that a server may store.
    fn new_session(&mut self, session: NewSession);

    /// The session (DER) that a server has stored under this id.
    fn stored_session(&mut self, id: &[u8]) -> Option<Zeroizing<Vec<u8>>>;

    /// What a server wants to find in the ticket that it gives now; `None`: the ticket will not be
    /// taken.
    fn ticket(&mut self) -> Option<Zeroizing<Vec<u8>>>;

    /// Whether to resume the session of a ticket with that content.
    fn takes_ticket(&mut self, found: &[u8]) -> TakesTicket;

    /// The OCSP response (DER) that a server staples.
    fn staple(&mut self) -> Option<Vec<u8>>;
}

/// Whether to resume the session of a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TakesTicket {
    /// No: a full handshake follows, with a new ticket.
    No,
    /// It does.
    Yes,
    /// It does, and the client is given another ticket.
    Renewed,
}

/// A client's name and the key that it shares with the server.
#[derive(Clone)]
pub struct PskAnswer {
    /// The name, which has no zero in it.
    pub identity: Vec<u8>,
    /// The key.
    pub key: Vec<u8>,
}

/// A call that we make, as callbacks find it.
struct Call<'a> {
    found: &'static Found,
    handler: RefCell<&'a mut dyn Handler>,
    counts: &'a Counts,
    trace: Option<&'a OwnedBio>,
}

/// How many handshakes of a connection have begun, and how many are complete.
#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) begun: Cell<u32>,
    pub(crate) ended: Cell<u32>,
}

thread_local! {
    static CALL: Cell<Option<NonNull<Call<'static>>>> = const { Cell::new(None) };
}

/// Calls OpenSSL with `handler` there to be asked.
pub(crate) fn with<T>(
    found: &'static Found,
    handler: &mut dyn Handler,
    counts: &Counts,
    trace: Option<&OwnedBio>,
    call: impl FnOnce() -> T,
) -> T {
    let this = Call { found, handler: RefCell::new(handler), counts, trace };
    // The lifetime is taken off; the slot is put back before it ends, and calls do not unwind.
    let before = CALL.replace(Some(NonNull::from(&this).cast()));
    let result = call();
    CALL.set(before);
    result
}

/// What a callback does; `otherwise` without a handler, or when it panics.
fn answer<T>(otherwise: T, work: impl FnOnce(&Call<'_>) -> T) -> T {
    let Some(call) = CALL.get() else { return otherwise };
    // SAFETY: the slot holds a call only while that lasts, which is in a frame below on this stack.
    let call = unsafe { call.as_ref() };
    catch_unwind(AssertUnwindSafe(|| work(call))).unwrap_or(otherwise)
}

/// In place of `X509_verify_cert`.
pub(crate) unsafe extern "C" fn verify(store: *mut StoreCtx, _: *mut c_void) -> c_int {
    const X509_V_ERR_APPLICATION_VERIFICATION: i32 = 50;
    let outcome = answer(Err(X509_V_ERR_APPLICATION_VERIFICATION), |call| {
        // SAFETY: OpenSSL calls with the context of a verification that is under way.
        let chain = unsafe { chain_of(call.found, store) };
        let chain = chain.ok_or(X509_V_ERR_APPLICATION_VERIFICATION)?;
        call.handler.borrow_mut().verify(&chain)
    });
    match outcome {
        Ok(()) => 1,
        Err(code) => {
            answer((), |call| {
                // SAFETY: as above.
                unsafe { (call.found.table.X509_STORE_CTX_set_error)(store, code) }
            });
            0
        }
    }
}

/// The certificates that the peer sent, leaf first.
///
/// # Safety
/// `store` is the context of a verification that is under way.
unsafe fn chain_of(found: &Found, store: *mut StoreCtx) -> Option<Vec<Vec<u8>>> {
    let table = &found.table;
    // SAFETY: the caller's promise; what is in the list is lent to us until we return.
    unsafe {
        let leaf = (table.X509_STORE_CTX_get0_cert)(store);
        let sent = (table.X509_STORE_CTX_get0_untrusted)(store);
        let mut chain = vec![der_of(found, NonNull::new(leaf)?.as_ptr())?];
        if !sent.is_null() {
            for place in 0..(table.OPENSSL_sk_num)(sent) {
                let one = (table.OPENSSL_sk_value)(sent, place).cast();
                if one != leaf {
                    chain.push(der_of(found, one)?);
                }
            }
        }
        Some(chain)
    }
}

pub(crate) unsafe extern "C" fn alpn(
    _: *mut Ssl,
    out: *mut *const c_uchar,
    out_length: *mut c_uchar,
    offered: *const c_uchar,
    length: c_uint,
    _: *mut c_void,
) -> c_int {
    answer(number::SSL_TLSEXT_ERR_ALERT_FATAL, |call| {
        // SAFETY: OpenSSL lends that many bytes until we return.
        let bytes = unsafe { slice::from_raw_parts(offered, length as usize) };
        let mut names = Vec::new();
        let mut rest = bytes;
        while let Some((length, after)) = rest.split_first() {
            let Some((name, after)) = after.split_at_checked(usize::from(*length)) else { break };
            names.push(name);
            rest = after;
        }
        let chosen = call.handler.borrow_mut().alpn(&names);
        let Some(chosen) = chosen.and_then(|place| names.get(place)) else {
            return number::SSL_TLSEXT_ERR_ALERT_FATAL;
        };
        // SAFETY: both are places of OpenSSL's; what is written is inside of what it lent.
        unsafe {
            *out = chosen.as_ptr();
            *out_length = u8::try_from(chosen.len()).unwrap_or_default();
        }
        number::SSL_TLSEXT_ERR_OK
    })
}

pub(crate) unsafe extern "C" fn key_log(_: *const Ssl, line: *const c_char) {
    answer((), |call| {
        // SAFETY: a text that ends with a zero, lent until we return.
        if let Ok(line) = unsafe { CStr::from_ptr(line) }.to_str() {
            call.handler.borrow_mut().key_log(line);
        }
    });
}

pub(crate) unsafe extern "C" fn info(_: *const Ssl, at: c_int, _: c_int) {
    answer((), |call| {
        let count = match at {
            number::SSL_CB_HANDSHAKE_START => &call.counts.begun,
            number::SSL_CB_HANDSHAKE_DONE => &call.counts.ended,
            _ => return,
        };
        count.set(count.get().saturating_add(1));
    });
}

pub(crate) unsafe extern "C" fn psk_server(
    _: *mut Ssl,
    identity: *const c_char,
    key: *mut c_uchar,
    room: c_uint,
) -> c_uint {
    answer(0, |call| {
        if identity.is_null() {
            return 0;
        }
        // SAFETY: a text that ends with a zero, lent until we return.
        let identity = unsafe { CStr::from_ptr(identity) };
        let found = call.handler.borrow_mut().psk_of(identity.to_bytes());
        let Some(found) = found.filter(|found| found.len() <= room as usize) else { return 0 };
        // SAFETY: there is room for `room` bytes.
        unsafe { ptr::copy_nonoverlapping(found.as_ptr(), key, found.len()) };
        c_uint::try_from(found.len()).unwrap_or(0)
    })
}

pub(crate) unsafe extern "C" fn psk_client(
    _: *mut Ssl,
    hint: *const c_char,
    identity: *mut c_char,
    identity_room: c_uint,
    key: *mut c_uchar,
    key_room: c_uint,
) -> c_uint {
    answer(0, |call| {
        // SAFETY: null, or a text that ends with a zero, lent until we return.
        let hint = (!hint.is_null()).then(|| unsafe { CStr::from_ptr(hint) }.to_bytes());
        let given = call.handler.borrow_mut().psk(hint);
        let Some(PskAnswer { identity: name, key: secret }) = given else { return 0 };
        if name.len() >= identity_room as usize
            || name.contains(&0)
            || secret.len() > key_room as usize
        {
            return 0;
        }
        // SAFETY: there is room for the name with its zero, and for the key.
        unsafe {
            ptr::copy_nonoverlapping(name.as_ptr().cast(), identity, name.len());
            *identity.add(name.len()) = 0;
            ptr::copy_nonoverlapping(secret.as_ptr(), key, secret.len());
        }
        c_uint::try_from(secret.len()).unwrap_or(0)
    })
}

pub(crate) unsafe extern "C" fn message(
    sent: c_int,
    version: c_int,
    kind: c_int,
    bytes: *const c_void,
    length: usize,
    ssl: *mut Ssl,
    _: *mut c_void,
) {
    answer((), |call| {
        let (Some(bio), Some(trace)) = (call.trace, call.found.table.SSL_trace) else { return };
        // SAFETY: the arguments are OpenSSL's own, handed on; the BIO is ours.
        unsafe { trace(sent, version, kind, bytes, length, ssl, bio.pointer().cast()) };
    });
}

/// Called on both sides when a session is made, and, by a server of TLS 1.3, for each ticket.
pub(crate) unsafe extern "C" fn new_session(_: *mut Ssl, session: *mut SslSession) -> c_int {
    answer((), |call| {
        // SAFETY: a session that is lent until we return.
        if let Some(told) = unsafe { written(call.found, session) } {
            call.handler.borrow_mut().new_session(told);
        }
    });
    0 // The reference that we could keep is OpenSSL's.
}

pub(crate) unsafe extern "C" fn get_session(
    _: *mut Ssl,
    id: *const c_uchar,
    length: c_int,
    copied: *mut c_int,
) -> *mut SslSession {
    answer(ptr::null_mut(), |call| {
        let Ok(length @ 1..) = usize::try_from(length) else { return ptr::null_mut() };
        // SAFETY: OpenSSL lends that many bytes until we return.
        let id = unsafe { slice::from_raw_parts(id, length) };
        let Some(der) = call.handler.borrow_mut().stored_session(id) else {
            return ptr::null_mut();
        };
        // SAFETY: a place of OpenSSL's. 0: the reference that is given is its own now.
        unsafe { *copied = 0 };
        read(call.found, &der).map_or(ptr::null_mut(), crate::sessions::OwnedSession::into_pointer)
    })
}

pub(crate) unsafe extern "C" fn make_ticket(ssl: *mut Ssl, _: *mut c_void) -> c_int {
    answer(0, |call| {
        let put = call.handler.borrow_mut().ticket().unwrap_or_default();
        // SAFETY: the connection is in a handshake, and has a session; the bytes are copied.
        unsafe {
            let session = (call.found.table.SSL_get_session)(ssl);
            let (at, length) = (put.as_ptr().cast(), put.len());
            (call.found.table.SSL_SESSION_set1_ticket_appdata)(session, at, length)
        }
    })
}

pub(crate) unsafe extern "C" fn take_ticket(
    _: *mut Ssl,
    session: *mut SslSession,
    _: *const c_uchar,
    _: usize,
    status: c_int,
    _: *mut c_void,
) -> c_int {
    let ignored = number::SSL_TICKET_RETURN_IGNORE_RENEW;
    if !matches!(status, number::SSL_TICKET_SUCCESS | number::SSL_TICKET_SUCCESS_RENEW) {
        return ignored;
    }
    answer(ignored, |call| {
        // SAFETY: with such a status there is a session, lent until we return.
        let found = unsafe { appended(call.found, session) };
        match call.handler.borrow_mut().takes_ticket(&found) {
            TakesTicket::No => ignored,
            TakesTicket::Yes => number::SSL_TICKET_RETURN_USE,
            TakesTicket::Renewed => number::SSL_TICKET_RETURN_USE_RENEW,
        }
    })
}

pub(crate) unsafe extern "C" fn status(ssl: *mut Ssl, _: *mut c_void) -> c_int {
    answer(number::SSL_TLSEXT_ERR_NOACK, |call| {
        let Some(staple) = call.handler.borrow_mut().staple() else {
            return number::SSL_TLSEXT_ERR_NOACK;
        };
        let table = &call.found.table;
        let (Ok(length), what) = (
            std::ffi::c_long::try_from(staple.len()),
            number::SSL_CTRL_SET_TLSEXT_STATUS_REQ_OCSP_RESP,
        ) else {
            return number::SSL_TLSEXT_ERR_NOACK;
        };
        // SAFETY: the room is OpenSSL's own and as long as what is written; the connection takes it.
        unsafe {
            let room = (table.CRYPTO_malloc)(staple.len(), c"sealwire".as_ptr(), 0);
            if room.is_null() {
                return number::SSL_TLSEXT_ERR_NOACK;
            }
            ptr::copy_nonoverlapping(staple.as_ptr(), room.cast(), staple.len());
            (table.SSL_ctrl)(ssl, what, length, room);
        }
        number::SSL_TLSEXT_ERR_OK
    })
}
