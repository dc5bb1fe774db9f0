//! Paths with `*` and `?` in their names, and `**` for folders of any depth.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::base::{Code, Error, Result, clip, expand_home, text};
use crate::store::{Location, Stores};

/// Folders within folders that `**` goes down.
const DEEPEST: usize = 64;
const LONGEST: usize = 4_096;

/// DS-422 for what cannot be a path.
pub(super) fn check(pattern: &str) -> Result<()> {
    let shown = clip(pattern);
    if pattern.trim().is_empty() || pattern.len() > LONGEST || pattern.contains('\0') {
        return Err(Error::new(
            Code::InvalidParams,
            text!(
                "\"{shown}\" não é um caminho de arquivo; escreva, por exemplo, exports/*.parquet",
                "\"{shown}\" is no path of a file; write, for example, exports/*.parquet"
            ),
        )
        .with("received", shown)
        .stage("source"));
    }
    Ok(())
}

/// The files that match, each once; hidden ones only where the pattern names them. An address stands for itself.
pub(super) fn files(pattern: &str, stores: &Stores) -> Result<Vec<Location>> {
    let location = Location::parse(Path::new(pattern));
    if !location.is_file() {
        return match stores.stat(&location) {
            Ok(object) => Ok(vec![object.location]),
            Err(error) if error.code() == Code::NotFound => Ok(Vec::new()),
            Err(error) => Err(error),
        };
    }
    let path = expand_home(location.path());
    let path = std::path::absolute(&path).map_err(|error| Error::io(error, &path))?;
    let mut found = vec![PathBuf::new()];
    let parts: Vec<_> = path.components().collect();
    for (place, part) in parts.iter().enumerate() {
        let (name, last) = (part.as_os_str(), place + 1 == parts.len());
        found = match name.to_str().filter(|name| name.contains(['*', '?'])) {
            None => found.into_iter().map(|at| at.join(name)).collect(),
            Some("**") => found.iter().try_fold(Vec::new(), |mut all, at| {
                below(at, DEEPEST, &mut all)?;
                Ok::<_, Error>(all)
            })?,
            Some(name) => found.iter().try_fold(Vec::new(), |mut all, at| {
                all.extend(within(at)?.into_iter().filter(|entry| is_like(entry, name)));
                Ok::<_, Error>(all)
            })?,
        };
        match last {
            true => found.retain(|at| at.is_file()),
            false => found.retain(|at| at.is_dir()),
        }
    }
    found.sort();
    found.dedup();
    Ok(found.into_iter().map(Location::file).collect())
}

/// What stands in a folder; none of one that is not there.
fn within(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::io(error, folder)),
    };
    entries.map(|entry| entry.map(|entry| entry.path()).map_err(|error| Error::io(error, folder))).collect()
}

fn below(folder: &Path, deepest: usize, into: &mut Vec<PathBuf>) -> Result<()> {
    into.push(folder.to_owned());
    if deepest == 0 {
        return Ok(());
    }
    let hidden = |at: &Path| at.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
    let mut folders: Vec<PathBuf> = within(folder)?;
    // A link to a folder may lead back up.
    folders.retain(|at| !hidden(at) && at.is_dir() && !at.is_symlink());
    folders.sort();
    folders.iter().try_for_each(|folder| below(folder, deepest - 1, into))
}

fn is_like(path: &Path, pattern: &str) -> bool {
    // By bytes: a name in Latin-1 is one as well.
    let Some(name) = path.file_name().map(OsStr::as_encoded_bytes) else { return false };
    (pattern.starts_with('.') || !name.starts_with(b".")) && like(name, pattern.as_bytes())
}

/// Whether all of `name` is what the pattern says; without a step back but to the last star.
fn like(name: &[u8], pattern: &[u8]) -> bool {
    let (mut at, mut of, mut star) = (0, 0, None);
    while at < name.len() {
        match pattern.get(of) {
            Some(b'*') => {
                star = Some((of, at));
                of += 1;
            }
            Some(byte) if *byte == b'?' || *byte == name[at] => {
                at += 1;
                of += 1;
            }
            _ => match star {
                Some((before, from)) => {
                    star = Some((before, from + 1));
                    (of, at) = (before + 1, from + 1);
                }
                None => return false,
            },
        }
    }
    pattern[of..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    #[test]
    fn a_name_that_is_not_utf8_is_found_like_any_other() {
        let folder = tempfile::tempdir().unwrap();
        for name in [&b"a.csv"[..], b"S\xe3o.csv", b".oculto.csv", b"S\xe3o.txt"] {
            std::fs::write(folder.path().join(OsStr::from_bytes(name)), "uf\n12\n").unwrap();
        }
        let found = files(&format!("{}/*.csv", folder.path().display()), &Stores::default()).unwrap();
        let names: Vec<&[u8]> =
            found.iter().filter_map(|at| at.path().file_name()).map(OsStr::as_encoded_bytes).collect();
        assert_eq!(names, [&b"S\xe3o.csv"[..], b"a.csv"]);
    }

    #[test]
    fn a_star_is_any_letters_and_a_question_mark_is_one() {
        for (name, pattern, expected) in [
            ("a.parquet", "*.parquet", true),
            ("a.parquet", "?.parquet", true),
            ("ab.parquet", "?.parquet", false),
            ("a.parquet.tmp", "*.parquet", false),
            ("rd_ac_2024.csv", "rd_*_20*.csv", true),
            ("", "*", true),
            ("a", "", false),
            ("aaaaaaaaaaaaaaaaaaaaaaaa", "*a*a*a*a*a*a*a*a*b", false),
        ] {
            assert_eq!(like(name.as_bytes(), pattern.as_bytes()), expected, "{name} {pattern}");
        }
    }
}
