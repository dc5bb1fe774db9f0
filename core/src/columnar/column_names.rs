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

/// Those of the highest level, in the file's order, and how many bytes of the footer say so: they alone decide. None where the footer
/// is none. The schema is a tree whose elements stand with their children behind them, and the first is the root.
pub fn column_names(footer: &[u8]) -> Option<(Vec<&str>, usize)> {
    let mut footer = Compact::new(footer);
    let mut field = 0;
    let count = loop {
        match (footer.field(&mut field)??, field) {
            (LIST, SCHEMA) => break footer.list(STRUCT)?,
            (kind, _) => footer.value(kind, 0)?,
        }
    };
    let mut elements = (0..count).map(|_| element(&mut footer));
    let root = elements.next()??;
    let mut names = Vec::new();
    for _ in 0..root.children {
        let column = elements.next()??;
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
            (kind, _) => footer.value(kind, 1)?,
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
        for at in 0..footer.len() {
            let mut changed = footer.clone();
            changed[at] ^= 0xff;
            column_names(&changed);
        }
        assert_eq!(column_names(&[]), None);
    }

    #[test]
    fn many_columns_are_counted_in_the_long_form_of_a_list() {
        let names: Vec<String> = (0..200).map(|number| format!("c{number}")).collect();
        let numbers: ArrayRef = Arc::new(Int64Array::from(vec![1]));
        let footer = footer(names.iter().map(|name| (name.as_str(), numbers.clone())).collect());
        assert_eq!(column_names(&footer).unwrap().0, names);
    }
}
