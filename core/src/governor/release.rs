//! When to give memory back that was let go of: a stream's last batch, what a scan read with. Freed, most of it stays with the
//! allocator, and the process would keep what nobody holds.

use std::time::{Duration, Instant};

/// Less is not worth the walk through the heap.
const LEAST: u64 = 16 << 20;
/// So much, or such a share of the budget, is worth it while jobs run as well, whose next batches would take it again.
const MUCH: u64 = 128 << 20;
const MUCH_SHARE: u64 = 8;
const BETWEEN: Duration = Duration::from_secs(1);
/// Where the budget is so small that less than [`MUCH`] is much: the walk is as short.
const BETWEEN_IF_SMALL: Duration = Duration::from_millis(100);
/// Engines are closed behind the backs of their jobs: what they free is looked for once more, so long after the last job.
const CLOSED_BY: Duration = Duration::from_secs(1);

/// What the process has beside what streams and readers hold.
#[derive(Debug, Default)]
pub(super) struct Release {
    /// The least since the last purge.
    floor: Option<u64>,
    /// The floor when last no job was at work. What jobs free without its being counted shows nowhere, but once they are done all that
    /// is above this may go back.
    idle_floor: Option<u64>,
    was_running: bool,
    purged: Option<Instant>,
    /// When that is, and the floor that counts then.
    closing: Option<(Instant, Option<u64>)>,
    /// Something was held since somebody last looked and found nothing to give back.
    owed: bool,
}

/// What there is now.
#[derive(Debug, Clone, Copy)]
pub(super) struct Held {
    /// Bytes of the whole process.
    pub process: u64,
    /// Of these, what streams and their readers hold.
    pub counted: u64,
    /// A job is at work.
    pub running: bool,
    /// Of what all jobs may have.
    pub budget: u64,
}

impl Release {
    /// True where enough of it was let go of. What a purge did not give back is somebody else's, and not asked for again.
    pub fn is_worth_a_purge(&mut self, held: Held, now: Instant) -> bool {
        let beside = held.process.saturating_sub(held.counted);
        if self.was_running && !held.running {
            self.floor = self.idle_floor;
            self.closing = Some((now + CLOSED_BY, self.idle_floor));
        }
        if held.running {
            self.closing = None;
        }
        self.was_running = held.running;
        let floor = self.floor.map_or(beside, |floor| floor.min(beside));
        self.floor = Some(floor);
        self.idle_floor = Some(self.idle_floor.map_or(floor, |idle| idle.min(beside)));
        let much = MUCH.min(held.budget / MUCH_SHARE).max(LEAST);
        let between = if much < MUCH { BETWEEN_IF_SMALL } else { BETWEEN };
        let early = self.purged.is_some_and(|at| now.duration_since(at) < between);
        let closed = self.closing.take_if(|(by, _)| now >= *by && !early);
        let kept = closed.is_some_and(|(_, floor)| beside.saturating_sub(floor.unwrap_or(0)) >= LEAST);
        let worth = kept || beside - floor >= if held.running { much } else { LEAST };
        self.owed = held.running || held.counted > 0 || worth || self.closing.is_some();
        let goes_back = worth && !early;
        if goes_back {
            (self.floor, self.purged) = (Some(beside), Some(now));
        }
        // Not in the look that asks for the purge: what that gives back is seen later.
        if !held.running && !worth {
            self.idle_floor = self.floor;
        }
        goes_back
    }

    /// Somebody must look again: there may be something to give back, now or once its holder lets go.
    pub fn is_due(&self) -> bool {
        self.owed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_let_go_of_is_given_back_once_and_soon() {
        const MB: u64 = 1 << 20;
        let (mut release, start) = (Release::default(), Instant::now());
        let mut looks = |process: u64, counted: u64, running: bool, millis: u64| {
            let held = Held { process: process * MB, counted: counted * MB, running, budget: 10_000 * MB };
            (release.is_worth_a_purge(held, start + Duration::from_millis(millis)), release.is_due())
        };
        assert_eq!(looks(50, 0, false, 0), (false, false), "the host's own");
        assert_eq!(looks(150, 80, true, 50), (false, true), "a job at work would take it again");
        assert_eq!(looks(150, 60, true, 100), (false, true));
        assert_eq!(looks(150, 60, false, 150), (true, true), "only its reader has some of it");
        assert_eq!(looks(110, 60, false, 200), (false, true), "given back");
        assert_eq!(looks(110, 0, false, 300), (false, true), "one a second");
        assert_eq!(looks(110, 0, false, 1_150), (true, true));
        assert_eq!(looks(60, 0, false, 1_200), (false, false), "nobody need look again");
        assert_eq!(looks(400, 300, true, 3_000), (false, true));
        assert_eq!(looks(400, 200, true, 3_050), (true, true), "much");
        assert_eq!(looks(400, 200, true, 9_000), (false, true), "it was somebody else's");
        assert_eq!(looks(60, 0, false, 10_000), (false, true), "it was not");
        assert_eq!(looks(60, 0, false, 11_000), (false, false));
        assert_eq!(looks(300, 0, true, 20_000), (true, true), "all of it in use");
        assert_eq!(looks(300, 0, true, 25_000), (false, true));
        assert_eq!(looks(300, 0, false, 26_000), (true, true), "free, which nothing showed");
        assert_eq!(looks(300, 0, false, 26_900), (false, true), "an engine may be closing still");
        assert_eq!(looks(300, 0, false, 28_000), (true, true), "and have freed what nothing showed");
        assert_eq!(looks(300, 0, false, 28_500), (false, false));
        assert_eq!(looks(200, 0, true, 29_000), (false, true));
        assert_eq!(looks(500, 0, false, 30_000), (true, true), "between two jobs");
        assert_eq!(looks(200, 0, true, 30_050), (false, true), "given back while the next one begins");
        assert_eq!(looks(500, 0, true, 32_000), (true, true));
        assert_eq!(
            looks(500, 0, false, 34_000),
            (true, true),
            "what it left is seen, whatever was there between the two"
        );
        let mut little = |process: u64, counted: u64, seconds: u64| {
            let held = Held { process: process * MB, counted: counted * MB, running: true, budget: 200 * MB };
            release.is_worth_a_purge(held, start + Duration::from_secs(seconds))
        };
        assert!(!little(120, 60, 40) && little(120, 30, 41), "where there is little, little is much");
    }
}
