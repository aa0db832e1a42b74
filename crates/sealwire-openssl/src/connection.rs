//! One side of one connection: bytes in, bytes out.

use std::ffi::{CString, c_char, c_int, c_long, c_uint, c_void};
use std::ptr::{self, NonNull};
use std::slice;

use crate::calls::{self, Counts, Handler};
use crate::context::{Context, Role};
use crate::failure::Failure;
use crate::owned::{Borrowing, Credential, OwnedBio, der_of, der_of_name, drain, write};
use crate::sessions;
use crate::source::Found;
use crate::table::{Bio, Pkey, Ssl, Table, number};

/// One side of one connection. What came is given to it by [`feed`](Self::feed), record by record;
/// what is to be sent is appended to the caller's vector by each call.
pub struct Connection {
    ssl: NonNull<Ssl>,
    /// The connection's, which frees them.
    incoming: NonNull<Bio>,
    outgoing: NonNull<Bio>,
    counts: Counts,
    trace: Option<OwnedBio>,
    /// After a failure OpenSSL must not be asked for anything more.
    failed: bool,
    context: Context,
}

// SAFETY: a connection may be used by any thread, one at a time; all that changes it takes `&mut`,
// and it is not `Sync`.
unsafe impl Send for Connection {}

/// Whether something is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// It is.
    Done,
    /// More of the peer's bytes are needed.
    NeedsInput,
}

/// What came of reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Read {
    /// So many bytes of data.
    Data(usize),
    /// More of the peer's bytes are needed.
    NeedsInput,
    /// The peer sent `close_notify`.
    Closed,
}

/// What two peers agreed on.
#[derive(Debug, Clone)]
pub struct Negotiated {
    /// By its number on the wire.
    pub version: u16,
    /// By its number in IANA's registry.
    pub suite: u16,
    /// The protocol (RFC 7301).
    pub alpn: Option<Vec<u8>>,
    /// Whether a session was resumed, or a pre-shared key used (TLS 1.3).
    pub resumed: bool,
    /// The key agreement's, as this side saw it.
    pub temporary_key: Option<TemporaryKey>,
    /// The peer's certificate (DER), of the original connection when resumed.
    pub peer_leaf: Option<Vec<u8>>,
    /// Our certificate (DER), if one was chosen.
    pub own_certificate: Option<Vec<u8>>,
    /// The `verify_data` of our Finished message.
    pub finished: Vec<u8>,
    /// That of the peer's.
    pub peer_finished: Vec<u8>,
    /// The OCSP response that the server stapled (DER).
    pub ocsp_response: Option<Vec<u8>>,
}

/// The peer's key of the key agreement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemporaryKey {
    /// Whether the agreement was finite-field Diffie-Hellman.
    pub is_dh: bool,
    /// OpenSSL's name of the group, where it has one.
    pub group: Option<String>,
    /// How long the key is.
    pub bits: u32,
}

impl Connection {
    /// A connection with these settings. `renegotiable`: it may be negotiated again.
    ///
    /// # Errors
    /// When OpenSSL has no memory.
    pub fn new(context: &Context, renegotiable: bool) -> Result<Self, Failure> {
        let found = context.0.found;
        found.clear_errors();
        let (incoming, outgoing) = (OwnedBio::new(found)?, OwnedBio::new(found)?);
        let table = &found.table;
        // SAFETY: the context is whole.
        let ssl = unsafe { (table.SSL_new)(context.0.context.as_ptr()) };
        let ssl = NonNull::new(ssl).ok_or_else(|| Failure::take(found))?;
        // SAFETY: both are not null; the connection takes them, and has them until it is freed.
        let (incoming, outgoing) = unsafe {
            for bio in [&incoming, &outgoing] {
                // Empty is not an end: more may come.
                let what = number::BIO_C_SET_BUF_MEM_EOF_RETURN;
                (table.BIO_ctrl)(bio.pointer(), what, -1, ptr::null_mut());
            }
            let (incoming, outgoing) = (incoming.into_pointer(), outgoing.into_pointer());
            (table.SSL_set_bio)(ssl.as_ptr(), incoming, outgoing);
            match context.0.role {
                Role::Client => (table.SSL_set_connect_state)(ssl.as_ptr()),
                Role::Server => (table.SSL_set_accept_state)(ssl.as_ptr()),
            }
            if renegotiable {
                (table.SSL_clear_options)(ssl.as_ptr(), number::SSL_OP_NO_RENEGOTIATION);
            }
            (NonNull::new_unchecked(incoming), NonNull::new_unchecked(outgoing))
        };
        let (counts, context) = (Counts::default(), context.clone());
        Ok(Self { ssl, incoming, outgoing, counts, trace: None, failed: false, context })
    }

    /// The name that a client asks for (SNI).
    ///
    /// # Errors
    /// When it is longer than 255 bytes.
    pub fn server_name(&mut self, name: &str) -> Result<(), Failure> {
        let name = CString::new(name).map_err(|_| Failure::of("a name with a NUL byte"))?;
        let set =
            self.ctrl(number::SSL_CTRL_SET_TLSEXT_HOSTNAME, 0, name.as_ptr().cast_mut().cast());
        self.or_why(set == 1)
    }

    /// The protocols that a client offers, each behind its length.
    ///
    /// # Errors
    /// When they are not written so.
    pub fn offer_alpn(&mut self, written: &[u8]) -> Result<(), Failure> {
        let length = c_uint::try_from(written.len()).unwrap_or(c_uint::MAX);
        // SAFETY: there are `length` bytes, which are copied. 0 is success here.
        let set = unsafe {
            (self.table().SSL_set_alpn_protos)(self.ssl.as_ptr(), written.as_ptr(), length) == 0
        };
        self.or_why(set)
    }

    /// A client's request for an OCSP response.
    pub fn request_ocsp(&mut self) {
        let ocsp = number::TLSEXT_STATUSTYPE_OCSP;
        self.ctrl(number::SSL_CTRL_SET_TLSEXT_STATUS_REQ_TYPE, ocsp, ptr::null_mut());
    }

    /// Shows this certificate in place of the context's.
    ///
    /// # Errors
    /// When the security level does not allow it, or the key is not its own.
    pub fn credential(&mut self, credential: &Credential) -> Result<(), Failure> {
        let found = self.found();
        found.clear_errors();
        let issuers = Borrowing::of(found, &credential.issuers);
        let issuers = issuers.ok_or_else(|| Failure::take(found))?;
        // SAFETY: OpenSSL counts what it keeps of them; the list is copied.
        let set = unsafe {
            (found.table.SSL_use_cert_and_key)(
                self.ssl.as_ptr(),
                credential.leaf.pointer(),
                credential.key.pointer(),
                issuers.pointer(),
                1,
            ) == 1
        };
        self.or_why(set)
    }

    /// Offers a server this session (DER) for resumption. False: it is not a session.
    pub fn offer_session(&mut self, der: &[u8]) -> bool {
        let Some(session) = sessions::read(self.found(), der) else { return false };
        // SAFETY: both are ours; the connection takes a reference of its own.
        let set =
            unsafe { (self.table().SSL_set_session)(self.ssl.as_ptr(), session.pointer()) == 1 };
        self.found().clear_errors();
        set
    }

    /// What was told since the last time, if it is [`traced`](Self::trace).
    pub fn take_trace(&mut self) -> Option<Vec<u8>> {
        let bio = self.trace.as_ref()?;
        let mut text = Vec::new();
        // SAFETY: the BIO is ours.
        unsafe { drain(self.found(), bio.pointer(), &mut text) };
        Some(text)
    }

    /// Tells in words what goes over the connection, if this OpenSSL can:
    /// [`take_trace`](Self::take_trace).
    pub fn trace(&mut self) -> bool {
        let (Some(set), Some(_)) = (self.table().SSL_set_msg_callback, self.table().SSL_trace)
        else {
            return false;
        };
        if self.trace.is_some() {
            return true;
        }
        self.trace = OwnedBio::new(self.found()).ok();
        // SAFETY: the callback lives as long as the program.
        unsafe { set(self.ssl.as_ptr(), Some(calls::message)) };
        self.trace.is_some()
    }

    /// What a server asks of its client when the connection is negotiated the next time.
    pub fn ask_for_certificate(&mut self, ask: bool, required: bool) {
        let mode = match (ask, required) {
            (false, _) => number::SSL_VERIFY_NONE,
            (true, false) => number::SSL_VERIFY_PEER,
            (true, true) => number::SSL_VERIFY_PEER | number::SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
        };
        // SAFETY: the connection is ours.
        unsafe { (self.table().SSL_set_verify)(self.ssl.as_ptr(), mode, ptr::null()) }
    }

    /// The next record that came, whole, or the beginning of one that is too long.
    ///
    /// # Errors
    /// When there is no memory.
    pub fn feed(&mut self, record: &[u8]) -> Result<(), Failure> {
        // SAFETY: the BIO is the connection's, which is alive.
        unsafe { write(self.found(), self.incoming.as_ptr(), record) }
    }

    /// Continues the handshake.
    ///
    /// # Errors
    /// Why it failed; the alert that says so is in `out`.
    pub fn handshake(
        &mut self,
        handler: &mut dyn Handler,
        out: &mut Vec<u8>,
    ) -> Result<Progress, Failure> {
        let (done, _) = self.call(handler, out, |table, ssl| {
            // SAFETY: the connection is ours.
            unsafe { (table.SSL_do_handshake)(ssl) }
        })?;
        Ok(if done { Progress::Done } else { Progress::NeedsInput })
    }

    /// Decrypts into `room`, which has not more than 2 GiB.
    ///
    /// # Errors
    /// Why the connection failed; the alert that says so is in `out`.
    pub fn read(
        &mut self,
        handler: &mut dyn Handler,
        room: &mut [u8],
        out: &mut Vec<u8>,
    ) -> Result<Read, Failure> {
        let (at, length) = (room.as_mut_ptr(), c_int::try_from(room.len()).unwrap_or(c_int::MAX));
        let mut read = 0;
        let (done, closed) = self.call(handler, out, |table, ssl| {
            // SAFETY: there is room for `length` bytes.
            read = unsafe { (table.SSL_read)(ssl, at.cast(), length) };
            read
        })?;
        Ok(match (done, closed) {
            (true, _) => Read::Data(usize::try_from(read).unwrap_or(0)),
            (false, true) => Read::Closed,
            (false, false) => Read::NeedsInput,
        })
    }

    /// Encrypts all of `data`. [`NeedsInput`](Progress::NeedsInput): the connection is being
    /// negotiated again; give the same data again, when more came.
    ///
    /// # Errors
    /// Why the connection failed.
    pub fn write(
        &mut self,
        handler: &mut dyn Handler,
        data: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Progress, Failure> {
        let Ok(length @ 1..) = c_int::try_from(data.len()) else {
            return if data.is_empty() {
                Ok(Progress::Done)
            } else {
                Err(Failure::of("too much data at once"))
            };
        };
        let (done, _) = self.call(handler, out, |table, ssl| {
            // SAFETY: there are `length` bytes.
            unsafe { (table.SSL_write)(ssl, data.as_ptr().cast(), length) }
        })?;
        Ok(if done { Progress::Done } else { Progress::NeedsInput })
    }

    /// How much data a record holds at most.
    pub fn max_fragment(&mut self, bytes: usize) {
        let bytes = c_long::try_from(bytes).unwrap_or(16384);
        self.ctrl(number::SSL_CTRL_SET_MAX_SEND_FRAGMENT, bytes, ptr::null_mut());
    }

    /// Says that no more data will be sent.
    pub fn close(&mut self, handler: &mut dyn Handler, out: &mut Vec<u8>) {
        let _ = self.call(handler, out, |table, ssl| {
            // SAFETY: the connection is ours. 0: said, and the peer has not said it yet.
            unsafe { (table.SSL_shutdown)(ssl).max(1) }
        });
    }

    /// Begins to negotiate the connection again (up to TLS 1.2): a client by its hello, a server by
    /// the request for one. It continues in [`read`](Self::read).
    ///
    /// # Errors
    /// When that is not possible.
    pub fn renegotiate(
        &mut self,
        handler: &mut dyn Handler,
        out: &mut Vec<u8>,
    ) -> Result<(), Failure> {
        let (begun, _) = self.call(handler, out, |table, ssl| {
            // SAFETY: the connection is ours.
            unsafe { (table.SSL_renegotiate)(ssl) }
        })?;
        if !begun {
            return Err(Failure::of("the connection cannot be renegotiated"));
        }
        self.handshake(handler, out).map(drop)
    }

    /// How many handshakes have begun, and how many are complete.
    pub fn handshakes(&self) -> (u32, u32) {
        (self.counts.begun.get(), self.counts.ended.get())
    }

    /// The suite that the server has chosen, once that is known in the handshake.
    pub fn pending_suite(&mut self) -> Option<u16> {
        let table = self.table();
        // SAFETY: the connection is ours; a suite is a constant of OpenSSL's.
        unsafe {
            let suite = (table.SSL_get_pending_cipher)(self.ssl.as_ptr());
            (!suite.is_null()).then(|| (table.SSL_CIPHER_get_protocol_id)(suite))
        }
    }

    /// The names (DER) of the CAs that a server listed when it asked for a certificate; `None`: it has not
    /// asked, or says nothing of CAs in TLS 1.3.
    pub fn requested_authorities(&mut self) -> Option<Vec<Vec<u8>>> {
        let table = self.table();
        // SAFETY: the connection is ours; the list and its names are OpenSSL's, and are copied here.
        unsafe {
            let list = (table.SSL_get0_peer_CA_list)(self.ssl.as_ptr());
            if list.is_null() {
                return None;
            }
            let names = 0..(table.OPENSSL_sk_num)(list);
            let der = |at| der_of_name(self.found(), (table.OPENSSL_sk_value)(list, at).cast());
            Some(names.filter_map(der).collect())
        }
    }

    /// Our certificate (DER), if one was chosen.
    pub fn own_certificate(&mut self) -> Option<Vec<u8>> {
        // SAFETY: the connection is ours; what OpenSSL lends is copied.
        unsafe {
            let own = (self.table().SSL_get_certificate)(self.ssl.as_ptr());
            if own.is_null() { None } else { der_of(self.found(), own) }
        }
    }

    /// What was agreed on, once the handshake is complete.
    pub fn negotiated(&mut self) -> Option<Negotiated> {
        let table = self.table();
        let ssl = self.ssl.as_ptr();
        // SAFETY: the connection is ours; what OpenSSL lends is copied here.
        unsafe {
            let suite = (table.SSL_get_current_cipher)(ssl);
            if suite.is_null() {
                return None;
            }
            let (mut alpn, mut alpn_length) = (ptr::null(), 0);
            (table.SSL_get0_alpn_selected)(ssl, &raw mut alpn, &raw mut alpn_length);
            let alpn = (!alpn.is_null() && alpn_length > 0)
                .then(|| slice::from_raw_parts(alpn, alpn_length as usize).to_vec());
            let peer = (table.SSL_get0_peer_certificate)(ssl);
            Some(Negotiated {
                version: u16::try_from((table.SSL_version)(ssl)).ok()?,
                suite: (table.SSL_CIPHER_get_protocol_id)(suite),
                alpn,
                resumed: (table.SSL_session_reused)(ssl) == 1,
                temporary_key: self.temporary_key(),
                peer_leaf: if peer.is_null() { None } else { der_of(self.found(), peer) },
                own_certificate: self.own_certificate(),
                finished: self.finished(table.SSL_get_finished),
                peer_finished: self.finished(table.SSL_get_peer_finished),
                ocsp_response: self.ocsp_response(),
            })
        }
    }

    /// Fills `output` with keying material (RFC 5705).
    ///
    /// # Errors
    /// When OpenSSL does not give it: a label that TLS itself uses.
    pub fn export(
        &mut self,
        output: &mut [u8],
        label: &[u8],
        context: Option<&[u8]>,
    ) -> Result<(), Failure> {
        self.found().clear_errors();
        let (at, length) =
            context.map_or((ptr::null(), 0), |context| (context.as_ptr(), context.len()));
        // SAFETY: each pointer has as many bytes as is said.
        let given = unsafe {
            (self.table().SSL_export_keying_material)(
                self.ssl.as_ptr(),
                output.as_mut_ptr(),
                output.len(),
                label.as_ptr().cast::<c_char>(),
                label.len(),
                at,
                length,
                c_int::from(context.is_some()),
            ) == 1
        };
        self.or_why(given)
    }

    fn temporary_key(&self) -> Option<TemporaryKey> {
        let table = self.table();
        let mut key: *mut Pkey = ptr::null_mut();
        // SAFETY: the place is ours; a key that is written there is one reference, given back here.
        unsafe {
            let place: *mut c_void = (&raw mut key).cast();
            let what = number::SSL_CTRL_GET_PEER_TMP_KEY;
            if (table.SSL_ctrl)(self.ssl.as_ptr(), what, 0, place) != 1 || key.is_null() {
                self.found().clear_errors();
                return None;
            }
            let (mut name, mut length) = ([0u8; 64], 0);
            let named = (table.EVP_PKEY_get_group_name)(
                key,
                name.as_mut_ptr().cast(),
                name.len(),
                &raw mut length,
            ) == 1;
            let kind = (table.EVP_PKEY_get_id)(key);
            // These are groups by themselves.
            let group = match kind {
                number::EVP_PKEY_X25519 => Some(&b"X25519"[..]),
                number::EVP_PKEY_X448 => Some(&b"X448"[..]),
                _ => name.get(..length).filter(|_| named),
            };
            let bits = (table.EVP_PKEY_get_bits)(key);
            (table.EVP_PKEY_free)(key);
            self.found().clear_errors();
            Some(TemporaryKey {
                is_dh: matches!(kind, number::EVP_PKEY_DH | number::EVP_PKEY_DHX),
                group: group.map(|name| String::from_utf8_lossy(name).into_owned()),
                bits: u32::try_from(bits).unwrap_or_default(),
            })
        }
    }

    fn finished(
        &self,
        which: unsafe extern "C" fn(*const Ssl, *mut c_void, usize) -> usize,
    ) -> Vec<u8> {
        let mut value = vec![0; 64];
        // SAFETY: there is room for as many bytes as is said.
        let length = unsafe { which(self.ssl.as_ptr(), value.as_mut_ptr().cast(), value.len()) };
        value.truncate(length);
        value
    }

    fn ocsp_response(&self) -> Option<Vec<u8>> {
        let mut at: *const u8 = ptr::null();
        // SAFETY: the place is ours; what OpenSSL lends is copied.
        unsafe {
            let what = number::SSL_CTRL_GET_TLSEXT_STATUS_REQ_OCSP_RESP;
            let length = (self.table().SSL_ctrl)(self.ssl.as_ptr(), what, 0, (&raw mut at).cast());
            let length = usize::try_from(length).ok().filter(|length| *length > 0)?;
            (!at.is_null()).then(|| slice::from_raw_parts(at, length).to_vec())
        }
    }

    /// Makes a call that may ask. Gives whether it is done, and whether the peer has closed.
    fn call(
        &mut self,
        handler: &mut dyn Handler,
        out: &mut Vec<u8>,
        call: impl FnOnce(&Table, *mut Ssl) -> c_int,
    ) -> Result<(bool, bool), Failure> {
        if self.failed {
            return Err(Failure::of("the connection failed earlier"));
        }
        let (found, ssl) = (self.found(), self.ssl.as_ptr());
        found.clear_errors();
        let result = calls::with(found, handler, &self.counts, self.trace.as_ref(), || {
            call(&found.table, ssl)
        });
        let error = if result > 0 {
            0
        } else {
            // SAFETY: the connection is ours, and this the call after the one that is asked about.
            unsafe { (found.table.SSL_get_error)(ssl, result) }
        };
        // SAFETY: the BIO is the connection's.
        unsafe { drain(found, self.outgoing.as_ptr(), out) };
        match error {
            0 => Ok((true, false)),
            number::SSL_ERROR_WANT_READ | number::SSL_ERROR_WANT_WRITE => {
                found.clear_errors();
                Ok((false, false))
            }
            number::SSL_ERROR_ZERO_RETURN => Ok((false, true)),
            _ => {
                self.failed = true;
                Err(Failure::take(found))
            }
        }
    }

    fn ctrl(&mut self, what: c_int, value: c_long, at: *mut c_void) -> c_long {
        self.found().clear_errors();
        // SAFETY: the connection is ours; what is at the pointer, if any, is as this control wants it.
        unsafe { (self.table().SSL_ctrl)(self.ssl.as_ptr(), what, value, at) }
    }

    fn or_why(&self, set: bool) -> Result<(), Failure> {
        if set { Ok(()) } else { Err(Failure::take(self.found())) }
    }

    fn found(&self) -> &'static Found {
        self.context.0.found
    }

    fn table(&self) -> &'static Table {
        &self.found().table
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // SAFETY: it is ours, with its two BIOs.
        unsafe { (self.table().SSL_free)(self.ssl.as_ptr()) }
        self.found().clear_errors();
    }
}
