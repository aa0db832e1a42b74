//! Words that every room speaks: lengths of time, the rules of names, text on a page.

pub(crate) mod clock;
pub(crate) mod length;
pub(crate) mod markup;
pub(crate) mod name_rules;
