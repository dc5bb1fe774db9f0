//! Columns of codes that an answer has in words alone: they are read behind the dictionaries of the file, so that a word is looked up
//! for each code of a dictionary and no text is made of a row's.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use parquet::basic::Encoding;
use parquet::file::metadata::ParquetMetaData;

use crate::columnar::is_text;
use crate::labels::dictionary_type;
use crate::plan::{Output, Scan};

/// The schema by which a file is read; none: its own. Texts are plain texts but for those codes.
pub(super) fn read_as(schema: &SchemaRef, scan: &Scan, footer: &ParquetMetaData) -> Option<SchemaRef> {
    let coded = names(scan);
    let as_read = |(root, field): (usize, &Arc<Field>)| {
        let kind = field.data_type();
        let in_words = || coded.iter().any(|name| name.eq_ignore_ascii_case(field.name()));
        if !is_text(kind) {
            field.clone()
        } else if in_words() && is_behind_dictionaries(root, footer) {
            Arc::new(field.as_ref().clone().with_data_type(dictionary_type()))
        } else {
            Arc::new(field.as_ref().clone().with_data_type(DataType::Utf8))
        }
    };
    let fields: Vec<Arc<Field>> = schema.fields().iter().enumerate().map(as_read).collect();
    let same = fields.iter().zip(schema.fields()).all(|(one, other)| one.data_type() == other.data_type());
    (!same).then(|| Schema::new(fields).into())
}

/// Names of the columns whose codes words of one column are of, and that nothing else reads.
fn names(scan: &Scan) -> BTreeSet<&str> {
    let (mut coded, mut others) = (BTreeSet::new(), BTreeSet::new());
    scan.predicates.iter().for_each(|predicate| predicate.columns(&mut others));
    for output in scan.outputs.iter().chain(&scan.made) {
        match output {
            Output::Column(name) => {
                others.insert(name);
            }
            Output::Constant(_) => {}
            Output::Derived(derived, inputs) => {
                let of = || {
                    inputs
                        .iter()
                        .filter_map(|input| if let Output::Column(name) = input { Some(name.as_str()) } else { None })
                };
                let in_words = derived.words().is_some() && of().count() == 1;
                if in_words { coded.extend(of()) } else { others.extend(of()) }
            }
        }
    }
    let read_otherwise = |name: &&str| others.iter().any(|other| other.eq_ignore_ascii_case(name));
    coded.into_iter().filter(|name| !read_otherwise(name)).collect()
}

/// Whether no page of the column, in any row group, does without its dictionary.
fn is_behind_dictionaries(root: usize, footer: &ParquetMetaData) -> bool {
    let leaves = footer.file_metadata().schema_descr();
    let Some(leaf) = (0..leaves.num_columns()).find(|leaf| leaves.get_column_root_idx(*leaf) == root) else {
        return false;
    };
    footer.row_groups().iter().all(|group| {
        let mask = group.column(leaf).page_encoding_stats_mask();
        mask.is_some_and(|mask| mask.is_only(Encoding::RLE_DICTIONARY) || mask.is_only(Encoding::PLAIN_DICTIONARY))
    })
}
