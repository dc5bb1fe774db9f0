//! Causes of admissions and deaths: genuine ICD-10 codes, with invented frequencies, stays and costs.

pub(super) struct Cause {
    pub code: &'static str,
    /// Of so many admissions.
    pub admissions: u64,
    /// Of so many deaths.
    pub deaths: u64,
    /// Days in hospital.
    pub days: u64,
    /// Reais.
    pub cost: u64,
    /// Of a thousand admissions end in death.
    pub lethality: u64,
    /// Years.
    pub ages: (u64, u64),
    pub women_only: bool,
    /// Kind of bed: 01 surgery, 02 obstetrics, 03 medicine, 07 paediatrics.
    pub bed: &'static str,
    /// Percent more from May to August, or fewer.
    pub winter: i64,
}

#[allow(clippy::too_many_arguments, reason = "a table row")]
const fn cause(
    code: &'static str,
    admissions: u64,
    deaths: u64,
    days: u64,
    cost: u64,
    lethality: u64,
    ages: (u64, u64),
    bed: &'static str,
    winter: i64,
) -> Cause {
    Cause { code, admissions, deaths, days, cost, lethality, ages, women_only: false, bed, winter }
}

const fn of_women(code: &'static str, admissions: u64, days: u64, cost: u64) -> Cause {
    Cause { women_only: true, ..cause(code, admissions, 0, days, cost, 1, (15, 42), "02", 0) }
}

pub(super) const CAUSES: &[Cause] = &[
    of_women("O800", 130, 2, 560),
    of_women("O821", 90, 3, 750),
    of_women("O149", 18, 4, 620),
    of_women("O034", 22, 2, 260),
    cause("A09", 60, 6, 4, 380, 6, (0, 12), "07", -20),
    cause("A419", 25, 30, 9, 2_400, 260, (40, 92), "03", 0),
    cause("B342", 12, 22, 8, 2_900, 150, (30, 90), "03", 25),
    cause("C509", 16, 14, 4, 1_900, 60, (38, 80), "01", 0),
    cause("C169", 9, 16, 7, 2_600, 140, (45, 85), "01", 0),
    cause("D259", 14, 0, 3, 840, 1, (30, 52), "01", 0),
    cause("E149", 26, 32, 6, 620, 40, (35, 88), "03", 0),
    cause("F200", 15, 1, 18, 1_050, 1, (18, 60), "03", 0),
    cause("G459", 9, 3, 5, 640, 30, (50, 88), "03", 0),
    cause("I10", 14, 18, 3, 330, 12, (40, 88), "03", 0),
    cause("I219", 30, 62, 7, 3_400, 110, (42, 90), "03", 10),
    cause("I500", 34, 24, 8, 1_150, 95, (50, 94), "03", 15),
    cause("I64", 32, 44, 8, 1_350, 150, (45, 94), "03", 8),
    cause("J159", 50, 14, 6, 1_050, 60, (0, 90), "03", 45),
    cause("J189", 62, 48, 6, 980, 70, (0, 94), "03", 45),
    cause("J219", 26, 1, 5, 720, 2, (0, 2), "07", 60),
    cause("J449", 22, 26, 7, 820, 60, (50, 92), "03", 35),
    cause("K359", 38, 2, 4, 760, 4, (6, 60), "01", 0),
    cause("K409", 36, 0, 2, 690, 1, (18, 80), "01", 0),
    cause("K802", 44, 2, 3, 940, 3, (25, 78), "01", 0),
    cause("K746", 8, 16, 9, 1_120, 190, (38, 76), "03", 0),
    cause("L031", 28, 1, 6, 420, 5, (5, 80), "03", 0),
    cause("N10", 30, 3, 5, 410, 6, (15, 85), "03", 0),
    cause("N390", 34, 9, 6, 460, 25, (40, 94), "03", 0),
    cause("N185", 12, 10, 8, 1_450, 80, (35, 80), "03", 0),
    cause("P073", 20, 14, 16, 5_200, 70, (0, 0), "07", 0),
    cause("P220", 12, 8, 11, 4_100, 80, (0, 0), "07", 0),
    cause("S720", 18, 0, 9, 2_700, 45, (60, 95), "01", 0),
    cause("S822", 40, 0, 4, 1_050, 4, (15, 60), "01", 0),
    cause("S069", 24, 0, 7, 1_900, 90, (15, 65), "03", 0),
    cause("T300", 8, 0, 12, 2_300, 30, (1, 50), "01", 0),
    cause("V892", 0, 34, 0, 0, 0, (16, 60), "01", 0),
    cause("X954", 0, 38, 0, 0, 0, (15, 45), "01", 0),
    cause("R99", 0, 12, 0, 0, 0, (30, 94), "03", 0),
    cause("Z380", 10, 0, 2, 180, 0, (0, 0), "07", 0),
];

impl Cause {
    pub fn of_newborns(&self) -> bool {
        self.ages == (0, 0)
    }

    /// Weight in a month of the year, from 1.
    pub fn in_month(&self, weight: u64, month: u64) -> u64 {
        match month {
            5..=8 => weight.saturating_add_signed(weight as i64 * self.winter / 100),
            _ => weight,
        }
    }
}
