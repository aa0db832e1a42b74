//! What was recorded of bodies: in rows, or in segments beside the file.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, Row};

use super::segment;

/// What was recorded of a body.
pub(super) fn recorded(
    c: &Connection,
    path: &Path,
    id: i64,
    side: usize,
    from: i64,
    most: usize,
) -> rusqlite::Result<Vec<u8>> {
    let column = ["request_body", "response_body"][side];
    let inline = c
        .prepare_cached(&format!("SELECT substr({column},?,?) FROM detail WHERE flow=?"))?
        .query_row([from + 1, most as i64, id], |row| row.get::<_, Option<Vec<u8>>>(0))
        .optional()?
        .flatten();
    if let Some(inline) = inline.filter(|data| !data.is_empty()) {
        return Ok(inline);
    }
    let mut query = c.prepare_cached(
        "SELECT position,length,data,segment,place FROM part
         WHERE flow=? AND direction=? AND position+length>? ORDER BY position",
    )?;
    let mut rows = query.query([id, side as i64, from])?;
    let mut out = Vec::new();
    while let Some(row) = rows.next()? {
        let data = piece(path, row, 1)?;
        let skip = usize::try_from(from - row.get::<_, i64>(0)?).unwrap_or(0);
        out.extend_from_slice(data.get(skip..).unwrap_or_default());
        if out.len() >= most {
            out.truncate(most);
            break;
        }
    }
    Ok(out)
}

/// Data in a row or in a segment: columns length, data, segment, place from `first` on.
pub(super) fn piece(path: &Path, row: &Row<'_>, first: usize) -> rusqlite::Result<Vec<u8>> {
    let Some(number) = row.get::<_, Option<i64>>(first + 2)? else { return row.get(first + 1) };
    let length: i64 = row.get(first)?;
    segment::read(path, number, row.get(first + 3)?, usize::try_from(length).unwrap_or(0))
        .map_err(|e| rusqlite::Error::ToSqlConversionFailure(e.into()))
}
