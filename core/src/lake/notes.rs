//! Small notes in the hidden folders of the lake, which save looking at a source again.

use std::path::Path;

use crate::base::Trusted;

/// Bytes of a note: of a partition's it is the paths of its files.
const MOST: u64 = 16 << 20;

/// A note that one of those who share the lake has written; none where there is none, or another's: one looks again then.
pub(super) fn read(path: &Path) -> Option<Vec<u8>> {
    // Two levels below the lake's root.
    let trusted = path.ancestors().nth(2).map_or(Trusted::Own, Trusted::of_folder);
    trusted.read_all(path, MOST).ok()
}
