//! Lists that a kit has as DBF beside its conversion tables: procedures, causes, occupations, and what belongs to facilities.

use std::collections::BTreeMap;

use super::{Cnv, CnvRow, DbfTable, Kit, List, Mode, Token};
use crate::base::Result;

/// A DBF with the codes of a list.
struct OfList {
    list: &'static str,
    /// Its name without the ending, in any case.
    stem: &'static str,
    key: &'static str,
    label: &'static str,
    width: usize,
}

const fn of(list: &'static str, stem: &'static str, key: &'static str, label: &'static str, width: usize) -> OfList {
    OfList { list, stem, key, label, width }
}

/// Of a list that several have, the last one's names count.
const LISTS: &[OfList] = &[
    of("sigtap", "TB_SIGTAP", "CHAVE", "DS_REGRA", 10),
    of("sigtap", "TB_SIGTAW", "IP_COD", "IP_DSCR", 10),
    of("cid10", "CID10", "CID10", "DESCR", 4),
    of("cid10", "CID10", "CD_COD", "CD_DESCR", 4),
    of("cid9", "CID9", "CAUSAS", "DESCRICAO", 3),
    of("cbo", "CBO_02", "CBO", "DS_CBO", 6),
    of("cbo", "CBO", "CBO", "DS_CBO", 6),
    of("moterro", "MOTERRO", "CD_MOT_ERR", "DS_MOT_ERR", 6),
    of("habilitacao", "HABILITA", "CD_HABILIT", "DS_HABIL", 4),
    of("incentivo", "INCENTIVOS", "CHAVE", "DS_INCEN", 4),
    of("regra_contratual", "REGRAS", "CHAVE", "DS_REGRA", 4),
    of("gestao_metas", "GESTAO", "CD_GESTAO", "DS_GESTAO", 4),
    of("vinculo", "VINCULO", "CO_VINC", "DS_VINC", 6),
    of("servico_classe", "S_CLASSEN", "CHAVE", "DS_SERV", 6),
    of("servico_classe", "S_CLASSEN", "CHAVE", "DS_REGRA", 6),
];

/// How a compiled kit calls a table that is a DBF.
const ENDING: &str = ".dbf";

/// The list of a compiled kit's table, where that was a DBF.
pub(super) fn list_of(table: &str) -> Option<&'static str> {
    let stem = table.strip_suffix(ENDING)?;
    LISTS.iter().find(|of| of.stem.eq_ignore_ascii_case(stem)).map(|of| of.list)
}

/// A table of a kit, as a compiled kit has it.
pub(super) struct DbfList {
    pub table: String,
    /// Of the file, in the kit.
    pub file: String,
    pub cnv: Cnv,
}

/// The lists of a kit's DBF, in the order in which they count, and files of their names that are no such table.
pub(super) fn lists_of(kit: &Kit) -> (Vec<DbfList>, Vec<String>) {
    let (mut found, mut unread): (Vec<DbfList>, Vec<String>) = Default::default();
    for of in LISTS {
        let named = |file: &&str| stem(file).eq_ignore_ascii_case(of.stem);
        for file in kit.names("dbf").into_iter().filter(named) {
            match of.read(kit, file) {
                Ok(Some(cnv)) => {
                    found.push(DbfList { table: format!("{}{ENDING}", of.stem), file: file.to_owned(), cnv })
                }
                Ok(None) => {}
                Err(error) => unread.push(format!("{file}: {}", error.detail())),
            }
        }
    }
    unread.sort();
    unread.dedup();
    (found, unread)
}

impl OfList {
    /// None: a table of that name with other columns.
    fn read(&self, kit: &Kit, file: &str) -> Result<Option<Cnv>> {
        let table: DbfTable = kit.dbf(file)?;
        let has = |name: &str| table.column(name).is_some();
        let Some(labels) = table.labels(self.key, self.label).filter(|_| has(self.key)) else { return Ok(None) };
        let rows: BTreeMap<&str, &str> = labels.filter(|(code, label)| !code.is_empty() && !label.is_empty()).collect();
        Ok(Some(listed(rows, self.width)))
    }
}

/// The codes of these tables, of several names of one the last; and those of an older list that none of them has.
pub(super) fn together(tables: &[Cnv], older: Option<&List>) -> Cnv {
    let mut rows: BTreeMap<String, String> = BTreeMap::new();
    if let Some(older) = older {
        rows.extend(
            older.listed().map(|(code, label)| (String::from_utf8_lossy(&code).into_owned(), label.to_owned())),
        );
    }
    for row in tables.iter().flat_map(|table| &table.rows) {
        rows.extend(row.codes.iter().map(|code| (code.first().to_owned(), row.label.clone())));
    }
    let width = tables.iter().map(|table| table.width).max().unwrap_or(1);
    listed(rows.iter().map(|(code, label)| (code.as_str(), label.as_str())).collect(), width)
}

/// A table of single codes, in their order.
fn listed<'t>(rows: BTreeMap<&'t str, &'t str>, width: usize) -> Cnv {
    let row = |(at, (code, label)): (usize, (&str, &str))| CnvRow {
        parent: None,
        number: u32::try_from(at + 1).unwrap_or(u32::MAX),
        label: label.to_owned(),
        codes: vec![Token::One(format!("{code:<width$}"))],
    };
    Cnv { width, mode: Mode::Text, declared: 0, rows: rows.into_iter().enumerate().map(row).collect() }
}

/// The name of a table without folder and ending.
pub(super) fn stem(name: &str) -> &str {
    let name = name.rsplit(['/', '\\']).next().unwrap_or(name);
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}
