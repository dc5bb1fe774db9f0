//! A kit compiled to Parquet: one row for each code or range of codes of each table.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int32Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Int32Type};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use sha2::{Digest, Sha256};

use crate::base::{Code, Error, Result, WholeFile, text};

use super::dictionary::Dictionary;
use super::editions::Edition;
use super::kit_dbf;
use super::kit_sources::KITS;
use super::list::List;
use super::rules::{NICE, lists};
use super::{Cnv, CnvRow, Kit, Mode, Token};

/// Columns of text, in order; the numbers stand behind them.
const TEXTS: [&str; 8] = ["kit", "kit_date", "table", "mode", "code", "code_to", "label", "sha256"];
const NUMBERS: [&str; 3] = ["width", "category", "row"];

/// What became of a kit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compiled {
    /// Tables of labels that are in it: CNV, and DBF of lists that have one.
    pub tables: usize,
    /// Rows of the Parquet.
    pub rows: usize,
    /// Tables that are none, and why.
    pub unread: Vec<String>,
    /// False: it was there.
    pub written: bool,
}

/// Writes the tables of a kit below `folder`, whole or not at all; what is there already stays. `of`: the SHA-256 of where it came from.
pub fn compile_kit(folder: &Path, id: &str, date: &str, of: &str, kit: &Kit) -> Result<Compiled> {
    let target = folder.join(id).join(format!("{date}-{}.parquet", of.get(..12).unwrap_or(of)));
    let mut texts: Vec<Vec<Option<String>>> = vec![Vec::new(); TEXTS.len()];
    let mut numbers: Vec<Vec<i32>> = vec![Vec::new(); NUMBERS.len()];
    let (lists, mut unread) = kit_dbf::lists_of(kit);
    let mut all: Vec<(String, &str, Cnv)> = Vec::new();
    for name in kit.names("cnv") {
        match kit.cnv(name) {
            Ok(cnv) => all.push((kit_dbf::stem(name).to_owned(), name, cnv)),
            Err(error) => unread.push(format!("{name}: {}", error.detail())),
        }
    }
    all.extend(lists.iter().map(|list| (list.table.clone(), list.file.as_str(), list.cnv.clone())));
    let with_codes = all.iter().filter(|(.., cnv)| cnv.rows.iter().any(|row| !row.codes.is_empty()));
    let held = target.is_file() && has(&target, with_codes.map(|(table, ..)| table.as_str()));
    let count = all.len();
    for (table, file, cnv) in all {
        let sha256 = hex::encode(Sha256::digest(kit.bytes(file).unwrap_or_default()));
        let mode = match cnv.mode {
            Mode::Digits => "digits",
            Mode::Text => "text",
            Mode::Bounds => "bounds",
        };
        for (at, row) in cnv.rows.iter().enumerate() {
            for code in &row.codes {
                let (code, to) = match code {
                    Token::One(code) => (code.clone(), None),
                    Token::Range(low, high) => (low.clone(), Some(high.clone())),
                };
                let of_row = [
                    id.into(),
                    date.into(),
                    table.clone(),
                    mode.into(),
                    code,
                    String::new(),
                    row.label.clone(),
                    sha256.clone(),
                ];
                for (place, value) in of_row.into_iter().enumerate() {
                    texts[place].push(if TEXTS[place] == "code_to" { to.clone() } else { Some(value) });
                }
                let of_row = [cnv.width as i32, i32::try_from(row.number).unwrap_or(i32::MAX), at as i32];
                numbers.iter_mut().zip(of_row).for_each(|(column, value)| column.push(value));
            }
        }
    }
    let rows = numbers[0].len();
    let mut done = Compiled { tables: count, rows, unread, written: false };
    if held {
        return Ok(done);
    }
    let of_texts = texts.into_iter().map(|column| Arc::new(StringArray::from(column)) as ArrayRef);
    let of_numbers = numbers.into_iter().map(|column| Arc::new(Int32Array::from(column)) as ArrayRef);
    let names = TEXTS.iter().chain(&NUMBERS).map(|name| (*name).to_owned());
    let batch = RecordBatch::try_from_iter_with_nullable(
        names.zip(of_texts.chain(of_numbers)).map(|(name, column)| (name, column, true)),
    )
    .map_err(Error::internal)?;
    let zstd = Compression::ZSTD(ZstdLevel::try_new(9).unwrap_or_default());
    let properties = WriterProperties::builder().set_compression(zstd).build();
    let mut file = WholeFile::create(&target)?;
    let mut writer = ArrowWriter::try_new(&mut file, batch.schema(), Some(properties)).map_err(Error::internal)?;
    writer.write(&batch).map_err(Error::internal)?;
    writer.close().map_err(Error::internal)?;
    file.publish()?;
    done.written = true;
    Ok(done)
}

/// Whether a compiled kit can be read and has all of these: an earlier release left out what is a DBF.
fn has<'t>(path: &Path, mut names: impl Iterator<Item = &'t str>) -> bool {
    tables(path).is_ok_and(|held| names.all(|name| held.iter().any(|table| table.table == name)))
}

/// The compiled kits below `folder`, each `kit/date-hash.parquet`.
fn compiled(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = |folder: &Path| -> Result<Vec<PathBuf>> {
        match std::fs::read_dir(folder) {
            Ok(entries) => entries
                .map(|entry| entry.map(|entry| entry.path()))
                .collect::<std::io::Result<_>>()
                .map_err(|error| Error::io(error, folder)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(Error::io(error, folder)),
        }
    };
    let mut found = Vec::new();
    for kit in entries(folder)?.into_iter().filter(|path| path.is_dir()) {
        let hidden = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        let parquet = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "parquet");
        found.extend(entries(&kit)?.into_iter().filter(|path| parquet(path) && !hidden(path)));
    }
    found.sort();
    Ok(found)
}

/// What the kits below `folder` say beside the built-in dictionary. They are read when there is another one than before.
pub fn edition_of(folder: &Path) -> Result<Edition> {
    let files = compiled(folder)?;
    if files.is_empty() {
        return Ok(Edition::default());
    }
    let mut names = Sha256::new();
    for file in &files {
        names.update(file.strip_prefix(folder).unwrap_or(file).to_string_lossy().as_bytes());
        names.update([0]);
    }
    let name = hex::encode(&names.finalize()[..8]);
    if let Some(known) = Edition::named(&name) {
        return Ok(known);
    }
    let mut found = Vec::new();
    for file in &files {
        found.extend(tables(file)?);
    }
    // The kit of notifications on line goes before the other of SINAN, whose tables have the same names.
    let built_in = Dictionary::built_in().entries().into_iter();
    let built_in = built_in
        .filter(|one| one.source.contains("TAB_SINANONLINE"))
        .filter_map(|one| one.list.strip_prefix("sinan/").map(str::to_lowercase));
    let of_first: HashSet<String> = found
        .iter()
        .filter(|table| table.kit == "sinan")
        .map(|table| table.table.to_lowercase())
        .chain(built_in)
        .collect();
    let wanted: HashMap<String, &str> = lists().into_iter().map(|id| (id.to_lowercase(), id)).collect();
    let none = HashMap::new();
    let mut of_dbf: BTreeMap<(&str, &str, &str), Vec<&Table>> = BTreeMap::new();
    for table in &found {
        if let Some(list) = kit_dbf::list_of(&table.table) {
            of_dbf.entry((list, &table.date, &table.kit)).or_default().push(table);
        }
    }
    // A newer kit has new codes and names; what it no longer has keeps the name that it had.
    let of_dbf = of_dbf.iter().map(|((id, date, kit), tables)| {
        let cnvs: Vec<Cnv> = tables.iter().map(|table| table.cnv.clone()).collect();
        let mut list = List::of(&kit_dbf::together(&cnvs, Dictionary::built_in().list(id).as_deref()), id, &none);
        let files: Vec<String> =
            (tables.iter()).map(|table| format!("{}, SHA-256 {}", table.table.to_uppercase(), table.sha256)).collect();
        let title = KITS.iter().find(|known| known.kit == *kit).map_or(*kit, |known| known.stem());
        list.source = format!("Kit {title} do DATASUS, {}", files.join("; "));
        list.date = (*date).to_owned();
        list
    });
    let lists = found.iter().filter_map(|table| {
        let kit = match table.kit.as_str() {
            "sinannet" if !of_first.contains(&table.table.to_lowercase()) => "sinan",
            kit => kit,
        };
        let id = wanted.get(&format!("{kit}/{}", table.table).to_lowercase())?;
        let title = KITS.iter().find(|known| known.kit == table.kit).map_or(table.kit.as_str(), |known| known.stem());
        let source = format!("Kit {title} do DATASUS, {}.CNV, SHA-256 {}", table.table, table.sha256);
        let mut list = List::of(&table.cnv, id, NICE.get(*id).unwrap_or(&none));
        list.source = source;
        list.date.clone_from(&table.date);
        Some(list)
    });
    Ok(Edition::of(&name, lists.chain(of_dbf)))
}

struct Table {
    kit: String,
    date: String,
    table: String,
    sha256: String,
    cnv: Cnv,
}

fn tables(path: &Path) -> Result<Vec<Table>> {
    let damaged = |reason: &dyn std::fmt::Display| {
        let shown = path.display();
        Error::new(
            Code::DamagedFile,
            text!(
                "O kit compilado {shown} não pode ser lido; apague-o e chame de novo a sincronização dos dicionários",
                "The compiled kit {shown} cannot be read; remove it and synchronise the dictionaries again"
            ),
        )
        .with("reason", reason.to_string())
        .file(path.display().to_string())
        .stage("labels")
    };
    let file = std::fs::File::open(path).map_err(|error| Error::io(error, path))?;
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).and_then(|builder| builder.build());
    let mut found: BTreeMap<String, Table> = BTreeMap::new();
    for batch in reader.map_err(|error| damaged(&error))? {
        let batch = batch.map_err(|error| damaged(&error))?;
        let column = |name: &str, kind: DataType| {
            batch.column_by_name(name).filter(|column| *column.data_type() == kind).ok_or_else(|| damaged(&name))
        };
        let texts: Vec<&StringArray> = (TEXTS.iter())
            .map(|name| column(name, DataType::Utf8).map(|column| column.as_string::<i32>()))
            .collect::<Result<_>>()?;
        let numbers: Vec<&Int32Array> = (NUMBERS.iter())
            .map(|name| column(name, DataType::Int32).map(|column| column.as_primitive::<Int32Type>()))
            .collect::<Result<_>>()?;
        for row in 0..batch.num_rows() {
            let text = |at: usize| texts[at].is_valid(row).then(|| texts[at].value(row).to_owned());
            let said = |at: usize| text(at).unwrap_or_default();
            let width = usize::try_from(numbers[0].value(row)).map_err(|error| damaged(&error))?;
            let table = found.entry(said(2)).or_insert_with(|| Table {
                kit: said(0),
                date: said(1),
                table: said(2),
                sha256: said(7),
                cnv: Cnv {
                    width,
                    mode: match said(3).as_str() {
                        "text" => Mode::Text,
                        "bounds" => Mode::Bounds,
                        _ => Mode::Digits,
                    },
                    declared: 0,
                    rows: Vec::new(),
                },
            });
            let code = match text(5) {
                Some(to) => Token::Range(said(4), to),
                None => Token::One(said(4)),
            };
            let (number, at) = (numbers[1].value(row).unsigned_abs(), numbers[2].value(row));
            // Codes of one row stand together, in the file's order.
            match table.cnv.rows.last_mut().filter(|last| last.parent == Some(at.unsigned_abs())) {
                Some(last) => last.codes.push(code),
                None => table.cnv.rows.push(CnvRow {
                    parent: Some(at.unsigned_abs()),
                    number,
                    label: said(6),
                    codes: vec![code],
                }),
            }
        }
    }
    Ok(found.into_values().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kit(folder: &Path, female: &str) -> Kit {
        std::fs::create_dir_all(folder).unwrap();
        let row = |number: u32, label: &str, codes: &str| format!("{number:7}  {label:<51}{codes}\n");
        let text = format!("3 1\n{}{}{}", row(3, "Ignorado", "0-9"), row(1, "Masculino", "1"), row(2, female, "2,3"));
        std::fs::write(folder.join("SEXO.CNV"), text).unwrap();
        std::fs::write(folder.join("NADA.CNV"), "<html>").unwrap();
        Kit::open(folder).unwrap()
    }

    #[test]
    fn a_compiled_kit_says_what_its_tables_say_and_several_dates_stand_side_by_side() {
        let place = tempfile::tempdir().unwrap();
        let lake = place.path().join("dictionaries");
        assert_eq!(edition_of(&lake).unwrap(), Edition::default());
        let done = compile_kit(&lake, "sih", "2031-01", "aaaaaaaaaaaaaaaa", &kit(&place.path().join("a"), "Mulher"));
        let done = done.unwrap();
        assert_eq!((done.tables, done.rows, done.written, done.unread.len()), (1, 4, true, 1), "{done:?}");
        let again = compile_kit(&lake, "sih", "2031-01", "aaaaaaaaaaaaaaaa", &kit(&place.path().join("a"), "Mulher"));
        assert!(!again.unwrap().written);
        let one = edition_of(&lake).unwrap();
        let dates = one.lists("sih/SEXO");
        // The built-in one is older.
        assert_eq!(dates.iter().map(|list| list.date.as_str()).collect::<Vec<_>>(), ["2031-01"]);
        assert_eq!(
            ["3", "1", "7", ""].map(|code| dates[0].label_of(code).map(str::to_owned)),
            [Some("Mulher".into()), Some("Masculino".into()), Some("Ignorado".into()), None]
        );
        assert!(dates[0].source.contains("SHA-256") && dates[0].source.contains("TAB_SIH"), "{}", dates[0].source);
        compile_kit(&lake, "sih", "2033-01", "bbbbbbbbbbbbbbbb", &kit(&place.path().join("b"), "Feminina")).unwrap();
        let two = edition_of(&lake).unwrap();
        assert!(two != one && edition_of(&lake).unwrap() == two);
        assert_eq!(two.lists("sih/SEXO").len(), 2);
        // A list that no kit has is the built-in one.
        assert_eq!(two.lists("sih/RACACOR")[0].label_of("03"), Some("Parda"));
    }

    #[test]
    fn a_kit_that_is_damaged_is_said_by_its_path() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("sih");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("2031-01-x.parquet"), "no Parquet").unwrap();
        let error = edition_of(place.path()).unwrap_err();
        assert_eq!(error.code(), Code::DamagedFile);
        assert!(error.to_string().contains("2031-01-x.parquet"), "{error}");
    }
}
