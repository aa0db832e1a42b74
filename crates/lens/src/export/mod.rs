//! Out of a session and into one: HAR, packets, commands, JSON, and what is hidden when sharing.

mod capture;
mod command;
mod diff;
mod har;
mod json;
mod lesson;
mod moment;
mod redact;

pub use capture::{Legs, pcapng};
pub use command::{curl, fetch};
pub use diff::diff;
pub use har::{Imported, har, import};
pub use json::{connection_json, detail_json, frames_json, summary_json};
pub use lesson::{Lesson, Marked, RecordSeen, lesson};
pub use redact::Redactor;

use crate::store::{Detail, Reader, StoreError};

#[cfg(test)]
mod tests;

/// The longest body that is exported.
const LONGEST_BODY: usize = 64 << 20;

/// A flow with its bodies as they passed.
pub(crate) struct Whole {
    pub(crate) detail: Detail,
    pub(crate) bodies: [Vec<u8>; 2],
}

impl Whole {
    pub(crate) fn read(reader: &Reader, id: i64) -> Result<Option<Self>, StoreError> {
        let Some(detail) = reader.detail(id)? else { return Ok(None) };
        let bodies =
            [reader.body(id, false, 0, LONGEST_BODY)?, reader.body(id, true, 0, LONGEST_BODY)?];
        Ok(Some(Self { detail, bodies }))
    }
}
