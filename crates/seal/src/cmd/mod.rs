//! One module for each verb: its arguments and what it does.

pub(crate) mod acme;
pub(crate) mod ca;
pub(crate) mod cert;
pub(crate) mod connect;
pub(crate) mod crl;
pub(crate) mod csr;
pub(crate) mod demo;
pub(crate) mod explain;
pub(crate) mod inspect;
pub(crate) mod inventory;
pub(crate) mod key;
pub(crate) mod manual;
pub(crate) mod pfx;
pub(crate) mod proxy;
pub(crate) mod serve;
mod subject_prompt;
pub(crate) mod trust;
pub(crate) mod tunnel;
