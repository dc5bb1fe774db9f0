//! Tables that hold each competência in a partition of its own: made as loads bring them, by LIST over `datasus_competencia`.
//!
//! Rows come and go by INSERT and DELETE as in any other table, and a plan that says the competência reads its partition alone.
//! TRUNCATE would be faster, but readers that began before it would find the month empty.

use std::collections::BTreeSet;

use postgres_protocol::escape::{escape_identifier, escape_literal};
use tokio_postgres::Client;

use super::failure::Explained;
use super::shape::{Column, Table};
use super::typed::{Cells, oid};
use super::url::Url;
use super::{PartitionBy, TableName, index};
use crate::base::{Code, Error, Result, text};
use crate::sink::{ORIGIN_COLUMNS, ResultInfo};

/// The column that says which partition a row is of.
pub(super) const COLUMN: &str = ORIGIN_COLUMNS[2];

/// As PostgreSQL writes the key of such a table.
const KEY: &str = "LIST (datasus_competencia)";

/// Whether its partitions are ours to make.
pub(super) fn is_partitioned(table: &Table) -> bool {
    table.partition_key.as_deref() == Some(KEY)
}

/// DS-409 where the load asks for partitions and the table is there without them, or does not say of its rows which they are of.
/// `says`: they come with the columns of their origin.
pub(super) fn require(target: &TableName, table: &Table, asked: Option<PartitionBy>, says: bool) -> Result<()> {
    if is_partitioned(table) && !says && !table.has_default {
        return Err(Error::new(
            Code::Conflict,
            text!(
                "{target} tem uma partição por competência, e esta carga não diz de qual são as linhas; dê `partition_by` competencia",
                "{target} has a partition for each competência, and this load does not say which its rows are of; give `partition_by` competencia"
            ),
        )
        .with("table", target.to_string())
        .with("valid_examples", vec!["competencia"])
        .stage("postgres"));
    }
    if asked.is_none() || is_partitioned(table) {
        return Ok(());
    }
    let (drop, key) = (format!("DROP TABLE {}", target.sql()), table.partition_key.as_deref().unwrap_or("-"));
    Err(Error::new(
        Code::Conflict,
        text!(
            "{target} existe sem partições por competência (partições: {key}), e uma tabela não passa a tê-las. Tire `partition_by`; ou carregue com `replace` e `partition_by` tudo o que ela deve conter; ou apague-a ({drop}) e carregue tudo com `partition_by`",
            "{target} is there without partitions by competência (partitions: {key}), and a table cannot get them afterwards. Leave `partition_by` out; or load by `replace` with `partition_by` all that it should hold; or drop it ({drop}) and load all of it with `partition_by`"
        ),
    )
    .with("table", target.to_string())
    .with("expected_format", KEY)
    .with("received", key)
    .stage("postgres"))
}

/// The SQL that makes the table, without a partition.
pub(super) fn definition(target: &TableName, columns: &[Column]) -> String {
    let list: Vec<String> =
        columns.iter().map(|column| format!("{} {}", escape_identifier(&column.name), column.sql_type)).collect();
    let key = escape_identifier(COLUMN);
    format!("CREATE TABLE {} ({}) PARTITION BY LIST ({key})", target.sql(), list.join(", "))
}

/// The competências of the load's rows for which the table has no place.
pub(super) async fn missing<'i>(
    client: &Client,
    url: &Url,
    table: &Table,
    info: &'i ResultInfo,
) -> Result<BTreeSet<&'i str>> {
    // There others have a place for every row.
    if table.has_default {
        return Ok(BTreeSet::new());
    }
    let sql = "SELECT pg_get_expr(c.relpartbound, c.oid) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = $1";
    let rows = client.query_typed(sql, &[oid(&table.oid)]).await.explained(url)?;
    let bounds = rows.iter().map(|row| row.cell::<String>(0)).collect::<Result<Vec<_>>>()?;
    let periods = info.sources.iter().map(|source| source.period.as_str());
    Ok(periods.filter(|period| !bounds.iter().any(|bound| bound.contains(&escape_literal(period)))).collect())
}

/// Makes the partitions that the load's rows need and the table does not have; gives the new ones. Part of the transaction that
/// publishes, which holds the table's lock.
pub(super) async fn ensure(
    client: &Client,
    url: &Url,
    target: &TableName,
    table: &Table,
    info: &ResultInfo,
) -> Result<Vec<TableName>> {
    let mut made = Vec::new();
    let missing = missing(client, url, table, info).await?;
    let storage = if missing.is_empty() { String::new() } else { storage(client, url, table).await? };
    for period in missing {
        let literal = escape_literal(period);
        // A table of one month is called `rd_202401`.
        let name = index::name(&target.table, &format!("p{period}"), "");
        let TableName { schema, .. } = target;
        let table = index::free_name(client, url, schema, name.trim_end_matches('_')).await?;
        let partition = TableName { schema: schema.clone(), table };
        // CREATE ... PARTITION OF would lock out everybody who reads the table, until the load has committed; ATTACH does not.
        let (new, parent) = (partition.sql(), target.sql());
        let sql = format!(
            "CREATE TABLE {new} (LIKE {parent} INCLUDING ALL EXCLUDING IDENTITY EXCLUDING INDEXES EXCLUDING STATISTICS){storage};
            ALTER TABLE {parent} ATTACH PARTITION {new} FOR VALUES IN ({literal}); COMMENT ON TABLE {new} IS {}",
            escape_literal(&format!("Competência {period} de {target}"))
        );
        client.batch_execute(&sql).await.explained(url)?;
        made.push(partition);
    }
    Ok(made)
}

/// Where the table has its partitions kept, and how, as CREATE TABLE says it: LIKE alone takes what the session has.
async fn storage(client: &Client, url: &Url, table: &Table) -> Result<String> {
    let sql = "SELECT a.amname::text, s.spcname::text FROM pg_class c LEFT JOIN pg_am a ON a.oid = c.relam
        LEFT JOIN pg_tablespace s ON s.oid = c.reltablespace WHERE c.oid = $1";
    let mut said = String::new();
    for row in client.query_typed(sql, &[oid(&table.oid)]).await.explained(url)? {
        for (word, name) in [("USING", row.cell::<Option<String>>(0)?), ("TABLESPACE", row.cell(1)?)] {
            said.extend(name.map(|name| format!(" {word} {}", escape_identifier(&name))));
        }
    }
    Ok(said)
}
