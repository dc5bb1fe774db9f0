//! The SQL of a query, its bound values, and the files that it may read.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::RecordBatch;

use super::bad_rows::{BadRows, bad_rows};
use super::catalog_answer::catalog_answer;
use super::mixed_names::refuse_mixed;
use super::named;
use super::origin;
use super::scan::{Scan, scan};
use super::structured_sql;
use super::table::{self, Held, TableColumn};
use super::view::{self, Shown, Source, View, Without};
use super::{Dialect, Sampling};
use crate::base::{Code, Error, Result, text};
use crate::catalog::Catalog;
use crate::gate;
use crate::labels::CodesSeen;
use crate::lake::LakeFile;
use crate::params::{Ask, BindValue, Projection, Query, Scope, Sql, Structured, origin_column};

/// What an engine runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    /// The tables that the SQL names.
    pub views: Vec<View>,
    /// The text.
    pub sql: String,
    /// The user's text, where `sql` is another that means the same.
    pub written: Option<String>,
    /// Values of its parameters.
    pub binds: Binds,
    /// Every file that may be read.
    pub files: Vec<String>,
    /// Columns that are read from the files.
    pub columns: Vec<String>,
    /// True: the SQL is the user's, and so are its errors.
    pub from_user: bool,
    /// Bytes that the long values of a row may have together, as far as the text says.
    pub long_bytes: u64,
    /// The same without SQL, where the statement only reads.
    pub scan: Option<Scan>,
    /// Rows that it does not read, because a value of theirs did not parse.
    pub left_out: Vec<BadRows>,
    /// The answer itself, where nothing is to be run.
    pub answer: Option<RecordBatch>,
    /// Codes without a label, which an engine may count while it reads.
    pub seen: CodesSeen,
}

impl Statement {
    /// Nothing yet to be run.
    pub(crate) fn empty() -> Self {
        Statement {
            views: Vec::new(),
            sql: String::new(),
            written: None,
            binds: Binds::Positional(Vec::new()),
            files: Vec::new(),
            columns: Vec::new(),
            from_user: false,
            long_bytes: 0,
            scan: None,
            left_out: Vec::new(),
            answer: None,
            seen: CodesSeen::default(),
        }
    }

    /// A scan and nothing else.
    pub fn of_scan(scan: Scan) -> Self {
        Statement { scan: Some(scan), ..Statement::empty() }
    }

    /// Rows that are known already.
    fn of_answer(answer: RecordBatch) -> Self {
        let columns = answer.schema().fields().iter().map(|field| field.name().clone()).collect();
        Statement { columns, answer: Some(answer), ..Statement::empty() }
    }

    /// How many rows are left out.
    pub fn rows_left_out(&self) -> u64 {
        self.left_out.iter().map(|of_file| of_file.rows.len() as u64).sum()
    }

    /// Whether each row of the answer is a row of a file, wherever in it one begins to read.
    pub fn is_positional(&self) -> bool {
        self.scan.as_ref().is_some_and(|scan| scan.limit.is_none())
    }
}

/// Values of the placeholders.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub enum Binds {
    /// For `?`, in their order, as text that the SQL casts.
    Positional(Vec<String>),
    /// For `$name`.
    Named(BTreeMap<String, BindValue>),
}

/// DS-422 where the engine has no way to name a file.
fn refuse_unnamable(paths: &[String], dialect: &dyn Dialect) -> Result<()> {
    let Some(path) = paths.iter().find(|path| !dialect.can_name(path)) else { return Ok(()) };
    Err(Error::new(
        Code::InvalidParams,
        text!(
            "O caminho {path} tem uma barra invertida ao lado de `*`, `?` ou `[`, e assim o motor SQL não o abre; renomeie a pasta ou o arquivo",
            "The path {path} has a backslash beside `*`, `?` or `[`, and the SQL engine cannot open it so; rename the folder or the file"
        ),
    )
    .file(path.as_str())
    .stage("plan"))
}

/// What whoever takes the rows wants of them.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wanted<'w> {
    /// A column more, at the end, for each of these names: the source file, its UF and its competência. Only plain rows have them.
    pub origin: Option<[&'w str; 3]>,
    /// The files have only the rows of the sample.
    pub sampling: Option<&'w Sampling>,
    /// Their order counts, so that rows which the query does not order have one too.
    pub ordered: bool,
    /// A scan may give words by their numbers.
    pub numbers: bool,
}

/// Builds the statement of `query` over `files`, in the engine's SQL.
pub fn statement(query: &Query, files: &[LakeFile], wanted: Wanted, dialect: &dyn Dialect) -> Result<Statement> {
    let Wanted { origin, sampling, ordered, numbers } = wanted;
    if origin.is_some() && !query.is_plain_scan() {
        return Err(Error::new(
            Code::InvalidParams,
            text!(
                "`replace_by` (e `partition_by`) precisa das linhas dos arquivos: não vale com agregados nem SQL; use `replace` ou `upsert`",
                "`replace_by` (and `partition_by`) needs the rows of the files: it does not go with aggregates or SQL; use `replace` or `upsert`"
            ),
        )
        .stage("plan"));
    }
    if origin.is_some() && matches!(&query.ask, Ask::Structured(ask) if ask.limit.is_some()) {
        return Err(Error::new(
            Code::InvalidParams,
            text!(
                "`replace_by` (e `partition_by`) é de competências inteiras, e `limit` deixaria linhas de fora; tire `limit`, ou use `replace`",
                "`replace_by` (and `partition_by`) is of whole competências, and `limit` would leave rows out; leave `limit` out, or use `replace`"
            ),
        )
        .stage("plan"));
    }
    if let Ask::Catalog(question) = &query.ask {
        return catalog_answer(question, Catalog::builtin(), dialect).map(Statement::of_answer);
    }
    for file in files {
        if file.path.to_str().is_none() {
            let path = file.path.display();
            return Err(Error::new(
                Code::InvalidParams,
                text!(
                    "O caminho {path} não é UTF-8; renomeie a pasta",
                    "The path {path} is not UTF-8; rename the folder"
                ),
            )
            .stage("plan"));
        }
    }
    let of_scope = |scope: &Scope| -> Vec<&LakeFile> {
        files.iter().filter(|file| file.id.dataset == scope.grupo.dataset).collect()
    };
    let held: Vec<(&Scope, Vec<TableColumn>)> =
        query.scopes.iter().map(|scope| (scope, table::columns(scope, &of_scope(scope)))).collect();
    let mut tables = Vec::with_capacity(query.scopes.len());
    for (scope, columns) in &held {
        let table = scope.grupo.dataset.table();
        let of_from = match &query.ask {
            Ask::Sql(ask) => gate::beside(&ask.syntax.statement, &table),
            _ => BTreeSet::new(),
        };
        let own = |name: &str, wanted: &dyn Fn(&str) -> bool| {
            let tables = query.own_tables.iter().filter(|table| wanted(&table.name.to_lowercase()));
            tables.flat_map(|table| &table.columns).any(|column| column.eq_ignore_ascii_case(name))
        };
        let of_others = |name: &str, wanted: &dyn Fn(&str) -> bool| {
            own(name, wanted) || named::has_elsewhere(&held, &|other| wanted(&other.grupo.dataset.table()), name)
        };
        let elsewhere = |name: &str| of_others(name, &|other| other != table);
        let beside = |name: &str| of_others(name, &|other| of_from.contains(other));
        let mut columns = columns.clone();
        columns.extend(named::columns(query, scope, &columns, &elsewhere, &beside));
        tables.push((*scope, columns, of_scope(scope)));
    }
    let by_file =
        origin.is_some() || tables.iter().any(|(_, columns, _)| columns.iter().any(|c| c.held == Held::Origin));
    let read = match (&query.ask, tables.first()) {
        (Ask::Sql(ask), _) => columns_of_sql(ask, &tables),
        (Ask::Structured(ask), Some((scope, columns, _))) => columns_read(ask, scope, columns),
        (Ask::Structured(_), None) | (Ask::Catalog(_), _) => Vec::new(),
    };
    for (scope, columns, of_scope) in &tables {
        table::refuse_unreadable(columns, of_scope, &read)?;
        refuse_mixed(query, scope, of_scope)?;
    }
    origin::refuse_own_origin(query, files)?;
    let left_out = bad_rows(query, files, &read)?;
    let without = Without::of(files, &read, &left_out);
    let shown = |placed| Shown { origin, sampling, without: &without, placed };
    let views = |placed| {
        let view = |(scope, columns, files): &(&Scope, Vec<TableColumn>, Vec<&LakeFile>)| {
            view::create(dialect, scope, columns, files, shown(placed))
        };
        let own = query.own_tables.iter().map(|table| {
            let path = table.path.to_string_lossy();
            let relation = format!("SELECT * FROM {}", dialect.parquet(&[&path]));
            let source = Source { files: vec![path.into_owned()], rows: None };
            let sources = if dialect.names_files() { vec![source] } else { Vec::new() };
            Ok(View { sources, ..View::new(dialect.name(&table.name), relation) })
        });
        tables.iter().map(view).chain(own).collect::<Result<Vec<View>>>()
    };
    let of_files = files.iter().filter_map(|file| file.path.to_str().map(str::to_owned));
    let of_tables = query.own_tables.iter().filter_map(|table| table.path.to_str().map(str::to_owned));
    let paths: Vec<String> = of_files.chain(without.paths()).chain(of_tables).collect();
    match (&query.ask, tables.first()) {
        (Ask::Sql(ask), _) => {
            refuse_unnamable(&paths, dialect)?;
            view::refuse_hidden_row_numbers(files, sampling, by_file || !left_out.is_empty())?;
            let own: Vec<String> = query.own_tables.iter().map(|table| table.name.clone()).collect();
            let rewritten = without_hidden(ask, &tables, &own)?;
            Ok(Statement {
                views: views(false)?,
                written: rewritten.is_some().then(|| ask.text.clone()),
                sql: rewritten.unwrap_or_else(|| ask.text.clone()),
                binds: Binds::Named(ask.binds.clone()),
                files: paths,
                columns: read,
                from_user: true,
                long_bytes: ask.syntax.long_bytes,
                left_out,
                ..Statement::empty()
            })
        }
        (Ask::Structured(ask), Some((scope, columns, of_scope))) => {
            if let Some(name) = origin.and_then(|_| selected_origin(ask)) {
                return Err(Error::new(
                    Code::InvalidParams,
                    text!(
                        "`replace_by` já grava {name}; tire-a de `columns`",
                        "`replace_by` writes {name} anyway; leave it out of `columns`"
                    ),
                )
                .column(name)
                .stage("plan"));
            }
            // What is the same in all rows of a file is asked of the file.
            let (_, others) = origin::split(&ask.predicates);
            let is_read = |file: &LakeFile| origin::reads(query, file);
            let all = of_scope;
            let of_scope = &all.iter().copied().filter(|file| is_read(file)).collect::<Vec<_>>();
            let ask = &Structured { predicates: others.into_iter().cloned().collect(), ..ask.clone() };
            let views = |placed| {
                let view = view::create(dialect, scope, columns, of_scope, shown(placed));
                view.map(|view| vec![view])
            };
            let mut scan = scan(ask, scope, columns, all, origin, sampling, numbers);
            let placed = !of_scope.is_empty() && by_place(ask, scan.is_some(), ordered);
            match &mut scan {
                None => {
                    refuse_unnamable(&paths, dialect)?;
                    view::refuse_hidden_row_numbers(files, sampling, placed || by_file || !left_out.is_empty())?;
                }
                Some(scan) => {
                    for of_file in &left_out {
                        scan.files[of_file.file].without = Some(of_file.numbers.clone());
                    }
                    let mut read = all.iter().map(|file| is_read(file));
                    scan.files.retain(|_| read.next().unwrap_or(true));
                }
            }
            let seen = CodesSeen::default();
            if let Some(scan) = &mut scan
                && scan.predicates.is_empty()
                && scan.limit.is_none()
                && sampling.is_none()
            {
                scan.seen = Some(seen.clone());
            }
            let (sql, binds) = structured_sql::write(dialect, ask, (scope, columns, of_scope), origin, placed, ordered);
            Ok(Statement {
                views: views(placed)?,
                sql,
                binds: Binds::Positional(binds),
                files: paths,
                columns: read,
                scan,
                left_out,
                seen,
                ..Statement::empty()
            })
        }
        (Ask::Structured(_), None) | (Ask::Catalog(_), _) => Err(Error::internal("a structured query without a table")),
    }
}

/// The user's text with stars that leave out what is there by name only; none where it may stand as it is.
fn without_hidden(
    ask: &Sql,
    tables: &[(&Scope, Vec<TableColumn>, Vec<&LakeFile>)],
    own: &[String],
) -> Result<Option<String>> {
    let mut hidden = gate::Hidden::new();
    for (scope, columns, _) in tables {
        let names: Vec<String> = columns.iter().filter(|c| c.held != Held::Files).map(|c| c.name.clone()).collect();
        if !names.is_empty() {
            hidden.insert(scope.grupo.dataset.table(), names);
        }
    }
    if !ask.star || hidden.is_empty() {
        return Ok(None);
    }
    gate::without(&ask.syntax.statement, &hidden, Catalog::builtin(), own).map(Some)
}

/// A column that `replace_by` writes, where the query gives it too.
fn selected_origin(ask: &Structured) -> Option<&str> {
    let Projection::Columns(names) = &ask.projection else { return None };
    names.iter().map(String::as_str).find(|name| origin_column(name).is_some())
}

/// Whether rows must be told apart by where they stand. A scan has them in order by itself. Of rows that the query orders, those
/// that are equal may come in any order, unless a limit takes some of them or the last one of a key counts.
fn by_place(ask: &Structured, scanned: bool, ordered: bool) -> bool {
    match (&ask.projection, ask.order_by.is_empty()) {
        (Projection::Grouped { .. }, _) => false,
        (_, true) => ordered || !scanned,
        (_, false) => ordered || ask.limit.is_some(),
    }
}

fn columns_read(ask: &Structured, scope: &Scope, columns: &[TableColumn]) -> Vec<String> {
    let held = columns.iter().filter(|column| column.held == Held::Files).map(|column| &column.name);
    if matches!(ask.projection, Projection::All) {
        return held.cloned().collect();
    }
    let mut read = ask.columns();
    read.extend(view::uf_column(scope));
    held.filter(|name| read.contains(name.as_str())).cloned().collect()
}

/// At most these: names of the text that are columns of its tables.
fn columns_of_sql(ask: &Sql, tables: &[(&Scope, Vec<TableColumn>, Vec<&LakeFile>)]) -> Vec<String> {
    let names: BTreeSet<&str> = tables
        .iter()
        .flat_map(|(scope, columns, _)| {
            let read = |name: &str| ask.star || ask.columns.contains(name);
            let held = columns.iter().filter(|column| column.held == Held::Files);
            let named = held.map(|column| column.name.as_str()).filter(move |name| read(name));
            named.chain(view::uf_column(scope))
        })
        .collect();
    names.into_iter().map(str::to_owned).collect()
}
