//! A fresh memory cgroup with a limit, v1 or v2, for a process that a test starts.

use std::fs::{create_dir, read_to_string, remove_dir, write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

/// Removed when dropped, by when its processes must have ended.
pub struct Group {
    pub folder: PathBuf,
    /// The file that tells its raw usage, with the page cache.
    pub usage: &'static str,
}

impl Group {
    /// In, or beside, the group of this process. Fails with what was tried where none can be made.
    pub fn with_limit(bytes: u64) -> Group {
        let mut tried = String::new();
        for (mount, own, limit, usage) in [
            (mount("cgroup", "memory"), own(":memory:"), "memory.limit_in_bytes", "memory.usage_in_bytes"),
            (mount("cgroup2", ""), own("0::"), "memory.max", "memory.current"),
        ] {
            let (Some(mount), Some(own)) = (mount, own) else { continue };
            let own = mount.join(own.trim_start_matches('/'));
            for parent in [own.as_path(), own.parent().unwrap_or(&mount)] {
                match make(parent, limit, bytes) {
                    Ok(folder) => return Group { folder, usage },
                    Err(error) => tried += &format!("\n{}: {error}", parent.display()),
                }
            }
        }
        panic!(
            "this test needs a memory cgroup that it may write (v1 or v2; root in a container is enough). Tried:{tried}"
        );
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let start = Instant::now();
        while remove_dir(&self.folder).is_err() && start.elapsed() < Duration::from_secs(120) {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

fn make(parent: &Path, limit: &str, bytes: u64) -> std::io::Result<PathBuf> {
    // Tests of one process make theirs at the same time.
    static MADE: AtomicUsize = AtomicUsize::new(0);
    let folder = parent.join(format!("datasus-test-{}-{}", std::process::id(), MADE.fetch_add(1, SeqCst)));
    // v2 hands the controller down only when told to; where it has been, or in v1, this fails and is not needed.
    let _ = write(parent.join("cgroup.subtree_control"), "+memory");
    create_dir(&folder)?;
    write(folder.join(limit), bytes.to_string()).inspect_err(|_| {
        let _ = remove_dir(&folder);
    })?;
    Ok(folder)
}

fn mount(kind: &str, option: &str) -> Option<PathBuf> {
    let mounts = read_to_string("/proc/self/mounts").ok()?;
    mounts.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(' ').collect();
        let found = fields[2] == kind && (option.is_empty() || fields[3].split(',').any(|has| has == option));
        found.then(|| PathBuf::from(fields[1]))
    })
}

fn own(mark: &str) -> Option<String> {
    let groups = read_to_string("/proc/self/cgroup").ok()?;
    groups.lines().find_map(|line| line.split_once(mark).map(|(_, path)| path.to_owned()))
}
