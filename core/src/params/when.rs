//! The ways of saying which competências a query is of.

use std::ops::{Range, RangeInclusive};

use super::{CompetenciaParam, OneOrMany};
use crate::catalog::Competencia;

/// One competência as it is written; what it says is checked when the query runs.
pub struct When(String);

macro_rules! when {
    ($($kind:ty),*) => {
        $(
            impl From<$kind> for When {
                fn from(one: $kind) -> Self {
                    When(one.to_string())
                }
            }

            impl From<$kind> for CompetenciaParam {
                fn from(one: $kind) -> Self {
                    CompetenciaParam::Listed(OneOrMany::One(one.to_string()))
                }
            }
        )*
    };
}

// A number is a year (`2024`) or a month (`202401`).
when!(&str, String, &String, Competencia, i32, u32, u64);

impl<W: Into<When>> From<Range<W>> for CompetenciaParam {
    /// Both ends included.
    fn from(range: Range<W>) -> Self {
        CompetenciaParam::Range { from: range.start.into().0, to: range.end.into().0 }
    }
}

impl<W: Into<When>> From<RangeInclusive<W>> for CompetenciaParam {
    fn from(range: RangeInclusive<W>) -> Self {
        let (from, to) = range.into_inner();
        CompetenciaParam::Range { from: from.into().0, to: to.into().0 }
    }
}

impl<W: Into<When>, const N: usize> From<[W; N]> for CompetenciaParam {
    fn from(several: [W; N]) -> Self {
        several.into_iter().collect::<Vec<W>>().into()
    }
}

impl<W: Into<When>> From<Vec<W>> for CompetenciaParam {
    fn from(several: Vec<W>) -> Self {
        CompetenciaParam::Listed(OneOrMany::Many(several.into_iter().map(|one| one.into().0).collect()))
    }
}
