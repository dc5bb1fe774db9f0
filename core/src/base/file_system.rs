//! What a folder lies on: some promises hold on local file systems only.

use std::path::Path;

use super::{Error, Result};

/// A file system by the number that the system gives its kind, where it gives one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileSystem(Option<u64>);

/// NFS, SMB, SMB2, CIFS, AFS, 9P, Ceph, FUSE: `<linux/magic.h>`.
const NETWORK: [u64; 8] =
    [0x6969, 0x517b, 0xfe53_4d42, 0xff53_4d42, 0x5346_414f, 0x0102_1997, 0x00c3_6400, 0x6573_5546];
/// ext2 to ext4, XFS, Btrfs, F2FS, ZFS, tmpfs, overlayfs: the same, and `zfs.h`.
const KEEPS_FOLDER_TIMES: [u64; 7] =
    [0xef53, 0x5846_5342, 0x9123_683e, 0xf2f5_2010, 0x2fc1_2fc1, 0x0102_1994, 0x794c_7630];

impl FileSystem {
    /// That of an existing file or folder.
    #[cfg(target_os = "linux")]
    pub fn of(path: &Path) -> Result<Self> {
        let found = rustix::fs::statfs(path).map_err(|error| Error::io(error.into(), path))?;
        Ok(FileSystem(Some(found.f_type as u64 & 0xffff_ffff)))
    }

    #[cfg(not(target_os = "linux"))]
    pub fn of(_path: &Path) -> Result<Self> {
        Ok(FileSystem(None))
    }

    /// One whose locks and renames do not keep their word, by its number.
    pub fn network(self) -> Option<u64> {
        self.0.filter(|kind| NETWORK.contains(kind))
    }

    /// True where it is known that a folder's time changes whenever a name in it comes or goes, at once and for every reader.
    pub fn keeps_folder_times(self) -> bool {
        self.0.is_some_and(|kind| KEEPS_FOLDER_TIMES.contains(&kind))
    }
}

#[cfg(test)]
impl FileSystem {
    /// One of a kind that this machine may not have.
    pub fn of_kind(kind: u64) -> Self {
        FileSystem(Some(kind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_file_system_is_of_the_network_and_trusted_at_once() {
        for kind in NETWORK {
            assert!(
                FileSystem(Some(kind)).network().is_some() && !FileSystem(Some(kind)).keeps_folder_times(),
                "{kind:#x}"
            );
        }
        for kind in KEEPS_FOLDER_TIMES {
            assert!(
                FileSystem(Some(kind)).network().is_none() && FileSystem(Some(kind)).keeps_folder_times(),
                "{kind:#x}"
            );
        }
        let unknown = FileSystem(Some(0x1234_5678));
        assert!(unknown.network().is_none() && !unknown.keeps_folder_times() && !FileSystem(None).keeps_folder_times());
    }
}
