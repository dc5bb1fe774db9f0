//! Labels of notifications: the ministry's dictionaries of SINAN NET.

use std::collections::HashSet;
use std::io::Read;

use datasus::catalog::Catalog;
use datasus::labels::{label_column, open_records, search};
use datasus::source::RecordsOf;
use datasus::{Language, QueryParams};

use crate::answers::{genuine, rows};
use crate::kits::kits;
use crate::tables::sinan_lists;

/// The ministry's dictionaries were read by their ruled lines; the text of the same files, by another program, has every word.
#[test]
fn lists_of_sinan_are_word_by_word_in_the_ministrys_dictionaries() {
    let Some(kits) = kits() else { return };
    let words = |text: &str| -> Vec<String> {
        let lower = text.to_lowercase();
        lower.split(|sign: char| !sign.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_owned).collect()
    };
    let zip = std::fs::File::open(kits.with_file_name("dict").join("sinan_pdf/texto.zip")).unwrap();
    let mut archive = zip::ZipArchive::new(zip).unwrap();
    let (mut compared, mut apart) = (0, 0);
    for list in sinan_lists() {
        let mut text = String::new();
        let mut file = archive.by_name(&list.dictionary.replace(".pdf", ".txt")).unwrap();
        file.read_to_string(&mut text).unwrap();
        let known: HashSet<String> = words(&text).into_iter().collect();
        // A narrow cell cuts words; then both parts stand one below the other.
        let is_cut = |word: &String| {
            word.char_indices().skip(1).any(|(at, _)| known.contains(&word[..at]) && known.contains(&word[at..]))
        };
        let all = words(&text);
        for (code, label) in &list.categories {
            let first = &words(label)[0];
            let number = code.trim_start_matches('0');
            let is_pair =
                |pair: &[String]| pair[0].trim_start_matches('0') == number && first.starts_with(pair[1].as_str());
            apart += usize::from(!all.windows(2).any(is_pair));
        }
        for word in list.categories.iter().flat_map(|(_, label)| words(label)) {
            let closed = word == "inconclusivo" && list.columns[0] == "CLASSI_FIN";
            assert!(known.contains(&word) || is_cut(&word) || closed, "{} {:?} {word}", list.dictionary, list.columns);
            compared += 1;
        }
    }
    // Where a cell is so narrow that the code stands in a line of its own; and 17 that the system writes (`sinan.py`).
    println!("{compared} words, {apart} apart from their codes");
    assert!(compared > 3_000 && apart < 50, "{compared} {apart}");
}

/// Also of a dataset of whose columns the catalogue knows the names alone.
#[test]
fn fields_are_found_by_the_words_of_their_codes() {
    let of = |words: &str, dataset: &str| -> Vec<String> {
        let grupo = Catalog::builtin().read(dataset).unwrap();
        search(words, Some(grupo)).into_iter().map(|found| found.column).collect()
    };
    assert_eq!(of("serpente", "SINAN-ANIM"), ["ANI_SERPEN", "TP_ACIDENT"]);
    assert!(of("transfusional", "SINAN-HEPA").contains(&"FONTE".to_owned()));
    assert_eq!(of("TP_ACIDENT", "SINAN-ANIM"), ["TP_ACIDENT"]);
}

/// A column has the list of its own field, whichever list it is named by.
#[test]
fn columns_of_sinan_have_the_lists_of_their_fields() {
    let mut columns = 0;
    for list in sinan_lists().iter().filter(|list| list.condition != "NIND") {
        let grupo = Catalog::builtin().read(&format!("SINAN-{}", list.condition)).unwrap();
        for column in &list.columns {
            let label = label_column(grupo, column).unwrap_or_else(|| panic!("{} {column}", list.condition));
            let of = label.list.as_deref().unwrap();
            // Outcomes of tuberculosis have another list before.
            if let Some(rest) = of.strip_prefix("sinan_dic/").filter(|rest| !rest.starts_with("NIND/")) {
                assert_eq!(rest, format!("{}/{}", list.condition, list.columns[0]), "{column}");
                columns += 1;
            }
        }
    }
    println!("{columns} columns");
    assert!(columns > 1_300);
}

/// Whatever genuine files hold is in the lists, but for what was looked at.
#[test]
fn codes_of_genuine_notifications_are_in_the_dictionaries() {
    let files = [
        ("real/sinan/DIFTBR20.dbc", "SINAN-DIFT"),
        ("real/sinan/HANTBR08.dbc", "SINAN-HANT"),
        ("wild/sinan/HANTBR20.dbc", "SINAN-HANT"),
        ("wild/sinan/SIFGBR17.dbc", "SINAN-SIFG"),
        ("real/sinan/LEIVBR18.dbc", "SINAN-LEIV"),
        ("real/sinan/MALABR17.dbc", "SINAN-MALA"),
    ];
    for (file, dataset) in files {
        let Some((client, _place)) = genuine(&[&format!("../{file}")]) else { return };
        let grupo = Catalog::builtin().read(dataset).unwrap();
        let of_dictionary = |column: &str| {
            label_column(grupo, column)
                .and_then(|label| label.list.clone())
                .is_some_and(|list| list.starts_with("sinan_dic"))
        };
        let (_, report) = rows(&client, &QueryParams::dataset(dataset).all_labels());
        let found: Vec<(&str, &[String])> = (report.unlabelled.iter())
            .filter(|one| of_dictionary(&one.column))
            .map(|one| (one.column.as_str(), one.codes.as_slice()))
            .collect();
        println!("{file}: {found:?}");
        // Of malaria, code 12 of activities and treatments is newer than the dictionary.
        let known: &[(&str, &[String])] = match dataset {
            "SINAN-MALA" => &[("AT_ATIVIDA", &["12".to_owned()]), ("TRA_ESQUEM", &["12".to_owned()])],
            _ => &[],
        };
        assert_eq!(found, known, "{file}");
    }
}

/// A file has the age of its time; the column of other times is missed only by who names it.
#[test]
fn ages_do_not_miss_the_column_of_other_times() {
    for (file, dataset, other) in
        [("LEIVBR18.dbc", "SINAN-LEIV", "NU_IDADE"), ("CHAGBR03.dbc", "SINAN-CHAG", "NU_IDADE_N")]
    {
        let Some((client, place)) = genuine(&[&format!("sinan/{file}")]) else { return };
        let warnings = |columns: &[&str]| {
            rows(&client, &QueryParams::dataset(dataset).columns(columns.iter().copied())).1.warnings
        };
        assert_eq!(warnings(&["idade_anos", "faixa_etaria"]), Vec::<String>::new(), "{file}");
        match client.query(&QueryParams::dataset(dataset).columns(["idade_anos", other])) {
            Ok(_) => assert!(warnings(&["idade_anos", other]).iter().any(|warning| warning.contains(other)), "{file}"),
            Err(error) => assert!(error.detail().contains(other), "{error}"),
        }
        let wanted = RecordsOf { columns: Some(vec!["idade_anos".into()]), ..Default::default() };
        let alone = open_records(&place.path().join(file), &wanted, Catalog::builtin(), Language::En).unwrap();
        assert_eq!(alone.warnings(), Vec::<String>::new(), "{file}");
    }
}
