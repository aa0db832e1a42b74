//! What a flow says in words: what is looked through for text.

use std::path::Path;

use rusqlite::Connection;
use rusqlite::types::FromSqlResult;

use super::bodies;
use super::functions::{LOOKED_THROUGH, body_text};
use crate::content;
use crate::query::{Asked, each_word};

/// Texts of a flow in columns: of its head, of what the client says, of what the server says. Words of two of them
/// are not in a row.
#[derive(Default)]
pub(super) struct Text([Vec<String>; 3]);

/// Places between two texts.
const GAP: u32 = 2;

/// What most flows have all of their texts in, and whether there is more of them elsewhere.
pub(super) const ALL: &str = "
SELECT f.method,f.scheme,f.authority,f.path,f.error,d.notes,
  d.request_head,d.response_head,d.request_body,d.response_body,
  EXISTS(SELECT 1 FROM part p WHERE p.flow=f.id),
  EXISTS(SELECT 1 FROM frame m WHERE m.flow=f.id),
  EXISTS(SELECT 1 FROM statement s WHERE s.flow=f.id)
FROM flow f JOIN detail d ON d.flow=f.id WHERE f.id=?";

/// How many columns there are.
pub(super) const COLUMNS: u8 = 3;

impl Text {
    /// Nothing where the flow has gone.
    pub(super) fn read(c: &Connection, path: &Path, id: i64) -> rusqlite::Result<Self> {
        let mut query = c.prepare_cached(ALL)?;
        let mut rows = query.query([id])?;
        let Some(row) = rows.next()? else { return Ok(Self::default()) };
        let text = |n| column(row.get_ref(n)?.as_str_or_null());
        let blob = |n| column(row.get_ref(n)?.as_bytes_or_null());
        let heads = [blob(6)?, blob(7)?];
        let url = format!("{} {}://{}{}", text(0)?, text(1)?, text(2)?, text(3)?);
        let mut head = vec![url, text(4)?.to_owned(), text(5)?.to_owned()];
        head.extend(heads.iter().map(|head| String::from_utf8_lossy(head).into_owned()));
        let mut said = [Vec::new(), Vec::new()];
        for (side, said) in said.iter_mut().enumerate() {
            let inline = blob(8 + side)?;
            if !inline.is_empty() {
                said.extend(body_text(inline, heads[side]));
            } else if row.get(10)? {
                match bodies::recorded(c, path, id, side, 0, LOOKED_THROUGH) {
                    // A segment beside the file has gone: the rest of the flow is there.
                    Err(rusqlite::Error::ToSqlConversionFailure(_)) => {}
                    data => said.extend(body_text(&data?, heads[side])),
                }
            }
        }
        if row.get(11)? {
            messages(c, id, &mut said)?;
        }
        if row.get(12)? {
            statements(c, id, &mut said[0])?;
        }
        let [request, response] = said;
        Ok(Self([head, request, response]))
    }

    /// How many bytes it has.
    pub(super) fn len(&self) -> usize {
        self.0.iter().map(|texts| length(texts)).sum()
    }

    pub(super) fn has(&self, asked: &Asked) -> bool {
        let columns = self.0.iter().enumerate();
        columns
            .filter(|(column, _)| asked.columns & (1 << column) != 0)
            .any(|(_, texts)| texts.iter().any(|text| asked.is_in(text)))
    }

    /// Tells each word with its column, and its place in it.
    pub(super) fn each_word(&self, mut tell: impl FnMut(u8, u32, &str)) {
        for (column, texts) in (0_u8..).zip(&self.0) {
            let mut at = 0;
            for text in texts {
                each_word(text, |word| {
                    tell(column, at, word);
                    at += 1;
                });
                at += GAP;
            }
        }
    }
}

/// What a column has; nothing where it is NULL.
fn column<T: Default>(value: FromSqlResult<Option<T>>) -> rusqlite::Result<T> {
    Ok(value?.unwrap_or_default())
}

fn length(texts: &[String]) -> usize {
    texts.iter().map(String::len).sum()
}

/// Of WebSockets.
fn messages(c: &Connection, id: i64, said: &mut [Vec<String>; 2]) -> rusqlite::Result<()> {
    let mut frames = c.prepare_cached(
        "SELECT direction,data FROM frame WHERE flow=? AND kind IN (1,2) ORDER BY n LIMIT 4096",
    )?;
    let mut rows = frames.query([id])?;
    while let Some(row) = rows.next()? {
        let texts = &mut said[usize::from(row.get::<_, i64>(0)? != 0)];
        if let Some(text) = content::as_text(row.get_ref(1)?.as_bytes().unwrap_or_default())
            && length(texts) < LOOKED_THROUGH
        {
            texts.push(text.to_owned());
        }
    }
    Ok(())
}

fn statements(c: &Connection, id: i64, said: &mut Vec<String>) -> rusqlite::Result<()> {
    let mut statements =
        c.prepare_cached("SELECT text FROM statement WHERE flow=? ORDER BY n LIMIT 4096")?;
    let mut rows = statements.query([id])?;
    while let Some(row) = rows.next()? {
        if length(said) < LOOKED_THROUGH {
            said.push(row.get_ref(0)?.as_str().unwrap_or_default().to_owned());
        }
    }
    Ok(())
}
