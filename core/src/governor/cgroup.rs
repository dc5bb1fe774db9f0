//! The memory cgroup of this process, v1 or v2: limits and working sets, its own and those above it.

use std::fs::read_to_string;
use std::path::{Path, PathBuf};

use super::usage::Usage;

/// Where the hierarchy that accounts for memory is mounted.
#[derive(Debug, PartialEq)]
pub(super) struct Cgroups {
    version: Version,
    mount: PathBuf,
    /// The group that the mount shows as its top; `/` unless the process lives in a container.
    top: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Version {
    V1,
    V2,
}

/// Limits from here up mean "none": v1 writes the greatest page-aligned i64.
const NO_LIMIT: u64 = 1 << 62;

impl Cgroups {
    /// None where the system has no cgroups that account for memory.
    pub fn find() -> Option<Self> {
        Cgroups::from_mounts(&read_to_string("/proc/self/mountinfo").ok()?)
    }

    /// With both versions mounted, memory is accounted for by v1 if that has the controller.
    fn from_mounts(mountinfo: &str) -> Option<Self> {
        let mounts = mountinfo.lines().filter_map(|line| {
            // "35 31 0:32 <root> <mount point> <options> [fields] - <type> <source> <super options>"
            let (before, after) = line.split_once(" - ")?;
            let mut before = before.split(' ').skip(3);
            let (top, mount) = (PathBuf::from(before.next()?), PathBuf::from(before.next()?));
            let mut after = after.split(' ');
            let version = match (after.next()?, after.nth(1)?) {
                ("cgroup", options) if options.split(',').any(|option| option == "memory") => Version::V1,
                ("cgroup2", _) => Version::V2,
                _ => return None,
            };
            Some(Cgroups { version, mount, top })
        });
        mounts.min_by_key(|found| found.version == Version::V2)
    }

    /// The group with the highest share of its limit, this process's own or one above; none without a limit.
    pub fn tightest(&self) -> Option<Usage> {
        self.tightest_of(&read_to_string("/proc/self/cgroup").ok()?)
    }

    fn tightest_of(&self, own: &str) -> Option<Usage> {
        let group = own.lines().find_map(|line| {
            // "4:memory:/path" (v1), "0::/path" (v2)
            let mut parts = line.splitn(3, ':');
            let (id, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
            let ours = match self.version {
                Version::V1 => controllers.split(',').any(|name| name == "memory"),
                Version::V2 => id == "0",
            };
            ours.then_some(path)
        })?;
        // A path that leads out of what is mounted (a container's) is the mount's top.
        let inside = Path::new(group).strip_prefix(&self.top).unwrap_or(Path::new(""));
        let inside = if inside.components().any(|part| part.as_os_str() == "..") { Path::new("") } else { inside };
        let folder = self.mount.join(inside);
        let groups = folder.ancestors().take_while(|folder| folder.starts_with(&self.mount));
        groups.filter_map(|folder| self.usage(folder)).max_by(|a, b| a.share().total_cmp(&b.share()))
    }

    fn usage(&self, group: &Path) -> Option<Usage> {
        let number = |name: &str| read_to_string(group.join(name)).ok()?.trim().parse::<u64>().ok();
        // Past `memory.high` the kernel stalls the process, so it is as good as a limit.
        let (limits, usage, total): (&[&str], _, _) = match self.version {
            Version::V1 => (&["memory.limit_in_bytes"], "memory.usage_in_bytes", "total_"),
            Version::V2 => (&["memory.max", "memory.high"], "memory.current", ""),
        };
        let limit = limits.iter().filter_map(|name| number(name)).min().filter(|bytes| *bytes < NO_LIMIT)?;
        let stat = read_to_string(group.join("memory.stat")).ok()?;
        // Both lists: a file that is read three times is on the active one, and can go just as well. With 640 MB of it in
        // a group of 512 MB, usage without the inactive list alone stood at 95 %, of which the process had 4 MB.
        let cache = |kind| {
            let line = |line: &str| line.strip_prefix(total)?.strip_prefix(kind)?.trim().parse::<u64>().ok();
            stat.lines().find_map(line)
        };
        let cache = cache("inactive_file ")? + cache("active_file ")?;
        Some(Usage { used: number(usage)?.saturating_sub(cache), limit })
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{create_dir_all, write};

    use super::*;

    fn group(folder: &Path, files: &[(&str, &str)]) {
        create_dir_all(folder).unwrap();
        files.iter().for_each(|(name, text)| write(folder.join(name), text).unwrap());
    }

    #[test]
    fn v1_takes_the_tightest_group_on_the_way_up_without_the_file_cache() {
        let folder = tempfile::tempdir().unwrap();
        let mount = folder.path();
        let mounts = format!(
            "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n\
             35 31 0:32 / {} rw,relatime shared:9 - cgroup cgroup rw,memory\n",
            mount.display()
        );
        let cgroups = Cgroups::from_mounts(&mounts).unwrap();
        assert_eq!(cgroups.version, Version::V1);
        let unlimited = [("memory.limit_in_bytes", "9223372036854771712\n"), ("memory.usage_in_bytes", "9000\n")];
        let stat = ("memory.stat", "inactive_file 1\ntotal_inactive_file 200\ntotal_active_file 100\n");
        group(mount, &unlimited);
        let limit = |bytes: &'static str| [("memory.limit_in_bytes", bytes), ("memory.usage_in_bytes", "800\n"), stat];
        group(&mount.join("pod"), &limit("1000\n"));
        group(&mount.join("pod/own"), &limit("5000\n"));
        let own = "5:cpu:/elsewhere\n4:cpuset,memory:/pod/own\n0::/\n";
        assert_eq!(cgroups.tightest_of(own), Some(Usage { used: 500, limit: 1000 }));
        assert_eq!(cgroups.tightest_of("4:memory:/\n"), None);
    }

    #[test]
    fn v2_in_a_container_reads_the_top_of_its_mount_and_heeds_the_high_mark() {
        let folder = tempfile::tempdir().unwrap();
        let mount = folder.path();
        let mounts = format!("35 31 0:32 /docker/ab {} rw - cgroup2 cgroup rw\n", mount.display());
        let cgroups = Cgroups::from_mounts(&mounts).unwrap();
        let files = |max, high| {
            let (current, stat) =
                (("memory.current", "700"), ("memory.stat", "anon 5\ninactive_file 150\nactive_file 50\n"));
            [("memory.max", max), ("memory.high", high), current, stat]
        };
        group(mount, &files("1000\n", "max\n"));
        assert_eq!(cgroups.tightest_of("0::/docker/ab\n"), Some(Usage { used: 500, limit: 1000 }));
        assert_eq!(cgroups.tightest_of("0::/\n"), Some(Usage { used: 500, limit: 1000 }));
        assert_eq!(cgroups.tightest_of("0::/../../out\n"), Some(Usage { used: 500, limit: 1000 }));
        group(mount, &files("max\n", "800\n"));
        assert_eq!(cgroups.tightest_of("0::/\n"), Some(Usage { used: 500, limit: 800 }));
        group(mount, &files("max\n", "max\n"));
        assert_eq!(cgroups.tightest_of("0::/\n"), None);
    }
}
