//! In place of the engine for old peers, where the feature `legacy` is off: there is none.

use super::{Credential, Engine, Failure};
use crate::reading::ClientHello;
use crate::words::{ClientAuth, ServerName};

/// Nobody has one.
pub(crate) enum Old {}

/// How one connection is served.
#[expect(dead_code, reason = "nobody reads it")]
pub(crate) struct OldService<'a> {
    pub(crate) client_auth: ClientAuth,
    pub(crate) alpn: &'a [Vec<u8>],
    pub(crate) named: Vec<Vec<u8>>,
    pub(crate) others: Option<Vec<Credential>>,
    pub(crate) hello: &'a ClientHello,
}

impl Old {
    pub(crate) fn speaks_as_client(&self) -> bool {
        match *self {}
    }

    pub(crate) fn speaks_with(&self, _: &ClientHello, _: Option<&[Credential]>) -> bool {
        match *self {}
    }

    pub(crate) fn client(
        &self,
        _: &ServerName,
        _: &[Vec<u8>],
        _: bool,
    ) -> Result<Box<dyn Engine>, Failure> {
        match *self {}
    }

    pub(crate) fn server(&self, _: OldService<'_>) -> Result<Box<dyn Engine>, Failure> {
        match *self {}
    }
}
