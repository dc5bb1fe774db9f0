//! Facilities and their beds: CNES-ST, CNES-LT.

use super::file::{self, Folder};
use super::places::{ExampleUf, Hospital};
use crate::base::Result;

const MONTH: &str = "202401";

/// Kind and code of the beds, in the order of [`Hospital::beds`]: medicine, surgery, obstetrics, paediatrics, intensive care.
const BEDS: [(&str, &str); 5] = [("2", "33"), ("1", "03"), ("4", "43"), ("5", "45"), ("3", "75")];

pub(super) fn write(to: &Folder, uf: &'static ExampleUf) -> Result<()> {
    let name = format!("ST{}2401.dbc", uf.sigla);
    file::write(to, &name, "CNES-ST", uf.hospitals.len() as u64, |row, put, fields| {
        let hospital = &uf.hospitals[row as usize];
        fields.iter().for_each(|field| put(field, of_hospital(field.name, hospital)));
    })
}

pub(super) fn write_beds(to: &Folder, uf: &'static ExampleUf) -> Result<()> {
    let kinds = uf.hospitals.iter().flat_map(|hospital| (0..BEDS.len()).map(move |kind| (hospital, kind)));
    let there: Vec<(&Hospital, usize)> = kinds.filter(|(hospital, kind)| hospital.beds[*kind] > 0).collect();
    let name = format!("LT{}2401.dbc", uf.sigla);
    file::write(to, &name, "CNES-LT", there.len() as u64, |row, put, fields| {
        let (hospital, kind) = there[row as usize];
        let beds = hospital.beds[kind];
        for field in fields {
            let value = match field.name {
                "TP_LEITO" => Some(BEDS[kind].0.into()),
                "CODLEITO" => Some(BEDS[kind].1.into()),
                "QT_EXIST" => Some(beds.to_string()),
                "QT_SUS" => Some((beds - beds / 8).to_string()),
                "QT_NSUS" => Some((beds / 8).to_string()),
                name => of_hospital(name, hospital),
            };
            put(field, value);
        }
    })
}

fn of_hospital(column: &str, hospital: &Hospital) -> Option<String> {
    Some(match column {
        "CNES" => hospital.cnes.into(),
        "CODUFMUN" => hospital.municipio.into(),
        "COMPETEN" => MONTH.into(),
        // 05: general hospital.
        "TP_UNID" => "05".into(),
        "VINC_SUS" => "1".into(),
        "PF_PJ" => "3".into(),
        "TPGESTAO" => "E".into(),
        "ESFERA_A" => "02".into(),
        _ => return None,
    })
}
