//! `datasus.loads`: which sources a table holds, and what of them.
//!
//! A table is known by its name and by a mark in its comment, which a dump keeps; the number that the server gives it
//! (its oid) is another after a restore. Rows of the record whose table was dropped and made anew do not count.

use postgres_protocol::escape::escape_literal;
use tokio_postgres::Client;

use super::failure::Explained;
use super::shape::Table;
use super::stage::{another_was_quicker, ensure_schema};
use super::url::Url;
use super::{Postgres, TableName};
use crate::base::{Code, Error, Result, text};
use crate::sink::{SourceKey, Subject};

/// A source of a table, as the record has it.
#[derive(Debug, Clone)]
pub(super) struct Loaded {
    /// Its row in the record, while no one changes it.
    place: String,
    pub key: SourceKey,
    /// Its rows say where they come from, in [`crate::sink::ORIGIN_COLUMNS`].
    pub origin: bool,
    pub query: Option<String>,
    pub sampling: Option<String>,
    /// The table that it was written for, and whether that is this one, by number and by name.
    table: TableName,
    same_oid: bool,
    same_name: bool,
    mark: String,
}

impl Loaded {
    /// By a version that did not note what a source is, only what its file was called.
    pub(super) fn is_of_before(&self) -> bool {
        self.key.dataset.is_empty() && !self.key.name.is_empty()
    }

    /// Whether it is this source, or one that holds a part of it, or the whole that it is a part of.
    pub(super) fn is(&self, source: &SourceKey) -> bool {
        let ours = &self.key;
        if self.is_of_before() {
            return ours.period == source.period && stem(&ours.name) == stem(&source.name)
                || ours.hash == source.file_hash;
        }
        (&ours.dataset, &ours.uf, &ours.period) == (&source.dataset, &source.uf, &source.period)
            && (ours.part == source.part || ours.part.is_empty() || source.part.is_empty())
    }

    /// Whether it has the same rows, whatever it is called.
    pub(super) fn has_rows_of(&self, source: &SourceKey) -> bool {
        source.rows > 0 && !self.key.hash.is_empty() && self.key.hash == source.hash
    }

    /// Its rows, against those of a source of the same name or rows.
    pub(super) fn compared(&self, source: &SourceKey) -> Compared {
        let (ours, digest) = (&self.key.hash, |hash: &str| !hash.is_empty() && !hash.contains(':'));
        match () {
            () if *ours == source.hash || *ours == source.file_hash => Compared::Same,
            // Of size and time nothing follows.
            () if digest(ours) && digest(&source.hash) && ours.len() == source.hash.len() => Compared::Other,
            () => Compared::Unknown,
        }
    }

    pub(super) fn shown(&self) -> String {
        if self.is_of_before() { self.key.name.clone() } else { self.key.shown() }
    }
}

/// What is known of two sources' rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Compared {
    Unknown,
    Other,
    Same,
}

/// The name without its extensions, in lower case: `rdac2401` of `RDAC2401.dbc`.
fn stem(name: &str) -> String {
    name.split('.').next().unwrap_or_default().to_lowercase()
}

/// What the record says of a table.
#[derive(Debug, Clone, Default)]
pub(super) struct Loads {
    pub all: Vec<Loaded>,
    /// Records of rows that are not in the table any more: it is empty.
    gone: Vec<Loaded>,
    /// The table says that it was loaded by us, and the record knows nothing of it.
    pub lost: bool,
}

impl Loads {
    /// The same after a look at the table: one without a row holds nothing, whatever the record says. Waits for whoever has
    /// locked the table.
    pub(super) async fn looked_at(self, client: &Client, url: &Url, target: &TableName) -> Result<Self> {
        if self.all.is_empty() && !self.lost {
            return Ok(self);
        }
        let holds = format!("SELECT EXISTS (SELECT 1 FROM {})", target.sql());
        match client.query_one(&holds, &[]).await.explained(url)?.get(0) {
            true => Ok(self),
            false => Ok(Loads { gone: self.all, ..Loads::default() }),
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
                "{target} foi carregada pelo datasus, mas o registro do que ela contém não está neste banco (cópia ou restauração sem o esquema `datasus`?). Restaure `datasus.loads`, refaça a tabela com o modo (`mode`) replace, ou, para append, use a opção `again`",
                "{target} was loaded by datasus, but the record of what it holds is not in this database (copied or restored without schema `datasus`?). Restore `datasus.loads`, make the table anew with `mode` replace, or, for append, use the option `again`"
            ),
        )
        .with("table", target.to_string())
        .stage("postgres"))
    }
}

/// The mark of a table, in its comment.
pub(super) fn mark(comment: Option<&str>) -> &str {
    let found = comment.and_then(|text| text.rsplit_once(OPEN)?.1.split_once(']'));
    found.map_or("", |(mark, _)| mark)
}

const OPEN: &str = "[datasus:";

pub(super) fn new_mark() -> String {
    ulid::Ulid::new().to_string()
}

/// The comment with this mark, and without another.
pub(super) fn marked(comment: &str, mark: &str) -> String {
    let text = match comment.rsplit_once(OPEN) {
        Some((before, after)) => format!("{}{}", before.trim_end(), after.split_once(']').map_or("", |(_, rest)| rest)),
        None => comment.to_owned(),
    };
    let gap = if text.is_empty() { "" } else { " " };
    format!("{text}{gap}{OPEN}{mark}]")
}

/// Makes the record, or gives one of a version before the columns that it lacks.
pub(super) async fn ensure(client: &Client, url: &Url) -> Result<()> {
    ensure_schema(client, url, "datasus").await?;
    // The columns of the two versions that added some.
    let known = "SELECT 2 = (SELECT count(*) FROM pg_attribute
            WHERE attrelid = to_regclass('datasus.loads') AND attname IN ('sampling', 'query') AND NOT attisdropped)
        WHERE to_regclass('datasus.loads') IS NOT NULL";
    let sql = match client.query_opt(known, &[]).await.explained(url)?.map(|known| known.get(0)) {
        Some(true) => return Ok(()),
        Some(false) => {
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
        None => {
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

/// What the table holds, as far as the record says.
pub(super) async fn of(client: &Client, url: &Url, target: &TableName, table: &Table) -> Result<Loads> {
    let mark = mark(table.comment.as_deref());
    let sql =
        "SELECT ctid::text, source, hash, dataset, uf, period, part, origin, query, sampling, schema_name, table_name,
            table_oid = $1, (schema_name, table_name) = ($2, $3), mark
        FROM datasus.loads
        WHERE ($4 <> '' AND mark = $4) OR ((schema_name, table_name) = ($2, $3) AND (mark = '' OR $4 = ''))";
    let rows = client.query(sql, &[&table.oid, &target.schema, &target.table, &mark]).await.explained(url)?;
    let mut all: Vec<Loaded> = rows
        .iter()
        .map(|row| Loaded {
            place: row.get(0),
            key: SourceKey {
                name: row.get(1),
                hash: row.get(2),
                dataset: row.get(3),
                uf: row.get(4),
                period: row.get(5),
                part: row.get(6),
                ..SourceKey::default()
            },
            origin: row.get(7),
            query: row.get(8),
            sampling: row.get(9),
            table: TableName { schema: row.get(10), table: row.get(11) },
            same_oid: row.get(12),
            same_name: row.get(13),
            mark: row.get(14),
        })
        .collect();
    match mark {
        // Without a mark the number tells tables of one name apart; where no record has it, all of the name may be meant.
        "" if all.iter().any(|one| one.same_oid) => all.retain(|one| one.same_oid),
        "" => {}
        // A version that writes no marks may have added rows.
        mark => all.retain(|one| one.mark == mark || one.same_oid),
    }
    let lost = !mark.is_empty() && all.is_empty();
    Ok(Loads { all, lost, ..Loads::default() })
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
    client.execute(forget, &[&places(&loads.gone)]).await.explained(url)?;
    let comment = table.comment.as_deref();
    let other = loads.all.iter().find(|one| !one.same_name).map(|one| one.table.clone());
    let copied = match &other {
        Some(other) => {
            let sql = "SELECT EXISTS (SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                WHERE n.nspname = $1 AND c.relname = $2)";
            client.query_one(sql, &[&other.schema, &other.table]).await.explained(url)?.get(0)
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
    let ours = |one: &Loaded| one.same_name && one.same_oid && one.mark == mark;
    if loads.all.iter().all(ours) {
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
    let values: [&(dyn tokio_postgres::types::ToSql + Sync); 5] =
        [&table.oid, &target.schema, &target.table, &mark, &places(&loads.all)];
    client.execute(sql, &values).await.explained(url)?;
    Ok(mark)
}

/// Forgets every table that had this name, for a new one takes it; one that was renamed has taken its mark along.
pub(super) async fn forget(client: &Client, url: &Url, target: &TableName) -> Result<()> {
    let sql = "DELETE FROM datasus.loads l WHERE schema_name = $1 AND table_name = $2 AND (mark = '' OR NOT EXISTS
        (SELECT 1 FROM pg_description d WHERE d.classoid = 'pg_catalog.pg_class'::regclass AND d.objsubid = 0
            AND strpos(d.description, '[datasus:' || l.mark || ']') > 0))";
    client.execute(sql, &[&target.schema, &target.table]).await.explained(url).map(drop)
}

/// Forgets sources of a table that is settled.
pub(super) async fn forget_sources(client: &Client, url: &Url, target: &TableName, of: &[&Loaded]) -> Result<()> {
    let list = |get: fn(&SourceKey) -> &String| of.iter().map(|one| get(&one.key).as_str()).collect::<Vec<_>>();
    let sql = "DELETE FROM datasus.loads l USING unnest($3::text[], $4::text[], $5::text[], $6::text[]) k(d, u, p, t)
        WHERE l.schema_name = $1 AND l.table_name = $2 AND (l.dataset, l.uf, l.period, l.part) = (k.d, k.u, k.p, k.t)";
    let (datasets, ufs, periods) = (list(|k| &k.dataset), list(|k| &k.uf), list(|k| &k.period));
    let values: [&(dyn tokio_postgres::types::ToSql + Sync); 6] =
        [&target.schema, &target.table, &datasets, &ufs, &periods, &list(|k| &k.part)];
    client.execute(sql, &values).await.explained(url).map(drop)
}

/// Notes what the table holds from now on.
pub(super) async fn remember(
    client: &Client,
    url: &Url,
    target: &TableName,
    (options, subject): (&Postgres, &Subject),
    rows: u64,
    mark: &str,
    origin: bool,
) -> Result<()> {
    let find = "SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = $1 AND c.relname = $2";
    let (schema, table) = (&target.schema, &target.table);
    let oid: u32 = client.query_one(find, &[schema, table]).await.explained(url)?.get(0);
    let nothing = [SourceKey::default()];
    let sources = if subject.sources.is_empty() { &nothing[..] } else { &subject.sources };
    let of = |get: fn(&SourceKey) -> &String| sources.iter().map(|source| get(source).as_str()).collect::<Vec<_>>();
    let mode = serde_json::to_value(options.mode).unwrap_or_default();
    let sql =
        "INSERT INTO datasus.loads (table_oid, schema_name, table_name, job, mode, rows, sampling, mark, origin, query,
            source, hash, dataset, uf, period, part)
        SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, s.*
        FROM unnest($11::text[], $12::text[], $13::text[], $14::text[], $15::text[], $16::text[])
            s(source, hash, dataset, uf, period, part) ON CONFLICT DO NOTHING";
    let (mode, rows) = (mode.as_str().unwrap_or_default(), rows as i64);
    let values: [&(dyn tokio_postgres::types::ToSql + Sync); 16] = [
        &oid,
        schema,
        table,
        &subject.job_id,
        &mode,
        &rows,
        &subject.sampling,
        &mark,
        &origin,
        &subject.query,
        &of(|s| &s.name),
        &of(|s| &s.hash),
        &of(|s| &s.dataset),
        &of(|s| &s.uf),
        &of(|s| &s.period),
        &of(|s| &s.part),
    ];
    client.execute(sql, &values).await.explained(url).map(drop)
}

/// Whether the rows that a job brought from a source (or at all) are still where it brought them: no other load has taken
/// their place.
pub(super) async fn still_has(client: &Client, url: &Url, job_id: &str, source: Option<&str>) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM datasus.loads WHERE job = $1 AND source = coalesce($2, source))";
    Ok(client.query_one(sql, &[&job_id, &source]).await.explained(url)?.get(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_holds_one_mark_and_keeps_its_words() {
        assert_eq!(marked("", "A"), "[datasus:A]");
        let comment = marked("Internações do Acre", "A");
        assert_eq!((comment.as_str(), mark(Some(&comment))), ("Internações do Acre [datasus:A]", "A"));
        assert_eq!(marked(&comment, "B"), "Internações do Acre [datasus:B]");
        assert_eq!((mark(None), mark(Some("[datasus:")), mark(Some("x"))), ("", "", ""));
    }
}
