//! A disk that is full while files come.

use std::path::PathBuf;
use std::process::Command;

use datasus::{Code, Config};

use crate::tree::{Place, admissions, bytes, client_of, rows, serving};

/// A file system of so many kilobytes, for as long as this lives; none where it may not be mounted.
struct Small(PathBuf);

impl Small {
    fn at(folder: PathBuf, kilobytes: u32) -> Option<Self> {
        std::fs::create_dir_all(&folder).unwrap();
        let size = format!("size={kilobytes}k");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(&folder).status();
        mounted.is_ok_and(|status| status.success()).then_some(Small(folder))
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn a_disk_that_is_full_in_mid_download_is_said_and_no_half_file_is_left() {
    let (server, place) = (serving(4_000), Place::new());
    let size = bytes("RDAC2401.dbc", 4_000).len() as u64;
    assert!(size > 120_000, "{size}");
    let Some(_small) = Small::at(place.path().join("home"), 64) else {
        crate::skip::on_this_machine("no right to mount a tmpfs: a full disk");
        return;
    };
    // Files are fetched there, and all else has room.
    let config =
        || Config { lake: Some(place.path().join("lake")), state: Some(place.path().join("jobs")), ..place.config() };
    let client = client_of(&server, config());
    let error = rows(&client, &admissions(&["202401"])).unwrap_err();
    assert_eq!(error.code(), Code::DiskFull, "{error}");
    let files = place.files();
    let of_data = |file: &&String| file.ends_with(".dbc") || file.ends_with(".part") || file.ends_with(".part.json");
    assert_eq!(files.iter().filter(of_data).count(), 0, "{files:?}");
    drop(_small);
    assert_eq!(rows(&client_of(&server, config()), &admissions(&["202401"])).unwrap(), 4_000);
}
