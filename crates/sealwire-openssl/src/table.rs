//! The functions of OpenSSL that are used, by name and type, and the numbers that go with them.

use std::ffi::{c_char, c_int, c_long, c_uchar, c_uint, c_ulong, c_void};

use crate::origin::{Origin, Unavailable};

/// What OpenSSL keeps to itself.
macro_rules! opaque {
    ($($name:ident),*) => { $(
        #[repr(C)]
        pub(crate) struct $name { _private: [u8; 0] }
    )* };
}

opaque!(
    Bio, BioMethod, Ssl, SslCtx, SslMethod, SslCipher, SslSession, X509, StoreCtx, X509Name, Pkey,
    Stack
);

pub(crate) type VerifyCallback = unsafe extern "C" fn(*mut StoreCtx, *mut c_void) -> c_int;
pub(crate) type AlpnCallback = unsafe extern "C" fn(
    *mut Ssl,
    *mut *const c_uchar,
    *mut c_uchar,
    *const c_uchar,
    c_uint,
    *mut c_void,
) -> c_int;
pub(crate) type KeyLogCallback = unsafe extern "C" fn(*const Ssl, *const c_char);
pub(crate) type InfoCallback = unsafe extern "C" fn(*const Ssl, c_int, c_int);
pub(crate) type PskServerCallback =
    unsafe extern "C" fn(*mut Ssl, *const c_char, *mut c_uchar, c_uint) -> c_uint;
pub(crate) type PskClientCallback = unsafe extern "C" fn(
    *mut Ssl,
    *const c_char,
    *mut c_char,
    c_uint,
    *mut c_uchar,
    c_uint,
) -> c_uint;
pub(crate) type NewSessionCallback = unsafe extern "C" fn(*mut Ssl, *mut SslSession) -> c_int;
pub(crate) type GetSessionCallback =
    unsafe extern "C" fn(*mut Ssl, *const c_uchar, c_int, *mut c_int) -> *mut SslSession;
pub(crate) type MakeTicketCallback = unsafe extern "C" fn(*mut Ssl, *mut c_void) -> c_int;
pub(crate) type TakeTicketCallback = unsafe extern "C" fn(
    *mut Ssl,
    *mut SslSession,
    *const c_uchar,
    usize,
    c_int,
    *mut c_void,
) -> c_int;
pub(crate) type StatusCallback = unsafe extern "C" fn(*mut Ssl, *mut c_void) -> c_int;
pub(crate) type MessageCallback =
    unsafe extern "C" fn(c_int, c_int, c_int, *const c_void, usize, *mut Ssl, *mut c_void);

/// Writes the table and how it is filled: a name that is not there is told by name. Those behind
/// `optional` may be absent.
macro_rules! functions {
    ($(fn $name:ident($($arg:ty),*) $(-> $ret:ty)?;)* optional: $(fn $opt:ident($($oarg:ty),*) $(-> $oret:ty)?;)*) => {
        #[allow(non_snake_case, reason = "the names are OpenSSL's")]
        pub(crate) struct Table {
            $(pub(crate) $name: unsafe extern "C" fn($($arg),*) $(-> $ret)?,)*
            $(pub(crate) $opt: Option<unsafe extern "C" fn($($oarg),*) $(-> $oret)?>,)*
        }

        impl Table {
            /// Looks every function up.
            pub(crate) fn fill(origin: &Origin) -> Result<Self, Unavailable> {
                Ok(Self {
                    // SAFETY: the name has the type that OpenSSL's headers of major version 3 and 4
                    // declare, and the version is checked before any other function is called.
                    $($name: unsafe { origin.find(concat!(stringify!($name), "\0"))? },)*
                    // SAFETY: as above.
                    $($opt: unsafe { origin.find(concat!(stringify!($opt), "\0")).ok() },)*
                })
            }

            /// Those of the OpenSSL that is linked.
            #[cfg(feature = "vendored")]
            pub(crate) fn linked() -> Self {
                Self { $($name: linked::$name,)* $($opt: Some(linked::$opt),)* }
            }
        }

        #[cfg(feature = "vendored")]
        #[allow(non_snake_case, reason = "the names are OpenSSL's")]
        mod linked {
            use super::*;

            // SAFETY: as OpenSSL 4.0's headers declare them, which is built with this crate.
            unsafe extern "C" {
                $(pub(super) fn $name($(_: $arg),*) $(-> $ret)?;)*
                $(pub(super) fn $opt($(_: $oarg),*) $(-> $oret)?;)*
            }
        }
    };
}

functions! {
    fn OpenSSL_version(c_int) -> *const c_char;
    fn OPENSSL_init_ssl(u64, *const c_void) -> c_int;
    fn ERR_clear_error();
    fn ERR_get_error() -> c_ulong;
    fn ERR_reason_error_string(c_ulong) -> *const c_char;
    fn BIO_new(*const BioMethod) -> *mut Bio;
    fn BIO_s_mem() -> *const BioMethod;
    fn BIO_read(*mut Bio, *mut c_void, c_int) -> c_int;
    fn BIO_write(*mut Bio, *const c_void, c_int) -> c_int;
    fn BIO_ctrl(*mut Bio, c_int, c_long, *mut c_void) -> c_long;
    fn BIO_free(*mut Bio) -> c_int;
    fn TLS_client_method() -> *const SslMethod;
    fn TLS_server_method() -> *const SslMethod;
    fn SSL_CTX_new(*const SslMethod) -> *mut SslCtx;
    fn SSL_CTX_free(*mut SslCtx);
    fn SSL_CTX_ctrl(*mut SslCtx, c_int, c_long, *mut c_void) -> c_long;
    fn SSL_CTX_set_options(*mut SslCtx, u64) -> u64;
    fn SSL_CTX_set_cipher_list(*mut SslCtx, *const c_char) -> c_int;
    fn SSL_CTX_set_ciphersuites(*mut SslCtx, *const c_char) -> c_int;
    fn SSL_CTX_set_security_level(*mut SslCtx, c_int);
    fn SSL_CTX_set_verify(*mut SslCtx, c_int, *const c_void);
    fn SSL_CTX_set_cert_verify_callback(*mut SslCtx, VerifyCallback, *mut c_void);
    fn SSL_CTX_set_alpn_select_cb(*mut SslCtx, AlpnCallback, *mut c_void);
    fn SSL_CTX_set_keylog_callback(*mut SslCtx, KeyLogCallback);
    fn SSL_CTX_set_info_callback(*mut SslCtx, InfoCallback);
    fn SSL_CTX_use_certificate(*mut SslCtx, *mut X509) -> c_int;
    fn SSL_CTX_use_PrivateKey(*mut SslCtx, *mut Pkey) -> c_int;
    fn SSL_CTX_set0_tmp_dh_pkey(*mut SslCtx, *mut Pkey) -> c_int;
    fn SSL_CTX_set_client_CA_list(*mut SslCtx, *mut Stack);
    fn SSL_CTX_use_psk_identity_hint(*mut SslCtx, *const c_char) -> c_int;
    fn SSL_CTX_set_psk_server_callback(*mut SslCtx, PskServerCallback);
    fn SSL_CTX_set_psk_client_callback(*mut SslCtx, PskClientCallback);
    fn SSL_CTX_set_session_id_context(*mut SslCtx, *const c_uchar, c_uint) -> c_int;
    fn SSL_CTX_sess_set_new_cb(*mut SslCtx, NewSessionCallback);
    fn SSL_CTX_sess_set_get_cb(*mut SslCtx, GetSessionCallback);
    fn SSL_CTX_set_session_ticket_cb(*mut SslCtx, MakeTicketCallback, TakeTicketCallback, *mut c_void) -> c_int;
    fn SSL_CTX_set_num_tickets(*mut SslCtx, usize) -> c_int;
    fn SSL_CTX_set_timeout(*mut SslCtx, c_long) -> c_long;
    fn SSL_CTX_callback_ctrl(*mut SslCtx, c_int, StatusCallback) -> c_long;
    fn SSL_get_session(*const Ssl) -> *mut SslSession;
    fn SSL_set_session(*mut Ssl, *mut SslSession) -> c_int;
    fn SSL_SESSION_free(*mut SslSession);
    fn SSL_SESSION_get_id(*const SslSession, *mut c_uint) -> *const c_uchar;
    fn SSL_SESSION_get_protocol_version(*const SslSession) -> c_int;
    fn SSL_SESSION_get_ticket_lifetime_hint(*const SslSession) -> c_ulong;
    fn SSL_SESSION_get0_ticket(*const SslSession, *mut *const c_uchar, *mut usize);
    fn SSL_SESSION_set1_ticket_appdata(*mut SslSession, *const c_void, usize) -> c_int;
    fn SSL_SESSION_get0_ticket_appdata(*mut SslSession, *mut *mut c_void, *mut usize) -> c_int;
    fn SSL_SESSION_is_resumable(*const SslSession) -> c_int;
    fn d2i_SSL_SESSION(*mut *mut SslSession, *mut *const c_uchar, c_long) -> *mut SslSession;
    fn i2d_SSL_SESSION(*const SslSession, *mut *mut c_uchar) -> c_int;
    fn CRYPTO_malloc(usize, *const c_char, c_int) -> *mut c_void;
    fn SSL_new(*mut SslCtx) -> *mut Ssl;
    fn SSL_free(*mut Ssl);
    fn SSL_set_bio(*mut Ssl, *mut Bio, *mut Bio);
    fn SSL_set_connect_state(*mut Ssl);
    fn SSL_set_accept_state(*mut Ssl);
    fn SSL_do_handshake(*mut Ssl) -> c_int;
    fn SSL_read(*mut Ssl, *mut c_void, c_int) -> c_int;
    fn SSL_write(*mut Ssl, *const c_void, c_int) -> c_int;
    fn SSL_shutdown(*mut Ssl) -> c_int;
    fn SSL_get_error(*const Ssl, c_int) -> c_int;
    fn SSL_ctrl(*mut Ssl, c_int, c_long, *mut c_void) -> c_long;
    fn SSL_clear_options(*mut Ssl, u64) -> u64;
    fn SSL_set_verify(*mut Ssl, c_int, *const c_void);
    fn SSL_set_alpn_protos(*mut Ssl, *const c_uchar, c_uint) -> c_int;
    fn SSL_get0_alpn_selected(*const Ssl, *mut *const c_uchar, *mut c_uint);
    fn SSL_use_cert_and_key(*mut Ssl, *mut X509, *mut Pkey, *mut Stack, c_int) -> c_int;
    fn SSL_version(*const Ssl) -> c_int;
    fn SSL_get_current_cipher(*const Ssl) -> *const SslCipher;
    fn SSL_CIPHER_get_protocol_id(*const SslCipher) -> u16;
    fn SSL_get_pending_cipher(*const Ssl) -> *const SslCipher;
    fn SSL_get_finished(*const Ssl, *mut c_void, usize) -> usize;
    fn SSL_get_peer_finished(*const Ssl, *mut c_void, usize) -> usize;
    fn SSL_export_keying_material(*mut Ssl, *mut c_uchar, usize, *const c_char, usize, *const c_uchar, usize, c_int) -> c_int;
    fn SSL_get0_peer_certificate(*const Ssl) -> *mut X509;
    fn SSL_get_certificate(*const Ssl) -> *mut X509;
    fn SSL_get0_peer_CA_list(*const Ssl) -> *const Stack;
    fn SSL_session_reused(*const Ssl) -> c_int;
    fn SSL_renegotiate(*mut Ssl) -> c_int;
    fn X509_STORE_CTX_get0_untrusted(*const StoreCtx) -> *mut Stack;
    fn X509_STORE_CTX_get0_cert(*const StoreCtx) -> *mut X509;
    fn X509_STORE_CTX_set_error(*mut StoreCtx, c_int);
    fn d2i_X509(*mut *mut X509, *mut *const c_uchar, c_long) -> *mut X509;
    fn i2d_X509(*const X509, *mut *mut c_uchar) -> c_int;
    fn X509_free(*mut X509);
    fn d2i_X509_NAME(*mut *mut X509Name, *mut *const c_uchar, c_long) -> *mut X509Name;
    fn i2d_X509_NAME(*const X509Name, *mut *mut c_uchar) -> c_int;
    fn X509_NAME_free(*mut X509Name);
    fn d2i_AutoPrivateKey(*mut *mut Pkey, *mut *const c_uchar, c_long) -> *mut Pkey;
    fn PEM_read_bio_Parameters(*mut Bio, *mut *mut Pkey) -> *mut Pkey;
    fn EVP_PKEY_free(*mut Pkey);
    fn EVP_PKEY_up_ref(*mut Pkey) -> c_int;
    fn EVP_PKEY_get_bits(*const Pkey) -> c_int;
    fn EVP_PKEY_get_id(*const Pkey) -> c_int;
    fn EVP_PKEY_get_group_name(*const Pkey, *mut c_char, usize, *mut usize) -> c_int;
    fn OPENSSL_sk_new_null() -> *mut Stack;
    fn OPENSSL_sk_push(*mut Stack, *const c_void) -> c_int;
    fn OPENSSL_sk_num(*const Stack) -> c_int;
    fn OPENSSL_sk_value(*const Stack, c_int) -> *mut c_void;
    fn OPENSSL_sk_free(*mut Stack);
    optional:
    fn SSL_trace(c_int, c_int, c_int, *const c_void, usize, *mut Ssl, *mut c_void);
    fn SSL_set_msg_callback(*mut Ssl, Option<MessageCallback>);
}

/// Numbers of OpenSSL's headers, which its application interface has kept since 1.1.
pub(crate) mod number {
    use std::ffi::{c_int, c_long};

    #[cfg(feature = "vendored")]
    pub(crate) const OPENSSL_INIT_NO_LOAD_CONFIG: u64 = 0x80;
    pub(crate) const OPENSSL_INIT_NO_ATEXIT: u64 = 0x0008_0000;

    pub(crate) const BIO_CTRL_PENDING: c_int = 10;
    pub(crate) const BIO_C_SET_BUF_MEM_EOF_RETURN: c_int = 130;

    pub(crate) const SSL_CTRL_MODE: c_int = 33;
    pub(crate) const SSL_CTRL_SET_SESS_CACHE_MODE: c_int = 44;
    pub(crate) const SSL_CTRL_SET_TLSEXT_TICKET_KEYS: c_int = 59;
    pub(crate) const SSL_CTRL_SET_TLSEXT_STATUS_REQ_CB: c_int = 63;
    pub(crate) const SSL_CTRL_SET_TLSEXT_STATUS_REQ_OCSP_RESP: c_int = 71;
    pub(crate) const SSL_CTRL_SET_MAX_SEND_FRAGMENT: c_int = 52;
    pub(crate) const SSL_CTRL_SET_TLSEXT_HOSTNAME: c_int = 55;
    pub(crate) const SSL_CTRL_SET_TLSEXT_STATUS_REQ_TYPE: c_int = 65;
    pub(crate) const SSL_CTRL_GET_TLSEXT_STATUS_REQ_OCSP_RESP: c_int = 70;
    pub(crate) const SSL_CTRL_CHAIN_CERT: c_int = 89;
    pub(crate) const SSL_CTRL_SET_GROUPS_LIST: c_int = 92;
    pub(crate) const SSL_CTRL_SET_SIGALGS_LIST: c_int = 98;
    pub(crate) const SSL_CTRL_GET_PEER_TMP_KEY: c_int = 109;
    pub(crate) const SSL_CTRL_SET_DH_AUTO: c_int = 118;
    pub(crate) const SSL_CTRL_SET_MIN_PROTO_VERSION: c_int = 123;
    pub(crate) const SSL_CTRL_SET_MAX_PROTO_VERSION: c_int = 124;

    pub(crate) const SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER: c_long = 2;
    pub(crate) const SSL_MODE_RELEASE_BUFFERS: c_long = 0x10;

    pub(crate) const SSL_SESS_CACHE_OFF: c_long = 0;
    pub(crate) const SSL_SESS_CACHE_BOTH: c_long = 3;
    pub(crate) const SSL_SESS_CACHE_NO_INTERNAL: c_long = 0x300;

    pub(crate) const SSL_TICKET_SUCCESS: c_int = 5;
    pub(crate) const SSL_TICKET_SUCCESS_RENEW: c_int = 6;
    pub(crate) const SSL_TICKET_RETURN_IGNORE_RENEW: c_int = 2;
    pub(crate) const SSL_TICKET_RETURN_USE: c_int = 3;
    pub(crate) const SSL_TICKET_RETURN_USE_RENEW: c_int = 4;

    pub(crate) const SSL_OP_LEGACY_SERVER_CONNECT: u64 = 1 << 2;
    pub(crate) const SSL_OP_ALLOW_CLIENT_RENEGOTIATION: u64 = 1 << 8;
    pub(crate) const SSL_OP_NO_TICKET: u64 = 1 << 14;
    pub(crate) const SSL_OP_NO_SESSION_RESUMPTION_ON_RENEGOTIATION: u64 = 1 << 16;
    pub(crate) const SSL_OP_NO_COMPRESSION: u64 = 1 << 17;
    pub(crate) const SSL_OP_CIPHER_SERVER_PREFERENCE: u64 = 1 << 22;
    pub(crate) const SSL_OP_NO_RENEGOTIATION: u64 = 1 << 30;

    pub(crate) const SSL_VERIFY_NONE: c_int = 0;
    pub(crate) const SSL_VERIFY_PEER: c_int = 1;
    pub(crate) const SSL_VERIFY_FAIL_IF_NO_PEER_CERT: c_int = 2;

    pub(crate) const SSL_ERROR_WANT_READ: c_int = 2;
    pub(crate) const SSL_ERROR_WANT_WRITE: c_int = 3;
    pub(crate) const SSL_ERROR_ZERO_RETURN: c_int = 6;

    pub(crate) const SSL_TLSEXT_ERR_OK: c_int = 0;
    pub(crate) const SSL_TLSEXT_ERR_ALERT_FATAL: c_int = 2;
    pub(crate) const SSL_TLSEXT_ERR_NOACK: c_int = 3;

    pub(crate) const SSL_CB_HANDSHAKE_START: c_int = 0x10;
    pub(crate) const SSL_CB_HANDSHAKE_DONE: c_int = 0x20;

    pub(crate) const TLSEXT_STATUSTYPE_OCSP: c_long = 1;

    pub(crate) const EVP_PKEY_DH: c_int = 28;
    pub(crate) const EVP_PKEY_X25519: c_int = 1034;
    pub(crate) const EVP_PKEY_X448: c_int = 1035;
    pub(crate) const EVP_PKEY_DHX: c_int = 920;
}
