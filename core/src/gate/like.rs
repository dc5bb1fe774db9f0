//! Wildcards of LIKE, ILIKE and GLOB. The engine tries every place for each of them, and cannot be interrupted meanwhile: a text of n
//! letters under k wildcards takes up to n^k steps. Only a plain LIKE without `_` is read in one pass.

pub(super) enum Kind {
    Like,
    /// ILIKE, or LIKE with an escape.
    Other,
    Glob,
}

/// Steps for one text at most.
const MOST_STEPS: u64 = 300_000;

impl Kind {
    pub(super) fn of(name: &str) -> Option<Kind> {
        Some(match name {
            "~~" | "!~~" => Kind::Like,
            "~~*" | "!~~*" | "like_escape" | "not_like_escape" | "ilike_escape" | "not_ilike_escape" => Kind::Other,
            "~~~" => Kind::Glob,
            _ => return None,
        })
    }

    /// Those that cost: one at the end does not, and in a plain LIKE that is written in the text none does.
    pub(super) fn wildcards(&self, pattern: &str, is_constant: bool) -> u64 {
        let many = if matches!(self, Kind::Glob) { '*' } else { '%' };
        if matches!(self, Kind::Like) && is_constant && !pattern.contains('_') {
            return 0;
        }
        let inner = pattern.trim_end_matches(many);
        // Two beside each other are tried as two.
        inner.matches(many).count() as u64
    }

    /// Wildcards that a text of `length` bytes bears.
    pub(super) fn most_wildcards(&self, length: u64) -> u64 {
        let length = length.max(2);
        let mut most = 0;
        let mut steps = 1u64;
        while let Some(more) = steps.checked_mul(length).filter(|steps| *steps <= MOST_STEPS) {
            steps = more;
            most += 1;
        }
        most.clamp(1, 4)
    }
}
