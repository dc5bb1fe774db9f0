//! Files and tables of the user's own whose columns are called as labels and derived columns are.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use datasus::{Client, Code, QueryParams, col};

use crate::answers::{rows, write};

fn texts<const N: usize>(texts: [&str; N]) -> ArrayRef {
    Arc::new(StringArray::from(texts.to_vec()))
}

/// Admissions of women and men, with words of their own or without.
fn month(path: &Path, words: Option<[&str; 2]>) {
    let columns = [("SEXO", texts(["3", "1"])), ("RACA_COR", texts(["1", "01"])), ("N_AIH", texts(["1", "2"]))];
    let own = words.map(|words| ("SEXO_rotulo", texts(words)));
    write(path, &RecordBatch::try_from_iter(columns.into_iter().chain(own)).unwrap());
}

fn some(row: &[&str]) -> Vec<Option<String>> {
    row.iter().map(|cell| Some((*cell).to_owned())).collect()
}

fn refused(client: &Client, params: &QueryParams) -> String {
    let error = client.query(params).map(drop).unwrap_err();
    assert_eq!(error.code(), Code::InvalidParams, "{error}");
    error.to_string()
}

#[test]
fn words_of_the_files_own_stay_as_they_are_and_no_label_stands_in_their_place() {
    let place = tempfile::tempdir().unwrap();
    month(&place.path().join("RDAC2401.parquet"), Some(["Mulher", "Homem"]));
    let client = Client::open(place.path()).unwrap();
    let params = QueryParams::dataset("SIH-RD").order_by("N_AIH", false);
    let named = params.clone().columns(["SEXO", "SEXO_rotulo"]);
    assert_eq!(rows(&client, &named).0, [some(&["3", "Mulher"]), some(&["1", "Homem"])]);
    let (found, report) = rows(&client, &params.clone().columns(["SEXO", "RACA_COR"]).all_labels());
    assert_eq!(found, [some(&["3", "1", "Branca"]), some(&["1", "01", "Branca"])]);
    assert!(
        report.warnings.iter().any(|warning| warning.contains("SEXO_rotulo é uma coluna dos arquivos")),
        "{report:?}"
    );
    assert!(refused(&client, &params.clone().columns(["SEXO"]).labels(["SEXO"])).contains("renomeie"));
    let whole = rows(&client, &params.clone().all_labels()).0;
    assert!(whole[0].contains(&Some("Mulher".into())) && whole[0].contains(&Some("Branca".into())), "{whole:?}");
    // What it compares with is one of its own words.
    let (found, report) = rows(&client, &named.filter(col("SEXO_rotulo").eq("Mulher")));
    assert_eq!((found.len(), &report.warnings[..]), (1, &[][..]));
}

#[test]
fn files_of_which_some_have_such_a_column_are_not_read_together() {
    let place = tempfile::tempdir().unwrap();
    month(&place.path().join("RDAC2401.parquet"), Some(["Mulher", "Homem"]));
    month(&place.path().join("RDAC2402.parquet"), None);
    let client = Client::open(place.path()).unwrap();
    let groups = QueryParams::dataset("SIH-RD").group_by(["SEXO_rotulo"]).count("n");
    let said = refused(&client, &groups);
    assert!(said.contains("RDAC2401.parquet") && said.contains("RDAC2402.parquet"), "{said}");
    let sql = QueryParams::sql("SELECT SEXO_rotulo, count(*) AS n FROM sih_rd GROUP BY 1");
    assert!(refused(&client, &sql).contains("RDAC2402.parquet"));
    let (found, _) = rows(&client, &groups.clone().competencia("202402").order_by("SEXO_rotulo", false));
    assert_eq!(found, [some(&["Masculino", "1"]), some(&["Feminino", "1"])]);
    let all = rows(&client, &QueryParams::dataset("SIH-RD").order_by("N_AIH", false)).0;
    assert_eq!(all.len(), 4, "nobody named it");
}

#[test]
fn a_bare_name_is_that_of_the_innermost_table_that_has_it() {
    let place = tempfile::tempdir().unwrap();
    let source = place.path().join("fonte");
    std::fs::create_dir(&source).unwrap();
    month(&source.join("RDAC2401.parquet"), None);
    let own = RecordBatch::try_from_iter([("cod", texts(["3"])), ("SEXO_rotulo", texts(["outra"]))]).unwrap();
    write(&place.path().join("minha.parquet"), &own);
    let client = Client::builder(&source).table("minha", place.path().join("minha.parquet")).open().unwrap();
    let asked = |sql: &str| rows(&client, &QueryParams::sql(sql)).0;
    let within = "(SELECT count(*) FROM sih_rd WHERE SEXO = minha.cod AND SEXO_rotulo = 'Feminino')";
    assert_eq!(asked(&format!("SELECT SEXO_rotulo, {within} AS n FROM minha")), [some(&["outra", "1"])]);
    let apart = "SELECT SEXO_rotulo, count(*) AS n FROM sih_rd WHERE SEXO IN (SELECT cod FROM minha) GROUP BY 1";
    assert_eq!(asked(apart), [some(&["Feminino", "1"])]);
    // In one FROM it is the table's that holds it.
    let joined = |column: &str| asked(&format!("SELECT {column} FROM sih_rd JOIN minha ON SEXO = cod"));
    assert_eq!(joined("SEXO_rotulo"), [some(&["outra"])]);
    assert_eq!(joined("sih_rd.SEXO_rotulo"), [some(&["Feminino"])]);
}

#[test]
fn codes_that_lost_their_zeros_have_their_label_and_not_that_of_a_range() {
    let place = tempfile::tempdir().unwrap();
    let races = texts(["1", "03", "5", "99", "7"]);
    write(&place.path().join("RDAC2401.parquet"), &RecordBatch::try_from_iter([("RACA_COR", races)]).unwrap());
    let client = Client::open(place.path()).unwrap();
    let params = QueryParams::dataset("SIH-RD").columns(["RACA_COR_rotulo"]);
    let found: Vec<_> = rows(&client, &params).0.into_iter().flatten().flatten().collect();
    // Of 7 the table says what it says of 07: nothing of its own.
    assert_eq!(found, ["Branca", "Parda", "Indígena", "Sem informação", "Sem informação"]);
}

#[test]
fn what_would_be_compared_by_the_alphabet_is_refused_and_labels_in_the_place_of_codes_need_labels() {
    let place = tempfile::tempdir().unwrap();
    month(&place.path().join("RDAC2401.parquet"), None);
    let client = Client::open(place.path()).unwrap();
    let params = QueryParams::dataset("SIH-RD").columns(["SEXO"]);
    let said = refused(&client, &params.clone().filter(col("faixa_etaria").gt("5 a 9 anos")));
    assert!(said.contains("idade_anos"), "{said}");
    let between = params.clone().filter(col("RACA_COR_rotulo").between("Branca", "Parda"));
    assert!(refused(&client, &between).contains("alfabética"));
    let mut only = params;
    only.labels_only = true;
    assert!(refused(&client, &only).contains("`labels`"));
}
