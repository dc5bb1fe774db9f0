//! The SQL of a structured query, over the tables that stand for its datasets.

use super::by_codes::Groups;
use super::table::TableColumn;
use super::{Dialect, named, view};
use crate::catalog::LogicalType;
use crate::lake::LakeFile;
use crate::params::{AggregateFn, Op, Predicate, Projection, Scalar, Scope, Structured};

/// The text, and the values of its placeholders in their order.
pub(super) fn write(
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
        match derived.filter(|derived| derived.has_words()) {
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
