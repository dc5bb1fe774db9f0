//! Triggers and rules of a target that keep rows out of it, or in it: a load whose rows they take away says which they are.

use tokio_postgres::Client;

use super::TableName;
use super::failure::{self, Explained};
use super::typed::{Cells, oid};
use super::url::Url;
use crate::base::{Code, Error, Result, text};

/// Whatever stands between a statement and the table's rows (those of its partitions too): triggers that may drop a row before it
/// is written, and rules that do something else instead.
pub(super) async fn of(client: &Client, url: &Url, table: u32) -> Result<Vec<String>> {
    // Bits of `tgtype`: 1 a trigger of each row, 2 one before it, 4, 8 and 16 its statements.
    let sql = "WITH RECURSIVE kin(oid) AS (SELECT $1::oid
            UNION SELECT i.inhrelid FROM pg_inherits i JOIN kin k ON i.inhparent = k.oid)
        SELECT 'TRIGGER ' || t.tgname || ' ON ' || k.oid::regclass::text FROM kin k JOIN pg_trigger t ON t.tgrelid = k.oid
        WHERE NOT t.tgisinternal AND t.tgenabled <> 'D' AND t.tgtype & 3 = 3 AND t.tgtype & 28 <> 0
        UNION ALL
        SELECT 'RULE ' || r.rulename || ' ON ' || k.oid::regclass::text FROM kin k JOIN pg_rewrite r ON r.ev_class = k.oid
        WHERE r.is_instead AND r.ev_enabled <> 'D' ORDER BY 1 LIMIT 20";
    let rows = client.query_typed(sql, &[oid(&table)]).await.explained(url)?;
    rows.iter().map(|row| row.cell(0)).collect()
}

/// DS-409 where `done` of `rows` were taken; DS-502 where no trigger or rule is to blame.
pub(super) fn refused(url: &Url, target: &TableName, by: &[String], done: u64, rows: u64) -> Error {
    if by.is_empty() {
        return failure::miscounted(url, done, rows);
    }
    let list = by.join(", ");
    Error::new(
        Code::Conflict,
        text!(
            "{target} ficou com {done} das {rows} linhas: um gatilho ou regra dela as tira ({list}). Nada foi mudado. Desligue-o durante a carga (ALTER TABLE {target} DISABLE TRIGGER ...), ou carregue em uma tabela sem ele",
            "{target} took {done} of the {rows} rows: a trigger or a rule of it takes them away ({list}). Nothing was changed. Disable it during the load (ALTER TABLE {target} DISABLE TRIGGER ...), or load into a table without it"
        ),
    )
    .with("table", target.to_string())
    .with("triggers", by.to_vec())
    .with("expected_rows", rows)
    .with("received", done)
    .stage("postgres")
}

/// DS-409 where rows that were to go are still there.
pub(super) fn still_there(target: &TableName, by: &[String], rows: u64) -> Error {
    let list = by.join(", ");
    Error::new(
        Code::Conflict,
        text!(
            "{rows} linhas de {target} que seriam trocadas não foram apagadas, e ficariam em dobro: um gatilho ou regra dela as guarda ({list}). Nada foi mudado. Desligue-o durante a carga (ALTER TABLE {target} DISABLE TRIGGER ...)",
            "{rows} rows of {target} that were to be replaced were not deleted, and would be doubled: a trigger or a rule of it keeps them ({list}). Nothing was changed. Disable it during the load (ALTER TABLE {target} DISABLE TRIGGER ...)"
        ),
    )
    .with("table", target.to_string())
    .with("triggers", by.to_vec())
    .with("received", rows)
    .stage("postgres")
}
