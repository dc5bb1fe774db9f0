//! Instances that are open before a statement asks for one: opening and closing one takes longer than a small query.

pub(super) mod fresh;
pub(super) mod reused;
