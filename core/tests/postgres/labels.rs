//! Labels and derived columns in a table and in files beside it: text, whole numbers and days of their own.

use datasus::sink::postgres::Mode;
use datasus::{Csv, Parquet, QueryParams};

use crate::server::shared;
use crate::*;

fn labelled() -> QueryParams {
    january().columns(["SEXO", "idade_anos", "regiao_residencia"]).labels(["SEXO"])
}

#[test]
fn labels_and_derived_columns_are_loaded_beside_their_codes() {
    let (folder, client) = client();
    let destinations = (to("rotulos.rd", Mode::Create), Csv::to("rotulos.csv"), Parquet::to("rotulos.parquet"));
    let report = client.export(&labelled(), destinations).unwrap();
    assert_eq!(report.records_processed, 40, "{report:?}");
    // As many of each as the codes say; the number is one, and the label is text.
    let types = "SELECT column_name, data_type FROM information_schema.columns \
        WHERE table_schema = 'rotulos' AND table_name = 'rd' AND column_name IN ('sexo_rotulo', 'idade_anos') ORDER BY 1";
    assert_eq!(shared().psql(types), [["idade_anos", "integer"], ["sexo_rotulo", "text"]]);
    let pairs = shared().psql("SELECT DISTINCT sexo, sexo_rotulo FROM rotulos.rd ORDER BY 1, 2");
    assert!(!pairs.is_empty());
    for pair in &pairs {
        assert!([["1", "Masculino"], ["3", "Feminino"]].iter().any(|known| known == &pair[..]), "{pairs:?}");
    }
    let csv = std::fs::read_to_string(folder.path().join("out/rotulos.csv")).unwrap();
    assert_eq!(csv.lines().next(), Some("SEXO,SEXO_rotulo,idade_anos,regiao_residencia"));
    assert!(csv.lines().skip(1).all(|line| line.contains("Masculino") || line.contains("Feminino")), "{csv}");
    // A Parquet of ours, read by DuckDB: text as well, whatever stands behind it.
    let parquet = folder.path().join("out/rotulos.parquet");
    let database = duckdb::Connection::open_in_memory().unwrap();
    let sql =
        format!("SELECT count(*) FILTER (WHERE SEXO_rotulo IN ('Masculino', 'Feminino')) FROM '{}'", parquet.display());
    let found: i64 = database.query_row(&sql, [], |row| row.get(0)).unwrap();
    assert_eq!(found, 40);
    // In the code's place.
    let only = QueryParams::from_json(
        r#"{"dataset": "SIH-RD", "uf": "AC", "competencia": "202401", "columns": ["SEXO"], "labels": true, "labels_only": true}"#,
    );
    client.export(&only.unwrap(), to("rotulos.so", Mode::Create)).unwrap();
    let columns =
        "SELECT column_name FROM information_schema.columns WHERE table_schema = 'rotulos' AND table_name = 'so'";
    assert!(shared().psql(columns).iter().any(|row| row[0] == "sexo_rotulo"));
    assert!(shared().psql(columns).iter().all(|row| row[0] != "sexo"));
}
