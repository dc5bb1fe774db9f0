//! How a job is cut into units, and which of them are done.

use std::collections::HashSet;
use std::sync::Arc;

use super::UnitId;

/// The units that a sink holds from earlier attempts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum CommittedUnits {
    /// None of them.
    #[default]
    Nothing,
    /// All before this one.
    Below(UnitId),
    /// In no order.
    These(Arc<HashSet<UnitId>>),
    /// The sink has everything, and has published it.
    Everything,
}

impl CommittedUnits {
    /// True where this one is committed.
    pub fn contains(&self, unit: UnitId) -> bool {
        match self {
            CommittedUnits::Nothing => false,
            CommittedUnits::Below(end) => unit < *end,
            CommittedUnits::These(units) => units.contains(&unit),
            CommittedUnits::Everything => true,
        }
    }
}

/// Units of a scan: ranges of `rows` source rows of each row group, numbered in order. They never move with the mode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Units {
    /// Source rows of a unit; the last one of a row group has fewer.
    pub rows: usize,
    /// What each sink holds; what all hold is not read again.
    pub held: Vec<CommittedUnits>,
}

impl Units {
    /// Whether any sink still needs the unit.
    pub fn wanted(&self, unit: UnitId) -> bool {
        self.held.is_empty() || !self.held.iter().all(|held| held.contains(unit))
    }

    /// Units of a row group.
    pub fn of_group(&self, rows: u64) -> u64 {
        rows.div_ceil(self.rows.max(1) as u64)
    }
}

/// Which source rows each unit of a scan is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnitPlaces {
    /// Source rows of a unit.
    pub rows: u64,
    /// First unit, file and first row of each row group, in order.
    pub groups: Vec<(UnitId, Arc<str>, u64)>,
}

impl UnitPlaces {
    /// File and first row of a unit.
    pub fn of(&self, unit: UnitId) -> Option<(Arc<str>, u64)> {
        let behind = self.groups.partition_point(|(first, ..)| *first <= unit);
        let (first, file, row) = self.groups.get(behind.checked_sub(1)?)?;
        Some((file.clone(), row + (unit.0 - first.0) * self.rows))
    }
}
