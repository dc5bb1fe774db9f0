//! Rows that the target's own keys would refuse: they are dead letters, and the rest of the load goes on.

use postgres_protocol::escape::escape_identifier;
use serde_json::{Map, Value};
use tokio_postgres::Client;

use super::failure::Explained;
use super::letters::Place;
use super::publish::Publish;
use super::shape::Column;
use super::stage;
use super::url::Url;
use crate::base::{Result, text};
use crate::recovery::DeadLetter;

/// Unique keys over columns of the result alone.
pub(super) async fn keys(client: &Client, url: &Url, oid: u32, columns: &[Column]) -> Result<Vec<Vec<String>>> {
    let sql = "SELECT array(SELECT a.attname::text FROM unnest(i.indkey::int2[]) k(n)
            JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.n)
        FROM pg_index i
        WHERE i.indrelid = $1 AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
          AND i.indnkeyatts = i.indnatts ORDER BY i.indexrelid";
    let found = client.query(sql, &[&oid]).await.explained(url)?;
    let of_result = |key: &Vec<String>| key.iter().all(|name| columns.iter().any(|column| column.name == *name));
    Ok(found.iter().map(|row| row.get(0)).filter(of_result).collect())
}

/// Takes the rows out of the staging table that have the key of an earlier one, or of a row of the target; the first row
/// of the source stays. Part of the transaction that publishes, which holds the target's lock.
pub(super) async fn take_out(publish: &Publish<'_>, client: &Client, oid: u32) -> Result<Vec<DeadLetter>> {
    let mut letters = Vec::new();
    if !publish.ordered {
        return Ok(letters);
    }
    for key in keys(client, publish.url, oid, publish.columns).await? {
        let quoted: Vec<String> = key.iter().map(|name| escape_identifier(name)).collect();
        let (list, order) = (quoted.join(", "), escape_identifier(stage::ORDER));
        let (stage, target) = (publish.stage.sql(), publish.target.sql());
        // A key with a NULL in it is equal to none.
        let whole = quoted.iter().map(|name| format!("s.{name} IS NOT NULL")).collect::<Vec<_>>().join(" AND ");
        let same = quoted.iter().map(|name| format!("t.{name} = s.{name}")).collect::<Vec<_>>().join(" AND ");
        let columns: Vec<String> =
            publish.columns.iter().map(|column| format!("d.{}::text", escape_identifier(&column.name))).collect();
        let sql = format!(
            "WITH s AS (SELECT s.ctid AS place, row_number() OVER (PARTITION BY {list} ORDER BY {order}) AS number,
                 EXISTS (SELECT 1 FROM {target} t WHERE {same}) AS there
               FROM {stage} s WHERE {whole})
             DELETE FROM {stage} d USING s WHERE d.ctid = s.place AND (s.number > 1 OR s.there)
             RETURNING d.{order}, s.there, {}",
            columns.join(", ")
        );
        for row in client.query(&sql, &[]).await.explained(publish.url)? {
            let (order, there): (i64, bool) = (row.get(0), row.get(1));
            let mut record = Map::new();
            for (number, column) in publish.columns.iter().enumerate() {
                let value = row.get::<_, Option<String>>(number + 2);
                record.insert(column.name.clone(), value.map_or(Value::Null, Value::String));
            }
            letters.push(letter(publish, &key, order as u64, there, record));
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
