//! The SQL of a query, its bound values, and the files that it may read.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::RecordBatch;

use super::bad_rows::{BadRows, bad_rows};
use super::by_codes::Groups;
use super::catalog_answer::catalog_answer;
use super::named;
use super::origin;
use super::scan::{Scan, scan};
use super::table::{self, Held, TableColumn};
use super::view::{self, Shown, Source, View, Without};
use super::{Dialect, Sampling};
use crate::base::{Code, Error, Result, text};
use crate::catalog::{Catalog, LogicalType};
use crate::gate;
use crate::labels::CodesSeen;
use crate::lake::LakeFile;
use crate::params::{
    AggregateFn, Ask, BindValue, Op, Predicate, Projection, Query, Scalar, Scope, Sql, Structured, origin_column,
};

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
        let own = |name: &str| {
            let columns = query.own_tables.iter().flat_map(|table| &table.columns);
            columns.into_iter().any(|column| column.eq_ignore_ascii_case(name))
        };
        let elsewhere = |name: &str| own(name) || named::has_elsewhere(&held, scope, name);
        let mut columns = columns.clone();
        columns.extend(named::columns(query, scope, &columns, &elsewhere));
        tables.push((*scope, columns, of_scope(scope)));
    }
    let by_file =
        origin.is_some() || tables.iter().any(|(_, columns, _)| columns.iter().any(|c| c.held == Held::Origin));
    let read = match (&query.ask, tables.first()) {
        (Ask::Sql(ask), _) => columns_of_sql(ask, &tables),
        (Ask::Structured(ask), Some((scope, columns, _))) => columns_read(ask, scope, columns),
        (Ask::Structured(_), None) | (Ask::Catalog(_), _) => Vec::new(),
    };
    for (_, columns, of_scope) in &tables {
        table::refuse_unreadable(columns, of_scope, &read)?;
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
            let (sql, binds) = structured(dialect, ask, (scope, columns, of_scope), origin, placed, ordered);
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

fn structured(
    dialect: &dyn Dialect,
    ask: &Structured,
    (scope, columns, files): (&Scope, &[TableColumn], &[&LakeFile]),
    origin: Option<[&str; 3]>,
    placed: bool,
    ordered: bool,
) -> (String, Vec<String>) {
    let mut build = Build { dialect, columns, binds: Vec::new() };
    let mut projection = build.projection(ask);
    for name in origin.iter().flatten() {
        projection.push_str(&format!(", {}", dialect.name(name)));
    }
    let conditions: Vec<String> = ask.predicates.iter().map(|p| build.predicate(p)).collect();
    let mut table = dialect.name(&scope.grupo.dataset.table());
    if !conditions.is_empty() {
        table.push_str(&format!(" WHERE {}", conditions.join(" AND ")));
    }
    if let Projection::Grouped { keys, figures } = &ask.projection
        && dialect.groups_by_codes()
    {
        let groups = Groups { keys, figures, grupo: scope.grupo, columns, files };
        let column = |name: &str, kind: &LogicalType| build.column(name, Some(kind));
        if let Some(by_codes) = groups.by_codes(dialect, &table, &column) {
            (projection, table) = (by_codes.projection, by_codes.from);
        }
    }
    let mut sql = format!("SELECT {projection} FROM {table}");
    if let Projection::Grouped { keys, .. } = &ask.projection
        && !keys.is_empty()
    {
        let keys: Vec<String> = keys.iter().map(|key| dialect.name(key)).collect();
        sql.push_str(&format!(" GROUP BY {}", keys.join(", ")));
    }
    // Words come in the order of their list, and not of the alphabet.
    let key = |name: &str| {
        let derived = columns.iter().find(|column| column.name == name).and_then(|column| column.derived.as_ref());
        match derived.filter(|derived| derived.words().is_some()) {
            Some(derived) => dialect.word_place(derived, &dialect.name(name)),
            None => dialect.name(name),
        }
    };
    let ascending = |name: &str| format!("{} NULLS LAST", key(name));
    let mut order: Vec<String> = ask
        .order_by
        .iter()
        .map(|sort| format!("{}{} NULLS LAST", key(&sort.column), if sort.desc { " DESC" } else { "" }))
        .collect();
    match &ask.projection {
        // Which groups a limit takes is never left to chance.
        Projection::Grouped { keys, .. } if ordered || ask.limit.is_some() => {
            let named = |key: &String| ask.order_by.iter().any(|sort| sort.column == *key);
            order.extend(keys.iter().filter(|name| !named(name)).map(|name| ascending(name)));
        }
        _ if placed => order.extend(view::PLACE.map(|name| dialect.name(name))),
        _ => {}
    }
    if !order.is_empty() {
        sql.push_str(&format!(" ORDER BY {}", order.join(", ")));
    }
    if let Some(limit) = ask.limit {
        sql.push_str(&format!(" LIMIT {limit}"));
    }
    (sql, build.binds)
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

struct Build<'a> {
    dialect: &'a dyn Dialect,
    columns: &'a [TableColumn],
    binds: Vec<String>,
}

impl Build<'_> {
    /// The column, or a typed NULL where no chosen file has it (an older layout).
    fn column(&self, name: &str, kind: Option<&LogicalType>) -> String {
        if self.columns.iter().any(|column| column.name == name) {
            return self.dialect.name(name);
        }
        format!("CAST(NULL AS {})", self.dialect.type_name(kind.unwrap_or(&LogicalType::Text)))
    }

    /// Whether it is the user's own, of floats.
    fn is_of_floats(&self, name: &str) -> bool {
        let own = self.columns.iter().find(|column| column.name == name).and_then(|column| column.own.as_ref());
        own.is_some_and(arrow::datatypes::DataType::is_floating)
    }

    fn projection(&self, ask: &Structured) -> String {
        let list: Vec<String> = match &ask.projection {
            Projection::All => named::shown(ask, self.columns).iter().map(|name| self.dialect.name(name)).collect(),
            Projection::Columns(names) => {
                names.iter().map(|name| format!("{} AS {}", self.column(name, None), self.dialect.name(name))).collect()
            }
            Projection::Grouped { keys, figures } => keys
                .iter()
                .map(|key| self.dialect.name(key))
                .chain(figures.iter().map(|figure| {
                    let alias = self.dialect.name(&figure.alias);
                    let Some((column, kind)) = &figure.column else { return format!("count(*) AS {alias}") };
                    let floats = self.is_of_floats(column);
                    let column = self.column(column, Some(kind));
                    let value = match (figure.function, kind) {
                        (AggregateFn::Count, _) => format!("count({column})"),
                        (AggregateFn::CountDistinct, _) => format!("count(DISTINCT {column})"),
                        // The engine's 128-bit sum, back in the range that every language has; overflow is an error.
                        (AggregateFn::Sum, LogicalType::Integer { .. }) => format!("CAST(sum({column}) AS BIGINT)"),
                        (AggregateFn::Sum, _) => self.dialect.sum(&column, kind, floats),
                        (AggregateFn::Avg, _) => self.dialect.mean(&column, kind, floats),
                        (AggregateFn::Min, _) => format!("min({column})"),
                        (AggregateFn::Max, _) => format!("max({column})"),
                    };
                    format!("{value} AS {alias}")
                }))
                .collect(),
        };
        list.join(", ")
    }

    fn bind(&mut self, value: &Scalar, kind: &LogicalType) -> String {
        let (placeholder, bound) = self.dialect.placeholder(value, kind);
        self.binds.push(bound);
        placeholder
    }

    fn predicate(&mut self, predicate: &Predicate) -> String {
        match predicate {
            Predicate::Any(list) if list.is_empty() => "false".into(),
            Predicate::All(list) if list.is_empty() => "true".into(),
            Predicate::Any(list) => self.joined(list, " OR "),
            Predicate::All(list) => self.joined(list, " AND "),
            Predicate::Not(inner) => format!("(NOT {})", self.predicate(inner)),
            Predicate::Compare { column, kind, op, values } => {
                let name = self.column(column, Some(kind));
                let marks: Vec<String> = values.iter().map(|value| self.bind(value, kind)).collect();
                let list = marks.join(", ");
                match op {
                    Op::Eq => format!("{name} = {list}"),
                    Op::Ne => format!("{name} <> {list}"),
                    Op::Lt => format!("{name} < {list}"),
                    Op::Le => format!("{name} <= {list}"),
                    Op::Gt => format!("{name} > {list}"),
                    Op::Ge => format!("{name} >= {list}"),
                    Op::Between => format!("{name} BETWEEN {}", marks.join(" AND ")),
                    Op::In => format!("{name} IN ({list})"),
                    Op::NotIn => format!("{name} NOT IN ({list})"),
                    Op::StartsWith => self.dialect.starts_with(&name, &list),
                    Op::IsNull => format!("{name} IS NULL"),
                    Op::NotNull => format!("{name} IS NOT NULL"),
                }
            }
        }
    }

    fn joined(&mut self, list: &[Predicate], with: &str) -> String {
        let parts: Vec<String> = list.iter().map(|p| self.predicate(p)).collect();
        format!("({})", parts.join(with))
    }
}
