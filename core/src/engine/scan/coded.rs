//! Columns of codes that an answer has in words alone, or that something else is made of: they are read behind the dictionaries of the
//! file, so that a word is looked up for each code of a dictionary and no text is made of a row's.

use std::collections::BTreeSet;

use arrow::datatypes::SchemaRef;
use parquet::file::metadata::ParquetMetaData;

use crate::columnar::read_texts_as;
use crate::plan::{Output, Scan};

/// The schema by which a file is read; none: its own. Texts are plain texts but for those codes.
pub(super) fn read_as(schema: &SchemaRef, scan: &Scan, footer: &ParquetMetaData) -> Option<SchemaRef> {
    let coded = names(scan);
    read_texts_as(schema, footer, |name| coded.iter().any(|coded| coded.eq_ignore_ascii_case(name)))
}

/// Names of the columns that others are made of, and that nothing else reads.
fn names(scan: &Scan) -> BTreeSet<&str> {
    let (mut coded, mut others) = (BTreeSet::new(), BTreeSet::new());
    scan.predicates.iter().for_each(|predicate| predicate.columns(&mut others));
    for output in scan.outputs.iter().chain(&scan.made) {
        match output {
            Output::Column(name) => {
                others.insert(name);
            }
            Output::Constant(_) => {}
            Output::Derived(_, inputs) => coded.extend(inputs.iter().filter_map(|input| match input {
                Output::Column(name) => Some(name.as_str()),
                Output::Constant(_) | Output::Derived(..) => None,
            })),
        }
    }
    let read_otherwise = |name: &&str| others.iter().any(|other| other.eq_ignore_ascii_case(name));
    coded.into_iter().filter(|name| !read_otherwise(name)).collect()
}
