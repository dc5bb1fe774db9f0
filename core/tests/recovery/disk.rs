//! A disk that fills up, and files that were damaged while nobody looked.

use std::process::Command;

use datasus::{Code, Csv, Destination, Parquet, Standing};

use crate::*;

/// A file system of so many bytes; it goes with the guard. None where none may be mounted.
struct Small(TempDir);

impl Small {
    fn of(size: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let options = format!("size={size}");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(folder.path()).status();
        if !mounted.is_ok_and(|status| status.success()) {
            crate::skip::on_this_machine("no right to mount a tmpfs: a full disk");
            return None;
        }
        Some(Small(folder))
    }

    fn grow(&self, size: &str) {
        let options = format!("remount,size={size}");
        assert!(Command::new("mount").args(["-o", &options]).arg(self.0.path()).status().unwrap().success());
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

fn both() -> [Destination; 2] {
    [Csv::to("a.csv").into(), Parquet { row_group_rows: 30_000, ..Parquet::to("a.parquet") }.into()]
}

fn written(place: &Path) -> [Vec<u8>; 1] {
    [std::fs::read(place.join("out/a.csv")).unwrap()]
}

fn undisturbed() -> [Vec<u8>; 1] {
    let place = tempfile::tempdir().unwrap();
    client(data(), place.path(), None).export(&all(), both()).unwrap();
    written(place.path())
}

/// Output and state on the same small disk: the error names a path, no half file has a name, and with more space the
/// job goes on to exactly the file that it would have been.
#[test]
fn a_full_disk_ends_the_job_and_more_space_lets_it_go_on() {
    let expected = undisturbed();
    for size in ["1m", "3m", "6m", "9m"] {
        let Some(small) = Small::of(size) else { return };
        let place = small.0.path();
        let client = client(data(), place, None);
        let error = client.export(&all(), both()).unwrap_err();
        assert_eq!(error.code(), Code::DiskFull, "{size}: {error:?}");
        let at = error.context().file.clone().unwrap_or_default();
        assert!(at.starts_with(place.to_str().unwrap()), "{size}: {error:?}");
        let named: Vec<_> = std::fs::read_dir(place.join("out")).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert!(named.iter().all(|name| name.to_string_lossy().starts_with('.')), "{named:?}");
        small.grow("64m");
        let left = client.jobs().unwrap();
        assert_eq!(left[0].standing, Standing::Failed);
        let report = client.resume(&left[0].job_id).unwrap().wait().unwrap();
        assert_eq!(report.records_processed, ROWS, "{size}");
        assert!(written(place) == expected, "{size}");
        assert!(client.jobs().unwrap().is_empty());
    }
}

/// Bytes of a partial file or of its log that changed after the process died: what does not match is written again.
#[test]
fn what_was_damaged_between_two_attempts_is_found_and_written_again() {
    let expected = undisturbed();
    let mut random = Random::seeded();
    for round in 0..12 {
        let Some(small) = Small::of("6m") else { return };
        let place = small.0.path();
        let client = client(data(), place, None);
        client.export(&all(), both()).unwrap_err();
        small.grow("64m");
        let job = client.jobs().unwrap()[0].job_id.clone();
        let mut files: Vec<_> = std::fs::read_dir(place.join("out")).unwrap().map(|e| e.unwrap().path()).collect();
        files.extend([0, 1].map(|sink| place.join("jobs").join(&job).join(format!("sink-{sink}.log"))));
        let file = &files[random.below(files.len() as u64) as usize];
        let mut bytes = std::fs::read(file).unwrap();
        if bytes.is_empty() {
            continue;
        }
        let at = random.below(bytes.len() as u64) as usize;
        match random.below(2) {
            0 => bytes[at] ^= 1 << random.below(8),
            _ => bytes.truncate(at),
        }
        std::fs::write(file, bytes).unwrap();
        client.resume(&job).unwrap().wait().unwrap();
        assert!(written(place) == expected, "round {round}: {} at {at}", file.display());
    }
}

#[test]
fn a_job_that_is_given_up_leaves_no_file() {
    let Some(small) = Small::of("3m") else { return };
    let place = small.0.path();
    let client = client(data(), place, None);
    client.export(&all(), both()).unwrap_err();
    client.discard(&client.jobs().unwrap()[0].job_id).unwrap();
    assert_eq!(std::fs::read_dir(place.join("out")).unwrap().count(), 0);
    assert!(client.jobs().unwrap().is_empty());
    let job = client.submit(&all(), Csv::to("b.csv")).unwrap();
    job.cancel();
    assert_eq!(job.wait().unwrap_err().code(), Code::Cancelled);
    assert_eq!(std::fs::read_dir(place.join("out")).unwrap().count(), 0);
    assert_eq!(std::fs::read_dir(place.join("jobs")).unwrap().count(), 0);
}

/// A file that goes on is copied into a new one: a process may die when that has taken the old one's place, which is still there.
#[test]
fn a_temporary_file_that_a_dead_process_was_about_to_remove_goes_with_the_job() {
    let Some(small) = Small::of("6m") else { return };
    let place = small.0.path();
    let (out, client) = (place.join("out"), client(data(), place, None));
    client.export(&all(), both()).unwrap_err();
    let job = client.jobs().unwrap()[0].job_id.clone();
    let [old, new] = ["", "+"].map(|again| out.join(format!(".datasus-{job}-1{again}.partial")));
    assert!(old.exists());
    small.grow("7m");
    client.resume(&job).unwrap().wait().unwrap_err();
    assert!(new.exists() && !old.exists());
    small.grow("64m");
    std::fs::write(&old, "the old one").unwrap();
    client.resume(&job).unwrap().wait().unwrap();
    let mut left: Vec<_> = std::fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["a.csv", "a.parquet"]);
}

/// Several sinks: the failure of one leaves the others to go on from where each of them is.
#[test]
fn results_that_are_no_rows_of_files_are_resumed_too() {
    let params = QueryParams::sql("SELECT N_AIH, CNES, VAL_TOT FROM sih_rd ORDER BY VAL_TOT DESC");
    let whole = tempfile::tempdir().unwrap();
    client(data(), whole.path(), None).export(&params, both()).unwrap();
    let expected = written(whole.path());
    assert!(expected[0].starts_with(b"N_AIH,CNES,VAL_TOT\r\n1200000299999,"));
    let Some(small) = Small::of("5m") else { return };
    let place = small.0.path();
    let client = client(data(), place, None);
    let error = client.export(&params, both()).unwrap_err();
    assert_eq!(error.code(), Code::DiskFull, "{error:?}");
    small.grow("64m");
    let report = client.resume(&client.jobs().unwrap()[0].job_id).unwrap().wait().unwrap();
    assert_eq!(report.records_processed, ROWS);
    assert!(written(place) == expected);
}
