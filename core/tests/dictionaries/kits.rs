//! Every genuine table is read, and says what it says in TabWin.

use std::path::{Path, PathBuf};

use datasus::labels::{Cnv, Def, Kit, LabelTable, Mode};

/// The folder of the kits beside that of the genuine files.
pub fn kits() -> Option<PathBuf> {
    let folder = crate::genuine::folder()?.parent()?.join("kits");
    if !folder.is_dir() {
        crate::genuine::skip::for_want_of_data("no kits beside the genuine files");
        return None;
    }
    Some(folder)
}

fn files(folder: &Path, ending: &str, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, ending, into);
        } else if path.extension().is_some_and(|found| found.eq_ignore_ascii_case(ending)) {
            into.push(path);
        }
    }
}

fn ours() -> Option<PathBuf> {
    Some(crate::genuine::folder()?.join("aux/cnv"))
}

fn label(path: &Path, value: &str) -> Option<String> {
    let table = Cnv::read(&std::fs::read(path).unwrap(), "x").unwrap();
    table.row_of(value.as_bytes()).map(|row| row.label.clone())
}

#[test]
fn every_conversion_table_is_read_and_its_codes_fit_its_width() {
    let (Some(ours), Some(kits)) = (ours(), kits()) else { return };
    let mut found = Vec::new();
    files(&ours, "cnv", &mut found);
    assert_eq!(found.len(), 126);
    let mut of_kits = Vec::new();
    files(&kits, "cnv", &mut of_kits);
    assert_eq!(of_kits.len(), 340);
    found.extend(of_kits);
    let (mut with_l, mut digits, mut declared_wrong) = (0, 0, Vec::new());
    for path in &found {
        let name = path.file_name().unwrap().to_string_lossy();
        let table = Cnv::read(&std::fs::read(path).unwrap(), &name).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(!table.rows.is_empty(), "{name}");
        with_l += u32::from(table.mode == Mode::Text);
        digits += u32::from(table.mode == Mode::Digits);
        if table.categories() != table.declared {
            declared_wrong.push(name.into_owned());
        }
        for row in &table.rows {
            assert!(row.codes.iter().all(|code| code.first().chars().count() == table.width), "{path:?} {row:?}");
        }
    }
    println!("{} CNV, {with_l} L, {digits} without, declared otherwise: {declared_wrong:?}", found.len());
    assert!(declared_wrong.len() < found.len() / 10, "{declared_wrong:?}");
}

#[test]
fn the_zip_of_the_kit_is_read_too() {
    let Some(kits) = kits() else { return };
    let folder = Kit::open(&kits.join("TAB_SIH")).unwrap();
    assert_eq!(folder.names("cnv").len(), 157);
    let zip = Kit::open(&kits.join("TAB_SIH/geografia_e_cadastros.zip")).unwrap();
    assert_eq!(zip.names("cnv").len(), 634);
    for name in zip.names("cnv") {
        zip.cnv(name).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    for name in zip.names("dbf").into_iter().take(5) {
        assert!(zip.dbf(name).unwrap().columns.len() > 1, "{name}");
    }
    // 791 in all, as labels of the kit count them.
    assert_eq!(folder.names("cnv").len() + zip.names("cnv").len(), 791);
}

#[test]
fn definitions_survive_their_irregular_lines() {
    let Some(ours) = ours() else { return };
    let mut found = Vec::new();
    files(&ours, "def", &mut found);
    assert_eq!(found.len(), 34);
    let (mut cnv, mut dbf, mut irregular) = (0, 0, 0);
    for path in found {
        let def = Def::read(&std::fs::read(&path).unwrap());
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        assert_eq!(def.unread, Vec::<String>::new(), "{name}");
        for line in def.lines {
            match (&line.table, line.regular) {
                (LabelTable::Cnv { .. }, _) => cnv += 1,
                (LabelTable::Dbf { .. }, true) => dbf += 1,
                _ => {}
            }
            irregular += u32::from(!line.regular);
        }
    }
    // All lines with a CNV, and the regular ones with a DBF.
    assert_eq!((cnv, dbf, irregular), (6_304, 4_057, 44));
}

#[test]
fn genuine_tables_say_what_they_say_in_tabwin() {
    let (Some(ours), Some(kits)) = (ours(), kits()) else { return };
    let said = |file: &str, value: &str| label(&ours.join(file), value);
    let of_kit = |file: &str, value: &str| label(&kits.join(file), value);
    // The row that catches everything stands first in each of these.
    assert_eq!(said("sih/SEXO.CNV", "3").as_deref(), Some("Feminino"));
    assert_eq!(said("sih/RACACOR.CNV", "03").as_deref(), Some("Parda"));
    assert_eq!(said("sih/RACACOR.CNV", "04").as_deref(), Some("Amarela"));
    assert_eq!(said("sim/RACACOR.CNV", "3").as_deref(), Some("Amar"));
    assert_eq!(said("sim/RACACOR.CNV", "").as_deref(), Some("N Inf"));
    assert_eq!(said("cnes/TPGESTAO.CNV", "").as_deref(), Some("NÃO INFORMADO"));
    assert_eq!(said("cnes/TPGESTAO.CNV", "M").as_deref(), Some("MUNICIPAL"));
    assert_eq!(said("sinasc/ESC2010.CNV", "3").as_deref(), Some("Medio (Antigo 2 Grau)"));
    assert_eq!(said("sia/CARAT_AT.CNV", "0-").as_deref(), Some("CARATER DE ATENDIMENTO INVALIDO"));
    // Across two fields: `4` and ` 1`.
    assert_eq!(of_kit("TAB_SIH/CNV/IDADEBAS.CNV", "4 1"), of_kit("TAB_SIH/CNV/IDADEBAS.CNV", "401"));
    assert_eq!(of_kit("TAB_SIH/CNV/PERM.CNV", "0").as_deref(), Some("0 dias"));
    assert_eq!(of_kit("TAB_SIH/CNV/PERM.CNV", "10").as_deref(), Some("8-14 dias"));
    assert_eq!(of_kit("TAB_SIH/CNV/TP_FINAN.CNV", "010000").as_deref(), Some("Atenção Básica (PAB)"));
    assert_eq!(of_kit("TAB_SIH/CNV/br_municip.cnv", "120040").as_deref(), Some("120040 RIO BRANCO"));
}
