//! Callbacks for a server's certificate request.

use std::fmt;
use std::sync::Arc;

use crate::session::CertificateRequest;

#[derive(Clone)]
pub(super) struct OnRequest(Arc<dyn Fn(&CertificateRequest) + Send + Sync>);

impl OnRequest {
    pub(super) fn new(told: impl Fn(&CertificateRequest) + Send + Sync + 'static) -> Self {
        Self(Arc::new(told))
    }

    pub(super) fn call(&self, request: &CertificateRequest) {
        (self.0)(request);
    }
}

impl fmt::Debug for OnRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnRequest")
    }
}
