//! What the named tables of the ministry, IBGE and SIGTAP say: the text of the built-in dictionary, which `make dictionaries` packs.

mod municipalities;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use datasus::labels::{Cnv, CnvRow, DbfTable, Mode, Token, lists, written};
use datasus::source::dbc::Encoding;

const SIH: &str = "Kit TAB_SIH do DATASUS";
const SIH_DATE: &str = "2025-05";
const OF_KITS: &str = "2026-09";

/// When the dictionaries of SINAN NET were taken from the ministry's tree (Docs_TAB_SINAN).
const SINAN_DATE: &str = "2026-02";

/// A list of categories, and the columns that have it.
pub struct SinanList {
    pub condition: String,
    pub columns: Vec<String>,
    /// The file that says so.
    pub dictionary: String,
    pub categories: Vec<(String, String)>,
}

pub fn sinan_lists() -> Vec<SinanList> {
    let path = Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("labels/sinan.csv");
    let list = |row: csv::StringRecord| SinanList {
        condition: row[0].to_owned(),
        columns: row[1].split(' ').map(str::to_owned).collect(),
        dictionary: row[2].to_owned(),
        categories: row[3].split('|').map(|one| one.split_once('=').unwrap()).map(owned).collect(),
    };
    csv::Reader::from_path(path).unwrap().into_records().map(|row| list(row.unwrap())).collect()
}

fn owned((code, label): (&str, &str)) -> (String, String) {
    (code.to_owned(), label.to_owned())
}

/// The folder of all tables.
pub struct Tables {
    pub data: PathBuf,
}

pub fn bytes(path: &Path) -> Vec<u8> {
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
    // What is not known comes last, as in the tables of the kits.
    let mut rows: Vec<(String, String)> = last.into_values().collect();
    rows.sort_by_key(|(_, label)| {
        let label = label.to_lowercase();
        ["ign", "não informad", "nao informad", "n inf"].iter().any(|unknown| label.starts_with(unknown))
    });
    let rows = rows.into_iter().enumerate().map(|(at, (code, label))| {
        let mut forms = vec![code.clone()];
        if digits(&code) {
            forms.extend((code.len() + 1..=widest + 1).map(|width| format!("{code:0>width$}")));
        }
        let codes = forms.into_iter().map(|code| Token::One(format!("{code:<width$}", width = widest + 1)));
        CnvRow { parent: None, number: at as u32 + 1, label, codes: codes.collect() }
    });
    Cnv { width: widest + 1, mode: Mode::Text, declared: 0, rows: rows.collect() }
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
                // What stands where there is no diagnosis.
                let mut none = self.dbf("kits/TAB_SIH/DBF/S_CID.DBF", "CD_COD", "CD_DESCR");
                none.retain(|(code, _)| ["0000", "1111", "9999"].contains(&code.as_str()));
                let rows = join(&[
                    none,
                    self.dbf("dict/cid/CID10.DBF", "CID10", "DESCR"),
                    self.dbf("kits/TAB_SIH/DBF/cid10.dbf", "CD_COD", "CD_DESCR"),
                ]);
                (
                    list_of(rows, 4),
                    SIH_DATE,
                    "CID10.DBF do SIM (2020-05), cid10.dbf e S_CID.DBF do kit TAB_SIH, DATASUS",
                )
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

    /// A list of the ministry's dictionary of a condition, as `core/labels/sinan.py` took it from there.
    fn of_sinan(&self, id: &str, rest: &str) -> String {
        let (condition, column) = rest.split_once('/').unwrap();
        let lists = sinan_lists();
        let list = lists.iter().find(|list| list.condition == condition && list.columns[0] == column);
        let list = list.unwrap_or_else(|| panic!("{id} is in no dictionary"));
        let source =
            format!("Dicionário de dados do SINAN NET, Ministério da Saúde, {}, campo {column}", list.dictionary);
        written(&unpadded(list.categories.clone()), id, true, SINAN_DATE, &source)
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

    pub fn dictionary(&self) -> String {
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
