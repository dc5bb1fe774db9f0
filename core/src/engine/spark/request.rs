//! From a statement to Spark's plan: its SQL with bound values, over tables that are read from its files.

use std::collections::BTreeMap;

use proto::relation::RelType;
use spark_connect_proto as proto;

use super::dialect::source_name;
use super::path::{as_uri, pattern};
use crate::base::Result;
use crate::engine::no_user_sql;
use crate::plan::{Binds, Statement, View};

/// A table of rows that are known here.
pub(super) struct Known {
    pub name: String,
    /// As an Arrow stream.
    pub rows: Vec<u8>,
}

/// `sql` over the tables of `views` and over those that are known.
pub(super) fn plan(views: &[View], sql: &str, binds: &[String], known: &[Known]) -> proto::Plan {
    let tables: Vec<String> = views.iter().map(|view| format!("{} AS ({})", view.name, view.relation)).collect();
    let query = if tables.is_empty() { sql.to_owned() } else { format!("WITH {} {sql}", tables.join(", ")) };
    let bind = |value: &String| {
        let literal = proto::expression::Literal {
            literal_type: Some(proto::expression::literal::LiteralType::String(value.clone())),
            ..Default::default()
        };
        proto::Expression { expr_type: Some(proto::expression::ExprType::Literal(literal)), ..Default::default() }
    };
    let sql = proto::Sql { query, pos_arguments: binds.iter().map(bind).collect(), ..Default::default() };
    // Each once, whoever names it.
    let mut sources: BTreeMap<String, &[String]> = BTreeMap::new();
    for files in views.iter().flat_map(|view| &view.sources) {
        sources.insert(source_name(files), files);
    }
    let sources = sources.into_iter().map(|(name, files)| alias(name, read(files)));
    let known = known.iter().map(|table| {
        let rows = proto::LocalRelation { data: Some(table.rows.clone().into()), ..Default::default() };
        alias(table.name.clone(), relation(RelType::LocalRelation(rows)))
    });
    let references: Vec<proto::Relation> = sources.chain(known).collect();
    let root = relation(RelType::Sql(sql));
    let root = match references.is_empty() {
        true => root,
        false => {
            relation(RelType::WithRelations(Box::new(proto::WithRelations { root: Some(Box::new(root)), references })))
        }
    };
    proto::Plan { op_type: Some(proto::plan::OpType::Root(root)) }
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

fn alias(alias: String, input: proto::Relation) -> proto::Relation {
    relation(RelType::SubqueryAlias(Box::new(proto::SubqueryAlias {
        input: Some(Box::new(input)),
        alias,
        ..Default::default()
    })))
}

/// All of the files, or an error.
fn read(files: &[String]) -> proto::Relation {
    let source = proto::read::DataSource {
        format: Some("parquet".into()),
        // Names like `ano=2024` in a path are the lake's business, never columns.
        options: [("recursiveFileLookup".to_owned(), "true".to_owned())].into(),
        paths: files.iter().map(|file| pattern(&as_uri(file))).collect(),
        ..Default::default()
    };
    relation(RelType::Read(proto::Read {
        read_type: Some(proto::read::ReadType::DataSource(source)),
        ..Default::default()
    }))
}
