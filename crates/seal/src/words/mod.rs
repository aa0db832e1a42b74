//! Words that every room speaks: lengths of time, counts, the rules of names, patterns, text on a page.

pub(crate) mod clock;
pub(crate) mod count;
pub(crate) mod length;
pub(crate) mod markup;
pub(crate) mod name_rules;
pub(crate) mod pattern;
