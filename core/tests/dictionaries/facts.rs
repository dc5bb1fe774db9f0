//! Values that were counted on genuine files by other means, each of which some package gets wrong; and how far labels go.

use std::collections::BTreeMap;

use chrono::Datelike;
use datasus::catalog::{Catalog, LogicalType};
use datasus::labels::{Cnv, Dictionary, derived_columns, label_column};
use datasus::{QueryParams, col};

use crate::answers::{day, genuine, number, rows};

fn weeks_alike(file: &str, dataset: &str) -> Option<(usize, usize)> {
    let (client, _place) = genuine(&[file])?;
    let of = |date: &str, week: &str| {
        let derived = format!("semana_epidemiologica_{date}");
        let (rows, _) = rows(&client, &QueryParams::dataset(dataset).columns([derived.as_str(), week]));
        (rows.iter().filter(|row| row[0] == row[1]).count(), rows.len())
    };
    let (notified, first) = (of("dt_notific", "SEM_NOT"), of("dt_sin_pri", "SEM_PRI"));
    println!("{file}: {notified:?} by notification, {first:?} by first symptoms");
    Some(notified)
}

/// By the calendar year's weeks (`%U`) they are others on every day of five of the last eight years.
#[test]
fn epidemiological_weeks_of_other_agravos_are_those_of_the_file() {
    for (file, dataset, alike, all) in [
        ("sinan/MALABR17.dbc", "SINAN-MALA", 1_953, 1_953),
        ("sinan/DIFTBR20.dbc", "SINAN-DIFT", 23, 23),
        ("sinan/HANTBR08.dbc", "SINAN-HANT", 1_143, 1_144),
    ] {
        let Some(found) = weeks_alike(file, dataset) else { return };
        assert_eq!(found, (alike, all), "{file}");
    }
}

#[test]
fn ages_of_admissions_of_other_years_and_of_long_stays() {
    let Some((client, _place)) = genuine(&["sih/RDRR1412.dbc"]) else { return };
    let columns = ["idade_anos", "NASC", "DT_INTER", "DT_SAIDA", "IDENT"];
    let right = |rows: &[Vec<Option<String>>], at: usize| {
        let is = |row: &&Vec<Option<String>>| {
            let years = day(&row[1]).zip(day(&row[at])).and_then(|(born, at)| at.years_since(born)).map(i64::from);
            years.is_some() && number(&row[0]) == years
        };
        rows.iter().filter(is).count()
    };
    let (found, _) = rows(&client, &QueryParams::dataset("SIH-RD").columns(columns));
    assert_eq!((right(&found, 2), found.len()), (1_690, 1_690));
    let (rio, _place) = genuine(&["sih/RDRJ1602.dbc"]).unwrap();
    let of = |ident: &str| {
        rows(
            &rio,
            &QueryParams::dataset("SIH-RD").columns(columns).filter(col("IDENT").eq(ident) & col("COD_IDADE").eq("4")),
        )
        .0
    };
    let (short, long) = (of("1"), of("5"));
    assert_eq!(right(&short, 2), short.len());
    assert_eq!((right(&long, 3), long.len()), (2_911, 3_128));
    // Ignored ages are NULL, and their rows stay.
    assert!(short.iter().chain(&long).all(|row| number(&row[0]).is_none_or(|years| years < 130)));
}

/// One row for each number of an authorisation would lose 80 admissions: a long stay has several.
#[test]
fn rows_that_share_a_number_of_admission_all_count() {
    let Some((client, _place)) = genuine(&["sih/RDRJ1602.dbc"]) else { return };
    let sql = "SELECT count(*) AS n, count(DISTINCT N_AIH) AS numeros, \
        sum(CASE WHEN csap IS NULL THEN 0 ELSE 1 END) AS csap FROM sih_rd";
    let (found, _) = rows(&client, &QueryParams::sql(sql));
    let found: Vec<i64> = found[0].iter().map(|cell| number(cell).unwrap()).collect();
    assert_eq!(found, [54_793, 54_793 - 80, 8_811]);
    let (all, _) = rows(&client, &QueryParams::dataset("SIH-RD").columns(["N_AIH", "IDENT"]));
    let mut times: BTreeMap<&str, usize> = BTreeMap::new();
    all.iter().filter_map(|row| row[0].as_deref()).for_each(|number| *times.entry(number).or_default() += 1);
    let shared: Vec<_> = all.iter().filter(|row| row[0].as_deref().is_some_and(|number| times[number] > 1)).collect();
    let long = shared.iter().filter(|row| row[1].as_deref() == Some("5")).count();
    assert_eq!((shared.len(), long), (144, 91));
    // The list of the ministry has B77, which a package's lacks.
    let worms = QueryParams::dataset("SIH-RD").columns(["csap"]).filter(col("DIAG_PRINC").starts_with("B77"));
    let (worms, _) = rows(&client, &worms);
    assert!(worms.len() == 6 && worms.iter().all(|row| row[0].is_some()), "{worms:?}");
}

/// In so many rows: what lists that packages wrote by hand have one step off, swapped or short.
#[test]
fn rows_that_others_mislabel_have_the_ministrys_words() {
    // By column, code and label: so many rows.
    let groups = |file: &str, dataset: &str, column: &str| -> Option<BTreeMap<(String, String), i64>> {
        let (client, _place) = genuine(&[file])?;
        let keys = [column.to_owned(), format!("{column}_rotulo")];
        let (found, _) = rows(&client, &QueryParams::dataset(dataset).group_by(keys).count("n"));
        let text = |cell: &Option<String>| cell.clone().unwrap_or_default();
        Some(found.iter().map(|row| ((text(&row[0]), text(&row[1])), number(&row[2]).unwrap())).collect())
    };
    let Some(finance) = groups("sia/PAAC2401.dbc", "SIA-PA", "PA_TPFIN") else { return };
    assert_eq!(finance[&("01".into(), "01 Atenção Básica (PAB)".into())], 26_040, "{finance:?}");
    assert!(finance.contains_key(&("04".into(), "04 Fundo de Ações Estratégicas e Compensações FAEC".into())));
    // The last row of that table is a range from blank to 99, of what no other row names.
    let places = groups("sia/PAAC2401.dbc", "SIA-PA", "PA_TPUPS").unwrap();
    assert_eq!(places[&("05".into(), "HOSPITAL GERAL".into())], 28_741, "{places:?}");
    let of_range: Vec<&str> =
        places.keys().filter(|(_, label)| label.contains("INFORMADO")).map(|(code, _)| code.as_str()).collect();
    assert_eq!(of_range, ["85"], "{places:?}");
    let of_deaths = groups("sim/DORR2022.dbc", "SIM-DO", "ESC").unwrap();
    let years = ["Nenhuma", "1 a 3 anos", "4 a 7 anos", "8 a 11 anos", "12 anos e mais"];
    let filled =
        years.iter().zip(1..).map(|(label, code): (_, i32)| of_deaths[&(code.to_string(), (*label).to_owned())]);
    assert_eq!(filled.sum::<i64>(), 2_680, "{of_deaths:?}");
    let schooling = groups("sinan/ZIKABR20.dbc", "SINAN-ZIKA", "CS_ESCOL_N").unwrap();
    let of = |code: &str, label: &str| schooling[&(code.to_owned(), label.to_owned())];
    assert_eq!([of("10", "Não se aplica"), of("09", "Ign/Branco"), of("9", "Ign/Branco")], [2_042, 7_288, 603]);
    assert!(schooling.contains_key(&("00".to_owned(), "Analfabeto".to_owned())), "{schooling:?}");
    // Visceral leishmaniasis is in another list of sensitive conditions, and not in the ministry's.
    let (client, _place) = genuine(&["sih/RDAC2401.dbc"]).unwrap();
    let b55 = QueryParams::dataset("SIH-RD").columns(["csap", "COD_IDADE_rotulo", "COD_IDADE", "IDADE"]);
    let (b55, _) = rows(&client, &b55.filter(col("DIAG_PRINC").starts_with("B55")));
    assert!(b55.len() == 2 && b55.iter().all(|row| row[0].is_none()), "{b55:?}");
    // The age of an admission has a list, across two fields.
    let years = |row: &Vec<Option<String>>| Some(format!("{} anos", row[3].as_deref()?));
    assert!(b55.iter().filter(|row| row[2].as_deref() == Some("4")).all(|row| row[1] == years(row)), "{b55:?}");
}

#[test]
fn ages_of_deaths_and_of_psychosocial_care_are_those_of_their_dates() {
    let Some((client, _place)) = genuine(&["sim/DORR2022.dbc"]) else { return };
    let params = QueryParams::dataset("SIM-DO").columns(["idade_anos", "DTNASC", "DTOBITO"]);
    let (found, _) = rows(&client, &params.filter(col("IDADE").starts_with("4")));
    let years = |row: &Vec<Option<String>>| {
        day(&row[1]).zip(day(&row[2])).and_then(|(born, at)| at.years_since(born)).map(i64::from)
    };
    let dated: Vec<_> = found.iter().filter(|row| row[1].is_some() && row[2].is_some()).collect();
    assert_eq!(dated.iter().filter(|row| number(&row[0]) == years(row)).count(), dated.len());
    println!("{} of {} deaths in years have both dates", dated.len(), found.len());
    let (care, _place) = genuine(&["sia/PSRN2306.dbc"]).unwrap();
    let (found, _) = rows(&care, &QueryParams::dataset("SIA-PS").columns(["idade_anos", "DTNASC", "DT_INICIO"]));
    assert_eq!(found.len(), 5_877);
    let dated: Vec<_> = found.iter().filter(|row| row[1].is_some() && row[2].is_some()).collect();
    assert_eq!(dated.iter().filter(|row| number(&row[0]) == years(row)).count(), dated.len());
}

#[test]
fn ages_of_notifications_fit_the_year_of_birth_also_before_2007() {
    let Some((client, _place)) = genuine(&["sinan/LEIVBR18.dbc"]) else { return };
    let fits = |rows: &[Vec<Option<String>>]| {
        let known = rows.iter().filter(|row| row.iter().all(Option::is_some));
        let fit = |row: &&Vec<Option<String>>| {
            let years = i64::from(day(&row[2]).unwrap().year()) - number(&row[1]).unwrap();
            (0..=1).contains(&(years - number(&row[0]).unwrap()))
        };
        let (fitting, all): (Vec<_>, Vec<_>) = (known.clone().filter(fit).collect(), known.collect());
        (fitting.len(), all.len())
    };
    let columns = ["idade_anos", "ANO_NASC", "DT_SIN_PRI"];
    let in_years = QueryParams::dataset("SINAN-LEIV").columns(columns).filter(col("NU_IDADE_N").ge(4_000));
    let (fitting, all) = fits(&rows(&client, &in_years).0);
    println!("{fitting} of {all}");
    assert!(fitting == all && all > 9_000, "{fitting} of {all}");
    let (old, _place) = genuine(&["sinan/CHAGBR03.dbc"]).unwrap();
    let (found, _) = rows(&old, &QueryParams::dataset("SINAN-CHAG").columns(["idade_anos", "NU_IDADE"]));
    let known = found.iter().filter(|row| row[0].is_some()).count();
    println!("{known} of {} ages with a letter", found.len());
    assert!(known > found.len() / 2);
    for row in found.iter().filter(|row| row[1].as_deref().is_some_and(|age| age.starts_with('A'))) {
        assert_eq!(number(&row[0]), row[1].as_ref().and_then(|age| age[1..].parse().ok()), "{row:?}");
    }
}

#[test]
fn robson_and_weeks_of_pregnancy_of_other_files() {
    for (file, dataset, all) in
        [("sinasc/DNEX2022.dbc", "SINASC-DNEX", 683), ("sinasc/DNREXT22.dbc", "SINASC-DNREXT", 684)]
    {
        let Some((client, _place)) = genuine(&[file]) else { return };
        let dataset = match client.datasets().unwrap().datasets.first() {
            Some(held) => held.dataset.clone(),
            None => dataset.to_owned(),
        };
        let (found, _) = rows(&client, &QueryParams::dataset(&dataset).columns(["robson", "TPROBSON"]));
        let alike = found.iter().filter(|row| row[0] == row[1]).count();
        assert_eq!((alike, found.len()), (all, all), "{file}");
    }
    let (client, _place) = genuine(&["sinasc/DNAP2019.dbc"]).unwrap();
    let columns = ["prematuro", "SEMAGESTAC", "GESTACAO"];
    let (found, _) = rows(&client, &QueryParams::dataset("SINASC-DN").columns(columns));
    for row in found.iter().filter(|row| row[1].is_some() && row[2].as_deref().is_some_and(|band| band != "9")) {
        let by_band = i64::from(number(&row[2]).unwrap() < 5);
        assert_eq!(number(&row[0]), Some(by_band), "{row:?}");
    }
}

#[test]
fn what_a_record_leaves_blank_is_not_put_into_words() {
    let Some((client, _place)) = genuine(&["ciha/CIHAAP1606.dbc"]) else { return };
    const BANDS: &str = "faixa_etaria_100_105_110";
    let columns = ["MORTE", "MORTE_rotulo", "SEXO", "SEXO_rotulo", "COD_IDADE", "idade_anos", BANDS];
    let (found, report) = rows(&client, &QueryParams::dataset("CIHA-CIHA").columns(columns));
    assert_eq!(found.len(), 6_649);
    let blank: Vec<_> = found.iter().filter(|row| row[2].is_none()).collect();
    println!("{} blank, {:?}", blank.len(), report.unlabelled);
    assert!(found.iter().all(|row| row[0].is_some() || row[1].is_none()));
    assert!(blank.iter().all(|row| row[3].is_none()));
    // Two of three digits of an age beyond 99: the dates tell it.
    let old: Vec<_> = found.iter().filter(|row| row[4].as_deref() == Some("5")).collect();
    assert!(old.len() == 2 && old.iter().all(|row| number(&row[5]).is_some_and(|age| (100..120).contains(&age))));
    let band = |age: i64| if age < 105 { "100 a 104 anos" } else { "105 a 109 anos" };
    assert!(old.iter().all(|row| row[6].as_deref() == Some(band(number(&row[5]).unwrap()))), "{old:?}");
}

#[test]
fn every_code_of_the_federal_district_is_brasilia() {
    let Some((client, _place)) = genuine(&["cnes/DCDF0609.dbc"]) else { return };
    let sql = "SELECT municipio_7_ocorrencia AS m, uf_sigla_ocorrencia AS uf, count(*) AS n, count(DISTINCT CODUFMUN) AS codigos \
        FROM cnes_dc GROUP BY ALL";
    let (found, _) = rows(&client, &QueryParams::sql(sql));
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0][..2], [Some("5300108".into()), Some("DF".into())]);
    assert!(
        number(&found[0][2]).is_some_and(|rows| rows >= 1_552) && number(&found[0][3]).is_some_and(|codes| codes > 1)
    );
}

/// By the tables of the kits of that time, two of which are at hand.
#[test]
fn records_of_the_years_before_the_kits_of_today_have_words_too() {
    for (file, dataset, pairs) in [
        ("sih/RDRR9504.dbc", "SIH-RD", [["SEXO", "sexo_nome"], ["MORTE", "N_AIH"]]),
        ("sih/RDDF9705.dbc", "SIH-RD", [["SEXO", "sexo_nome"], ["MUNIC_RES", "municipio_nome_residencia"]]),
        ("sinan/CHAGBR03.dbc", "SINAN-CHAG", [["CS_SEXO", "sexo_nome"], ["CS_RACA", "raca_cor_nome"]]),
    ] {
        let Some((client, _place)) = genuine(&[file]) else { return };
        for [code, other] in pairs {
            let label = format!("{code}_rotulo");
            let (found, _) = rows(&client, &QueryParams::dataset(dataset).columns([code, label.as_str(), other]));
            let coded = found.iter().filter(|row| row[0].is_some());
            let (with, coded) = (coded.clone().filter(|row| row[1].is_some()).count(), coded.count());
            println!("{file} {code}: {with} of {coded}");
            assert!(with > 0 && with * 100 >= coded * 99, "{file} {code}: {with} of {coded}");
            // Where a derived column has the word, it begins like it; municipalities have the UF behind theirs, and some tables no accents.
            let alike = |row: &&Vec<Option<String>>| match (&row[1], &row[2]) {
                (Some(label), Some(word)) if other.contains("nome") => label.chars().take(3).eq(word.chars().take(3)),
                _ => true,
            };
            assert_eq!(found.iter().find(|row| !alike(row)), None, "{file} {code}");
        }
    }
    let Some(kits) = crate::kits::kits() else { return };
    for (table, column) in [("MORTES", "MORTE"), ("VINCPREV", "VINCPREV")] {
        let path = kits.join(format!("TAB_SIH_HIST/sih_199201_199712/{table}.CNV"));
        let cnv = Cnv::read(&std::fs::read(path).unwrap(), table).unwrap();
        let list = Dictionary::built_in().list(&format!("omnisus/sih_aih_reduzida_1992_2007/{column}")).unwrap();
        for code in '0'..='9' {
            let of_table = cnv.row_of(code.to_string().as_bytes()).map(|row| row.label.trim());
            assert_eq!(list.label_of(&code.to_string()), of_table, "{column} {code}");
        }
    }
}

/// Columns with labels, and distinct codes that have one, per system; neither may fall.
#[test]
fn codes_of_genuine_files_have_labels() {
    let files = [
        ("sih/RDAC2401.dbc", "SIH-RD", 0.50),
        ("sih/SPRR1604.dbc", "SIH-SP", 0.50),
        ("sia/PAAC2401.dbc", "SIA-PA", 0.50),
        ("sia/ARRJ1908.dbc", "SIA-AR", 0.50),
        ("cnes/STAC2401.dbc", "CNES-ST", 0.50),
        ("cnes/EQAL1509.dbc", "CNES-EQ", 0.50),
        ("sim/DORR2022.dbc", "SIM-DO", 0.50),
        ("sinasc/DNAP2019.dbc", "SINASC-DN", 0.50),
        ("sinan/ZIKABR20.dbc", "SINAN-ZIKA", 0.50),
        ("sinan/LEIVBR18.dbc", "SINAN-LEIV", 0.50),
        ("ciha/CIHAAC1106.dbc", "CIHA-CIHA", 0.50),
    ];
    let mut fell = BTreeMap::new();
    for (file, dataset, least) in files {
        let Some((client, _place)) = genuine(&[file]) else { return };
        let grupo = Catalog::builtin().read(dataset).unwrap();
        let (head, _) = rows(&client, &QueryParams::dataset(dataset).limit(1));
        assert_eq!(head.len(), 1);
        let held = client.query(&QueryParams::dataset(dataset).limit(1)).unwrap().schema();
        let names: Vec<String> = held.fields().iter().map(|field| field.name().clone()).collect();
        let with: Vec<&String> = names.iter().filter(|name| label_column(grupo, name).is_some()).collect();
        let counts: Vec<String> = with
            .iter()
            .enumerate()
            .map(|(at, name)| {
                format!(
                    "count(DISTINCT \"{name}\") AS a{at}, count(DISTINCT \"{name}\") FILTER (WHERE {name}_rotulo IS NOT NULL) AS b{at}"
                )
            })
            .collect();
        let (mut codes, mut found, mut short) = (0, 0, Vec::new());
        for (part, names) in counts.chunks(20).zip(with.chunks(20)) {
            let sql = format!("SELECT {} FROM {}", part.join(", "), grupo.dataset.table());
            let (row, _) = rows(&client, &QueryParams::sql(sql));
            for (pair, name) in row[0].chunks(2).zip(names) {
                let (all, labelled) = (number(&pair[0]).unwrap(), number(&pair[1]).unwrap());
                codes += all;
                found += labelled;
                if labelled < all {
                    short.push(format!("{name} {labelled}/{all}"));
                }
            }
        }
        let share = found as f64 / codes.max(1) as f64;
        println!(
            "{dataset}: {} of {} columns with labels, {found} of {codes} codes found; {}",
            with.len(),
            names.len(),
            short.join(", ")
        );
        if share < least {
            fell.insert(dataset, share);
        }
    }
    assert!(fell.is_empty(), "{fell:?}");
}

/// The same condition by the scan and by the engine, for every derived column and some labels.
#[test]
fn conditions_on_what_no_file_has_hold_alike_in_the_scan_and_in_the_engine() {
    for (file, dataset) in [("sih/RDAC2401.dbc", "SIH-RD"), ("sinasc/DNAP2005.dbc", "SINASC-DN")] {
        let Some((client, _place)) = genuine(&[file]) else { return };
        let grupo = Catalog::builtin().read(dataset).unwrap();
        let table = grupo.dataset.table();
        let all = derived_columns(grupo);
        let labels = all.iter().filter(|one| one.label_of.is_some()).step_by(7);
        let mut compared = 0;
        for one in all.iter().filter(|one| one.label_of.is_none()).chain(labels) {
            let name = &one.name;
            let (found, _) = rows(&client, &QueryParams::dataset(dataset).columns([name.as_str()]));
            let held: Vec<&String> = found.iter().filter_map(|row| row[0].as_ref()).collect();
            let Some(value) = held.get(held.len() / 2) else { continue };
            let condition = match one.kind {
                LogicalType::Integer { .. } => col(name).ge(value.parse::<i64>().unwrap()),
                LogicalType::Text => col(name).eq(value.as_str()),
                _ => continue,
            };
            let sign = if matches!(one.kind, LogicalType::Integer { .. }) { ">=" } else { "=" };
            let quoted = value.replace('\'', "''");
            let sql = format!("SELECT count(*) AS n FROM {table} WHERE {name} {sign} '{quoted}'");
            let sql = if sign == ">=" { sql.replace('\'', "") } else { sql };
            let (counted, _) = rows(&client, &QueryParams::sql(sql));
            let params = QueryParams::dataset(dataset).columns([name.as_str()]).filter(condition);
            let (scanned, _) = rows(&client, &params);
            assert_eq!(number(&counted[0][0]), Some(scanned.len() as i64), "{file} {name} {sign} {value}");
            assert!(!scanned.is_empty());
            // And what is unknown is in neither side of it.
            let nulls = QueryParams::dataset(dataset).columns([name.as_str()]).filter(col(name).is_null());
            assert_eq!(rows(&client, &nulls).0.len(), found.len() - held.len(), "{file} {name}");
            compared += 1;
        }
        println!("{file}: {compared} columns");
        assert!(compared > 10);
    }
}

/// Nothing is found by it, and that is no answer to take for one.
#[test]
fn a_condition_on_a_word_that_is_none_says_so() {
    let place = tempfile::tempdir().unwrap();
    datasus::source::write_example_data(place.path(), 20).unwrap();
    let client = datasus::Client::open(place.path()).unwrap();
    let warned = |params: &QueryParams| -> Vec<String> {
        let (found, report) = rows(&client, params);
        let of_words = |warning: &String| warning.contains("nenhuma das palavras da lista");
        assert_eq!(found.is_empty(), report.warnings.iter().any(of_words), "{:?}", report.warnings);
        report.warnings.into_iter().filter(of_words).collect()
    };
    let by = |column: &str, word: &str| {
        QueryParams::dataset("SIH-RD").columns([column]).filter(col(column).eq(word)).limit(5)
    };
    let near = warned(&by("SEXO_rotulo", "feminino"));
    assert!(
        near.len() == 1 && near[0].contains("\"feminino\"") && near[0].contains("quis dizer Feminino?"),
        "{near:?}"
    );
    assert_eq!(warned(&by("regiao_residencia", "Nrote")).len(), 1);
    assert_eq!(warned(&by("SEXO_rotulo", "Feminino")), Vec::<String>::new());
    let sql = |word: &str| QueryParams::sql(format!("SELECT N_AIH FROM sih_rd WHERE SEXO_rotulo = '{word}' LIMIT 5"));
    assert_eq!((warned(&sql("MULHER")).len(), warned(&sql("Masculino")).len()), (1, 0));
}
