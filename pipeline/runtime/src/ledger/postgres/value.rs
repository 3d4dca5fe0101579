//! Values and rows of PostgreSQL.

use crate::ledger::LedgerError;
use crate::ledger::sql::{Row, Value};
use bytes::BytesMut;
use postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use rust_decimal::Decimal;
use std::borrow::Cow;
use std::error::Error;

impl ToSql for Value<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Int(n) => n.to_sql_checked(ty, out),
            Self::Text(text) => text.to_sql_checked(ty, out),
            Self::Bytes(bytes) => bytes.to_sql_checked(ty, out),
            Self::Amount(amount) => amount.normalize().to_sql_checked(ty, out),
        }
    }

    /// Each value checks for itself.
    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

impl Row for postgres::Row {
    fn value(&self, column: usize) -> Result<Value<'_>, LedgerError> {
        Ok(match *self.columns()[column].type_() {
            Type::INT8 => self.try_get::<_, Option<i64>>(column)?.into(),
            Type::INT4 => self.try_get::<_, Option<i32>>(column)?.map(i64::from).into(),
            Type::TEXT | Type::VARCHAR => self.try_get::<_, Option<&str>>(column)?.into(),
            Type::NUMERIC => {
                // What is written is exact; only a sum can have become too large to be shown.
                let amount = self.try_get::<_, Option<Decimal>>(column);
                amount.map_err(|_| LedgerError::Overflow { what: "amounts" })?.into()
            }
            Type::BYTEA => match self.try_get::<_, Option<&[u8]>>(column)? {
                Some(bytes) if bytes.len() == HASH => Value::Bytes(bytes),
                Some(bytes) => Value::Text(
                    std::str::from_utf8(plain(bytes))
                        .map_err(|_| LedgerError::Stored { what: "hash", value: hex::encode(bytes) })?,
                ),
                None => Value::Null,
            },
            ref other => {
                return Err(LedgerError::Damaged { what: "column", place: format!("{column}: {other}") });
            }
        })
    }
}

/// Length of a packed hash.
const HASH: usize = 16;

/// A hash as it is stored: 16 bytes are packed, anything else is its text. A text of 16 bytes has a zero behind it.
pub(super) fn stored<'v>(hash: &Value<'v>) -> Option<Cow<'v, [u8]>> {
    match hash {
        Value::Bytes(bytes) => Some(Cow::Borrowed(bytes)),
        Value::Text(text) if text.len() == HASH => Some([text.as_bytes(), &[0]].concat().into()),
        Value::Text(text) => Some(Cow::Borrowed(text.as_bytes())),
        Value::Null | Value::Int(_) | Value::Amount(_) => None,
    }
}

fn plain(stored: &[u8]) -> &[u8] {
    match stored.split_last() {
        Some((0, text)) if text.len() == HASH => text,
        _ => stored,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_not_taken_for_a_hash() {
        for text in ["", "e1", "sixteen letters!", "seventeen letters"] {
            let bytes = stored(&Value::Text(text)).expect("a value");
            assert!(bytes.len() != HASH && plain(&bytes) == text.as_bytes(), "{text}");
        }
        assert_eq!(stored(&Value::Bytes(&[0x0f; HASH])).expect("a value"), [0x0f; HASH].as_slice());
    }
}
