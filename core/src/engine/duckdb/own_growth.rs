//! How much of the process's growth is a statement's: what the page faults of all other threads cannot explain and the host has not
//! been handed, and no more than the statement's own threads have touched. So the host may grow as it likes, and other statements too.

/// One look at the process, in bytes; all but the first since it began.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    pub resident: u64,
    /// That the statement's threads have touched, at most.
    pub own: u64,
    /// The same of all others.
    pub others: u64,
    /// That the host keeps of our answers.
    pub foreign: u64,
}

impl Seen {
    fn unexplained(&self) -> i64 {
        let sum = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
        sum(self.resident) - sum(self.others) - sum(self.foreign)
    }
}

pub(super) struct OwnGrowth {
    began: u64,
    /// The look since which the statement has grown the most.
    least: Seen,
}

impl OwnGrowth {
    pub fn begin(seen: Seen) -> Self {
        OwnGrowth { began: seen.resident, least: seen }
    }

    /// Bytes that are the statement's, at the least.
    pub fn bytes(&mut self, seen: Seen) -> u64 {
        if seen.unexplained() < self.least.unexplained() {
            self.least = seen;
        }
        let unexplained = u64::try_from(seen.unexplained() - self.least.unexplained()).unwrap_or(0);
        unexplained.min(seen.own.saturating_sub(self.least.own))
    }

    /// By how much the process has grown since the statement began.
    pub fn of_process(&self, resident: u64) -> u64 {
        resident.saturating_sub(self.began)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MB: u64 = 1 << 20;

    fn seen(resident: u64, own: u64, others: u64, foreign: u64) -> Seen {
        Seen { resident: resident * MB, own: own * MB, others: others * MB, foreign: foreign * MB }
    }

    #[test]
    fn growth_is_the_statements_where_nothing_else_explains_it() {
        let mut growth = OwnGrowth::begin(seen(100, 0, 1_000, 0));
        assert_eq!(growth.bytes(seen(100, 0, 1_000, 0)), 0);
        assert_eq!(growth.bytes(seen(400, 300, 1_000, 0)), 300 * MB);
        // The host grows by 1 GB, the statement by nothing.
        assert_eq!(growth.bytes(seen(1_400, 300, 2_000, 0)), 300 * MB);
        // The host is handed 200 MB of what the statement touched.
        assert_eq!(growth.bytes(seen(1_400, 300, 2_000, 200)), 100 * MB);
        assert_eq!(growth.of_process(1_400 * MB), 1_300 * MB);
    }

    #[test]
    fn growth_by_no_fault_that_was_counted_is_nobodys() {
        let mut growth = OwnGrowth::begin(seen(100, 0, 0, 0));
        assert_eq!(growth.bytes(seen(1_100, 20, 0, 0)), 20 * MB);
    }

    #[test]
    fn a_host_that_was_busy_before_hides_nothing_that_comes_after() {
        let mut growth = OwnGrowth::begin(seen(100, 0, 0, 0));
        // It took and gave back the same 50 MB, forty times.
        assert_eq!(growth.bytes(seen(150, 10, 2_000, 0)), 0);
        assert_eq!(growth.bytes(seen(650, 510, 2_000, 0)), 500 * MB);
        // What has been given back is no growth.
        assert_eq!(growth.bytes(seen(200, 510, 2_000, 0)), 50 * MB);
    }
}
