//! How a command speaks: its answer, its failure, what it advises, and signs of life.

pub(crate) mod advice;
pub(crate) mod codes;
pub(crate) mod failure;
pub(crate) mod progress;
pub(crate) mod report;
