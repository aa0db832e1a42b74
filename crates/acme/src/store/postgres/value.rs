//! Values in PostgreSQL's binary form: `BIGINT`, `TEXT` and `BYTEA`.

use std::error::Error as StdError;

use ::postgres::types::private::BytesMut;
use ::postgres::types::{IsNull, ToSql, Type, to_sql_checked};

use super::super::database::{Error, Row, Value};

pub(super) fn bound(values: &[Value]) -> Vec<&(dyn ToSql + Sync)> {
    values.iter().map(|value| value as &(dyn ToSql + Sync)).collect()
}

pub(super) fn row(row: &::postgres::Row) -> Result<Row, Error> {
    (0..row.len()).map(|column| value(row, column)).collect::<Result<_, _>>().map(Row)
}

fn value(row: &::postgres::Row, column: usize) -> Result<Value, Error> {
    let kind = row.columns().get(column).map_or(&Type::UNKNOWN, ::postgres::Column::type_);
    Ok(match *kind {
        Type::INT8 => row.try_get::<_, Option<i64>>(column)?.into(),
        Type::TEXT => row.try_get::<_, Option<&str>>(column)?.into(),
        Type::BYTEA => row.try_get::<_, Option<&[u8]>>(column)?.into(),
        _ => return Err(Error(format!("column {column} of a row is of the type {kind}"))),
    })
}

impl ToSql for Value {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Integer(number) => number.to_sql_checked(kind, out),
            Self::Text(text) => text.to_sql_checked(kind, out),
            Self::Blob(bytes) => bytes.to_sql_checked(kind, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}
