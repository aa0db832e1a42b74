//! The settings of many connections.

use std::ffi::{CString, c_int, c_long};
use std::ptr::{self, NonNull};
use std::sync::Arc;

use crate::calls;
use crate::failure::Failure;
use crate::owned::{Credential, DhParameters};
use crate::source::{Found, Library};
use crate::table::{SslCtx, X509Name, number};

/// Which side of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The one that says hello first.
    Client,
    /// The one that answers.
    Server,
}

/// Settings, complete. Cheap to clone; nothing of them is changed any longer.
#[derive(Clone)]
pub struct Context(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) found: &'static Found,
    pub(crate) context: NonNull<SslCtx>,
    pub(crate) role: Role,
}

// SAFETY: what is behind it is counted by atomic operations and guarded by OpenSSL's own locks, and
// after it was built nothing of ours changes it.
unsafe impl Send for Inner {}
// SAFETY: as above.
unsafe impl Sync for Inner {}

/// Gathers the settings of a [`Context`].
pub struct ContextBuilder {
    inner: Inner,
    /// The kinds of keys that have a certificate.
    kinds: Vec<c_int>,
}

/// How long the keys of tickets are: a name (16), one for HMAC and one for AES-256.
pub const TICKET_KEYS: usize = 80;

const TLS1_VERSION: u16 = 0x0301;
const TLS1_3_VERSION: u16 = 0x0304;

impl ContextBuilder {
    /// Of connections of this side. Renegotiation is refused, nothing is compressed, sessions are
    /// not kept.
    ///
    /// # Errors
    /// When OpenSSL has no memory.
    pub fn new(library: Library, role: Role) -> Result<Self, Failure> {
        let found = library.0;
        found.clear_errors();
        let table = &found.table;
        // SAFETY: the methods are constants of OpenSSL's.
        let context = unsafe {
            (table.SSL_CTX_new)(match role {
                Role::Client => (table.TLS_client_method)(),
                Role::Server => (table.TLS_server_method)(),
            })
        };
        let context = NonNull::new(context).ok_or_else(|| Failure::take(found))?;
        let inner = Inner { found, context, role };
        let options = number::SSL_OP_NO_COMPRESSION
            | number::SSL_OP_NO_RENEGOTIATION
            // A certificate that a server asks for then must be shown.
            | number::SSL_OP_NO_SESSION_RESUMPTION_ON_RENEGOTIATION
            | if role == Role::Client { number::SSL_OP_LEGACY_SERVER_CONNECT } else { 0 };
        // SAFETY: the context is ours; the callbacks live as long as the program.
        unsafe {
            let context = context.as_ptr();
            (table.SSL_CTX_set_options)(context, options);
            (table.SSL_CTX_set_cert_verify_callback)(context, calls::verify, ptr::null_mut());
            (table.SSL_CTX_set_info_callback)(context, calls::info);
            // Without one, a server that asks for certificates negotiates nothing again.
            const NAME: &[u8] = b"sealwire";
            if role == Role::Server {
                (table.SSL_CTX_set_session_id_context)(context, NAME.as_ptr(), NAME.len() as u32);
            }
        }
        let mode = number::SSL_MODE_RELEASE_BUFFERS | number::SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER;
        inner.ctrl(number::SSL_CTRL_MODE, mode);
        inner.ctrl(number::SSL_CTRL_SET_SESS_CACHE_MODE, number::SSL_SESS_CACHE_OFF);
        Ok(Self { inner, kinds: Vec::new() })
    }

    /// The oldest and the newest version, by their numbers on the wire: TLS 1.0 is 0x0301. Nothing
    /// older is spoken.
    ///
    /// # Errors
    /// When OpenSSL has not one of them.
    pub fn versions(self, oldest: u16, newest: u16) -> Result<Self, Failure> {
        let oldest = oldest.max(TLS1_VERSION);
        let newest = newest.min(TLS1_3_VERSION);
        self.set(number::SSL_CTRL_SET_MIN_PROTO_VERSION, oldest.into())?
            .set(number::SSL_CTRL_SET_MAX_PROTO_VERSION, newest.into())
    }

    /// The suites, best first: those up to TLS 1.2 in OpenSSL's list language, and those of TLS 1.3
    /// by name. What has no encryption or no authentication is taken out. An empty list leaves
    /// OpenSSL's own, for a context of TLS 1.3 only.
    ///
    /// # Errors
    /// When none is left.
    pub fn suites(self, list: &str, tls13: &str) -> Result<Self, Failure> {
        let table = &self.inner.found.table;
        let list = if list.is_empty() { "DEFAULT" } else { list };
        let list = format!("{list}:!aNULL:!eNULL:!EXPORT:!RC4:!SSLv2:!MD5");
        let (list, tls13) = (text(&list)?, text(tls13)?);
        // SAFETY: the context is ours; the texts end with a zero.
        let set = unsafe {
            (table.SSL_CTX_set_cipher_list)(self.inner.context.as_ptr(), list.as_ptr()) == 1
                && (table.SSL_CTX_set_ciphersuites)(self.inner.context.as_ptr(), tls13.as_ptr())
                    == 1
        };
        self.or_why(set)
    }

    /// How much security everything must have (`SSL_CTX_set_security_level`). TLS 1.0 and 1.1 need
    /// 0, for their handshakes are signed over SHA-1.
    #[must_use]
    pub fn security_level(self, level: u8) -> Self {
        // SAFETY: the context is ours.
        unsafe {
            let set = self.inner.found.table.SSL_CTX_set_security_level;
            set(self.inner.context.as_ptr(), level.into());
        }
        self
    }

    /// The groups for the key agreement, best first, between colons.
    ///
    /// # Errors
    /// When OpenSSL does not know one of them.
    pub fn groups(self, list: &str) -> Result<Self, Failure> {
        self.set_text(number::SSL_CTRL_SET_GROUPS_LIST, list)
    }

    /// The signature schemes, best first, between colons.
    ///
    /// # Errors
    /// When OpenSSL does not know one of them.
    pub fn signature_schemes(self, list: &str) -> Result<Self, Failure> {
        self.set_text(number::SSL_CTRL_SET_SIGALGS_LIST, list)
    }

    /// Whose order counts, a server's or its client's.
    #[must_use]
    pub fn prefer_server_order(self, prefer: bool) -> Self {
        self.option(if prefer { number::SSL_OP_CIPHER_SERVER_PREFERENCE } else { 0 })
    }

    /// Adds a certificate. Of those with the same kind of key the first counts.
    ///
    /// # Errors
    /// When the security level does not allow it, or the key is not its own.
    pub fn credential(mut self, credential: &Credential) -> Result<Self, Failure> {
        let table = &self.inner.found.table;
        let context = self.inner.context.as_ptr();
        // SAFETY: the key is whole.
        let kind = unsafe { (table.EVP_PKEY_get_id)(credential.key.pointer()) };
        if self.kinds.contains(&kind) {
            return Ok(self);
        }
        self.kinds.push(kind);
        self.inner.found.clear_errors();
        // SAFETY: the context is ours; OpenSSL counts what it keeps of the credential.
        let set = unsafe {
            (table.SSL_CTX_use_certificate)(context, credential.leaf.pointer()) == 1
                && (table.SSL_CTX_use_PrivateKey)(context, credential.key.pointer()) == 1
                && credential.issuers.iter().all(|issuer| {
                    let add = number::SSL_CTRL_CHAIN_CERT;
                    (table.SSL_CTX_ctrl)(context, add, 1, issuer.pointer().cast()) == 1
                })
        };
        self.or_why(set)
    }

    /// OpenSSL's parameters for DHE that go with the certificate.
    ///
    /// # Errors
    /// When OpenSSL does not support it.
    pub fn dh_auto(self) -> Result<Self, Failure> {
        self.set(number::SSL_CTRL_SET_DH_AUTO, 1)
    }

    /// Parameters for DHE of our own. Without them, DHE is disabled.
    ///
    /// # Errors
    /// When the security level does not allow them.
    pub fn dh(self, parameters: &DhParameters) -> Result<Self, Failure> {
        let table = &self.inner.found.table;
        let key = parameters.key.pointer();
        self.inner.found.clear_errors();
        // SAFETY: the context is ours; it takes the reference that is made for it.
        let set = unsafe {
            (table.EVP_PKEY_up_ref)(key);
            let set = (table.SSL_CTX_set0_tmp_dh_pkey)(self.inner.context.as_ptr(), key) == 1;
            if !set {
                (table.EVP_PKEY_free)(key);
            }
            set
        };
        self.or_why(set)
    }

    /// Asks the peer for a certificate; of a client, that it has one is `required`. `named` are the
    /// names (DER) of CAs whose certificates are welcome.
    ///
    /// # Errors
    /// When a name cannot be read.
    pub fn ask_for_certificate(self, required: bool, named: &[Vec<u8>]) -> Result<Self, Failure> {
        let found = self.inner.found;
        let table = &found.table;
        let mode = number::SSL_VERIFY_PEER
            | if required { number::SSL_VERIFY_FAIL_IF_NO_PEER_CERT } else { 0 };
        found.clear_errors();
        // SAFETY: the context is ours, and takes the list with the names.
        unsafe {
            let context = self.inner.context.as_ptr();
            (table.SSL_CTX_set_verify)(context, mode, ptr::null());
            let list = (table.OPENSSL_sk_new_null)();
            (table.SSL_CTX_set_client_CA_list)(context, list);
            for der in named {
                let (mut at, none) = (der.as_ptr(), ptr::null_mut());
                let length = c_long::try_from(der.len()).unwrap_or(0);
                let name: *mut X509Name = (table.d2i_X509_NAME)(none, &raw mut at, length);
                if name.is_null() {
                    return Err(Failure::take(found));
                }
                if (table.OPENSSL_sk_push)(list, name.cast()) <= 0 {
                    (table.X509_NAME_free)(name);
                    return Err(Failure::take(found));
                }
            }
        }
        Ok(self)
    }

    /// Chooses among the protocols that clients offer: the handler is asked.
    #[must_use]
    pub fn select_alpn(self) -> Self {
        // SAFETY: the context is ours; the callback lives as long as the program.
        unsafe {
            let set = self.inner.found.table.SSL_CTX_set_alpn_select_cb;
            set(self.inner.context.as_ptr(), calls::alpn, ptr::null_mut());
        }
        self
    }

    /// Tells the secrets of connections: the handler gets the lines.
    #[must_use]
    pub fn key_log(self) -> Self {
        // SAFETY: the context is ours; the callback lives as long as the program.
        unsafe {
            let set = self.inner.found.table.SSL_CTX_set_keylog_callback;
            set(self.inner.context.as_ptr(), calls::key_log);
        }
        self
    }

    /// Takes pre-shared keys: the handler is asked. A server may help its clients by a hint.
    ///
    /// # Errors
    /// When the hint is longer than 128 bytes or has a zero in it.
    pub fn psk(self, hint: Option<&str>) -> Result<Self, Failure> {
        let table = &self.inner.found.table;
        let context = self.inner.context.as_ptr();
        // SAFETY: the context is ours; the callbacks live as long as the program.
        unsafe {
            match self.inner.role {
                Role::Client => (table.SSL_CTX_set_psk_client_callback)(context, calls::psk_client),
                Role::Server => (table.SSL_CTX_set_psk_server_callback)(context, calls::psk_server),
            }
        }
        let Some(hint) = hint else { return Ok(self) };
        let hint = text(hint)?;
        self.inner.found.clear_errors();
        // SAFETY: the text ends with a zero.
        let set = unsafe { (table.SSL_CTX_use_psk_identity_hint)(context, hint.as_ptr()) == 1 };
        self.or_why(set)
    }

    /// Lets connections be negotiated again, by either side.
    #[must_use]
    pub fn allow_renegotiation(self) -> Self {
        // The flag against it is taken off each connection; this one is for servers.
        self.option(number::SSL_OP_ALLOW_CLIENT_RENEGOTIATION)
    }

    /// Gives no tickets, so that nothing is resumed.
    #[must_use]
    pub fn no_tickets(self) -> Self {
        self.option(number::SSL_OP_NO_TICKET)
    }

    /// Enables resumption: the handler keeps the sessions, is asked for those that a server has stored, and
    /// what is to be in tickets. They are good for so many seconds.
    #[must_use]
    pub fn keep_sessions(self, lifetime: u32) -> Self {
        let mode = number::SSL_SESS_CACHE_BOTH | number::SSL_SESS_CACHE_NO_INTERNAL;
        self.inner.ctrl(number::SSL_CTRL_SET_SESS_CACHE_MODE, mode);
        let table = &self.inner.found.table;
        let context = self.inner.context.as_ptr();
        // SAFETY: the context is ours; the callbacks live as long as the program.
        unsafe {
            (table.SSL_CTX_set_timeout)(
                context,
                i32::try_from(lifetime).unwrap_or(i32::MAX).into(),
            );
            (table.SSL_CTX_sess_set_new_cb)(context, calls::new_session);
            (table.SSL_CTX_sess_set_get_cb)(context, calls::get_session);
            if self.inner.role == Role::Server {
                let (make, take) = (calls::make_ticket, calls::take_ticket);
                (table.SSL_CTX_set_session_ticket_cb)(context, make, take, ptr::null_mut());
            }
        }
        self
    }

    /// How a server gives tickets: protected by these keys, and so many in a handshake of TLS 1.3.
    ///
    /// # Errors
    /// When OpenSSL has no memory.
    pub fn tickets(self, keys: &[u8; TICKET_KEYS], count: usize) -> Result<Self, Failure> {
        self.inner.found.clear_errors();
        // SAFETY: the context is ours; the keys are copied, and not written to.
        let set = unsafe {
            let table = &self.inner.found.table;
            let context = self.inner.context.as_ptr();
            let what = number::SSL_CTRL_SET_TLSEXT_TICKET_KEYS;
            let at = keys.as_ptr().cast_mut().cast();
            (table.SSL_CTX_set_num_tickets)(context, count) == 1
                && (table.SSL_CTX_ctrl)(context, what, TICKET_KEYS as c_long, at) == 1
        };
        self.or_why(set)
    }

    /// A server staples the OCSP response that the handler has.
    #[must_use]
    pub fn staple(self) -> Self {
        // SAFETY: the context is ours; the callback lives as long as the program.
        unsafe {
            let set = self.inner.found.table.SSL_CTX_callback_ctrl;
            let what = number::SSL_CTRL_SET_TLSEXT_STATUS_REQ_CB;
            set(self.inner.context.as_ptr(), what, calls::status);
        }
        self
    }

    /// The settings, complete.
    pub fn build(self) -> Context {
        Context(Arc::new(self.inner))
    }

    fn option(self, option: u64) -> Self {
        // SAFETY: the context is ours.
        unsafe {
            let set = self.inner.found.table.SSL_CTX_set_options;
            set(self.inner.context.as_ptr(), option);
        }
        self
    }

    fn set(self, what: c_int, value: c_long) -> Result<Self, Failure> {
        self.inner.found.clear_errors();
        let set = self.inner.ctrl(what, value) == 1;
        self.or_why(set)
    }

    fn set_text(self, what: c_int, value: &str) -> Result<Self, Failure> {
        let value = text(value)?;
        self.inner.found.clear_errors();
        // SAFETY: the context is ours; the text ends with a zero and is only read.
        let set = unsafe {
            let ctrl = self.inner.found.table.SSL_CTX_ctrl;
            ctrl(self.inner.context.as_ptr(), what, 0, value.as_ptr().cast_mut().cast()) == 1
        };
        self.or_why(set)
    }

    fn or_why(self, set: bool) -> Result<Self, Failure> {
        if set { Ok(self) } else { Err(Failure::take(self.inner.found)) }
    }
}

impl Inner {
    fn ctrl(&self, what: c_int, value: c_long) -> c_long {
        // SAFETY: the context is ours; these take a number and no pointer.
        unsafe {
            (self.found.table.SSL_CTX_ctrl)(self.context.as_ptr(), what, value, ptr::null_mut())
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // SAFETY: one reference is ours.
        unsafe { (self.found.table.SSL_CTX_free)(self.context.as_ptr()) }
    }
}

fn text(text: &str) -> Result<CString, Failure> {
    CString::new(text).map_err(|_| Failure::of("a string with a NUL byte"))
}
