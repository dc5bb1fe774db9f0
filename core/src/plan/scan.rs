//! A query that only reads: rows of files, some columns, conditions, perhaps a limit. An engine can run it without SQL.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::named;
use super::origin::{self, origin_of};
use super::read_groups::ReadGroups;
use super::table::{Held, TableColumn};
use super::view;
use super::{FileSample, Sampling};
use crate::base::{UnitId, UnitPlaces};
use crate::catalog::{LogicalType, UfCoding};
use crate::columnar::is_text;
use crate::labels::{CodesSeen, Derived};
use crate::lake::LakeFile;
use crate::params::{ORIGIN, Op, Predicate, Projection, Query, Scalar, Scope, Structured};
use crate::store::Handle;

/// What is read, file by file, in the order of the answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Scan {
    /// The answer's columns, all of them nullable.
    pub schema: SchemaRef,
    /// What each column of the answer is.
    pub outputs: Vec<Output>,
    /// All of them hold for each row of the answer. Their columns have the type of the [`LogicalType`] in every file.
    pub predicates: Vec<Predicate>,
    /// Columns of the predicates that no file has: each is [`Output::Derived`].
    pub made: Vec<Output>,
    /// So many rows at most.
    pub limit: Option<u64>,
    /// In the answer's order.
    pub files: Vec<ScanFile>,
    /// What has been read of them.
    pub read: ReadGroups,
    /// Codes without a label, where every row is an answer's.
    pub seen: Option<CodesSeen>,
}

impl Scan {
    /// Where the units of `rows` source rows lie.
    pub fn places(&self, rows: usize) -> UnitPlaces {
        let rows = rows.max(1) as u64;
        let (mut groups, mut unit) = (Vec::new(), 0);
        for file in &self.files {
            let mut first = 0;
            for group in &file.row_groups {
                groups.push((UnitId(unit), file.name.clone(), first));
                first += group;
                unit += group.div_ceil(rows);
            }
        }
        UnitPlaces { rows, groups }
    }
}

/// A column of the answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// The file's column of this name, in any case; NULL in a file without it.
    Column(String),
    /// The same text in every row of a file: that of this number in [`ScanFile::constants`].
    Constant(usize),
    /// Made of others, of columns and constants alone.
    Derived(Arc<Derived>, Vec<Output>),
}

/// One file of a scan, and what of it is read.
#[derive(Debug, Clone, PartialEq)]
pub struct ScanFile {
    /// Where it lies.
    pub object: Handle,
    /// The source's name, for those who ask where a row comes from.
    pub name: Arc<str>,
    /// Rows of each row group.
    pub row_groups: Vec<u64>,
    /// The user's own, not of the lake.
    pub own: bool,
    /// Values of the columns that tell of the file itself.
    pub constants: Vec<String>,
    /// The rows that are read, before the predicates; none: all.
    pub sample: Option<FileSample>,
    /// Numbers of rows that are not, ascending; none: none.
    pub without: Option<Arc<[u64]>>,
}

/// The scan that gives what the statement gives, row by row and type by type; none where a value would need a cast. `numbers`: words
/// come by their numbers.
pub(super) fn scan(
    ask: &Structured,
    scope: &Scope,
    columns: &[TableColumn],
    files: &[&LakeFile],
    origin: Option<[&str; 3]>,
    sampling: Option<&Sampling>,
    numbers: bool,
) -> Option<Scan> {
    if !ask.order_by.is_empty() {
        return None;
    }
    let shown = named::shown(ask, columns);
    let names: Vec<&str> = match &ask.projection {
        Projection::All => shown.iter().map(String::as_str).collect(),
        Projection::Columns(names) => names.iter().map(String::as_str).collect(),
        Projection::Grouped { .. } => return None,
    };
    let find = |name: &str| columns.iter().find(|column| column.name == name);
    let mut fields = Vec::with_capacity(names.len() + 3);
    let mut outputs = Vec::with_capacity(names.len() + 3);
    let constant = |name: &str| Output::Constant(ORIGIN.iter().position(|origin| *origin == name).unwrap_or_default());
    let made = |derived: &Arc<Derived>| {
        let input = |name: &String| match find(name) {
            Some(column) if column.held == Held::Origin => Some(constant(name)),
            Some(column) => uncast(column, files).map(|_| Output::Column(name.clone())),
            None => Some(Output::Column(name.clone())),
        };
        let inputs = derived.inputs.iter().map(input).collect::<Option<Vec<_>>>()?;
        Some(Output::Derived(derived.clone(), inputs))
    };
    for name in names {
        if find(name).is_some_and(|column| column.held == Held::Origin) {
            fields.push(Field::new(name, DataType::Utf8, true));
            outputs.push(constant(name));
            continue;
        }
        if let Some(derived) = find(name).and_then(|column| column.derived.as_ref()) {
            let kind = if numbers && derived.has_words() { DataType::Int32 } else { derived.kind.arrow() };
            fields.push(Field::new(name, kind, true));
            outputs.push(made(derived)?);
            continue;
        }
        let kind = find(name).map_or(Some(DataType::Utf8), |column| uncast(column, files))?;
        fields.push(Field::new(name, kind, true));
        outputs.push(Output::Column(name.to_owned()));
    }
    for name in origin.iter().flatten() {
        fields.push(Field::new(*name, DataType::Utf8, true));
        outputs.push(constant(name));
    }
    let mut predicates = ask.predicates.clone();
    predicates.extend(uf_predicate(scope));
    let exact = |column: &str, kind: &LogicalType| {
        find(column).is_none_or(|c| match c.held {
            Held::Origin => false,
            Held::Derived => c.kind == *kind,
            Held::Files | Held::Nowhere => uncast(c, files) == Some(kind.arrow()),
        })
    };
    if !predicates.iter().all(|predicate| runs_uncast(predicate, &exact)) {
        return None;
    }
    let mut compared = std::collections::BTreeSet::new();
    predicates.iter().for_each(|predicate| predicate.columns(&mut compared));
    let of_predicates = compared.iter().filter_map(|name| find(name)?.derived.as_ref());
    let of_predicates = of_predicates.map(made).collect::<Option<Vec<_>>>()?;
    let of_file = |output: &Output| match output {
        Output::Constant(_) => true,
        Output::Derived(_, inputs) => inputs.iter().any(|input| matches!(input, Output::Constant(_))),
        Output::Column(_) => false,
    };
    let constants = |file: &LakeFile| match outputs.iter().chain(&of_predicates).any(of_file) {
        true => ORIGIN.iter().map(|name| origin_of(file, name)).collect(),
        false => Vec::new(),
    };
    let of_files = files
        .iter()
        .map(|file| ScanFile {
            object: file.handle(),
            name: file.source.file.as_str().into(),
            row_groups: file.row_groups.iter().map(|group| group.rows).collect(),
            own: file.native_parquet,
            constants: constants(file),
            sample: sampling.map(|sampling| sampling.of_file(&file.content())),
            without: None,
        })
        .collect();
    Some(Scan {
        schema: Schema::new(fields).into(),
        outputs,
        predicates,
        made: of_predicates,
        limit: ask.limit,
        files: of_files,
        read: ReadGroups::default(),
        seen: None,
    })
}

/// The column's type in the answer, where every file has it as it is, or not at all.
fn uncast(column: &TableColumn, files: &[&LakeFile]) -> Option<DataType> {
    let kind = match &column.own {
        None => column.kind.arrow(),
        Some(own) => plain(own)?,
    };
    let same = |found: &DataType| *found == kind || (is_text(found) && kind == DataType::Utf8);
    let of_file = |file: &&LakeFile| {
        let mut fields = file.schema.fields().iter().filter(|field| field.name().eq_ignore_ascii_case(&column.name));
        // Two columns that differ in case alone are the engine's to judge.
        fields.next().is_none_or(|field| same(field.data_type()) && fields.next().is_none())
    };
    files.iter().all(of_file).then_some(kind)
}

/// Types of a user's own columns that come out as they went in.
fn plain(own: &DataType) -> Option<DataType> {
    match own {
        kind if is_text(kind) => Some(DataType::Utf8),
        kind if kind.is_integer() => Some(kind.clone()),
        DataType::Boolean | DataType::Float32 | DataType::Float64 | DataType::Date32 => Some(own.clone()),
        DataType::Decimal128(precision, scale) if *scale >= 0 && *precision <= 38 => Some(own.clone()),
        _ => None,
    }
}

fn runs_uncast(predicate: &Predicate, exact: &impl Fn(&str, &LogicalType) -> bool) -> bool {
    match predicate {
        Predicate::Any(list) | Predicate::All(list) => list.iter().all(|p| runs_uncast(p, exact)),
        Predicate::Not(inner) => runs_uncast(inner, exact),
        Predicate::Compare { column, kind, values, .. } => {
            exact(column, kind) && values.iter().all(|value| comparable(value, kind))
        }
    }
}

/// Whether the value can be put in the column's own type without a loss.
fn comparable(value: &Scalar, kind: &LogicalType) -> bool {
    match (value, kind) {
        (Scalar::Text(_), LogicalType::Text)
        | (Scalar::Integer(_), LogicalType::Integer { .. })
        | (Scalar::Date(_), LogicalType::Date { .. }) => true,
        (Scalar::Decimal(digits), LogicalType::Decimal { precision, scale }) => {
            let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
            fraction.len() <= usize::from(*scale) && whole.len() <= usize::from(*precision - *scale)
        }
        _ => false,
    }
}

/// What the rows of a table must meet that `query` reads of it, but for conditions that are asked of whole files.
pub fn conditions(query: &Query, scope: &Scope) -> Vec<Predicate> {
    let (_, of_rows) = origin::split(query.predicates());
    of_rows.into_iter().cloned().chain(uf_predicate(scope)).collect()
}

/// The rows of the wanted UFs alone, in national files.
fn uf_predicate(scope: &Scope) -> Option<Predicate> {
    let (ufs, wanted, of) = (scope.ufs.as_ref()?, view::uf_column(scope)?, scope.grupo.uf_column.as_ref()?);
    let ibge = ufs.iter().filter_map(|uf| Some(Scalar::Text(uf.ibge()?.to_string())));
    let compare = |op, values| Predicate::Compare { column: wanted.to_owned(), kind: LogicalType::Text, op, values };
    Some(match of.coding {
        UfCoding::Sigla => compare(Op::In, ufs.iter().map(|uf| Scalar::Text(uf.sigla().to_owned())).collect()),
        UfCoding::IbgeCode => compare(Op::In, ibge.collect()),
        UfCoding::Municipio => Predicate::Any(ibge.map(|code| compare(Op::StartsWith, vec![code])).collect()),
    })
}
