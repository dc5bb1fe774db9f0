//! The built-in dictionary is what the named tables say: made from them again, it is the same.

use std::path::{Path, PathBuf};

use datasus::labels::{Dictionary, check_digit, lists, packed_lists};

use crate::kits::kits;
use crate::tables::{Tables, bytes};

fn compiled() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("labels/dictionary.zst")
}

#[test]
fn the_compiled_dictionary_is_what_the_tables_say() {
    let Some(kits) = kits() else { return };
    let text = Tables { data: kits.parent().unwrap().to_owned() }.dictionary();
    if std::env::var_os("DATASUS_BLESS").is_some() {
        let packed = packed_lists(&text).unwrap();
        println!("{} bytes, {} packed", text.len(), packed.len());
        std::fs::write(compiled(), packed).unwrap();
    }
    let unpacked = |packed: &[u8]| String::from_utf8(zstd::decode_all(packed).unwrap()).unwrap();
    // With its index.
    let (held, text) = (unpacked(&bytes(&compiled())), unpacked(&packed_lists(&text).unwrap()));
    let first = held.lines().zip(text.lines()).find(|(held, made)| held != made);
    assert!(held == text, "make dictionaries writes it anew: {first:?}");
}

#[test]
fn the_library_grows_by_less_than_two_megabytes() {
    let (packed, rules) = (bytes(&compiled()).len(), bytes(&compiled().with_file_name("rules.toml")).len());
    println!("{packed} bytes of lists, {rules} of rules");
    assert!(packed > 100_000, "{packed}: the dictionary is empty");
    assert!(packed + rules < 1_000_000, "{packed}");
}

#[test]
fn every_list_says_whose_it_is_and_from_when() {
    let entries = Dictionary::built_in().entries();
    assert_eq!(entries.len(), lists().len());
    for entry in &entries {
        assert!(!entry.source.is_empty() && !entry.date.is_empty() && entry.labels > 0, "{entry:?}");
        let by_hand = ["microdatasus/", "omnisus/"].iter().any(|peer| entry.list.starts_with(peer));
        assert_eq!(entry.official, !by_hand, "{entry:?}");
    }
    println!("{} lists, {} labels", entries.len(), entries.iter().map(|entry| entry.labels).sum::<u64>());
}

#[test]
fn municipalities_of_today_and_of_the_past() {
    let all = datasus::labels::municipalities();
    let of = |code: &str| all.iter().find(|one| one.code == code).unwrap_or_else(|| panic!("{code}"));
    assert_eq!((of("120040").name.as_str(), of("120040").code_7.as_str()), ("Rio Branco", "1200401"));
    assert!(
        of("120040").latitude.is_some() && of("120040").health_region.as_deref() == Some("12002 Baixo Acre e Purus")
    );
    // After CADMUN, one of them of 2025.
    for (code, seven) in [
        ("220672", "2206720"),
        ("150475", "1504752"),
        ("422000", "4220000"),
        ("421265", "4212650"),
        ("431454", "4314548"),
        ("500627", "5006275"),
        ("510183", "5101837"),
    ] {
        assert_eq!(of(code).code_7, seven);
        assert!(of(code).known, "{code}");
    }
    // CADMUN is written under DOS; what it calls as it was called before has the name of today.
    for (code, name) in [
        ("293070", "Simões Filho"),
        ("270630", "Palmeira dos Índios"),
        ("150510", "Óbidos"),
        ("430370", "Campina das Missões"),
        ("353380", "Óleo"),
        ("351500", "Embu das Artes"),
        ("251365", "Joca Claudino"),
        ("510183", "Boa Esperança do Norte"),
    ] {
        assert_eq!(of(code).name, name);
    }
    let is_portuguese = |c: char| c.is_ascii() || "áâãçéêíóôõúüÁÂÉÍÓÔÚ".contains(c);
    let odd: Vec<&str> =
        all.iter().map(|one| one.name.as_str()).filter(|name| !name.chars().all(is_portuguese)).collect();
    assert!(odd.is_empty(), "{odd:?}");
    // The check digits that follow no rule.
    let odd: Vec<&str> = all
        .iter()
        .filter(|one| {
            one.known
                && !one.code.ends_with("0000")
                && check_digit(&one.code).is_some_and(|digit| !one.code_7.ends_with(&digit.to_string()))
        })
        .map(|one| one.code_7.as_str())
        .collect();
    for exception in ["2201919", "2201988", "2202251", "2611533", "3117836", "3152131", "4305871", "5203939", "5203962"]
    {
        assert!(odd.contains(&exception), "{exception}");
    }
    assert!(!of("110000").known && !of("000000").known);
}

/// Texts that look like `name` need no tables: the embedded dictionary answers.
#[test]
fn embedded_lists_label_codes_as_the_ministry_does() {
    let label = |list: &str, code: &str| Dictionary::built_in().list(list).unwrap().label_of(code).map(str::to_owned);
    let is = |list: &str, code: &str, text: &str| assert_eq!(label(list, code).as_deref(), Some(text), "{list} {code}");
    is("sih/SEXO", "3", "Feminino");
    is("sih/RACACOR", "03", "Parda");
    is("sia/RACA_COR", "04", "AMARELA");
    is("sim/RACACOR", "3", "Amarela");
    is("omnisus/sim_obitos/SEXO", "0", "Ignorado");
    is("sim/RACACOR", "", "Não informado");
    is("cnes/TPGESTAO", "", "NÃO INFORMADO");
    is("cid10", "A00", "A00   Colera");
    is("cid10", "A000", "A00.0 Colera dev Vibrio cholerae 01 biot cholerae");
    is("municipios", "120040", "Rio Branco - AC");
    is("sih/CID10CAP", "D48", "II.  Neoplasias (tumores)");
    is("cid10", "0000", "CID NAO INFORMADO");
    is("cid10", "1111", "CID NAO EXIGIDO (APAC DE CIRURGIA BARIATRICA)");
    is("sih/CID10CAP", "D50", "III. Doenças sangue órgãos hemat e transt imunitár");
    assert_eq!(label("sih/TP_DIAGSEC", "7"), None);
    assert!(label("sigtap", "0303010223").is_some() && label("sigtap", "0301010030").is_some());
}

/// Each of these is wrong in a package that people use.
#[test]
fn errors_of_peers_are_not_made() {
    let label = |list: &str, code: &str| Dictionary::built_in().list(list).unwrap().label_of(code).map(str::to_owned);
    let is = |list: &str, code: &str, text: &str| assert_eq!(label(list, code).as_deref(), Some(text), "{list} {code}");
    // Race of SIA by SIM's order; sex as 1 and 2; the kind of finance 01 as FAEC.
    is("sia/RACA_COR", "03", "PARDA");
    // The kits' tables under DOS; occupations by the table that the definition names; the UF once.
    is("vinculo", "000000", "VÍNCULO EMPREGATÍCIO NÃO INFORMADO");
    is("ocupacao", "999992", "Dona de Casa");
    is("sinan_dic/LEIV/FEBRE", "9", "Ignorado");
    is("sinan_dic/LEIV/DROGA", "6", "Não utilizada");
    is("sinan_dic/LEIV/FALENCIA", "4", "Não se aplica");
    is("municipios", "120000", "Município ignorado - AC");
    is("municipios", "129999", "Município ignorado - AC");
    is("municipios", "132603", "Manaus - AM");
    is("municipios", "530180", "Brasília - DF");
    is("municipios", "293070", "Simões Filho - BA");
    assert!(label("habilitacao", "2612").is_some() && label("habilitacao", "3202").is_some());
    is("sia/FINANC", "01", "01 Atenção Básica (PAB)");
    is("sia/SEXO", "F", "Feminino");
    assert_eq!((label("sia/SEXO", "1"), label("sia/SEXO", "2")), (None, None));
    is("sih/LEITOS", "04", "04-Crônicos");
    is("sih/LEITOS", "06", "06-Pneumologia Sanitária (Tisiologia)");
    is("sih/LEITOS", "09", "09-Leito Dia / Cirúrgicos");
    is("sih/LEITOS", "10", "10-Leito Dia / Aids");
    is("sinan/Escolarnet", "10", "Não se aplica");
    // Schooling one step off.
    is("sih/INSTRU", "1", "Analfabeto");
    is("sim/INSTRUC", "1", "Nenhuma");
    is("sim/INSTRUC", "2", "1 a 3 anos");
    is("sinasc/INSTRUC", "5", "12 anos e mais");
    // The first row of an L table, which catches everything.
    is("sih/RACACOR", "01", "Branca");
    // A range from blank taken for a code.
    is("cnes/TPGESTAO", "", "NÃO INFORMADO");
    // Measles, rubella and ascariasis left out of the sensitive conditions, leishmaniasis and mycoses put in; and no code of three
    // characters is the one with a zero behind.
    let sensitive = |code: &str| label("sih/SENSIVEISATB03", code).is_some();
    assert!(["B05", "B059", "B069", "B778", "N390", "J181", "G000"].into_iter().all(sensitive));
    assert!(!["B551", "B560", "N39", "K92", "J180", "G001"].into_iter().any(sensitive));
    // \"No list exists for COD_IDADE\".
    is("sih/IDADEDET", "401", "1 ano");
    is("sih/IDADEDET", "200", "0 dias");
}
