//! Words that every room speaks: moments, lengths of time, text on a page.

pub(crate) mod clock;
pub(crate) mod length;
pub(crate) mod markup;
pub(crate) mod name_rules;
