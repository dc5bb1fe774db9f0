//! The built-in dictionary is what the named tables say: made from them again, it is the same.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use datasus::labels::{Cnv, CnvRow, DbfTable, Dictionary, Mode, Token, check_digit, lists, packed_lists, written};
use datasus::source::dbc::Encoding;

use crate::kits::kits;

const SIH: &str = "Kit TAB_SIH do DATASUS";
const SIH_DATE: &str = "2025-05";
const OF_KITS: &str = "2026-09";

/// The folder of all tables.
struct Tables {
    data: PathBuf,
}

fn bytes(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A file by its name, whatever its case.
fn named(folder: &Path, name: &str) -> Option<PathBuf> {
    let entries = std::fs::read_dir(folder).ok()?;
    entries
        .map(|entry| entry.unwrap().path())
        .find(|path| path.file_name().unwrap().to_string_lossy().eq_ignore_ascii_case(name))
}

fn list_of(rows: impl IntoIterator<Item = (String, String)>, width: usize) -> Cnv {
    let mut rows: Vec<(String, String)> =
        rows.into_iter().filter(|(code, label)| !code.is_empty() && !label.is_empty()).collect();
    // Of several rows of one code the last one counts, as in a CNV; the order of display is that of the codes.
    let mut last: BTreeMap<String, String> = BTreeMap::new();
    rows.drain(..).for_each(|(code, label)| drop(last.insert(code, label)));
    let rows = last.into_iter().enumerate().map(|(at, (code, label))| CnvRow {
        parent: None,
        number: at as u32 + 1,
        label,
        codes: vec![Token::One(format!("{code:<width$}"))],
    });
    Cnv { width, mode: Mode::Text, declared: 0, rows: rows.collect() }
}

/// Codes that stand with and without the zeros before them. Nothing is cut: a longer code is another one.
fn unpadded(rows: Vec<(String, String)>) -> Cnv {
    let digits = |code: &str| !code.is_empty() && code.bytes().all(|byte| byte.is_ascii_digit());
    let widest = rows.iter().map(|(code, _)| code.len()).max().unwrap();
    let mut last: BTreeMap<String, (String, String)> = BTreeMap::new();
    for (code, label) in rows.into_iter().filter(|(_, label)| !label.is_empty()) {
        let key = if digits(&code) { format!("{code:0>widest$}") } else { code.clone() };
        last.insert(key, (code, label));
    }
    let rows = last.into_values().enumerate().map(|(at, (code, label))| {
        let mut forms = vec![code.clone()];
        if digits(&code) {
            forms.extend((code.len() + 1..=widest + 1).map(|width| format!("{code:0>width$}")));
        }
        let codes = forms.into_iter().map(|code| Token::One(format!("{code:<width$}", width = widest + 1)));
        CnvRow { parent: None, number: at as u32 + 1, label, codes: codes.collect() }
    });
    Cnv { width: widest + 1, mode: Mode::Text, declared: 0, rows: rows.collect() }
}

/// A name in capitals without its accents, hyphens and apostrophes.
fn bare(name: &str) -> String {
    let letter = |c: char| match c {
        'Á' | 'À' | 'Â' | 'Ã' => Some('A'),
        'É' | 'Ê' => Some('E'),
        'Í' => Some('I'),
        'Ó' | 'Ô' | 'Õ' => Some('O'),
        'Ú' | 'Ü' => Some('U'),
        'Ç' => Some('C'),
        c => c.is_ascii_alphabetic().then_some(c),
    };
    name.to_uppercase().chars().filter_map(letter).collect()
}

impl Tables {
    fn dbf(&self, path: &str, key: &str, label: &str) -> Vec<(String, String)> {
        let path = self.data.join(path);
        let table = DbfTable::read(bytes(&path), &path.to_string_lossy()).unwrap();
        table.labels(key, label).unwrap().map(|(code, label)| (code.to_owned(), label.to_owned())).collect()
    }

    fn csv(&self, path: &str, separator: u8) -> Vec<Vec<String>> {
        let mut reader =
            csv::ReaderBuilder::new().delimiter(separator).flexible(true).from_path(self.data.join(path)).unwrap();
        reader.records().map(|record| record.unwrap().iter().map(str::to_owned).collect()).collect()
    }

    /// Folders of a kit's tables, the first that has a table counts, with their names and dates.
    fn folders(kit: &str) -> &'static [(&'static str, &'static str, &'static str)] {
        match kit {
            "sih" => &[
                ("real/aux/cnv/sih", "Kit TAB_SIH do DATASUS, pelo PyPI omnisus 0.2.3", OF_KITS),
                ("kits/TAB_SIH/CNV", SIH, SIH_DATE),
            ],
            "sia" => &[
                ("real/aux/cnv/sia", "Kit TAB_SIA do DATASUS, pelo PyPI omnisus 0.2.3", OF_KITS),
                ("kits/AVULSOS/sia", "Kit TAB_SIA do DATASUS", OF_KITS),
            ],
            "sim" => &[
                ("real/aux/cnv/sim", "Kit OBITOS_CID10_TAB do DATASUS, pelo PyPI omnisus 0.2.3", OF_KITS),
                ("kits/AVULSOS/sim", "Kit OBITOS_CID10_TAB do DATASUS", OF_KITS),
            ],
            "sinasc" => &[("real/aux/cnv/sinasc", "Kit do SINASC do DATASUS, pelo PyPI omnisus 0.2.3", OF_KITS)],
            "cnes" => &[("real/aux/cnv/cnes", "Kit TAB_CNES do DATASUS, pelo PyPI omnisus 0.2.3", OF_KITS)],
            "sinan" => &[
                ("kits/TAB_SINANONLINE", "Kit TAB_SINANONLINE do DATASUS", "2016-05"),
                ("real/aux/cnv/sinan", "Kit TAB_SINANNET do DATASUS, pelo PyPI omnisus 0.2.3", OF_KITS),
            ],
            _ => &[],
        }
    }

    /// A list as the dictionary writes it.
    fn list(&self, id: &str) -> Option<String> {
        if let Some(rest) = id.strip_prefix("microdatasus/") {
            return Some(self.by_hand(id, rest));
        }
        if let Some(rest) = id.strip_prefix("omnisus/") {
            return Some(self.omnisus(id, rest));
        }
        if let Some(rest) = id.strip_prefix("sinan_dic/") {
            return Some(self.of_sinan(id, rest));
        }
        if let Some((kit, table)) = id.split_once('/') {
            let (path, source, date) = Tables::folders(kit).iter().find_map(|(folder, source, date)| {
                Some((named(&self.data.join(folder), &format!("{table}.cnv"))?, source, date))
            })?;
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let cnv = Cnv::read(&bytes(&path), &name).unwrap();
            return Some(written(&cnv, id, true, date, &format!("{source}, {name}")));
        }
        let join = |lists: &[Vec<(String, String)>]| lists.concat();
        let (cnv, date, source) = match id {
            "cid10" => {
                let rows = join(&[
                    self.dbf("dict/cid/CID10.DBF", "CID10", "DESCR"),
                    self.dbf("kits/TAB_SIH/DBF/cid10.dbf", "CD_COD", "CD_DESCR"),
                ]);
                (list_of(rows, 4), SIH_DATE, "CID10.DBF do SIM (2020-05) e cid10.dbf do kit TAB_SIH, DATASUS")
            }
            "cid9" => (
                list_of(self.dbf("dict/cid/CID9.DBF", "CAUSAS", "DESCRICAO"), 3),
                "2020-05",
                "CID9.DBF do SIM, DATASUS",
            ),
            "cbo" => {
                let rows = join(&[
                    self.dbf("dict/cnes/CBO_02.dbf", "CBO", "DS_CBO"),
                    self.dbf("kits/TAB_SIH/DBF/CBO.dbf", "CBO", "DS_CBO"),
                ]);
                (list_of(rows, 6), SIH_DATE, "CBO_02.dbf do kit TAB_CNES (2009) e CBO.dbf do kit TAB_SIH, DATASUS")
            }
            "sigtap" => {
                // Revoked codes stay, and of two names the newest counts.
                let rows = join(&[
                    self.dbf("real/aux/TB_SIGTAP.dbf", "CHAVE", "DS_REGRA"),
                    self.dbf("kits/TAB_SIH/DBF/TB_SIGTAP.dbf", "CHAVE", "DS_REGRA"),
                    self.dbf("kits/TAB_SIH/DBF/TB_SIGTAW.dbf", "IP_COD", "IP_DSCR"),
                    self.sigtap("tb_procedimento.txt", 10, 260),
                ]);
                (
                    list_of(rows, 10),
                    "2026-08",
                    "SIGTAP, tabela unificada de 2026-08, e TB_SIGTAW, TB_SIGTAP do kit TAB_SIH, DATASUS",
                )
            }
            "moterro" => (
                list_of(self.dbf("kits/TAB_SIH/DBF/MOTERRO.dbf", "CD_MOT_ERR", "DS_MOT_ERR"), 6),
                SIH_DATE,
                "MOTERRO.dbf do kit TAB_SIH, DATASUS",
            ),
            "habilitacao" => (
                list_of(
                    join(&[
                        self.dbf("real/aux/HABILITA.dbf", "CD_HABILIT", "DS_HABIL"),
                        self.sigtap("tb_habilitacao.txt", 4, 154),
                    ]),
                    4,
                ),
                "2026-08",
                "HABILITA.dbf do kit TAB_CNES (2020-05), DATASUS, e tb_habilitacao do SIGTAP de 2026-08",
            ),
            "ocupacao" => {
                let cnv = self.data.join("real/aux/cnv/sim/CBO2002.CNV");
                let cnv = named(cnv.parent().unwrap(), "CBO2002.CNV").unwrap();
                let cnv = Cnv::read(&bytes(&cnv), "CBO2002.CNV").unwrap();
                let of_cnv = cnv.rows.iter().flat_map(|row| {
                    row.codes.iter().map(|code| (Token::first(code).trim().to_owned(), row.label.clone()))
                });
                let rows = join(&[
                    self.dbf("dict/cnes/CBO_02.dbf", "CBO", "DS_CBO"),
                    self.dbf("kits/TAB_SIH/DBF/CBO.dbf", "CBO", "DS_CBO"),
                    of_cnv.collect(),
                ]);
                (
                    list_of(rows, 6),
                    OF_KITS,
                    "CBO_02.dbf do kit TAB_CNES (2009), CBO.dbf do kit TAB_SIH, e CBO2002.CNV do kit OBITOS_CID10_TAB, que a definição do SINASC nomeia, DATASUS",
                )
            }
            "incentivo" => (
                list_of(self.dbf("real/aux/incentivos.dbf", "CHAVE", "DS_INCEN"), 4),
                "2020-05",
                "incentivos.dbf do kit TAB_CNES, DATASUS",
            ),
            "regra_contratual" => (
                list_of(self.dbf("real/aux/REGRAS.DBF", "CHAVE", "DS_REGRA"), 4),
                "2020-05",
                "REGRAS.DBF do kit TAB_CNES, DATASUS",
            ),
            "gestao_metas" => (
                list_of(self.dbf("real/aux/GESTAO.dbf", "CD_GESTAO", "DS_GESTAO"), 4),
                "2020-05",
                "GESTAO.dbf do kit TAB_CNES, DATASUS",
            ),
            "vinculo" => (
                list_of(self.dbf("real/aux/VINCULO.dbf", "CO_VINC", "DS_VINC"), 6),
                "2020-05",
                "VINCULO.dbf do kit TAB_CNES, DATASUS",
            ),
            "tipo_equipamento" => (
                // Types of two digits came later, and are in no table.
                unpadded(self.dbf("real/aux/TP_EQUIPAM.dbf", "CHAVE", "DS_TPEQUIP")),
                "2020-05",
                "TP_EQUIPAM.dbf do kit TAB_CNES, DATASUS",
            ),
            "paises" => (
                unpadded(self.dbf("real/aux/PAISNET.DBF", "ID_PAIS", "NM_PAIS")),
                OF_KITS,
                "PAISNET.DBF do kit do SINAN, DATASUS",
            ),
            "naturalidade" => (
                list_of(self.birthplaces(), 3),
                "2020-05",
                "TABPAIS.DBF e TABUF.DBF do SIM, DATASUS; 800 é Brasil, 8 e o código da UF, a UF",
            ),
            "servico_classe" => {
                let rows = join(&[
                    self.dbf("dict/cnes/S_CLASSEN.dbf", "CHAVE", "DS_SERV"),
                    self.dbf("kits/TAB_SIH/DBF/S_CLASSEN.DBF", "CHAVE", "DS_REGRA"),
                ]);
                (list_of(rows, 6), SIH_DATE, "S_CLASSEN.dbf dos kits TAB_CNES (2010) e TAB_SIH, DATASUS")
            }
            "equipamento" => {
                let rows = self.csv("dict/cnes/cnes_equipamento_4dig.csv", b',').into_iter();
                let rows = rows.filter(|row| row[1] == "TIPEQUIP+CODEQUIP").map(|row| (row[2].clone(), row[3].clone()));
                (
                    list_of(rows, 4),
                    "2026-07",
                    "Portaria SAES/MS 3.695/2026, Anexo I, e Equip_Tp.cnv do kit TAB_CNES, na transcrição de basedosdados/pipelines",
                )
            }
            "municipios" => {
                let named = |name: &str, uf: &str| match uf == "BR" || name.ends_with(&format!(" - {uf}")) {
                    true => name.to_owned(),
                    false => format!("{name} - {uf}"),
                };
                let rows = self.municipalities().into_iter().map(|(code, row)| (code, named(&row[1], &row[6])));
                let cnv = self.with_codes_of_the_kit(list_of(rows, 6));
                (cnv, SIH_DATE, "CADMUN.DBF do SIM (2020-05) e br_municip.cnv do kit TAB_SIH, DATASUS")
            }
            _ => return None,
        };
        Some(written(&cnv, id, true, date, source))
    }

    fn by_hand(&self, id: &str, rest: &str) -> String {
        let (file, column) = rest.split_once('/').unwrap();
        let file = format!("process_{file}.R");
        let rows: Vec<(String, String)> = self
            .csv("dict/listas_microdatasus.csv", b',')
            .into_iter()
            .filter(|row| row[0] == file && row[1] == column && !row[2].is_empty() && row[2].len() < 9)
            .map(|row| (row[2].clone(), row[3].clone()))
            .collect();
        let source = format!("rfsaldanha/microdatasus 2.4.2 (MIT), {file}, {column}");
        written(&unpadded(rows), id, false, "2.4.2", &source)
    }

    /// Categories of a field as the ministry's dictionary of a condition writes them: a line each, `1 - Sim`.
    fn of_sinan(&self, id: &str, rest: &str) -> String {
        let (file, column) = rest.split_once('/').unwrap();
        let all = self.csv(&format!("dict/sinan_csv/{file}.csv"), b',');
        let field = all.iter().find(|row| row.last().is_some_and(|name| name.trim() == column)).unwrap();
        let bare = |text: &str| text.trim_matches([' ', '-', '–', ';', '.']).to_owned();
        let mut rows: Vec<(String, String)> = Vec::new();
        for line in field[4].lines() {
            let (code, label) = line.split_at(line.find(|c: char| !c.is_ascii_digit()).unwrap_or(line.len()));
            match (code, rows.last_mut()) {
                ("", Some((_, label))) => label.push_str(&format!(" {}", bare(line))),
                _ => rows.push((code.to_owned(), bare(label))),
            }
        }
        let source = format!("Dicionário de dados do SINAN, Ministério da Saúde, {file}, campo {column}, pelo PySUS");
        written(&unpadded(rows), id, true, "b6f7580", &source)
    }

    /// Lists that omnisus transcribed from the ministry's dictionaries.
    fn omnisus(&self, id: &str, rest: &str) -> String {
        let (file, column) = rest.split_once('/').unwrap();
        let file = format!("{file}.yaml");
        let text = String::from_utf8(bytes(&self.data.join("dict/omnisus").join(&file))).unwrap();
        let bare = |text: &str| text.trim().trim_matches(|sign| sign == '\'' || sign == '"').to_owned();
        let (mut rows, mut name, mut inside): (Vec<(String, String)>, String, Option<usize>) = Default::default();
        for line in text.lines() {
            let (own, indent) = (line.trim_start(), line.len() - line.trim_start().len());
            if let Some(of) = own.strip_prefix("- name: ") {
                (name, inside) = (of.to_uppercase(), None);
            } else if own == "x-decode:" && name == column {
                inside = Some(indent);
            } else if inside.is_some_and(|outer| indent <= outer) {
                inside = None;
            } else if inside.is_some() && own != "? ''" {
                match own.strip_prefix(": ").map(|label| ("", label)).or_else(|| own.split_once(": ")) {
                    Some((code, label)) => rows.push((bare(code), bare(label))),
                    None => rows.last_mut().unwrap().1.push_str(&format!(" {}", bare(own))),
                }
            }
        }
        assert!(!rows.is_empty(), "{id}");
        written(&unpadded(rows), id, false, "0.2.3", &format!("omnisus 0.2.3 (MIT), {file}, {column}"))
    }

    /// Where people come from: countries, and 8 with the code of a UF.
    fn birthplaces(&self) -> Vec<(String, String)> {
        let mut names: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let countries = self.dbf("real/aux/TABPAIS.DBF", "CODIGO", "DESCRICAO");
        countries.into_iter().for_each(|(code, name)| names.entry(code).or_default().push(name));
        for (code, name) in self.dbf("real/aux/TABUF.DBF", "CODIGO", "DESCRICAO") {
            names.entry(format!("8{code}")).or_default().push(name);
        }
        names.insert("800".into(), vec!["BRASIL".into()]);
        // Three codes have two names each, and none says which is meant.
        names.into_iter().map(|(code, names)| (code, names.join(" / "))).collect()
    }

    /// Codes and names of a file of the unified table, whose columns have fixed places: up to `code`, and up to `name`.
    fn sigtap(&self, file: &str, code: usize, name: usize) -> Vec<(String, String)> {
        use std::io::Read;
        let zip = std::fs::File::open(self.data.join("dict/sigtap/TabelaUnificada_202608_v2608141139.zip")).unwrap();
        let mut archive = zip::ZipArchive::new(zip).unwrap();
        let mut text = Vec::new();
        archive.by_name(file).unwrap().read_to_end(&mut text).unwrap();
        // Dashes and quotation marks of Windows are in some names.
        let windows = |bytes: &[u8]| Encoding::Cp1252.text(bytes).trim().to_owned();
        text.split(|byte| *byte == b'\n')
            .filter(|line| line.len() > name)
            .map(|line| (windows(&line[..code]), windows(&line[code..name])))
            .collect()
    }

    fn municipalities_of_kit(&self) -> Cnv {
        Cnv::read(&bytes(&self.data.join("kits/TAB_SIH/CNV/br_municip.cnv")), "br_municip.cnv").unwrap()
    }

    /// What the kit counts to a municipality beside its own code: codes of the past, every one of the Federal District, and those of
    /// a municipality that is not known.
    fn with_codes_of_the_kit(&self, mut list: Cnv) -> Cnv {
        let place: HashMap<String, usize> =
            list.rows.iter().enumerate().map(|(at, row)| (Token::first(&row.codes[0]).to_owned(), at)).collect();
        for row in self.municipalities_of_kit().rows {
            let Some(at) = row.codes.first().and_then(|code| place.get(Token::first(code))) else { continue };
            // A slip of the kit's gives 129999, of AC, to AM. What is blank stays without a word.
            let uf = Token::first(&row.codes[0])[..2].to_owned();
            let is_new = |code: &Token| Token::first(code).starts_with(&uf) && !place.contains_key(Token::first(code));
            list.rows[*at].codes.extend(row.codes.iter().skip(1).filter(|code| is_new(code)).cloned());
        }
        list
    }

    /// By six digits: seven digits, name, latitude, longitude, health region, whether it is known, the UF's sigla, and what it became.
    fn municipalities(&self) -> BTreeMap<String, [String; 8]> {
        let path = self.data.join("real/aux/CADMUN.DBF");
        let table = DbfTable::read(bytes(&path), "CADMUN.DBF").unwrap();
        let column = |name: &str| table.column(name).unwrap();
        let (code, seven, name, state) = (column("MUNCOD"), column("MUNCODDV"), column("MUNNOME"), column("SITUACAO"));
        let (latitude, longitude, successor) = (column("LATITUDE"), column("LONGITUDE"), column("SUCESSOR"));
        let degree = |text: &str| if text == "0.00000" { String::new() } else { text.to_owned() };
        let sigla =
            |code: &str| datasus::Uf::read(&code[..2]).map(|uf| uf.sigla().to_owned()).unwrap_or_else(|| "BR".into());
        let mut all = BTreeMap::new();
        for row in &table.rows {
            let known = u8::from(row[state] != "IGNOR").to_string();
            let one = [
                row[seven].clone(),
                row[name].clone(),
                degree(&row[latitude]),
                degree(&row[longitude]),
                String::new(),
                known,
                sigla(&row[code]),
                row[successor].get(..6).unwrap_or_default().to_owned(),
            ];
            all.insert(row[code].clone(), one);
        }
        // What came later, and codes that were in use for some years.
        let json: serde_json::Value = {
            let text = String::from_utf8(bytes(&self.data.join("dict/geo/municipios.json"))).unwrap();
            serde_json::from_str(text.trim_start_matches('\u{feff}')).unwrap()
        };
        let of_ibge: HashMap<String, &serde_json::Value> =
            json.as_array().unwrap().iter().map(|one| (one["geocodigo"].to_string()[..6].to_owned(), one)).collect();
        let kit = self.municipalities_of_kit();
        for row in kit.rows.iter().filter(|row| row.label.len() > 7) {
            for code in row.codes.iter().map(Token::first) {
                if all.contains_key(code) || !row.label.starts_with(code) {
                    continue;
                }
                let seven = format!("{code}{}", check_digit(code).unwrap());
                let own = row.label[7..].trim().to_owned();
                let one = match of_ibge.get(code) {
                    Some(ibge) => [
                        seven,
                        ibge["municipio"].as_str().unwrap().to_owned(),
                        ibge["latitude"].to_string(),
                        ibge["longitude"].to_string(),
                        String::new(),
                        "1".into(),
                        sigla(code),
                        String::new(),
                    ],
                    None => {
                        let known = u8::from(!own.contains("IGNORADO") && !code.starts_with("53")).to_string();
                        let known = if code == "510183" { "1".to_owned() } else { known };
                        [seven, own, String::new(), String::new(), String::new(), known, sigla(code), String::new()]
                    }
                };
                all.insert(code.to_owned(), one);
            }
        }
        // A name that the newer kit and IBGE have otherwise is of the past.
        for row in kit.rows.iter().filter(|row| row.label.len() > 7) {
            let (code, now) = (&row.label[..6], row.label[7..].trim());
            let of_ibge = of_ibge.get(code).and_then(|one| one["municipio"].as_str());
            if let (Some(known), Some(name)) = (all.get_mut(code), of_ibge)
                && bare(name) == bare(now)
                && bare(&known[1]) != bare(now)
            {
                known[1] = name.to_owned();
            }
        }
        let regions = Cnv::read(&bytes(&self.data.join("kits/TAB_SIH/CNV/br_regsaud.cnv")), "br_regsaud.cnv").unwrap();
        for (code, row) in &mut all {
            let region = regions.row_of(code.as_bytes()).map(|row| row.label.clone());
            row[4] = region.filter(|region| !region.to_lowercase().contains("ignorad")).unwrap_or_default();
        }
        all
    }

    fn dictionary(&self) -> String {
        let mut text = String::new();
        for id in lists() {
            text.push_str(&self.list(id).unwrap_or_else(|| panic!("no table for the list {id}")));
        }
        text.push_str(&format!("#@municipios|CADMUN.DBF do SIM (2020-05), br_municip.cnv e br_regsaud.cnv do kit TAB_SIH ({SIH_DATE}), DATASUS\n"));
        for (code, [seven, name, latitude, longitude, region, known, _, successor]) in self.municipalities() {
            text.push_str(&format!(
                "{code}\t{seven}\t{name}\t{latitude}\t{longitude}\t{region}\t{known}\t{successor}\n"
            ));
        }
        text
    }
}

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
    is("sim/RACACOR", "", "Não informado");
    is("cnes/TPGESTAO", "", "NÃO INFORMADO");
    is("cid10", "A00", "A00   Colera");
    is("cid10", "A000", "A00.0 Colera dev Vibrio cholerae 01 biot cholerae");
    is("municipios", "120040", "Rio Branco - AC");
    is("sih/CID10CAP", "D48", "II.  Neoplasias (tumores)");
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
