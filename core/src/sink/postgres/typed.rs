//! Values of a statement, each with its type: it goes out with them in one round trip. Where the server has to say the types
//! first (`Client::query`) it takes two.

use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, ToSql, Type};

use crate::base::{Code, Error, Result, text};

pub(super) type Value<'v> = (&'v (dyn ToSql + Sync), Type);

/// Of a schema, table or column in the catalogue.
pub(super) fn name(value: &(impl ToSql + Sync)) -> Value<'_> {
    (value, Type::NAME)
}

pub(super) fn text(value: &(impl ToSql + Sync)) -> Value<'_> {
    (value, Type::TEXT)
}

pub(super) fn texts(value: &(impl ToSql + Sync)) -> Value<'_> {
    (value, Type::TEXT_ARRAY)
}

pub(super) fn oid(value: &u32) -> Value<'_> {
    (value, Type::OID)
}

pub(super) fn oids(value: &(impl ToSql + Sync)) -> Value<'_> {
    (value, Type::OID_ARRAY)
}

pub(super) fn int(value: &i32) -> Value<'_> {
    (value, Type::INT4)
}

pub(super) fn long(value: &i64) -> Value<'_> {
    (value, Type::INT8)
}

pub(super) fn flag(value: &bool) -> Value<'_> {
    (value, Type::BOOL)
}

/// Values of an answer. A server that answers otherwise than it was asked is DS-502, and no panic.
pub(super) trait Cells {
    fn cell<'r, T: FromSql<'r>>(&'r self, number: usize) -> Result<T>;
}

impl Cells for Row {
    fn cell<'r, T: FromSql<'r>>(&'r self, number: usize) -> Result<T> {
        self.try_get(number).map_err(|error| {
            Error::new(
                Code::Unreachable,
                text!(
                    "O PostgreSQL respondeu com valores que não foram pedidos; confira se o endereço é mesmo de um PostgreSQL",
                    "PostgreSQL answered with values that were not asked for; check whether the address is a PostgreSQL's"
                ),
            )
            .with("cause", "unexpected_answer")
            .stage("postgres")
            .because(error)
        })
    }
}
