//! A process that is killed while files come leaves nothing that looks whole and is not.

use std::process::{Command, Stdio};
use std::time::Duration;

use crate::tree::{Place, admissions, bytes, client_of, open, rows, serving};

const AS_CHILD: &str = "DATASUS_TEST_DOWNLOADING";

/// What the child does: the query, until it is killed.
#[test]
fn a_child_that_downloads() {
    let Ok(given) = std::env::var(AS_CHILD) else { return };
    let (address, home) = given.split_once(' ').unwrap();
    let config = datasus::Config { home: Some(home.into()), output: Some(home.into()), ..Default::default() };
    let _ = rows(&open(address, config), &admissions(&["202401", "202402", "202403"]));
}

#[test]
fn twenty_kills_at_any_instant_and_then_the_right_rows_and_no_half_file() {
    let (server, place) = (serving(600), Place::new());
    server.manners().slowly = Some((1_000, Duration::from_millis(3)));
    let address = server.address("/dissemin/publicos");
    let home = place.path().join("home");
    for kill in 0..20_u64 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["kills::a_child_that_downloads", "--exact", "--nocapture"])
            .env(AS_CHILD, format!("{address} {}", home.display()))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Whatever it is doing: a pseudo-random wait, up to the time of all three files.
        std::thread::sleep(Duration::from_millis(20 + (kill * 7_919) % 193));
        // SIGKILL.
        child.kill().unwrap();
        child.wait().unwrap();
        // Whatever stands under its own name is whole.
        for name in ["RDAC2401.dbc", "RDAC2402.dbc", "RDAC2403.dbc"] {
            let path = home.join("files/SIHSUS/200801_/Dados").join(name);
            if let Ok(found) = std::fs::read(&path) {
                assert!(found == bytes(name, 600), "{name} after kill {kill}");
            }
        }
    }
    server.manners().slowly = None;
    let client = client_of(&server, place.config());
    let months = admissions(&["202401", "202402", "202403"]);
    assert_eq!(rows(&client, &months).unwrap(), 1_800);
    let report = client.export(&months, datasus::Csv::to("a.csv")).unwrap();
    for source in &report.sources {
        use sha2::{Digest, Sha256};
        let expected = hex::encode(Sha256::digest(bytes(&source.file, 600)));
        assert_eq!((source.rows, source.sha256.as_ref()), (600, Some(&expected)));
    }
    let files = place.files();
    assert!(!files.iter().any(|file| file.contains(".part") || file.contains(".partial")), "{files:?}");
}
