//! Why something failed, for those who decide whether it is tried again.

/// What an error says of its cause by type; its code says what the caller may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub enum Cause {
    /// The engine's share of the memory did not do; with more it may.
    EngineMemory,
    /// The target broke off, or could not be reached. It holds what it has: another attempt goes on from there.
    TargetLost,
    /// A source is not what it was when it was opened.
    SourceChanged,
    /// No connection to where a source lies: another place may have it.
    SourceAway,
    /// What brings a source broke off: another attempt may do.
    SourceLost,
    /// Where a source lies it is not there, or not given.
    SourceGone,
}
