//! HTTP over our TLS, as programs write it: hyper, axum, tonic and reqwest.

#[path = "../live/support.rs"]
#[expect(dead_code, reason = "the tests of `live` use all of it")]
mod support;

mod authorized;
mod mount;
mod rotation;
mod settings;
mod who;
