//! Two UFs with genuine municipalities (IBGE) and made-up hospitals.

pub(super) struct ExampleUf {
    pub sigla: &'static str,
    pub code: u64,
    /// Code and share of the people.
    pub municipios: &'static [(&'static str, u64)],
    pub hospitals: &'static [Hospital],
}

pub(super) struct Hospital {
    /// No such CNES exists.
    pub cnes: &'static str,
    pub municipio: &'static str,
    /// Beds of medicine, surgery, obstetrics, paediatrics and intensive care.
    pub beds: [u64; 5],
}

const fn hospital(cnes: &'static str, municipio: &'static str, beds: [u64; 5]) -> Hospital {
    Hospital { cnes, municipio, beds }
}

impl Hospital {
    pub fn obstetric_beds(&self) -> u64 {
        self.beds[2]
    }
}

pub(super) const UFS: [ExampleUf; 2] = [
    ExampleUf {
        sigla: "AC",
        code: 12,
        municipios: &[("120040", 50), ("120020", 12), ("120050", 6), ("120060", 5), ("120010", 3)],
        hospitals: &[
            hospital("9912001", "120040", [120, 80, 0, 20, 30]),
            hospital("9912002", "120040", [20, 15, 60, 30, 10]),
            hospital("9912003", "120020", [60, 30, 25, 20, 8]),
            hospital("9912004", "120050", [20, 8, 10, 8, 0]),
            hospital("9912005", "120060", [18, 0, 8, 8, 0]),
        ],
    },
    ExampleUf {
        sigla: "RR",
        code: 14,
        municipios: &[("140010", 60), ("140047", 6), ("140020", 4), ("140005", 3)],
        hospitals: &[
            hospital("9914001", "140010", [110, 70, 0, 0, 26]),
            hospital("9914002", "140010", [0, 10, 70, 0, 12]),
            hospital("9914003", "140010", [0, 0, 0, 90, 10]),
            hospital("9914004", "140047", [24, 6, 10, 8, 0]),
        ],
    },
];
