//! Groups by words as groups by the codes that the words are of: a word is looked up for each code, and not for each row.

use std::sync::Arc;

use arrow::datatypes::DataType;

use super::Dialect;
use super::table::TableColumn;
use crate::catalog::{Grupo, LogicalType};
use crate::labels::Derived;
use crate::lake::LakeFile;
use crate::params::{AggregateFn, Figure, origin_column};

/// Columns that a word may be made of, beside the competência: their values together are few.
const MOST_INPUTS: usize = 2;
/// Characters of a code; what is longer numbers records, one by one.
const LONGEST_CODE: u16 = 10;

/// What a statement reads in the table's place, and what it selects there.
pub(super) struct ByCodes {
    pub projection: String,
    pub from: String,
}

/// The groups of a query, and where its rows are.
pub(super) struct Groups<'g> {
    pub keys: &'g [String],
    pub figures: &'g [Figure],
    pub grupo: &'g Grupo,
    pub columns: &'g [TableColumn],
    /// Those that are read.
    pub files: &'g [&'g LakeFile],
}

impl<'g> Groups<'g> {
    /// The groups by way of the codes of `table` (with its conditions); none where no key is a word of few codes, or where the
    /// figures of codes do not add up to those of words. `column`: a figure's column in SQL.
    pub fn by_codes(
        &self,
        dialect: &dyn Dialect,
        table: &str,
        column: &dyn Fn(&str, &LogicalType) -> String,
    ) -> Option<ByCodes> {
        let words: Vec<Option<&Arc<Derived>>> = self.keys.iter().map(|key| self.word_of_few(key)).collect();
        if words.iter().all(Option::is_none) {
            return None;
        }
        let name = |name: &str| dialect.name(name);
        // A competência that all files have, as far as the word depends on it, is no part of the code.
        let input = |one: &Derived, input: &String| match self.competencia_of_all(one) {
            Some(all) if origin_column(input).is_some() => (dialect.text(&all), false),
            _ => (name(input), true),
        };
        let rows = name("datasus_rows");
        let mut codes: Vec<String> = Vec::new();
        let mut named: Vec<String> = Vec::new();
        for (key, word) in self.keys.iter().zip(&words) {
            let inputs: Vec<(String, bool)> = match word {
                Some(one) => one.inputs.iter().map(|of| input(one, of)).collect(),
                None => vec![(name(key), true)],
            };
            for (code, _) in inputs.iter().filter(|(_, is_column)| *is_column) {
                if !codes.contains(code) {
                    codes.push(code.clone());
                }
            }
            named.push(match word {
                Some(one) => {
                    let inputs: Vec<String> = inputs.into_iter().map(|(input, _)| input).collect();
                    // A label is looked up for each code once: whoever does so knows how many rows have it.
                    let word = match is_counted(one) {
                        true => dialect.derived_counted(one, &rows, &inputs),
                        false => dialect.derived(one, &inputs),
                    };
                    format!("{word} AS {}", name(key))
                }
                None => name(key),
            });
        }
        let (mut of_codes, mut of_words) = (codes.clone(), self.keys.iter().map(|key| name(key)).collect::<Vec<_>>());
        for (number, figure) in self.figures.iter().enumerate() {
            let part = name(&format!("datasus_part_{number}"));
            let (first, then) = parts(figure, &part, column).filter(|_| !self.is_of_floats(figure))?;
            of_codes.push(format!("{first} AS {part}"));
            of_words.push(format!("{then} AS {}", name(&figure.alias)));
            named.push(part);
        }
        if words.iter().flatten().any(|one| is_counted(one)) {
            of_codes.push(format!("count(*) AS {rows}"));
        }
        let (of_codes, codes, named) = (of_codes.join(", "), codes.join(", "), named.join(", "));
        let from = format!("(SELECT {named} FROM (SELECT {of_codes} FROM {table} GROUP BY {codes}))");
        Some(ByCodes { projection: of_words.join(", "), from })
    }

    /// What a key is made of, where that is a word of few codes.
    fn word_of_few(&self, key: &str) -> Option<&'g Arc<Derived>> {
        let one = self.columns.iter().find(|column| column.name == *key)?.derived.as_ref()?;
        let mut of_record = one.inputs.iter().filter(|input| origin_column(input).is_none());
        let few = one.has_words() && of_record.clone().count() <= MOST_INPUTS;
        (few && of_record.all(|input| self.is_short(input))).then_some(one)
    }

    fn is_short(&self, column: &str) -> bool {
        match self.grupo.column(column) {
            Some(known) if known.kind == LogicalType::Text => known.eras.iter().all(|era| era.width <= LONGEST_CODE),
            _ => true,
        }
    }

    /// Sums of a user's own floats depend on the order of the rows.
    fn is_of_floats(&self, figure: &Figure) -> bool {
        let Some((of, _)) = figure.column.as_ref().filter(|_| figure.function == AggregateFn::Sum) else {
            return false;
        };
        let own = self.columns.iter().find(|column| column.name == *of).and_then(|column| column.own.as_ref());
        own.is_some_and(DataType::is_floating)
    }

    /// A competência that stands for those of all files in what the word depends on it for.
    fn competencia_of_all(&self, word: &Derived) -> Option<String> {
        let mut all = self.files.iter().map(|file| file.id.competencia.to_string());
        let first = all.next()?;
        all.all(|other| word.phase(&other) == word.phase(&first)).then_some(first)
    }
}

/// Whether codes without a word are told in the report.
fn is_counted(word: &Derived) -> bool {
    word.label_of.is_some() && word.code_alone().is_some()
}

/// A figure of each code, and what makes of them that of a word; none where it cannot be made of them.
fn parts(figure: &Figure, part: &str, column: &dyn Fn(&str, &LogicalType) -> String) -> Option<(String, String)> {
    let counted = format!("CAST(sum({part}) AS BIGINT)");
    let Some((name, kind)) = &figure.column else { return Some(("count(*)".into(), counted)) };
    let of = column(name, kind);
    Some(match (figure.function, kind) {
        (AggregateFn::Count, _) => (format!("count({of})"), counted),
        (AggregateFn::Sum, LogicalType::Integer { .. }) => (format!("sum({of})"), counted),
        (AggregateFn::Sum, LogicalType::Decimal { .. }) => (format!("sum({of})"), format!("sum({part})")),
        (AggregateFn::Min, _) => (format!("min({of})"), format!("min({part})")),
        (AggregateFn::Max, _) => (format!("max({of})"), format!("max({part})")),
        (AggregateFn::Sum | AggregateFn::Avg | AggregateFn::CountDistinct, _) => return None,
    })
}
