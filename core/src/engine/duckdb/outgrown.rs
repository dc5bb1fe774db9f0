//! Memory that the engine does not count (the states of `list`, `histogram`, `median` ...) is in no `memory_limit`: a statement of a
//! user that takes the process near its limit, or takes far more than it was granted, is ended before the system ends the process.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::own_growth::{OwnGrowth, Seen};
use crate::base::{Code, Error, PageFaults, resident_now, text};
use crate::governor::{Hold, Room};

/// Between two looks.
pub(super) const LOOK: Duration = Duration::from_millis(20);
/// Looks between two searches for threads that the engine has started since, after the first ones.
const SEARCH: u32 = 10;
const BEGINS: u32 = 5;
/// The limit is near when this part of it is left, or what may come until the interrupt is heard.
const RESERVE: u64 = 32;
const LOOKS_AHEAD: u64 = 4;
/// A statement with less than this part of the limit, or with what the smallest one has, is not what has filled it.
const MATERIAL: u64 = 16;
const LEAST: u64 = 16 << 20;
/// So much beyond its share, an eighth of it at most, is no sign of anything.
const SLACK: u64 = 256 << 20;
/// Beside its share once more: what a sort takes beyond it, and rows on their way.
const BEYOND: u64 = 512 << 20;
/// After one has been ended, so long for its memory to come back.
const RELIEF: Duration = Duration::from_millis(500);

/// Looks after one statement.
pub(super) struct Outgrown {
    hold: Hold,
    granted: u64,
    faults: PageFaults,
    growth: Option<OwnGrowth>,
    resident: u64,
    looks: u32,
    entry: Entry,
}

impl Outgrown {
    /// Over the threads of that name, whose engine may take `memory_limit`. None where the system does not say whose memory it is.
    pub fn over(thread: &str, hold: &Hold, memory_limit: u64) -> Option<Self> {
        let faults = PageFaults::of_threads(thread)?;
        let (hold, granted, entry) = (hold.clone(), hold.granted().max(memory_limit), Entry::new());
        Some(Outgrown { hold, granted, faults, growth: None, resident: resident_now(), looks: 0, entry })
    }

    /// DS-503 once the statement is to end.
    pub fn look(&mut self) -> Option<Error> {
        if self.looks < BEGINS || self.looks.is_multiple_of(SEARCH) {
            self.faults.look_for_threads();
        }
        self.looks += 1;
        let resident = resident_now();
        let faulted = self.faults.look()?;
        let seen = Seen { resident, own: faulted.own, others: faulted.others, foreign: self.hold.foreign_bytes() };
        let growth = self.growth.get_or_insert_with(|| OwnGrowth::begin(seen));
        let mut grown = growth.bytes(seen);
        let of_process = growth.of_process(resident);
        let coming = resident.saturating_sub(std::mem::replace(&mut self.resident, resident)) * LOOKS_AHEAD;
        self.entry.set(grown);
        let room = self.hold.room(resident);
        // What has more than it was granted may want twice as much again: a list that is full is copied into a larger one.
        let share = self.granted + SLACK.min(self.granted / 8);
        let beyond = |grown: u64| if grown > share { 2 * grown } else { 0 };
        let is_near = |grown: u64| {
            let reserve = coming.max(room.limit / RESERVE).max(beyond(grown));
            room.left <= reserve && grown >= LEAST.max(room.limit / MATERIAL) && grown >= of_process / 2
        };
        tracing::trace!(resident, grown, of_process, left = room.left, coming, "looks");
        let is_far = |grown: u64| grown > self.granted.saturating_mul(2).saturating_add(BEYOND);
        if !is_near(grown) && !is_far(grown) {
            return None;
        }
        // Of these no fault tells, and they are not ours.
        grown = grown.min(of_process.saturating_sub(self.faults.in_huge_pages()));
        let ends = is_far(grown) || (is_near(grown) && self.entry.is_first());
        ends.then(|| {
            self.entry.ends();
            error(grown, self.granted, room)
        })
    }
}

fn error(grown: u64, granted: u64, room: Room) -> Error {
    let (mb, granted_mb) = (grown >> 20, granted >> 20);
    let (left, limit) = (room.left >> 20, room.limit >> 20);
    let (of_pt, of_en) = room.by.words();
    Error::new(
        Code::OutOfMemory,
        text!(
            "A consulta ocupava {mb} MB (sua parte era de {granted_mb} MB), restavam {left} MB dos {limit} MB {of_pt}, e ela foi \
             interrompida para que o processo continuasse. list, histogram, median, quantile_cont, mode e entropy guardam todas as \
             linhas na memória: filtre ou agrupe antes (por exemplo, por CNES e mês), use approx_quantile, ou aumente a memória",
            "The query had {mb} MB (its share was {granted_mb} MB), {left} MB of the {limit} MB {of_en} were left, and it was \
             interrupted so that the process goes on. list, histogram, median, quantile_cont, mode and entropy keep all rows in \
             memory: filter or group before (by CNES and month, for example), use approx_quantile, or give it more memory"
        ),
    )
    .with("grown_bytes", grown)
    .with("granted_bytes", granted)
    .with("left_bytes", room.left)
    .with("limit_bytes", room.limit)
    .with("limit_by", room.by.as_str())
    .stage("governor")
}

static GROWN: Mutex<Vec<(u64, u64)>> = Mutex::new(Vec::new());
static LAST: Mutex<Option<Instant>> = Mutex::new(None);

/// What a statement has grown by, beside the others at work: of several the one that grew most goes, and the next one only if that
/// was not enough.
struct Entry(u64);

impl Entry {
    fn new() -> Self {
        static NUMBERS: AtomicU64 = AtomicU64::new(0);
        let number = NUMBERS.fetch_add(1, Relaxed);
        grown().push((number, 0));
        Entry(number)
    }

    fn set(&self, bytes: u64) {
        if let Some((_, own)) = grown().iter_mut().find(|(number, _)| *number == self.0) {
            *own = bytes;
        }
    }

    fn is_first(&self) -> bool {
        let first = grown().iter().max_by_key(|(_, bytes)| *bytes).is_some_and(|(number, _)| *number == self.0);
        first && last().is_none_or(|at| at.elapsed() >= RELIEF)
    }

    fn ends(&self) {
        grown().retain(|(number, _)| *number != self.0);
        *last() = Some(Instant::now());
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        grown().retain(|(number, _)| *number != self.0);
    }
}

fn grown() -> MutexGuard<'static, Vec<(u64, u64)>> {
    GROWN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn last() -> MutexGuard<'static, Option<Instant>> {
    LAST.lock().unwrap_or_else(PoisonError::into_inner)
}
