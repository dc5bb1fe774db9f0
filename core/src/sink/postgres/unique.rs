//! Rows that the target's own keys would refuse: they are dead letters, and the rest of the load goes on.

use postgres_protocol::escape::escape_identifier;
use serde_json::{Map, Value};
use tokio_postgres::Client;

use super::failure::Explained;
use super::letters::Place;
use super::publish::Publish;
use super::shape::Column;
use super::typed::Cells;
use super::url::Url;
use super::{TableName, stage, typed};
use crate::base::{Result, Text, text};
use crate::recovery::DeadLetter;

/// A unique key over columns of the result alone.
pub(super) struct Key {
    pub columns: Vec<String>,
    /// NULLs are equal too (`NULLS NOT DISTINCT`).
    nulls_equal: bool,
}

/// What of a table refuses a row for the sake of another.
pub(super) struct Keys {
    /// Asked before the rows are moved: rows that they refuse are dead letters.
    pub checked: Vec<Key>,
    /// Indexes and constraints that only the move itself can ask: a row that they refuse ends the load.
    pub others: Vec<String>,
}

impl Keys {
    /// Said before the first row goes out. The index that `upsert` stands on (over `key`) takes every row.
    pub(super) fn warning(&self, target: &TableName, key: &[&str]) -> Option<Text> {
        let mut of_key: Vec<&str> = key.to_vec();
        of_key.sort_unstable();
        let is_of_key = |one: &&Key| {
            let mut columns: Vec<&str> = one.columns.iter().map(String::as_str).collect();
            columns.sort_unstable();
            columns == of_key
        };
        let mut names = self.others.clone();
        if !key.is_empty() {
            names.extend(
                self.checked.iter().filter(|one| !is_of_key(one)).map(|one| format!("({})", one.columns.join(", "))),
            );
        }
        if names.is_empty() {
            return None;
        }
        let list = names.join(", ");
        tracing::warn!(table = %target, keys = %list, "unique keys that cannot be checked before the rows are moved");
        Some(text!(
            "{target} tem chaves que não se podem conferir antes de gravar ({list}): uma linha que elas recusem termina a carga sem mudar nada, em vez de ir para as linhas recusadas",
            "{target} has keys that cannot be checked before the rows are moved ({list}): a row that they refuse ends the load and changes nothing, instead of becoming a dead letter"
        ))
    }
}

pub(super) async fn keys(client: &Client, url: &Url, oid: u32, columns: &[Column]) -> Result<Keys> {
    // An index that is not valid yet refuses rows too. A key over columns that the table fills in itself is none of ours.
    // Servers before 15 have no `indnullsnotdistinct`.
    let sql =
        "SELECT i.indexrelid::regclass::text, i.indisexclusion OR i.indpred IS NOT NULL OR i.indexprs IS NOT NULL,
            coalesce((to_jsonb(i) ->> 'indnullsnotdistinct')::bool, false),
            array(SELECT a.attname::text FROM unnest(i.indkey::int2[]) WITH ORDINALITY k(n, place)
                JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.n
                WHERE k.place <= i.indnkeyatts ORDER BY k.place)
        FROM pg_index i WHERE i.indrelid = $1 AND (i.indisunique OR i.indisexclusion) AND i.indisready
        ORDER BY i.indexrelid";
    let mut keys = Keys { checked: Vec::new(), others: Vec::new() };
    for row in client.query_typed(sql, &[typed::oid(&oid)]).await.explained(url)? {
        let (name, special, nulls_equal, of): (String, bool, bool, Vec<String>) =
            (row.cell(0)?, row.cell(1)?, row.cell(2)?, row.cell(3)?);
        let given = of.iter().filter(|name| columns.iter().any(|column| column.name == **name)).count();
        match () {
            () if !special && given == of.len() => keys.checked.push(Key { columns: of, nulls_equal }),
            () if special || given > 0 => keys.others.push(name),
            () => {}
        }
    }
    Ok(keys)
}

/// Takes the rows out of the staging table that have the key of an earlier one, or of a row of the target; the first row
/// of the source stays. Part of the transaction that publishes, which holds the target's lock.
pub(super) async fn take_out(publish: &Publish<'_>, client: &Client, oid: u32) -> Result<Vec<DeadLetter>> {
    let mut letters = Vec::new();
    if !publish.ordered {
        return Ok(letters);
    }
    for key in keys(client, publish.url, oid, publish.columns).await?.checked {
        let quoted: Vec<String> = key.columns.iter().map(|name| escape_identifier(name)).collect();
        let (list, order) = (quoted.join(", "), escape_identifier(stage::ORDER));
        let (stage, target) = (publish.stage.sql(), publish.target.sql());
        // A key with a NULL in it is equal to none, unless the index says otherwise.
        let each = |form: fn(&String) -> String| quoted.iter().map(form).collect::<Vec<_>>().join(" AND ");
        let (given, equal) =
            (each(|name| format!("s.{name} IS NOT NULL")), each(|name| format!("t.{name} = s.{name}")));
        let there = |same: &str| format!("EXISTS (SELECT 1 FROM {target} t WHERE {same})");
        let (whole, there) = match key.nulls_equal {
            false => (given.as_str(), there(&equal)),
            true => {
                let also = each(|name| format!("t.{name} IS NOT DISTINCT FROM s.{name}"));
                ("true", format!("CASE WHEN {given} THEN {} ELSE {} END", there(&equal), there(&also)))
            }
        };
        let columns: Vec<String> =
            publish.columns.iter().map(|column| format!("d.{}::text", escape_identifier(&column.name))).collect();
        let sql = format!(
            "WITH s AS (SELECT s.ctid AS place, row_number() OVER (PARTITION BY {list} ORDER BY {order}) AS number,
                 {there} AS there
               FROM {stage} s WHERE {whole})
             DELETE FROM {stage} d USING s WHERE d.ctid = s.place AND (s.number > 1 OR s.there)
             RETURNING d.{order}, s.there, {}",
            columns.join(", ")
        );
        for row in client.query_typed(&sql, &[]).await.explained(publish.url)? {
            let (order, there): (i64, bool) = (row.cell(0)?, row.cell(1)?);
            let mut record = Map::new();
            for (number, column) in publish.columns.iter().enumerate() {
                let value = row.cell::<Option<String>>(number + 2)?;
                record.insert(column.name.clone(), value.map_or(Value::Null, Value::String));
            }
            letters.push(letter(publish, &key.columns, order as u64, there, record));
        }
    }
    Ok(letters)
}

fn letter(publish: &Publish<'_>, key: &[String], order: u64, there: bool, record: Map<String, Value>) -> DeadLetter {
    let place = Place::of_order(publish.state, order);
    let list = key.join(", ");
    let reason = match there {
        true => text!("a tabela já tem uma linha com esta chave ({list})", "the table has a row of this key ({list})"),
        false => {
            text!(
                "uma linha anterior da carga tem esta chave ({list})",
                "an earlier row of the load has this key ({list})"
            )
        }
    };
    DeadLetter {
        sink: "postgres".into(),
        sink_number: publish.state.number,
        unit: place.unit.0,
        row: place.within,
        reason: reason.get(publish.language).to_owned(),
        sqlstate: Some("23505".into()),
        source_file: place.file,
        source_row: place.row,
        column: key.first().cloned(),
        value: key.first().and_then(|name| record.get(name)?.as_str().map(str::to_owned)),
        record,
        trace_id: publish.state.trace_id.to_string(),
    }
}
