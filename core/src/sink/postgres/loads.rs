//! `datasus.loads`: which sources a table holds, and what of them.
//!
//! A table is known by its name and by a mark in its comment, which a dump keeps; the number that the server gives it
//! (its oid) is another after a restore. Rows of the record whose table was dropped and made anew do not count.

use postgres_protocol::escape::escape_literal;
use tokio_postgres::Client;

use super::failure::Explained;
use super::loaded::{COLUMNS, Loaded, loaded};
use super::mark::{LIVES, mark, marked, new_mark};
use super::shape::Table;
use super::stage::{another_was_quicker, create_schema};
use super::there::There;
use super::typed::{Cells, flag, long, name, oid, text as text_of, texts};
use super::url::Url;
use super::{Postgres, TableName};
use crate::base::{Code, Error, Result, text};
use crate::sink::{ResultInfo, SourceKey};

/// What the record says of a table.
#[derive(Debug, Clone, Default)]
pub(super) struct Loads {
    pub all: Vec<Loaded>,
    /// Records of rows that are not in the table any more: it is empty.
    gone: Vec<Loaded>,
    /// What tables that this one is a part of hold, and tables that are parts of it.
    above: Vec<Loaded>,
    below: Vec<Loaded>,
    /// The table says that it was loaded by us, and the record knows nothing of it, or not all of it.
    pub lost: bool,
    /// Records that say so.
    unknown: Vec<Loaded>,
}

impl Loads {
    /// Everything that is seen where this table is read, or where one is read that it is a part of.
    pub(super) fn seen(&self) -> impl Iterator<Item = &Loaded> {
        self.all.iter().chain(&self.above).chain(&self.below)
    }

    /// The same after a look at the table: one without a row holds nothing, whatever the record says. Waits for whoever has
    /// locked the table.
    pub(super) async fn looked_at(self, client: &Client, url: &Url, target: &TableName) -> Result<Self> {
        if self.all.is_empty() && self.below.is_empty() && !self.lost {
            return Ok(self);
        }
        let holds = format!("SELECT EXISTS (SELECT 1 FROM {})", target.sql());
        match client.query_typed_one(&holds, &[]).await.explained(url)?.cell(0)? {
            true => Ok(self),
            false => {
                let gone = self.all.into_iter().chain(self.unknown).collect();
                Ok(Loads { gone, above: self.above, ..Loads::default() })
            }
        }
    }

    /// DS-409 where the record of a table of ours is missing.
    pub(super) fn refuse_lost(&self, target: &TableName) -> Result<()> {
        if !self.lost {
            return Ok(());
        }
        Err(Error::new(
            Code::Conflict,
            text!(
                "{target} foi carregada pelo datasus, mas o registro do que ela contém não está neste banco (cópia ou restauração sem o esquema `datasus`?). Restaure `datasus.loads`; ou apague a tabela e carregue tudo o que ela deve conter; ou, para append, use a opção `allow_reload`",
                "{target} was loaded by datasus, but the record of what it holds is not in this database (copied or restored without schema `datasus`?). Restore `datasus.loads`; or drop the table and load all that it should hold; or, for append, use the option `allow_reload`"
            ),
        )
        .with("table", target.to_string())
        .stage("postgres"))
    }
}

/// Makes the record, or gives one of a version before the columns that it lacks.
pub(super) async fn ensure(client: &Client, url: &Url, there: &There) -> Result<()> {
    if !there.own_schema {
        create_schema(client, url, "datasus").await?;
    }
    let sql = match (there.loads, there.loads_whole) {
        (true, true) => return Ok(()),
        (true, false) => {
            "ALTER TABLE datasus.loads ADD COLUMN IF NOT EXISTS sampling text,
                ADD COLUMN IF NOT EXISTS mark text NOT NULL DEFAULT '',
                ADD COLUMN IF NOT EXISTS dataset text NOT NULL DEFAULT '',
                ADD COLUMN IF NOT EXISTS uf text NOT NULL DEFAULT '',
                ADD COLUMN IF NOT EXISTS part text NOT NULL DEFAULT '',
                ADD COLUMN IF NOT EXISTS origin boolean NOT NULL DEFAULT false,
                ADD COLUMN IF NOT EXISTS query text;
            ALTER TABLE datasus.loads DROP CONSTRAINT IF EXISTS loads_pkey,
                ADD PRIMARY KEY (table_oid, job, source, hash, dataset, uf, period, part)"
        }
        (false, _) => {
            "CREATE TABLE IF NOT EXISTS datasus.loads (
                table_oid oid NOT NULL, schema_name text NOT NULL, table_name text NOT NULL, source text NOT NULL,
                hash text NOT NULL, period text NOT NULL, job text NOT NULL, mode text NOT NULL, rows bigint NOT NULL,
                loaded_at timestamptz NOT NULL DEFAULT now(), sampling text, mark text NOT NULL DEFAULT '',
                dataset text NOT NULL DEFAULT '', uf text NOT NULL DEFAULT '', part text NOT NULL DEFAULT '',
                origin boolean NOT NULL DEFAULT false, query text,
                PRIMARY KEY (table_oid, job, source, hash, dataset, uf, period, part));
            COMMENT ON TABLE datasus.loads IS 'Fontes que cada tabela já contém, e o que delas (datasus)'"
        }
    };
    match client.batch_execute(sql).await {
        Err(error) if another_was_quicker(&error) => Ok(()),
        other => other.explained(url),
    }
}

/// The `mode` of a record of rows of which nothing else is known.
const UNKNOWN: &str = "unknown";

/// What the table holds, as far as the record says. `held`: until the transaction ends, nobody else changes what it says.
pub(super) async fn of(client: &Client, url: &Url, target: &TableName, table: &Table, held: bool) -> Result<Loads> {
    let mark = mark(table.comment.as_deref());
    let held = if held { "FOR UPDATE OF l" } else { "" };
    // Without a mark the table is known by its name or its number, unless they are by now those of a table that has one.
    let sql = format!(
        "SELECT {COLUMNS}, table_oid = $1, (schema_name, table_name) = ($2, $3) FROM datasus.loads l
        WHERE ($4 <> '' AND mark = $4) OR ((schema_name, table_name) = ($2, $3) AND mark = '')
           OR ($4 = '' AND ((schema_name, table_name) = ($2, $3) OR table_oid = $1) AND NOT {LIVES}) {held}"
    );
    let values = [oid(&table.oid), text_of(&target.schema), text_of(&target.table), text_of(&mark)];
    let rows = client.query_typed(&sql, &values).await.explained(url)?;
    let mut all: Vec<Loaded> = Vec::with_capacity(rows.len());
    let mut unknown = Vec::new();
    for row in &rows {
        let one = loaded(row, row.cell(14)?, row.cell(15)?)?;
        if row.cell::<&str>(13)? == UNKNOWN { unknown.push(one) } else { all.push(one) }
    }
    match mark {
        // Without a mark the number tells tables of one name apart; where no record has it, all of the name may be meant.
        "" if all.iter().any(|one| one.same_oid) => all.retain(|one| one.same_oid),
        "" => {}
        // A version that writes no marks may have added rows.
        mark => all.retain(|one| one.mark == mark || one.same_oid),
    }
    let lost = !unknown.is_empty() || !mark.is_empty() && all.is_empty();
    let (above, below) = if table.has_kin { kin(client, url, table).await? } else { Default::default() };
    Ok(Loads { all, lost, unknown, above, below, ..Loads::default() })
}

/// What was loaded into the tables that this one is a partition of (or inherits from), and into those that are partitions of it.
async fn kin(client: &Client, url: &Url, table: &Table) -> Result<(Vec<Loaded>, Vec<Loaded>)> {
    let sql = format!(
        "WITH RECURSIVE up(oid) AS (SELECT inhparent FROM pg_inherits WHERE inhrelid = $1
             UNION SELECT i.inhparent FROM pg_inherits i JOIN up ON i.inhrelid = up.oid),
         down(oid) AS (SELECT inhrelid FROM pg_inherits WHERE inhparent = $1
             UNION SELECT i.inhrelid FROM pg_inherits i JOIN down ON i.inhparent = down.oid),
         kin AS (SELECT oid, true AS above FROM up UNION SELECT oid, false FROM down)
         SELECT {COLUMNS}, kin.above FROM kin JOIN pg_class c ON c.oid = kin.oid
         JOIN datasus.loads l ON CASE WHEN mark = '' THEN table_oid = c.oid
             ELSE strpos(coalesce(obj_description(c.oid, 'pg_class'), ''), '[datasus:' || mark || ']') > 0 END
         WHERE mode <> '{UNKNOWN}'"
    );
    let rows = client.query_typed(&sql, &[oid(&table.oid)]).await.explained(url)?;
    let (mut above, mut below) = (Vec::new(), Vec::new());
    for row in &rows {
        let side = if row.cell(14)? { &mut above } else { &mut below };
        side.push(loaded(row, false, false)?);
    }
    Ok((above, below))
}

/// Brings the record of a table that stays under its present name and number, and gives its mark; part of the transaction
/// that publishes. A table that is not ours to change keeps no mark.
pub(super) async fn settle(
    client: &Client,
    url: &Url,
    target: &TableName,
    table: &Table,
    loads: &Loads,
) -> Result<String> {
    let places = |list: &[Loaded]| list.iter().map(|one| one.place.clone()).collect::<Vec<_>>();
    let forget = "DELETE FROM datasus.loads WHERE ctid = ANY($1::text[]::tid[])";
    if !loads.gone.is_empty() {
        client.execute_typed(forget, &[texts(&places(&loads.gone))]).await.explained(url)?;
    }
    let comment = table.comment.as_deref();
    let other = loads.all.iter().find(|one| !one.same_name).map(|one| one.table.clone());
    let copied = match &other {
        Some(other) => {
            let sql = "SELECT EXISTS (SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                WHERE n.nspname = $1 AND c.relname = $2)";
            client.query_typed_one(sql, &[name(&other.schema), name(&other.table)]).await.explained(url)?.cell(0)?
        }
        None => false,
    };
    let known = mark(comment);
    let mark = match table.owned && (copied || known.is_empty()) {
        true => new_mark(),
        false => known.to_owned(),
    };
    if mark != known {
        let comment = escape_literal(&marked(comment.unwrap_or_default(), &mark));
        client.batch_execute(&format!("COMMENT ON TABLE {} IS {comment}", target.sql())).await.explained(url)?;
    }
    if loads.lost && loads.unknown.is_empty() {
        // Of what the next load brings there will be a record, and of these rows still none.
        let sql = format!(
            "INSERT INTO datasus.loads (table_oid, schema_name, table_name, mark, source, hash, period, job, mode, rows)
             VALUES ($1, $2, $3, $4, '', '', '', '{UNKNOWN}', '{UNKNOWN}', 0) ON CONFLICT DO NOTHING"
        );
        let values = [oid(&table.oid), text_of(&target.schema), text_of(&target.table), text_of(&mark)];
        client.execute_typed(&sql, &values).await.explained(url)?;
    }
    let ours = |one: &Loaded| one.same_name && one.same_oid && one.mark == mark;
    let held: Vec<Loaded> = loads.all.iter().chain(&loads.unknown).cloned().collect();
    if held.iter().all(ours) {
        return Ok(mark);
    }
    let sql = match copied {
        // The other table goes its own way.
        true => {
            "INSERT INTO datasus.loads (table_oid, schema_name, table_name, mark, source, hash, period, job, mode, rows,
                loaded_at, sampling, dataset, uf, part, origin, query)
            SELECT $1, $2, $3, $4, source, hash, period, job, mode, rows, loaded_at, sampling, dataset, uf, part, origin, query
            FROM datasus.loads WHERE ctid = ANY($5::text[]::tid[]) ON CONFLICT DO NOTHING"
        }
        false => {
            "UPDATE datasus.loads SET table_oid = $1, schema_name = $2, table_name = $3, mark = $4
            WHERE ctid = ANY($5::text[]::tid[])"
        }
    };
    let places = places(&held);
    let values = [oid(&table.oid), text_of(&target.schema), text_of(&target.table), text_of(&mark), texts(&places)];
    client.execute_typed(sql, &values).await.explained(url)?;
    Ok(mark)
}

/// Forgets every table that had this name, for a new one takes it; one that was renamed has taken its mark along.
pub(super) async fn forget(client: &Client, url: &Url, target: &TableName) -> Result<()> {
    let sql = format!("DELETE FROM datasus.loads l WHERE schema_name = $1 AND table_name = $2 AND NOT {LIVES}");
    client.execute_typed(&sql, &[text_of(&target.schema), text_of(&target.table)]).await.explained(url).map(drop)
}

/// Forgets sources of a table that is settled; a table that had its name before keeps its own.
pub(super) async fn forget_sources(
    client: &Client,
    url: &Url,
    target: &TableName,
    mark: &str,
    of: &[&Loaded],
) -> Result<()> {
    let list = |get: fn(&SourceKey) -> &String| of.iter().map(|one| get(&one.key).as_str()).collect::<Vec<_>>();
    let sql = "DELETE FROM datasus.loads l USING unnest($3::text[], $4::text[], $5::text[], $6::text[]) k(d, u, p, t)
        WHERE l.schema_name = $1 AND l.table_name = $2 AND l.mark = $7 AND (l.dataset, l.uf, l.period, l.part) = (k.d, k.u, k.p, k.t)";
    let (datasets, ufs) = (list(|k| &k.dataset), list(|k| &k.uf));
    let (periods, parts) = (list(|k| &k.period), list(|k| &k.part));
    let table = [text_of(&target.schema), text_of(&target.table)];
    let keys = [texts(&datasets), texts(&ufs), texts(&periods), texts(&parts), text_of(&mark)];
    client.execute_typed(sql, &table.into_iter().chain(keys).collect::<Vec<_>>()).await.explained(url).map(drop)
}

/// Notes what the table holds from now on.
pub(super) async fn remember(
    client: &Client,
    url: &Url,
    target: &TableName,
    (options, info): (&Postgres, &ResultInfo),
    rows: u64,
    mark: &str,
    origin: bool,
) -> Result<()> {
    let nothing = [SourceKey::default()];
    let sources = if info.sources.is_empty() { &nothing[..] } else { &info.sources };
    let of = |get: fn(&SourceKey) -> &String| sources.iter().map(|source| get(source).as_str()).collect::<Vec<_>>();
    let mode = serde_json::to_value(options.mode).unwrap_or_default();
    let sql =
        "INSERT INTO datasus.loads (table_oid, schema_name, table_name, job, mode, rows, sampling, mark, origin, query,
            source, hash, dataset, uf, period, part)
        SELECT c.oid, $1, $2, $3, $4, $5, $6, $7, $8, $9, s.*
        FROM unnest($10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[])
            s(source, hash, dataset, uf, period, part), pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = $1 AND c.relname = $2 ON CONFLICT DO NOTHING";
    let (mode, rows) = (mode.as_str().unwrap_or_default(), rows as i64);
    let (names, hashes, datasets) = (of(|s| &s.name), of(|s| &s.hash), of(|s| &s.dataset));
    let (ufs, periods, parts) = (of(|s| &s.uf), of(|s| &s.period), of(|s| &s.part));
    let values = [
        text_of(&target.schema),
        text_of(&target.table),
        text_of(&info.job_id),
        text_of(&mode),
        long(&rows),
        text_of(&info.sampling),
        text_of(&mark),
        flag(&origin),
        text_of(&info.query),
        texts(&names),
        texts(&hashes),
        texts(&datasets),
        texts(&ufs),
        texts(&periods),
        texts(&parts),
    ];
    client.execute_typed(sql, &values).await.explained(url).map(drop)
}

/// Whether the rows that a job brought from a source (or at all) are still where it brought them: no other load has taken
/// their place.
pub(super) async fn still_has(client: &Client, url: &Url, job_id: &str, source: Option<&str>) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM datasus.loads WHERE job = $1 AND source = coalesce($2, source))";
    client.query_typed_one(sql, &[text_of(&job_id), text_of(&source)]).await.explained(url)?.cell(0)
}
