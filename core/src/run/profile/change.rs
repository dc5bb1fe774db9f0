//! Shares that change from one competência to the next.

/// Rows that a competência must have for its shares to say anything.
const LEAST_ROWS: u64 = 30;
/// The least difference of two shares.
const LEAST_DIFFERENCE: f64 = 0.1;
/// So many standard errors: by chance one comparison in about four million is beyond.
const LEAST_Z: f64 = 5.0;

/// So many of so many rows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    pub of: u64,
    pub rows: u64,
}

impl Part {
    pub fn share(self) -> f64 {
        if self.rows == 0 { 0.0 } else { self.of as f64 / self.rows as f64 }
    }
}

/// Whether two shares differ by much, and by more than chance explains.
pub(super) fn differs(before: Part, after: Part) -> bool {
    if before.rows < LEAST_ROWS || after.rows < LEAST_ROWS {
        return false;
    }
    let (rows, rows_after) = (before.rows as f64, after.rows as f64);
    let both = (before.of + after.of) as f64 / (rows + rows_after);
    let error = (both * (1.0 - both) * (1.0 / rows + 1.0 / rows_after)).sqrt();
    let difference = (before.share() - after.share()).abs();
    difference >= LEAST_DIFFERENCE && difference > LEAST_Z * error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_more_than_chance_and_more_than_a_tenth() {
        let part = |of, rows| Part { of, rows };
        assert!(differs(part(0, 100), part(100, 100)));
        assert!(differs(part(2, 1_000), part(400, 1_000)));
        // Few rows; little; what chance explains; nothing.
        assert!(!differs(part(0, 10), part(10, 10)));
        assert!(!differs(part(5_000, 100_000), part(9_000, 100_000)));
        assert!(!differs(part(10, 40), part(18, 40)));
        assert!(!differs(part(0, 100), part(0, 100)));
    }
}
