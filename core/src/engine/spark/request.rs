//! From a statement to Spark's plan: its SQL with bound values, over tables that are read from its files.

use std::collections::BTreeMap;

use super::dialect::{PATH, ROW, numbered_name, source_name};
use super::path::{as_uri, pattern};
use super::proto::expression::literal::LiteralType;
use super::proto::expression::{self, ExprType};
use super::proto::relation::RelType;
use super::proto::{self, read, write_operation};
use crate::base::Result;
use crate::engine::no_user_sql;
use crate::plan::{Binds, Source, Statement, View};

/// A table of rows that are known here.
pub(super) struct Known {
    pub name: String,
    /// As an Arrow stream.
    pub rows: Vec<u8>,
}

/// Its rows.
pub(super) fn rows(of: proto::Relation) -> proto::Plan {
    proto::Plan { op_type: Some(proto::plan::OpType::Root(of)) }
}

/// Its schema: no row, and no work.
pub(super) fn no_rows(of: proto::Relation) -> proto::Plan {
    rows(relation(RelType::Limit(Box::new(proto::Limit { input: Some(Box::new(of)), limit: 0 }))))
}

/// The command that writes it as Parquet into the folder of this URI, in the place of what an earlier attempt left there, and says how
/// many rows it were.
pub(super) fn written(of: proto::Relation, uri: String) -> proto::Plan {
    let count = expression::UnresolvedFunction {
        function_name: "count".into(),
        arguments: vec![literal(LiteralType::Integer(1))],
    };
    let counted = proto::CollectMetrics {
        input: Some(Box::new(of)),
        name: COUNT.into(),
        metrics: vec![named(ExprType::UnresolvedFunction(count), COUNT)],
    };
    let write = proto::WriteOperation {
        input: Some(relation(RelType::CollectMetrics(Box::new(counted)))),
        source: Some("parquet".into()),
        save_type: Some(write_operation::SaveType::Path(uri)),
        mode: write_operation::SaveMode::Overwrite.into(),
        options: [("compression", "zstd"), ("parquet.block.size", "67108864"), ("maxRecordsPerFile", "0")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
    };
    let command = proto::Command { command_type: Some(proto::command::CommandType::WriteOperation(write)) };
    proto::Plan { op_type: Some(proto::plan::OpType::Command(command)) }
}

/// The metric that has the rows of what was written.
pub(super) const COUNT: &str = "datasus_rows";

/// `sql` over the tables of `views` and over those that are known.
pub(super) fn asked(views: &[View], sql: &str, binds: &[String], known: &[Known]) -> proto::Relation {
    let tables: Vec<String> = views.iter().map(|view| format!("{} AS ({})", view.name, view.relation)).collect();
    let query = if tables.is_empty() { sql.to_owned() } else { format!("WITH {} {sql}", tables.join(", ")) };
    let bind = |value: &String| literal(LiteralType::String(value.clone()));
    let named_in = query.clone();
    let sql = proto::Sql { query, pos_arguments: binds.iter().map(bind).collect() };
    // Each once, whoever names it, and none that the text does not: the server would look at its files.
    let mut sources: BTreeMap<String, proto::Relation> = BTreeMap::new();
    for Source { files, .. } in views.iter().flat_map(|view| &view.sources) {
        let (name, of_rows) = (source_name(files), numbered_name(files));
        if named_in.contains(&name) {
            sources.entry(name).or_insert_with(|| read(files));
        }
        if named_in.contains(&of_rows) {
            sources.entry(of_rows).or_insert_with(|| numbered(read(files)));
        }
    }
    let sources = sources.into_iter().map(|(name, table)| alias(name, table));
    let known = known.iter().map(|table| {
        let rows = proto::LocalRelation { data: Some(table.rows.clone().into()) };
        alias(table.name.clone(), relation(RelType::LocalRelation(rows)))
    });
    let mut references: Vec<proto::Relation> = sources.chain(known).collect();
    // Spark needs none; servers like it do.
    for (number, reference) in (1..).zip(&mut references) {
        reference.common = Some(proto::RelationCommon { plan_id: Some(number) });
    }
    let root = relation(RelType::Sql(sql));
    match references.is_empty() {
        true => root,
        false => {
            relation(RelType::WithRelations(Box::new(proto::WithRelations { root: Some(Box::new(root)), references })))
        }
    }
}

/// Whether a table's text needs to know where rows stand.
pub(super) fn names_rows(view: &View) -> bool {
    view.sources.iter().any(|source| view.relation.contains(&numbered_name(&source.files)))
}

/// How many rows these files have.
pub(super) fn count(files: &[String]) -> proto::Relation {
    let name = source_name(files);
    let source = Source { files: files.to_vec(), rows: None };
    let view = View { sources: vec![source], ..View::new("datasus_counted".into(), format!("SELECT * FROM {name}")) };
    asked(&[view], "SELECT count(*) AS `n` FROM datasus_counted", &[], &[])
}

/// The values of a statement's placeholders.
pub(super) fn binds(statement: &Statement) -> Result<&[String]> {
    match &statement.binds {
        Binds::Positional(values) if !statement.from_user => Ok(values),
        _ => Err(no_user_sql()),
    }
}

fn relation(of: RelType) -> proto::Relation {
    proto::Relation { rel_type: Some(of), ..Default::default() }
}

fn expression(of: ExprType) -> proto::Expression {
    proto::Expression { expr_type: Some(of) }
}

fn literal(of: LiteralType) -> proto::Expression {
    expression(ExprType::Literal(expression::Literal { literal_type: Some(of) }))
}

fn named(of: ExprType, name: &str) -> proto::Expression {
    let alias = expression::Alias { expr: Some(Box::new(expression(of))), name: vec![name.to_owned()] };
    expression(ExprType::Alias(Box::new(alias)))
}

fn alias(alias: String, input: proto::Relation) -> proto::Relation {
    relation(RelType::SubqueryAlias(Box::new(proto::SubqueryAlias { input: Some(Box::new(input)), alias })))
}

/// All of the files, or an error.
fn read(files: &[String]) -> proto::Relation {
    let source = read::DataSource {
        format: Some("parquet".into()),
        // Names like `ano=2024` in a path are the lake's business, never columns.
        options: [("recursiveFileLookup".to_owned(), "true".to_owned())].into(),
        paths: files.iter().map(|file| pattern(&as_uri(file))).collect(),
    };
    relation(RelType::Read(proto::Read { read_type: Some(read::ReadType::DataSource(source)) }))
}

/// With two columns more: where a row stands in its file, and the file's path. Tables of a text are views, which hand no hidden
/// columns on.
fn numbered(files: proto::Relation) -> proto::Relation {
    let all = expression(ExprType::UnresolvedStar(expression::UnresolvedStar {}));
    let hidden = |of: &str, name: &str| {
        let attribute = expression::UnresolvedAttribute { unparsed_identifier: format!("_metadata.{of}") };
        named(ExprType::UnresolvedAttribute(attribute), name)
    };
    relation(RelType::Project(Box::new(proto::Project {
        input: Some(Box::new(files)),
        expressions: vec![all, hidden("row_index", ROW), hidden("file_path", PATH)],
    })))
}
