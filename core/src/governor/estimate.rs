//! What a job will need, from plain numbers known before it starts.

use super::Ask;

/// The job, in numbers. Rows and groups are upper bounds where they are not known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Work {
    /// Rows that the files hold, before filters.
    pub rows: u64,
    /// Decoded bytes of one projected row.
    pub row_bytes: u64,
    /// ORDER BY or a window over the rows.
    pub sort: bool,
    /// Distinct keys of GROUP BY or DISTINCT; none: it does not group.
    pub groups: Option<u64>,
    /// Rows on the smaller side of joins.
    pub joined_rows: u64,
    /// Durable destinations, each with its encoder.
    pub sinks: u64,
    /// Threads of the job.
    pub threads: u64,
    /// Rows of a batch.
    pub chunk_rows: u64,
    /// Bytes of a chunk at most.
    pub chunk_bytes: u64,
    /// Rows go out as they are read: nothing of them is kept.
    pub reads_only: bool,
    /// Bytes that the engine may run ahead of its consumer.
    pub ahead_bytes: u64,
}

/// An instance of the engine that does nothing yet.
const ENGINE: u64 = 24 << 20;
/// Rows that one thread decodes at a time: a row group of the lake.
const ROW_GROUP: u64 = 122_880;
/// Of a row group that is read chunk by chunk.
const PAGES: u64 = 16 << 20;
/// State of a group or of a joined row beside its bytes: hash, pointer, accumulators, in a table half full.
const HASHED: u64 = 64;
/// A sort key beside its row.
const KEYED: u64 = 32;
/// What one thread needs to sort or group with the rest on disk.
const SPILLING: u64 = 16 << 20;
/// Chunks on their way to a sink: one being made, one waiting, one being written.
const ON_THE_WAY: u64 = 3;

impl Work {
    /// `want`: everything in memory. `least`: state on disk, one thread.
    pub fn ask(&self) -> Ask {
        let row = self.row_bytes.max(1);
        let threads = self.threads.max(1);
        let chunk = row.saturating_mul(self.chunk_rows.min(self.rows)).min(self.chunk_bytes);
        let whole = row.saturating_mul(ROW_GROUP.min(self.rows));
        // Its pages, compressed, and the chunk that is being made of them.
        let decoded = if self.reads_only { whole.min(PAGES.saturating_add(chunk)) } else { whole };
        let chunks = chunk.saturating_mul(ON_THE_WAY * self.sinks.max(1));
        let times = |rows: u64, extra: u64| rows.saturating_mul(row.saturating_add(extra));
        let sorted = if self.sort { times(self.rows, KEYED) } else { 0 };
        let grouped = self.groups.map_or(0, |groups| times(groups.min(self.rows), HASHED));
        let state = sorted.saturating_add(grouped).saturating_add(times(self.joined_rows, HASHED));
        let sum = |parts: [u64; 4]| parts.into_iter().fold(ENGINE, u64::saturating_add);
        Ask {
            want: sum([decoded.saturating_mul(threads), chunks, self.ahead_bytes, state]),
            least: sum([decoded, chunks, 0, state.min(SPILLING)]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_grows_with_the_rows_and_the_least_does_not() {
        let scan = Work {
            rows: 10_000_000,
            row_bytes: 100,
            threads: 2,
            chunk_rows: 65_536,
            chunk_bytes: u64::MAX,
            ..Default::default()
        };
        let sort = Work { sort: true, ..scan };
        let few = Work { groups: Some(27), ..scan };
        assert_eq!(sort.ask().want - scan.ask().want, 10_000_000 * 132);
        assert_eq!(few.ask().want - scan.ask().want, 27 * 164);
        assert_eq!(sort.ask().least - scan.ask().least, SPILLING);
        let small = Work { rows: 1_000, ..sort };
        assert!(small.ask().want < 26 << 20, "{:?}", small.ask());
        let more = Work { rows: 100_000_000, ..sort };
        assert_eq!(more.ask().least, sort.ask().least);
    }

    #[test]
    fn more_than_can_be_counted_is_the_most_and_never_wraps() {
        let most = Work {
            rows: u64::MAX,
            row_bytes: u64::MAX,
            sort: true,
            groups: Some(u64::MAX),
            joined_rows: u64::MAX,
            sinks: 4,
            threads: 64,
            chunk_rows: u64::MAX,
            chunk_bytes: u64::MAX,
            reads_only: false,
            ahead_bytes: u64::MAX,
        };
        assert_eq!(most.ask(), Ask { want: u64::MAX, least: u64::MAX });
    }
}
