//! Codes to words: the ministry's tables of labels, and what is derived from a record's columns.

mod ages;
mod births;
mod causes;
mod cnv;
mod codes_seen;
mod columns;
mod dbf;
mod def;
mod derived;
mod dictionary;
mod editions;
mod exact_codes;
mod kit;
mod kit_dbf;
mod kit_file;
mod kit_sources;
mod known_codes;
mod labelled;
mod lines;
mod list;
mod list_codes;
mod list_labels;
mod list_words;
mod numbers;
mod packed_lists;
mod places;
mod record;
mod rules;
mod search;
mod short_codes;
mod tokens;
mod values;
mod weeks;
mod whole_columns;
mod without_label;
mod word_list;
mod word_places;

pub(crate) use ages::bands_in_order;
pub use ages::five_years as five_year_bands;
pub use cnv::{Cnv, CnvRow, Mode};
pub use codes_seen::CodesSeen;
pub use columns::{
    SUFFIX, derived_by_id, derived_column, derived_columns, derived_columns_named, derived_columns_of, label_column,
};
pub use dbf::DbfTable;
pub use def::{Def, DefLine, LabelTable};
pub(crate) use derived::read_ahead;
pub use derived::{Derived, encode_texts};
pub use dictionary::{Dictionary, DictionaryEntry};
pub use editions::Edition;
pub(crate) use editions::KitLists;
pub use kit::Kit;
pub use kit_file::{Compiled, compile_kit, edition_of};
pub use kit_sources::{KITS, KitSource};
pub use labelled::open_records;
pub use list::{List, written};
pub use packed_lists::packed_lists;
pub use places::{Municipality, check_digit, municipalities};
pub use record::Input;
pub use rules::lists;
pub use search::{Found, FoundIn, search};
pub use tokens::Token;
pub use without_label::WithoutLabel;
pub use word_list::WordList;

pub use crate::columnar::dictionary_type;
