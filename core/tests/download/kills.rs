//! A process that is killed while files come leaves nothing that looks whole and is not.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

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
    let (server, place) = (serving(4_000), Place::new());
    // Slower than twenty children live: what one has left, the next goes on with.
    server.manners().slowly = Some((200, Duration::from_millis(2)));
    let address = server.address("/dissemin/publicos");
    let home = place.path().join("home");
    let mut in_transfer = 0;
    for kill in 0..20_u64 {
        // What was sent to the one before has ended.
        while server.transferring() > 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
        let before = server.sent();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["kills::a_child_that_downloads", "--exact", "--nocapture"])
            .env(AS_CHILD, format!("{address} {}", home.display()))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let end = Instant::now() + Duration::from_secs(120);
        while server.sent() == before {
            assert!(Instant::now() < end && child.try_wait().unwrap().is_none(), "nothing came, kill {kill}");
            std::thread::sleep(Duration::from_millis(1));
        }
        // Files are coming: a pseudo-random instant of it.
        std::thread::sleep(Duration::from_millis((kill * 7_919) % 41));
        in_transfer += usize::from(server.transferring() > 0);
        // SIGKILL.
        child.kill().unwrap();
        child.wait().unwrap();
        // Whatever stands under its own name is whole.
        for name in ["RDAC2401.dbc", "RDAC2402.dbc", "RDAC2403.dbc"] {
            let path = home.join("files/SIHSUS/200801_/Dados").join(name);
            if let Ok(found) = std::fs::read(&path) {
                assert!(found == bytes(name, 4_000), "{name} after kill {kill}");
            }
        }
    }
    println!("{in_transfer} of 20 kills while a file came, {} bytes in all", server.sent());
    assert!(in_transfer >= 15, "{in_transfer} of 20 kills were in a transfer");
    server.manners().slowly = None;
    let client = client_of(&server, place.config());
    let months = admissions(&["202401", "202402", "202403"]);
    assert_eq!(rows(&client, &months).unwrap(), 12_000);
    let report = client.export(&months, datasus::Csv::to("a.csv")).unwrap();
    for source in &report.sources {
        use sha2::{Digest, Sha256};
        let expected = hex::encode(Sha256::digest(bytes(&source.file, 4_000)));
        assert_eq!((source.rows, source.sha256.as_ref()), (4_000, Some(&expected)));
    }
    let files = place.files();
    assert!(!files.iter().any(|file| file.contains(".part") || file.contains(".partial")), "{files:?}");
}
