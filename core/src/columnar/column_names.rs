//! The names of a Parquet's columns, read from its footer without decoding the rest, which is a hundred times as long.

use super::thrift::{BINARY, Compact, I32, LIST, STRUCT};

/// Fields of Parquet's `FileMetaData` and `SchemaElement` (parquet.thrift).
const SCHEMA: i64 = 2;
const NAME: i64 = 4;
const CHILDREN: i64 = 5;

struct Element<'f> {
    name: &'f str,
    children: u64,
}

/// More than any table has; a footer of the greatest length could name 40 million.
const MOST_COLUMNS: usize = 10_000;

/// Those of the highest level, in the file's order, and how many bytes of the footer say so: they alone decide. None where the footer
/// is none, or names more than [`MOST_COLUMNS`]. The schema is a tree whose elements stand with their children behind them, and the first is the root.
pub fn column_names(footer: &[u8]) -> Option<(Vec<&str>, usize)> {
    let mut footer = Compact::new(footer);
    let mut field = 0;
    let count = loop {
        match (footer.field(&mut field)??, field) {
            (LIST, SCHEMA) => break footer.list(STRUCT)?,
            (kind, _) => footer.skip_field(kind, 0)?,
        }
    };
    let mut elements = (0..count).map(|_| element(&mut footer));
    let root = elements.next()??;
    let mut names = Vec::new();
    for _ in 0..root.children {
        let column = elements.next()??;
        if names.len() == MOST_COLUMNS {
            return None;
        }
        names.push(column.name);
        let mut below = column.children;
        while below > 0 {
            below = (below - 1).checked_add(elements.next()??.children)?;
        }
    }
    elements.next().is_none().then_some((names, footer.walked()))
}

fn element<'f>(footer: &mut Compact<'f>) -> Option<Element<'f>> {
    let (mut field, mut name, mut children) = (0, None, 0);
    while let Some(kind) = footer.field(&mut field)? {
        match (kind, field) {
            (BINARY, NAME) => name = Some(std::str::from_utf8(footer.binary()?).ok()?),
            (I32, CHILDREN) => children = u64::try_from(footer.signed()?).ok()?,
            (kind, _) => footer.skip_field(kind, 1)?,
        }
    }
    Some(Element { name: name?, children })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array, ListArray, RecordBatch, StringArray, StructArray};
    use arrow::datatypes::{DataType, Field, Int64Type};
    use parquet::arrow::ArrowWriter;

    use super::*;
    use crate::columnar::parse_parquet_footer;

    fn footer(columns: Vec<(&str, ArrayRef)>) -> Vec<u8> {
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        let file = writer.into_inner().unwrap();
        let end = file.len() - 8;
        let length = u32::from_le_bytes(file[end..end + 4].try_into().unwrap()) as usize;
        file[end - length..end].to_vec()
    }

    #[test]
    fn columns_of_the_highest_level_are_named_in_order_and_what_is_in_them_is_not() {
        let numbers = || Arc::new(Int64Array::from(vec![1, 2])) as ArrayRef;
        let texts: ArrayRef = Arc::new(StringArray::from(vec!["a", "b"]));
        let lists = ListArray::from_iter_primitive::<Int64Type, _, _>([Some([Some(1)]), None]);
        let field = |name: &str| Arc::new(Field::new(name, DataType::Int64, false));
        let pair = StructArray::from(vec![(field("SEXO"), numbers()), (field("IDADE"), numbers())]);
        let columns = vec![
            ("SEXO", numbers()),
            ("par", Arc::new(pair) as ArrayRef),
            ("município", texts),
            ("lista", Arc::new(lists)),
            ("SEXO_rotulo", numbers()),
        ];
        let footer = footer(columns);
        let (names, end) = column_names(&footer).unwrap();
        assert_eq!(names, ["SEXO", "par", "município", "lista", "SEXO_rotulo"]);
        for length in 0..footer.len() {
            assert_eq!(column_names(&footer[..length]), (length >= end).then_some((names.clone(), end)));
        }
        // What is read of a damaged footer is what decoding it gives, wherever that succeeds.
        for (at, bit) in (0..footer.len()).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
            let mut changed = footer.clone();
            changed[at] ^= 1 << bit;
            let Ok(decoded) = parse_parquet_footer(&changed, 1 << 20) else { continue };
            let fields = decoded.file_metadata().schema_descr().root_schema().get_fields();
            let decoded: Vec<&str> = fields.iter().map(|field| field.name()).collect();
            let names = column_names(&changed).map(|(names, _)| names);
            assert!(names.is_none_or(|names| names == decoded), "bit {bit} of byte {at}");
        }
        assert_eq!(column_names(&[]), None);
        // In the version's place a field that is true, which its header says.
        assert_eq!(column_names(&[&[0x11], &footer[2..]].concat()).unwrap().0, names);
    }

    #[test]
    fn many_columns_are_counted_in_the_long_form_of_a_list() {
        let names: Vec<String> = (0..200).map(|number| format!("c{number}")).collect();
        let numbers: ArrayRef = Arc::new(Int64Array::from(vec![1]));
        let footer = footer(names.iter().map(|name| (name.as_str(), numbers.clone())).collect());
        assert_eq!(column_names(&footer).unwrap().0, names);
    }
}
