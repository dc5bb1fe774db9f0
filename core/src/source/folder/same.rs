//! A file by another link is still the same file, and no version of it.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;

use super::SourceFile;
use crate::catalog::FileId;

/// What the system knows a file by.
type Inode = Option<(u64, u64)>;

/// The files of a folder, those apart that are one version only together.
#[derive(Default)]
pub(super) struct Same {
    files: Vec<SourceFile>,
    seen: HashSet<(FileId, (u64, u64))>,
    partitions: BTreeMap<(FileId, PathBuf), Vec<(SourceFile, Inode)>>,
}

impl Same {
    /// Of the links to one file, the first counts. By names of different months it is asked for as different files.
    pub fn add(&mut self, file: SourceFile, inode: Inode) {
        if let Some(folder) = &file.version.partition {
            let key = (file.id.clone(), folder.clone());
            return self.partitions.entry(key).or_default().push((file, inode));
        }
        if inode.is_none_or(|inode| self.seen.insert((file.id.clone(), inode))) {
            self.files.push(file);
        }
    }

    /// A partition is the same where all of its files are: those who keep old versions link what has not changed.
    pub fn files(mut self) -> Vec<SourceFile> {
        let mut seen = HashSet::new();
        for ((id, _), files) in self.partitions {
            let mut inodes: Vec<_> = files.iter().map_while(|(_, inode)| *inode).collect();
            inodes.sort_unstable();
            if inodes.len() < files.len() || seen.insert((id, inodes)) {
                self.files.extend(files.into_iter().map(|(file, _)| file));
            }
        }
        self.files
    }
}
