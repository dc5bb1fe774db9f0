//! When to look at what the allocator keeps, long before memory is scarce: many jobs at once leave holes in many arenas, and a
//! service would seem to grow for hours.

use std::time::Instant;

use super::pump::BETWEEN_PURGES;

/// Less is not worth the look.
const LEAST: u64 = 128 << 20;

/// The process's least size since the last purge.
#[derive(Debug, Default)]
pub(super) struct Growth {
    floor: Option<u64>,
    purged: Option<Instant>,
}

impl Growth {
    /// True where the process has grown by a quarter, and by 128 MiB at least. What is in use then becomes the floor: memory that
    /// a purge cannot give back is not asked for again.
    pub fn is_worth_a_purge(&mut self, size: u64, now: Instant) -> bool {
        let floor = self.floor.map_or(size, |floor| floor.min(size));
        self.floor = Some(floor);
        let grown = size - floor >= LEAST.max(floor / 4);
        let worth = grown && self.purged.is_none_or(|at| now.duration_since(at) >= BETWEEN_PURGES);
        if worth {
            (self.floor, self.purged) = (Some(size), Some(now));
        }
        worth
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn growth_is_looked_at_once_and_again_after_it_went_back() {
        const MB: u64 = 1 << 20;
        let (mut growth, start) = (Growth::default(), Instant::now());
        let mut asks =
            |size: u64, seconds: u64| growth.is_worth_a_purge(size * MB, start + Duration::from_secs(seconds));
        assert!(!asks(100, 0));
        assert!(!asks(227, 1));
        assert!(asks(228, 2));
        // In use, and not the allocator's: no second look until there is more of it.
        assert!(!asks(228, 60) && !asks(300, 61));
        assert!(asks(356, 62));
        // Given back: the floor is low again, and looks keep their distance.
        assert!(!asks(100, 63));
        assert!(!asks(400, 64));
        assert!(asks(400, 67));
    }
}
