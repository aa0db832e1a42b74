//! Stands in for the legacy engine where the feature `legacy` is off.

use super::resumption::Granting;
use super::{Credential, Engine, EngineState, Failure};
use crate::reading::ClientHello;
use crate::words::{ClientAuth, ProtocolVersion};

/// Never constructed.
pub(crate) enum Old {}

/// How one connection is served.
#[expect(dead_code, reason = "nobody reads it")]
pub(crate) struct OldService<'a> {
    pub(crate) client_auth: ClientAuth,
    pub(crate) alpn: &'a [Vec<u8>],
    pub(crate) named: Vec<Vec<u8>>,
    pub(crate) others: Option<Vec<Credential>>,
    pub(crate) staple: Option<Vec<u8>>,
    pub(crate) granting: Granting,
    pub(crate) hello: &'a ClientHello,
}

/// How one connection of a client begins.
#[expect(dead_code, reason = "nobody reads it")]
pub(crate) struct OldClient<'a> {
    pub(crate) sni: Option<&'a str>,
    pub(crate) alpn: &'a [Vec<u8>],
    pub(crate) request_ocsp: bool,
    pub(crate) traced: bool,
}

impl Old {
    pub(crate) fn speaks(&self, _: ProtocolVersion) -> bool {
        match *self {}
    }

    pub(crate) fn keeps_sessions(&self) -> bool {
        match *self {}
    }

    pub(crate) fn speaks_as_client(&self) -> bool {
        match *self {}
    }

    pub(crate) fn speaks_with(&self, _: &ClientHello, _: Option<&[Credential]>) -> bool {
        match *self {}
    }

    pub(crate) fn client(
        &self,
        _: OldClient<'_>,
        _: &mut EngineState,
    ) -> Result<Box<dyn Engine>, Failure> {
        match *self {}
    }

    pub(crate) fn server(&self, _: OldService<'_>, _: bool) -> Result<Box<dyn Engine>, Failure> {
        match *self {}
    }
}
