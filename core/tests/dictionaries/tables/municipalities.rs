//! Municipalities of today and of the past, and the codes that the kit counts to each.

use std::collections::{BTreeMap, HashMap};

use datasus::labels::{Cnv, DbfTable, Token, check_digit};
use datasus::source::dbc::Encoding;

use super::{Tables, bytes};

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
    fn municipalities_of_kit(&self) -> Cnv {
        Cnv::read(&bytes(&self.data.join("kits/TAB_SIH/CNV/br_municip.cnv")), "br_municip.cnv").unwrap()
    }

    /// What the kit counts to a municipality beside its own code: codes of the past, every one of the Federal District, and those of
    /// a municipality that is not known.
    pub(super) fn with_codes_of_the_kit(&self, mut list: Cnv) -> Cnv {
        let place: HashMap<String, usize> =
            list.rows.iter().enumerate().map(|(at, row)| (Token::first(&row.codes[0]).to_owned(), at)).collect();
        for row in self.municipalities_of_kit().rows {
            let Some(at) = row.codes.first().and_then(|code| place.get(Token::first(code))) else { continue };
            // A slip of the kit's gives 129999, of AC, to AM. What is blank stays without a word.
            let uf = Token::first(&row.codes[0])[..2].to_owned();
            // Of no UF are 000000 and 999999.
            let is_of_row = |code: &str| code.starts_with(&uf) || uf == "00" && code == "999999";
            let is_new = |code: &Token| is_of_row(Token::first(code)) && !place.contains_key(Token::first(code));
            list.rows[*at].codes.extend(row.codes.iter().skip(1).filter(|code| is_new(code)).cloned());
        }
        list
    }

    /// The name that IBGE's territorial division of 2024 has for a municipality: in the workbook's texts, each behind its length and a
    /// byte of flags, it follows the code.
    fn name_by_ibge(&self, seven: &str) -> Option<String> {
        let workbook = bytes(&self.data.join("dict/geo/RELATORIO_DTB_BRASIL_2024_MUNICIPIOS.xls"));
        let code = workbook.windows(seven.len()).position(|text| text == seven.as_bytes())?;
        let (length, text) = workbook.get(code + seven.len()..)?.split_at_checked(3)?;
        let text = text.get(..usize::from(u16::from_le_bytes([length[0], length[1]])))?;
        Some(Encoding::Latin1.text(text))
    }

    /// By six digits: seven digits, name, latitude, longitude, health region, whether it is known, the UF's sigla, and what it became.
    pub(super) fn municipalities(&self) -> BTreeMap<String, [String; 8]> {
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
                        let newest = self.name_by_ibge(&seven);
                        let is_one = newest.is_some() || !own.contains("IGNORADO") && !code.starts_with("53");
                        let (known, own) = (u8::from(is_one).to_string(), newest.unwrap_or(own));
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
}
