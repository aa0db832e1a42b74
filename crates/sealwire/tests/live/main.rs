//! What follows its files, and what is judged again while it is open.

mod open;
mod properties;
mod support;
mod watched;
