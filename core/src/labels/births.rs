//! What is derived of births: Robson's group, weight, weeks.

use super::record::Record;

/// Robson's ten groups, and an eleventh that cannot be told. Inputs: TPAPRESENT, GRAVIDEZ, SEMAGESTAC, QTDPARTCES, STTRABPART, PARTO,
/// STCESPARTO, QTDPARTNOR, QTDFILVIVO, QTDFILMORT, QTDGESTANT. The rule was found in the ministry's own column: its table writes
/// `<36`, and its data follow `< 37`.
pub(super) fn robson(record: &Record<'_>, row: usize) -> u32 {
    let number = |at| record.number(at, row);
    let (presentation, pregnancy, weeks) = (number(0), number(1), number(2));
    let first = [3, 7, 8, 9, 10].into_iter().all(|at| number(at).unwrap_or(0) == 0);
    let group = match (presentation, pregnancy) {
        (Some(3), _) => 9,
        (_, Some(2 | 3)) => 8,
        (_, other) if other != Some(1) => 11,
        (Some(2), _) => 7 - u32::from(first),
        (Some(1), _) => match weeks {
            None => 11,
            Some(..37) => 10,
            Some(_) if number(3).unwrap_or(0) > 0 => 5,
            Some(_) => {
                let induced = number(4) == Some(1) || (number(5) == Some(2) && number(6) == Some(1));
                if first { 1 + u32::from(induced) } else { 3 + u32::from(induced) }
            }
        },
        _ => 11,
    };
    group - 1
}

/// 1 where a weight in grams is known and below `limit`.
pub(super) fn light(weight: Option<i64>, limit: i64) -> Option<i64> {
    weight.filter(|weight| *weight > 0 && *weight < 9999).map(|weight| i64::from(weight < limit))
}

/// 1 where the pregnancy is known to have ended before week 37: by the weeks, else by their band.
pub(super) fn preterm(weeks: Option<i64>, band: Option<&str>) -> Option<i64> {
    match weeks.filter(|weeks| (1..99).contains(weeks)) {
        Some(weeks) => Some(i64::from(weeks < 37)),
        None => match band?.trim() {
            "1" | "2" | "3" | "4" => Some(1),
            "5" | "6" => Some(0),
            _ => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_weights_and_weeks_are_unknown() {
        assert_eq!(
            [Some(2499), Some(2500), Some(0), Some(9999), None].map(|w| light(w, 2500)),
            [Some(1), Some(0), None, None, None]
        );
        assert_eq!(preterm(Some(36), None), Some(1));
        assert_eq!(preterm(Some(37), Some("1")), Some(0));
        assert_eq!(preterm(None, Some("4")), Some(1));
        assert_eq!(preterm(Some(99), Some("5")), Some(0));
        assert_eq!(preterm(None, Some("9")), None);
    }
}
