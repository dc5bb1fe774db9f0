//! Ages, as each sistema writes them, and the birthdays that go with them.

use chrono::{Days, Months, NaiveDate};

use super::causes::Cause;

#[derive(Clone, Copy)]
pub(super) enum Age {
    Days(u64),
    Months(u64),
    Years(u64),
}

impl Age {
    /// Newborns count days, and who has no full year months; `spread` tells those apart.
    pub fn of(cause: &Cause, years: u64, spread: u64) -> Self {
        match (cause.of_newborns(), years) {
            (true, _) => Age::Days(spread % 28),
            (false, 0) => Age::Months(1 + spread % 11),
            (false, years) => Age::Years(years),
        }
    }

    /// SIH: the unit (COD_IDADE) and the number (IDADE).
    pub fn in_sih(self) -> (&'static str, u64) {
        match self {
            Age::Days(days) => ("2", days),
            Age::Months(months) => ("3", months),
            Age::Years(years) => ("4", years),
        }
    }

    /// SIM: the unit and two digits.
    pub fn in_sim(self) -> String {
        let (unit, number) = self.in_sih();
        format!("{unit}{number:02}")
    }

    /// The birthday of one who has this age `on` a day.
    pub fn born(self, on: NaiveDate, spread: u64) -> NaiveDate {
        let months = |months: u64| Months::new(u32::try_from(months).unwrap_or_default());
        match self {
            Age::Days(days) => on - Days::new(days),
            Age::Months(number) => on - months(number) - Days::new(spread % 28),
            Age::Years(years) => on - months(12 * years) - Days::new(spread * 37 % 360),
        }
    }
}
