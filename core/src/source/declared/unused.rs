//! What was made of files of one's own, and what nobody has used for long: it goes when something is made anew beside it.

use std::path::Path;
use std::time::{Duration, SystemTime};

/// Other processes may use it, and jobs may go on for a day.
const KEPT: Duration = Duration::from_secs(7 * 86_400);
/// A use is noted once in so long.
const NOTED: Duration = Duration::from_secs(3_600);

fn age(path: &Path) -> Option<Duration> {
    let used = std::fs::symlink_metadata(path).and_then(|found| found.modified()).ok()?;
    Some(SystemTime::now().duration_since(used).unwrap_or_default())
}

/// Notes that this is used: the time of the file says when it was last.
pub(super) fn note_use(file: &Path) {
    if age(file).is_some_and(|age| age < NOTED) {
        return;
    }
    let noted = std::fs::File::options().append(true).open(file).and_then(|file| file.set_modified(SystemTime::now()));
    if let Err(error) = noted {
        tracing::debug!(file = %file.display(), %error, "a use could not be noted");
    }
}

/// Removes what in `folder` `is_of_it` says is of the same kind, and whose file `used` was not used for long; without that file, what is
/// itself so old: a process that was killed left it.
pub(super) fn sweep(folder: &Path, is_of_it: impl Fn(&str) -> bool, used: &str) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let noted = if used.is_empty() { path.clone() } else { path.join(used) };
        let age = age(&noted).or_else(|| age(&path));
        if !entry.file_name().to_str().is_some_and(&is_of_it) || age.is_none_or(|age| age < KEPT) {
            continue;
        }
        let removed = match entry.file_type() {
            // Under its name it is whole or not there, whenever this process is killed.
            Ok(kind) if kind.is_dir() => {
                let aside = folder.join(format!(".{}", ulid::Ulid::new()));
                std::fs::rename(&path, &aside).and_then(|()| std::fs::remove_dir_all(&aside))
            }
            _ => std::fs::remove_file(&path),
        };
        match removed {
            Ok(()) => tracing::info!(path = %path.display(), "removed: nobody used it for a week"),
            Err(error) => tracing::debug!(path = %path.display(), %error, "what nobody uses stays"),
        }
    }
}
