//! The four modes, as a state machine over the share of memory in use. It has no clock and no meter of its own.

use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How full the memory is, and with it how carefully the process works.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum Mode {
    /// Full speed.
    #[default]
    Normal,
    /// From 70 % on: smaller batches, fewer workers, smaller new leases; memory is given back.
    Conservative,
    /// From 85 % on: a job that starts now is sampled, spilled, made to wait or refused.
    Emergency,
    /// By hand: one job at a time, one thread.
    Maintenance,
}

impl Mode {
    /// From the emptiest memory on; maintenance last.
    pub const ALL: [Mode; 4] = [Mode::Normal, Mode::Conservative, Mode::Emergency, Mode::Maintenance];

    /// As the contract writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Mode::Normal => "normal",
            Mode::Conservative => "conservative",
            Mode::Emergency => "emergency",
            Mode::Maintenance => "maintenance",
        }
    }
}

pub(super) const ENTER_CONSERVATIVE: f64 = 0.70;
const ENTER_EMERGENCY: f64 = 0.85;
const LEAVE_CONSERVATIVE: f64 = 0.65;
const LEAVE_EMERGENCY: f64 = 0.80;
const HELD: Duration = Duration::from_secs(2);

/// Goes up at once, and down when the share has stayed low for 2 s.
#[derive(Debug, Default)]
pub(super) struct ModeMachine {
    level: Mode,
    maintenance: bool,
    /// Since when the share has been at most 80 % and 65 %.
    below_emergency: Option<Instant>,
    below_conservative: Option<Instant>,
}

impl ModeMachine {
    pub fn mode(&self) -> Mode {
        if self.maintenance { Mode::Maintenance } else { self.level }
    }

    /// The mode that the memory asks for, whatever is set by hand.
    pub fn level(&self) -> Mode {
        self.level
    }

    pub fn set_maintenance(&mut self, on: bool) {
        self.maintenance = on;
    }

    pub fn observe(&mut self, share: f64, now: Instant) {
        let held = |since: &mut Option<Instant>, low: bool| {
            *since = low.then(|| since.unwrap_or(now));
            since.is_some_and(|since| now.saturating_duration_since(since) >= HELD)
        };
        let left_emergency = held(&mut self.below_emergency, share <= LEAVE_EMERGENCY);
        let left_conservative = held(&mut self.below_conservative, share <= LEAVE_CONSERVATIVE);
        let floor = match share {
            share if share >= ENTER_EMERGENCY => Mode::Emergency,
            share if share >= ENTER_CONSERVATIVE => Mode::Conservative,
            _ => Mode::Normal,
        };
        let kept = match self.level {
            Mode::Emergency if left_emergency && !left_conservative => Mode::Conservative,
            Mode::Emergency | Mode::Conservative if left_conservative => Mode::Normal,
            level => level,
        };
        self.level = kept.max(floor);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The modes after each (milliseconds, share), and the number of changes.
    fn run(samples: impl IntoIterator<Item = (u64, f64)>) -> (Vec<Mode>, usize) {
        let (start, mut machine) = (Instant::now(), ModeMachine::default());
        let mut modes = Vec::new();
        for (at, share) in samples {
            machine.observe(share, start + Duration::from_millis(at));
            modes.push(machine.mode());
        }
        let changes =
            modes.windows(2).filter(|pair| pair[0] != pair[1]).count() + usize::from(modes[0] != Mode::Normal);
        (modes, changes)
    }

    #[test]
    fn the_first_sample_above_a_mark_changes_the_mode_and_only_two_calm_seconds_change_it_back() {
        use Mode::*;
        assert_eq!(run([(0, 0.69)]).0, [Normal]);
        assert_eq!(run([(0, 0.70)]).0, [Conservative]);
        assert_eq!(run([(0, 0.85)]).0, [Emergency]);
        let (modes, _) =
            run([(0, 0.9), (50, 0.81), (100, 0.80), (2050, 0.66), (2100, 0.80), (2150, 0.65), (4150, 0.6)]);
        assert_eq!(modes, [Emergency, Emergency, Emergency, Emergency, Conservative, Conservative, Normal]);
        // A rise starts the two seconds again; a long calm leads from emergency straight to normal.
        assert_eq!(
            run([(0, 0.9), (50, 0.5), (1900, 0.82), (2100, 0.5), (4000, 0.5), (4100, 0.5)]).0[3..],
            [Emergency, Emergency, Normal]
        );
    }

    #[test]
    fn maintenance_wins_over_the_memory_and_what_lies_below_goes_on() {
        let mut machine = ModeMachine::default();
        machine.set_maintenance(true);
        machine.observe(0.9, Instant::now());
        assert_eq!((machine.mode(), machine.level()), (Mode::Maintenance, Mode::Emergency));
        machine.set_maintenance(false);
        assert_eq!(machine.mode(), Mode::Emergency);
    }

    proptest! {
        #[test]
        fn around_a_constant_share_the_mode_changes_once(noise in prop::collection::vec(-0.04f64..0.04, 600)) {
            let changes = run(noise.iter().enumerate().map(|(n, noise)| (n as u64 * 100, 0.70 + noise))).1;
            prop_assert!(changes <= 2, "{changes} changes in a minute");
        }

        #[test]
        fn whatever_the_memory_does_a_step_down_takes_two_seconds(shares in prop::collection::vec(0f64..1.0, 1..600)) {
            let (modes, _) = run(shares.iter().enumerate().map(|(n, share)| (n as u64 * 100, *share)));
            for (n, pair) in modes.windows(2).enumerate() {
                let marks = [1.0, LEAVE_CONSERVATIVE, LEAVE_EMERGENCY];
                if pair[1] < pair[0] {
                    let mark = if pair[1] == Mode::Normal { marks[1] } else { marks[2] };
                    prop_assert!(n >= 19 && shares[n + 1 - 20..=n + 1].iter().all(|share| *share <= mark));
                }
                prop_assert!(shares[n] < ENTER_EMERGENCY || modes[n] == Mode::Emergency);
                prop_assert!(shares[n] < ENTER_CONSERVATIVE || modes[n] >= Mode::Conservative);
            }
        }
    }
}
