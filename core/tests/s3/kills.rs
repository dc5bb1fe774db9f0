//! The folder of copies, shared by processes of which some are killed.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use datasus::base::Cancel;
use datasus::store::{ChunkCache, Object, ReadAt};

const AS_CHILD: &str = "DATASUS_TEST_COPYING";
const OBJECTS: u64 = 12;
const SIZE: u64 = 300_000;

/// An object whose every byte says which it is; it comes slowly.
struct Slow(u8);

impl ReadAt for Slow {
    fn size(&self) -> u64 {
        SIZE
    }

    fn read_at(&self, into: &mut [u8], at: u64) -> io::Result<usize> {
        std::thread::sleep(Duration::from_micros(300));
        let length = into.len().min(SIZE.saturating_sub(at) as usize).min(20_000);
        into[..length].fill(self.0);
        Ok(length)
    }
}

/// Copies the object, and looks at every byte of its copy while it holds it.
fn read(cache: &ChunkCache, which: u64) {
    let number = (which % OBJECTS) as u8;
    let location = crate::at(&format!("s3://datasus/o{number}"));
    let object = Object { location, size: SIZE, mtime_ns: 1, state: None, identity: None };
    let open = || -> datasus::Result<Arc<dyn ReadAt>> { Ok(Arc::new(Slow(number))) };
    let copy = cache.copy_of(&object, None, &Cancel::default(), &open).unwrap();
    let bytes = std::fs::read(&copy.path).unwrap();
    assert!(bytes.len() as u64 == SIZE && bytes.iter().all(|byte| *byte == number), "a copy that is no copy");
}

/// What the child does, until it is killed: it reads one object after another, more of them than the cache holds.
#[test]
fn a_child_that_copies() {
    let Ok(given) = std::env::var(AS_CHILD) else { return };
    let (seed, root) = given.split_once(' ').unwrap();
    let (mut which, cache) = (seed.parse::<u64>().unwrap(), ChunkCache::at(PathBuf::from(root), 5 * SIZE));
    loop {
        which = which.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        read(&cache, which >> 33);
    }
}

fn child(root: &Path, seed: u64) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["kills::a_child_that_copies", "--exact", "--nocapture"])
        .env(AS_CHILD, format!("{seed} {}", root.display()))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn bytes_of(root: &Path) -> u64 {
    let folders = std::fs::read_dir(root).into_iter().flatten().flatten();
    let files = folders.flat_map(|folder| std::fs::read_dir(folder.path()).into_iter().flatten().flatten());
    files.filter_map(|file| file.metadata().ok()).map(|found| found.len()).sum()
}

#[test]
fn processes_that_share_the_copies_are_killed_at_any_instant_and_the_others_read_what_is_whole() {
    let place = tempfile::tempdir().unwrap();
    let root = place.path().join("copies");
    // Room for five of twelve: each copy takes the place of another.
    for round in 0..8_u64 {
        let mut children: Vec<Child> = (0..3).map(|which| child(&root, round * 3 + which)).collect();
        std::thread::sleep(Duration::from_millis(60 + (round * 7_919) % 180));
        for child in &mut children {
            // It must still be at work: one that met a copy that is no copy has ended by its own panic.
            let ended = child.try_wait().unwrap();
            child.kill().unwrap();
            let said = child.wait_with_output_of();
            assert!(ended.is_none(), "round {round}: {said}");
        }
    }
    // Whoever comes next has the whole room: what the killed left goes.
    let cache = ChunkCache::at(root.clone(), 5 * SIZE);
    (0..OBJECTS).for_each(|which| read(&cache, which));
    assert!(bytes_of(&root) <= 5 * SIZE, "{} bytes", bytes_of(&root));
    let partial = |root: &Path| {
        let folders = std::fs::read_dir(root).unwrap().flatten();
        let files = folders.flat_map(|folder| std::fs::read_dir(folder.path()).into_iter().flatten().flatten());
        files.filter(|file| file.file_name().to_string_lossy().ends_with(".partial")).count()
    };
    assert_eq!(partial(&root), 0);
}

trait Said {
    fn wait_with_output_of(&mut self) -> String;
}

impl Said for Child {
    fn wait_with_output_of(&mut self) -> String {
        let mut said = String::new();
        if let Some(mut stderr) = self.stderr.take() {
            let _ = io::Read::read_to_string(&mut stderr, &mut said);
        }
        let _ = self.wait();
        said
    }
}
