//! A debugging proxy as a library.
//!
//! What passes through is relayed byte for byte, and told to a [`flow::Recorder`] as [`flow::Event`]s.

#![forbid(unsafe_code)]

pub mod api;
pub mod content;
pub mod door;
pub mod export;
pub mod flow;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod http;
pub mod intercept;
pub mod query;
mod relay;
pub mod rules;
mod sql;
pub mod store;
pub mod ui;
