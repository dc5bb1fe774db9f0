//! Copies for engines: bounded, shared, and none taken away from who reads it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use datasus::base::{Cancel, Text};
use datasus::store::{ChunkCache, LocalCopy, Location, Object, ReadAt};
use datasus::{Code, Error, Result};

/// Copies and what shall be one; no locks.
fn files(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in std::fs::read_dir(root).into_iter().flatten().map(|entry| entry.unwrap().path()) {
        let inside = std::fs::read_dir(&folder).into_iter().flatten().map(|entry| entry.unwrap().path());
        found.extend(inside.filter(|path| !path.ends_with(".lock")));
    }
    found
}

struct Bytes(Vec<u8>);

impl ReadAt for Bytes {
    fn size(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, into: &mut [u8], at: u64) -> io::Result<usize> {
        let rest = self.0.get(at as usize..).unwrap_or_default();
        let read = rest.len().min(into.len());
        into[..read].copy_from_slice(&rest[..read]);
        Ok(read)
    }
}

fn object(name: &str, bytes: usize) -> Object {
    let location = Location::of("mem", name);
    Object { location, size: bytes as u64, mtime_ns: 1, state: None, identity: None }
}

fn copy(cache: &ChunkCache, name: &str, bytes: usize) -> Result<LocalCopy> {
    let open = || Ok(Arc::new(Bytes(vec![7; bytes])) as Arc<dyn ReadAt>);
    cache.copy_of(&object(name, bytes), None, &Cancel::default(), &open)
}

fn held(cache: &ChunkCache) -> u64 {
    files(cache.root()).iter().map(|path| path.metadata().unwrap().len()).sum()
}

#[test]
fn the_oldest_copies_go_first_and_none_that_is_read() {
    let place = tempfile::tempdir().unwrap();
    let cache = ChunkCache::at(place.path().join("copies"), 1_000);
    let first = copy(&cache, "a", 400).unwrap();
    let path = copy(&cache, "b", 400).unwrap().path;
    assert_eq!(std::fs::read(&first.path).unwrap(), [7; 400]);
    // The first is in use, so that the second goes, though it is younger.
    let third = copy(&cache, "c", 500).unwrap();
    assert!(first.path.exists() && !path.exists() && held(&cache) == 900);
    let full = copy(&cache, "d", 200).unwrap_err();
    assert_eq!(full.code(), Code::DiskFull);
    drop((first, third));
    copy(&cache, "d", 200).unwrap();
    assert!(held(&cache) <= 1_000);
    // One that is there is not made again.
    let never = || -> Result<Arc<dyn ReadAt>> { panic!("opened") };
    cache.copy_of(&object("d", 200), None, &Cancel::default(), &never).unwrap();
    // Another version is another copy.
    let changed = Object { mtime_ns: 2, ..object("d", 200) };
    let open = || Ok(Arc::new(Bytes(vec![8; 200])) as Arc<dyn ReadAt>);
    let changed = cache.copy_of(&changed, None, &Cancel::default(), &open).unwrap();
    assert_eq!(std::fs::read(changed.path).unwrap(), [8; 200]);
}

#[test]
fn of_more_copies_than_are_locked_one_by_one_none_goes_while_they_are_read() {
    let place = tempfile::tempdir().unwrap();
    let cache = ChunkCache::at(place.path().join("copies"), 3_000);
    let many: Vec<LocalCopy> = (0..280).map(|number| copy(&cache, &number.to_string(), 10).unwrap()).collect();
    assert!(many.iter().all(|copy| copy.path.exists()));
    assert_eq!(copy(&cache, "more", 500).unwrap_err().code(), Code::DiskFull);
    drop(many);
    copy(&cache, "more", 500).unwrap();
    assert!(held(&cache) <= 3_000);
}

#[test]
fn what_a_killed_process_left_goes_and_a_failed_copy_leaves_nothing() {
    let place = tempfile::tempdir().unwrap();
    let cache = ChunkCache::at(place.path().join("copies"), 1_000);
    copy(&cache, "a", 100).unwrap();
    let folder = files(cache.root()).remove(0).parent().unwrap().to_owned();
    std::fs::write(folder.join(".01ARZ3NDEKTSV4RRFFQ69G5FAV.partial"), [0; 900]).unwrap();
    copy(&cache, "b", 500).unwrap();
    assert_eq!(held(&cache), 600);
    struct Broken;
    impl ReadAt for Broken {
        fn size(&self) -> u64 {
            100
        }
        fn read_at(&self, _into: &mut [u8], _at: u64) -> io::Result<usize> {
            let away = Error::new(Code::Unreachable, Text { pt: "fora do ar".into(), en: "out of reach".into() });
            Err(io::Error::other(away))
        }
    }
    let open = || Ok(Arc::new(Broken) as Arc<dyn ReadAt>);
    let error = cache.copy_of(&object("c", 100), None, &Cancel::default(), &open).unwrap_err();
    assert_eq!((error.code(), held(&cache)), (Code::Unreachable, 600));
}
