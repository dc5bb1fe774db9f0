//! `upsert`: rows of a key that the table has are updated, the others added; of several rows of one key the last counts.

use postgres_protocol::escape::escape_identifier;
use tokio_postgres::Client;

use super::failure::Explained;
use super::publish::{Publish, quoted};
use super::typed::Cells;
use super::{index, letters, stage, swallow};
use crate::base::{Code, Error, Result, text};

impl Publish<'_> {
    /// `upsert` makes its table: the last row of a key counts in a new one too.
    pub(super) async fn upsert_into_new(&self, client: &Client, mark: &str) -> Result<()> {
        let execute = async |sql: String| client.batch_execute(&sql).await.explained(self.url);
        let list: Vec<String> =
            self.columns.iter().map(|c| format!("{} {}", escape_identifier(&c.name), c.sql_type)).collect();
        execute(format!("CREATE TABLE {} ({})", self.target.sql(), list.join(", "))).await?;
        let key = index::columns(&self.options.key, self.columns)?;
        let name = escape_identifier(&index::name(&self.target.table, &key.join("_"), "key"));
        execute(format!("CREATE UNIQUE INDEX {name} ON {} ({})", self.target.sql(), quoted(&key))).await?;
        self.describe(client, self.target, Some(mark)).await?;
        self.upsert(client, &[]).await
    }

    /// `by`: what of the target may keep rows out of it.
    pub(super) async fn upsert(&self, client: &Client, by: &[String]) -> Result<()> {
        let key = index::columns(&self.options.key, self.columns)?;
        let names: Vec<&str> = self.columns.iter().map(|column| column.name.as_str()).collect();
        let (target, stage, list, keys) = (self.target.sql(), self.stage.sql(), quoted(&names), quoted(&key));
        let null =
            key.iter().map(|name| format!("{} IS NULL", escape_identifier(name))).collect::<Vec<_>>().join(" OR ");
        let order = escape_identifier(stage::ORDER);
        self.refuse_ambiguous(client, &keys).await?;
        let nulls = client
            .query_typed_one(&format!("SELECT count(*), min({order}) FROM {stage} WHERE {null}"), &[])
            .await
            .explained(self.url)?;
        if let (count @ 1.., Some(first)) = (nulls.cell::<i64>(0)?, nulls.cell::<Option<i64>>(1)?) {
            let first = letters::Place::of_order(self.state, first as u64);
            let (pt, en) = first.shown();
            let error = Error::new(
                Code::InvalidParams,
                text!(
                    "{count} linha(s) sem valor na chave ({keys}), a primeira {pt}: não se pode saber que linha atualizam",
                    "{count} row(s) without a value in the key ({keys}), the first {en}: which row they update cannot be known"
                ),
            );
            return Err(first.named(error).stage("postgres"));
        }
        let sets: Vec<String> = names
            .iter()
            .filter(|name| !key.contains(name))
            .map(|name| escape_identifier(name))
            .map(|name| format!("{name} = EXCLUDED.{name}"))
            .collect();
        let action = if sets.is_empty() { "NOTHING".to_owned() } else { format!("UPDATE SET {}", sets.join(", ")) };
        let sql = format!(
            "INSERT INTO {target} ({list}) SELECT DISTINCT ON ({keys}) {list} FROM {stage} ORDER BY {keys}, {order} DESC
             ON CONFLICT ({keys}) DO {action}"
        );
        let taken = client.execute_typed(&sql, &[]).await.explained(self.url)?;
        if !by.is_empty() {
            self.refuse_swallowed(client, &keys, (!sets.is_empty()).then_some(taken), by).await?;
        }
        client.batch_execute(&format!("DROP TABLE {stage}")).await.explained(self.url)
    }

    /// DS-409 where fewer rows were written than there are keys; where rows that are there are left alone (`taken` is none), where
    /// the table still lacks a key.
    async fn refuse_swallowed(&self, client: &Client, keys: &str, taken: Option<u64>, by: &[String]) -> Result<()> {
        let (target, stage) = (self.target.sql(), self.stage.sql());
        let sql = match taken {
            Some(_) => format!("SELECT count(*), 0::bigint FROM (SELECT DISTINCT {keys} FROM {stage}) k"),
            None => format!(
                "SELECT count(*), count(*) FILTER (WHERE t.there) FROM (SELECT DISTINCT {keys} FROM {stage}) k
                 LEFT JOIN (SELECT {keys}, true AS there FROM {target}) t USING ({keys})"
            ),
        };
        let row = client.query_typed_one(&sql, &[]).await.explained(self.url)?;
        let (wanted, there) = (row.cell::<i64>(0)? as u64, row.cell::<i64>(1)? as u64);
        match taken.unwrap_or(there) {
            done if done == wanted => Ok(()),
            done => Err(swallow::refused(self.url, self.target, by, done, wanted)),
        }
    }

    /// DS-422 where rows of one key differ and nothing says which of them comes last.
    async fn refuse_ambiguous(&self, client: &Client, keys: &str) -> Result<()> {
        if self.info.ordered {
            return Ok(());
        }
        let names: Vec<&str> = self.columns.iter().map(|column| column.name.as_str()).collect();
        let (stage, list, order) = (self.stage.sql(), quoted(&names), escape_identifier(stage::ORDER));
        // As texts: not every type can be compared.
        let sql = format!(
            "SELECT count(*) OVER (), first, key FROM
               (SELECT min({order}) AS first, ROW({keys})::text AS key FROM {stage} GROUP BY {keys}
                HAVING min(ROW({list})::text COLLATE \"C\") <> max(ROW({list})::text COLLATE \"C\")) k ORDER BY first LIMIT 1"
        );
        let Some(row) = client.query_typed_opt(&sql, &[]).await.explained(self.url)? else { return Ok(()) };
        let (count, first, key): (i64, i64, String) = (row.cell(0)?, row.cell(1)?, row.cell(2)?);
        let place = letters::Place::of_order(self.state, first as u64);
        let error = Error::new(
            Code::InvalidParams,
            text!(
                "{count} valor(es) da chave ({keys}) têm linhas diferentes no resultado, o primeiro {key}: sem ORDER BY na consulta mais externa não se sabe qual é a última. Ordene, ou deixe uma linha por chave",
                "{count} value(s) of the key ({keys}) have rows that differ in the result, the first {key}: without an ORDER BY in the outermost query which is the last is not known. Order it, or leave one row a key"
            ),
        )
        .with("received", key)
        .with("keys", count)
        .with("valid_examples", vec!["SELECT ... ORDER BY DT_INTER"]);
        Err(place.named(error).stage("postgres"))
    }
}
