//! Whether what is here still holds: listings and their age, months that are published anew, servers that are away.

use datasus::{Code, Config, QueryParams, Refresh};

use crate::ftp_server::FtpServer;
use crate::quiet;
use crate::tree::{Place, SIH, admissions, bytes, client_of, open, rows, serving};

fn republish(server: &FtpServer) {
    server.put_at(&format!("{SIH}/RDAC2401.dbc"), &bytes("RDAC2402.dbc", 70), "06-30-24  09:00AM");
}

#[test]
fn a_month_that_was_published_anew_is_brought_again_and_said_with_both_hashes() {
    let (server, place) = (serving(60), Place::new());
    let month = admissions(&["202401"]);
    assert_eq!(rows(&client_of(&server, place.config()), &month).unwrap(), 60);
    republish(&server);
    for (refresh, expected, listings) in [(Refresh::Never, 60, 0), (Refresh::Changed, 60, 0), (Refresh::Always, 70, 2)]
    {
        server.forget_commands();
        let client = client_of(&server, Config { refresh, ..place.config() });
        let report = client.export(&month, datasus::Csv { overwrite: true, ..datasus::Csv::to("a.csv") }).unwrap();
        assert_eq!((report.records_processed, server.asked("LIST")), (expected, listings), "{refresh:?}");
        if refresh == Refresh::Always {
            let said = report.warnings.iter().find(|warning| warning.contains("republished")).unwrap();
            let now = report.sources[0].sha256.clone().unwrap();
            assert!(said.contains(&now) && said.matches(|c: char| c.is_ascii_hexdigit()).count() > 128, "{said}");
            assert_eq!(report.sources.len(), 1, "the newer succeeds the older, it is no rival");
        }
    }
    // Listings that have become old are read again.
    server.put_at(&format!("{SIH}/RDAC2401.dbc"), &bytes("RDAC2403.dbc", 80), "07-30-24  09:00AM");
    let client = client_of(&server, Config { refresh_after: 0.0, ..place.config() });
    assert_eq!(rows(&client, &month).unwrap(), 80);
    // Touched, and the same.
    server.put_at(&format!("{SIH}/RDAC2401.dbc"), &bytes("RDAC2403.dbc", 80), "08-30-24  09:00AM");
    let report = client.export(&month, datasus::Csv { overwrite: true, ..datasus::Csv::to("a.csv") }).unwrap();
    assert!(!report.warnings.iter().any(|warning| warning.contains("republished")), "{:?}", report.warnings);
}

#[test]
fn a_year_that_is_closed_is_found_in_its_new_folder_by_the_next_query() {
    let (server, place) = (FtpServer::start(), Place::new());
    let (open_years, closed) = ("/dissemin/publicos/SIM/PRELIM/DORES", "/dissemin/publicos/SIM/CID10/DORES");
    server.put(&format!("{open_years}/DOAC2022.dbc"), &bytes("DOAC2022.dbc", 40));
    server.put(&format!("{open_years}/DORR2022.dbc"), &bytes("DORR2022.dbc", 30));
    server.put(&format!("{closed}/DORR2021.dbc"), &bytes("DORR2022.dbc", 20));
    let client = client_of(&server, place.config());
    let deaths = QueryParams::dataset("SIM-DO").uf(["AC"]).competencia("2022").columns(["SEXO"]);
    assert_eq!(client.plan_sync(std::slice::from_ref(&deaths)).unwrap().files, 1);
    // The ministry closes the year; both listings hold for hours.
    let moved = server.manners().files.remove(&format!("{open_years}/DOAC2022.dbc")).unwrap();
    server.manners().files.insert(format!("{closed}/DOAC2022.dbc"), moved);
    let error = rows(&client, &deaths).unwrap_err();
    assert!(error.code() == Code::NotFound && error.detail().contains("run the query again"), "{error}");
    let report = client.export(&deaths, datasus::Csv { overwrite: true, ..datasus::Csv::to("a.csv") }).unwrap();
    assert!(!report.sources[0].preliminary && report.sources[0].file == "DOAC2022.dbc", "{report}");
}

#[test]
fn without_its_server_what_is_in_the_lake_answers_and_says_since_when_it_was_not_checked() {
    let (server, place) = (serving(60), Place::new());
    let month = admissions(&["202401"]);
    rows(&client_of(&server, place.config()), &month).unwrap();
    server.manners().down = true;
    let config = Config { refresh_after: 0.0, ..place.config() };
    let client = client_of(&server, config);
    let report = client.export(&month, datasus::Csv::to("a.csv")).unwrap();
    assert_eq!(report.records_processed, 60);
    let said = report.warnings.iter().filter(|warning| warning.contains("was not checked since 20")).count();
    assert_eq!(said, 1, "{:?}", report.warnings);
    let error = rows(&client, &admissions(&["202401", "202402"])).unwrap_err();
    assert_eq!(error.code(), Code::Unreachable);
    assert!(error.detail().contains("No mirror is configured"), "{error}");
}

#[test]
fn a_server_that_takes_no_connection_is_left_alone_for_a_while() {
    let place = Place::new();
    let client = open("ftp://127.0.0.1:1/a", place.config());
    let first = rows(&client, &admissions(&["202401"])).unwrap_err();
    let began = std::time::Instant::now();
    let second = rows(&client, &admissions(&["202401"])).unwrap_err();
    assert_eq!((first.code(), second.code()), (Code::Unreachable, Code::Unreachable));
    let most = quiet::most(std::time::Duration::from_millis(400));
    assert!(began.elapsed() < most, "{:?}", began.elapsed());
}

#[test]
fn sizes_and_times_of_two_sources_are_not_held_against_each_other() {
    let (first, second, place) = (serving(60), serving(60), Place::new());
    // The copy has times of its own.
    for file in second.manners().files.values_mut() {
        file.time = "11-11-23  01:00AM";
    }
    let config =
        || Config { mirrors: vec![second.address("/dissemin/publicos")], refresh_after: 0.0, ..place.config() };
    let month = admissions(&["202401"]);
    let source = first.address("/dissemin/publicos");
    assert_eq!(rows(&open(&source, config()), &month).unwrap(), 60);
    first.manners().down = true;
    assert_eq!(rows(&open(&source, config()), &month).unwrap(), 60);
    assert_eq!(second.asked("RETR"), 0, "what the first gave is not another version for the second's time");
}
