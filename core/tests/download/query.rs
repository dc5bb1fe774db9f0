//! From a server to rows: a query fetches just what it needs, checks it, converts it, answers.

use std::time::{Duration, Instant};

use datasus::base::{Cancel, CancelReason};
use datasus::estimate::{Basis, Bounded};
use datasus::{Client, Code, Config, MissingFiles, Options, Phase, QueryParams};

use crate::ftp_server::{Fault, FtpServer};
use crate::quiet;
use crate::tree::{Place, SIH, admissions, bytes, client_of, impatient_client_of, open, patience, rows, serving};

#[test]
fn a_query_brings_just_the_files_that_it_needs_and_once() {
    let (server, place) = (serving(300), Place::new());
    let client = client_of(&server, place.config());
    let params = admissions(&["202401", "202402"]);
    assert_eq!(rows(&client, &params).unwrap(), 600);
    assert_eq!((server.asked("RETR"), server.asked("LIST")), (2, 2), "{:?}", server.commands());
    assert_eq!(rows(&client, &params).unwrap(), 600);
    assert_eq!((server.asked("RETR"), server.asked("LIST")), (2, 2), "the lake has them, and the listing holds");
    // Another process finds what is there.
    let again = client_of(&server, place.config());
    assert_eq!(rows(&again, &admissions(&["202401", "202402", "202403"])).unwrap(), 900);
    assert_eq!((server.asked("RETR"), server.asked("LIST")), (3, 2));
    let files = place.files();
    assert!(!files.iter().any(|file| file.ends_with(".dbc") || file.ends_with(".part")), "{files:?}");
    assert!(
        files.iter().any(|file| file.starts_with("home/lake/"))
            && files.iter().any(|f| f.starts_with("home/listings/"))
    );
    let report = client.export(&params, datasus::Csv { overwrite: true, ..datasus::Csv::to("a.csv") }).unwrap();
    assert_eq!(report.sources[0].origin.as_deref(), Some(server.address("/dissemin/publicos").as_str()));
    assert!(!report.sources[0].preliminary && report.sources[0].file == "RDAC2401.dbc");
}

#[test]
fn files_stay_where_they_are_to_be_kept() {
    let (server, place) = (serving(50), Place::new());
    let client = client_of(&server, Config { keep_files: true, ..place.config() });
    rows(&client, &admissions(&["202401"])).unwrap();
    let kept = std::fs::read(place.path().join("home/files/SIHSUS/200801_/Dados/RDAC2401.dbc")).unwrap();
    assert!(kept == bytes("RDAC2401.dbc", 50));
    std::fs::remove_dir_all(place.path().join("home/lake")).unwrap();
    let client = client_of(&server, Config { keep_files: true, ..place.config() });
    assert_eq!(rows(&client, &admissions(&["202401"])).unwrap(), 50);
    assert_eq!(server.asked("RETR"), 1);
}

#[test]
fn a_kept_file_that_the_disk_damaged_comes_once_more() {
    let (server, place) = (serving(300), Place::new());
    let client = || client_of(&server, Config { keep_files: true, ..place.config() });
    rows(&client(), &admissions(&["202401"])).unwrap();
    let kept = place.path().join("home/files/SIHSUS/200801_/Dados/RDAC2401.dbc");
    let whole = std::fs::read(&kept).unwrap();
    let mut damaged = whole.clone();
    damaged[9_000] ^= 4;
    std::fs::write(&kept, &damaged).unwrap();
    std::fs::remove_dir_all(place.path().join("home/lake")).unwrap();
    let client = client();
    let report =
        client.export(&admissions(&["202401"]), datasus::Csv { overwrite: true, ..datasus::Csv::to("a.csv") }).unwrap();
    assert_eq!((report.records_processed, server.asked("RETR")), (300, 2));
    assert!(report.warnings.iter().any(|said| said.contains("damaged on this disk")), "{:?}", report.warnings);
    assert!(std::fs::read(&kept).unwrap() == whole);
}

#[test]
fn what_breaks_off_comes_whole_in_three_attempts_and_what_is_damaged_never_counts() {
    let (server, place) = (serving(400), Place::new());
    let client = client_of(&server, place.config());
    let path = |name: &str| format!("{SIH}/{name}");
    server.fault(&path("RDAC2401.dbc"), [Fault::Cut(3_000), Fault::Short(9_000)]);
    // Of the right size, and another content: only the checksum in it tells.
    server.fault(&path("RDAC2403.dbc"), [Fault::Flipped(12_000)]);
    server.manners().busy = 1;
    assert_eq!(rows(&client, &admissions(&["202401", "202403"])).unwrap(), 800);
    let rests: Vec<String> = server.commands().into_iter().filter(|one| one.starts_with("REST")).collect();
    assert!(rests.contains(&"REST 3000".to_owned()) && rests.contains(&"REST 9000".to_owned()), "{rests:?}");
    server.fault(&path("RDAC2402.dbc"), [Fault::Stall(4_000)]);
    let impatient = impatient_client_of(&server, Place::new().config());
    assert_eq!(rows(&impatient, &admissions(&["202402"])).unwrap(), 400);
    assert!(server.asked("REST 4000") > 0, "{:?}", server.commands());
    // A file that is damaged on the server itself is DS-460, and said once.
    let mut damaged = bytes("RDAC2401.dbc", 300);
    damaged[9_000] ^= 4;
    server.put(&path("RDAC2404.dbc"), &damaged);
    let fresh = Place::new();
    let client = client_of(&server, fresh.config());
    let error = rows(&client, &admissions(&["202404"])).unwrap_err();
    assert_eq!(error.code(), Code::DamagedFile, "{error}");
}

#[test]
fn a_listed_file_that_is_gone_is_an_entry_of_the_report_and_the_rest_goes_on() {
    let (server, place) = (serving(60), Place::new());
    let client = client_of(&server, place.config());
    server.fault(&format!("{SIH}/RDAC2402.dbc"), [Fault::Gone, Fault::Gone]);
    let mut params = admissions(&["202401", "202402", "202403"]);
    let error = rows(&client, &params).unwrap_err();
    assert_eq!(error.code(), Code::NotFound);
    assert!(error.detail().contains("RDAC2402.dbc stood in the listing of"), "{error}");
    server.fault(&format!("{SIH}/RDAC2402.dbc"), [Fault::Gone, Fault::Gone]);
    params.options = Options { partial: true, ..params.options };
    let report = client.export(&params, datasus::Csv { overwrite: true, ..datasus::Csv::to("a.csv") }).unwrap();
    assert_eq!((report.records_processed, report.unreadable.len()), (120, 1));
    assert_eq!(report.unreadable[0].error_code, "DS-404");
    let (fresh, mut sync) = (Place::new(), admissions(&["202401", "202402"]));
    server.fault(&format!("{SIH}/RDAC2402.dbc"), [Fault::Gone, Fault::Gone]);
    sync.options.partial = true;
    let report = client_of(&server, fresh.config()).sync(&sync).unwrap();
    assert_eq!((report.files, report.unreadable.len()), (1, 1));
}

#[test]
fn more_than_a_query_may_bring_is_refused_with_its_bytes_and_the_sync_that_brings_it() {
    let (server, place) = (serving(200), Place::new());
    let most = bytes("RDAC2401.dbc", 200).len() as u64 + 10;
    let config = || Config { max_download: most, ..place.config() };
    let client = client_of(&server, config());
    let params = admissions(&["202401", "202402"]);
    let error = rows(&client, &params).unwrap_err();
    let bytes = bytes("RDAC2401.dbc", 200).len() + bytes("RDAC2402.dbc", 200).len();
    assert_eq!((error.code(), error.diagnostic()["bytes"].as_u64()), (Code::InvalidParams, Some(bytes as u64)));
    assert_eq!(server.asked("RETR"), 0);
    let call = error.diagnostic()["sync"][0].clone();
    assert_eq!(call["dataset"], "SIH-RD");
    let report = client.sync(&client.params(&call.to_string()).unwrap()).unwrap();
    assert_eq!((report.files, server.asked("RETR")), (2, 2));
    assert_eq!(rows(&client, &params).unwrap(), 400, "what is there is not brought");
}

#[test]
fn a_plan_says_what_a_sync_would_bring_and_two_files_come_at_once() {
    let (server, place) = (serving(200), Place::new());
    server.put("/dissemin/publicos/SIM/PRELIM/DORES/DOAC2022.dbc", &bytes("DOAC2022.dbc", 200));
    server.manners().slowly = Some((2_000, Duration::from_millis(5)));
    server.manners().together = 2;
    let client = client_of(&server, place.config());
    let all = [admissions(&["202401", "202402", "202403"]), QueryParams::dataset("SIM-DO")];
    let plan = client.plan_sync(&all).unwrap();
    assert_eq!((plan.files, plan.files_to_fetch, plan.files_to_convert, server.asked("RETR")), (4, 4, 4, 0));
    assert_eq!(plan.planned.iter().filter(|file| file.preliminary).count(), 1);
    assert!(plan.bytes_to_fetch > 10_000 && plan.planned[0].listed_at.is_some());
    let mut seen = None;
    let report = client.sync_each(&all, &Cancel::default(), |progress| seen = Some(progress)).unwrap();
    assert_eq!((report.files, server.asked("RETR"), server.most_transfers()), (4, 4, 2));
    assert_eq!(seen.unwrap().snapshot().fraction, Some(1.0));
    let plan = client.plan_sync(&all).unwrap();
    assert_eq!((plan.files, plan.files_to_fetch, plan.files_to_convert), (4, 0, 0));
    // Published anew.
    server.put_at(&format!("{SIH}/RDAC2403.dbc"), &bytes("RDAC2402.dbc", 100), "06-29-24  04:10PM");
    let anew = client_of(&server, Config { refresh: datasus::Refresh::Always, ..place.config() });
    let plan = anew.plan_sync(&all[..1]).unwrap();
    let states = plan.planned.iter().map(|file| serde_json::to_value(file.state).unwrap()).collect::<Vec<_>>();
    assert_eq!(states, ["there", "there", "changed"]);
    let every = anew.plan_sync(&[QueryParams::default()]).unwrap();
    assert_eq!(
        every.planned.iter().map(|file| file.dataset.to_string()).collect::<Vec<_>>(),
        ["SIH-RD", "SIH-RD", "SIH-RD", "SIM-DO"]
    );
    // All that the source holds, into a lake of its own.
    let place = Place::new();
    let all = client_of(&server, place.config());
    let report = all.sync_each(&[QueryParams::default()], &Cancel::default(), |_| {}).unwrap();
    assert_eq!((report.files, all.plan_sync(&[QueryParams::default()]).unwrap().files_to_fetch), (4, 0));
}

#[test]
fn six_files_come_at_once_where_that_is_asked_and_no_more_can_be() {
    let (server, place) = (FtpServer::start(), Place::new());
    let months: Vec<String> = (1..=9).map(|month| format!("2024{month:02}")).collect();
    months.iter().for_each(|month| server.put(&format!("{SIH}/RDAC{}.dbc", &month[2..]), &bytes("RDAC2401.dbc", 200)));
    server.manners().folders.insert("/dissemin/publicos/SIHSUS/199201_200712/Dados".into());
    // None goes on before six have begun, and each lasts a second or more: a seventh would come meanwhile.
    server.manners().slowly = Some((150, Duration::from_millis(20)));
    server.manners().together = 6;
    let client = client_of(&server, Config { transfers: 6, ..place.config() });
    let params = admissions(&months.iter().map(String::as_str).collect::<Vec<_>>());
    let report = client.sync(&params).unwrap();
    assert_eq!((report.files, server.most_transfers()), (9, 6));
    for transfers in [0, 7] {
        let config = Config { transfers, ..place.config() };
        let error = Client::open_with(server.address("/dissemin/publicos"), config).map(drop).unwrap_err();
        assert_eq!(
            (error.code(), &error.diagnostic()["received"]),
            (Code::InvalidParams, &(transfers as u64).into()),
            "{error}"
        );
    }
}

#[test]
fn plans_and_estimates_fetch_nothing_not_even_for_the_types_of_a_dataset_that_the_catalogue_has_none_of() {
    let (server, place) = (serving(200), Place::new());
    server.put(&format!("{SIH}/CHBR2401.dbc"), &bytes("RDAC2401.dbc", 200));
    let most = bytes("RDAC2401.dbc", 200).len() as u64 + 10;
    let client = client_of(&server, Config { max_download: most, ..place.config() });
    let two = admissions(&["202401", "202402"]);
    let told = client.estimate(&two).unwrap();
    let size = (bytes("RDAC2401.dbc", 200).len() + bytes("RDAC2402.dbc", 200).len()) as u64;
    assert_eq!((told.bytes_to_download.likely, told.bytes_to_convert.likely), (size, size));
    assert_eq!((told.files_to_download, told.files), (2, 2));
    assert!(told.basis.contains(&Basis::Listing) && told.exceeds.contains(&Bounded::MaxDownload), "{told:?}");
    assert!(told.rows.low <= 400 && 400 <= told.rows.high, "{told:?}");
    let untyped = QueryParams::dataset("SIH-CH");
    let plan = client.plan_sync(std::slice::from_ref(&untyped)).unwrap();
    assert_eq!((plan.files_to_fetch, server.asked("RETR")), (1, 0));
    assert_eq!((client.estimate(&untyped).unwrap().files_to_download, server.asked("RETR")), (1, 0));
    // Of one month that is here the others of it are alike.
    client.sync(&admissions(&["202401"])).unwrap();
    let told = client.estimate(&two).unwrap();
    assert_eq!((told.files_to_download, server.asked("RETR")), (1, 1));
    assert!(told.rows.low <= 400 && 400 <= told.rows.high && told.rows.high < 700, "{told:?}");
}

#[test]
fn progress_tells_files_bytes_and_pace_while_they_come_and_a_stop_leaves_what_is_complete() {
    let (server, place) = (serving(300), Place::new());
    server.manners().slowly = Some((500, Duration::from_millis(10)));
    // The last one does not end before it is cancelled.
    server.fault(&format!("{SIH}/RDAC2403.dbc"), [Fault::Stall(1_000)]);
    let client = client_of(&server, Config { transfers: 1, ..place.config() });
    let job = client
        .submit(
            &admissions(&["202401", "202402", "202403"]),
            datasus::Csv { overwrite: true, ..datasus::Csv::to("a.csv") },
        )
        .unwrap();
    let until = Instant::now() + quiet::HANGS;
    let coming = loop {
        let now = job.progress();
        if now.phase == Phase::Downloading
            && (1..3).contains(&now.files_done)
            && now.bytes_per_sec.is_some_and(|pace| pace > 0.0)
        {
            break now;
        }
        assert!(Instant::now() < until, "{now:?}");
        std::thread::sleep(Duration::from_millis(2));
    };
    assert!(coming.files_total == 3 && coming.bytes > 0 && coming.bytes_total > Some(coming.bytes), "{coming:?}");
    assert!(coming.remaining_sec.is_some() && coming.fraction.is_some_and(|share| share < 1.0), "{coming:?}");
    job.cancel();
    assert_eq!(job.wait().unwrap_err().code(), Code::Cancelled);
    server.manners().slowly = None;
    server.manners().faults.clear();
    let before = server.asked("RETR");
    assert_eq!(rows(&client, &admissions(&["202401", "202402", "202403"])).unwrap(), 900);
    assert!(server.asked("RETR") - before <= 2, "the first was complete");
    let cancel = Cancel::default();
    cancel.set(CancelReason::Interrupted);
    assert_eq!(client.sync_until(&admissions(&["202401"]), &cancel).unwrap_err().code(), Code::Cancelled);
}

#[test]
fn of_the_tree_only_the_catalogues_folders_count_and_final_comes_before_preliminary() {
    let (server, place) = (serving(80), Place::new());
    let twice = bytes("RDAC2401.dbc", 70);
    server.put("/dissemin/publicos/SIHSUS/DBF/RDAC2401.dbc", &twice);
    server.put("/dissemin/publicos/SIHSUS/MHJ_14_16/RDAC2401.dbc", &twice);
    server.put(&format!("{SIH}/DOAC2022.dbc"), &bytes("DOAC2022.dbc", 10));
    server.put("/dissemin/publicos/SIM/PRELIM/DORES/DOAC2022.dbc", &bytes("DOAC2022.dbc", 40));
    server.put("/dissemin/publicos/SIM/PRELIM/DORES/DORR2022.dbc", &bytes("DORR2022.dbc", 40));
    server.put("/dissemin/publicos/SIM/CID10/DORES/DOAC2022.dbc", &bytes("DOAC2022.dbc", 50));
    let client = client_of(&server, place.config());
    assert_eq!(rows(&client, &admissions(&["202401"])).unwrap(), 80);
    let deaths = QueryParams::dataset("SIM-DO").uf(["AC", "RR"]).competencia("2022").columns(["SEXO"]);
    let report = client.export(&deaths, datasus::Csv { overwrite: true, ..datasus::Csv::to("a.csv") }).unwrap();
    let sources: Vec<(String, u64, bool)> =
        report.sources.into_iter().map(|source| (source.file, source.rows, source.preliminary)).collect();
    assert_eq!(sources, [("DOAC2022.dbc".into(), 100, false), ("DORR2022.dbc".into(), 80, true)]);
    assert!(report.warnings.iter().any(|warning| warning.contains("preliminary")), "{:?}", report.warnings);
    let holdings = client.datasets().unwrap();
    let ignored: Vec<String> = holdings.ignored.iter().map(|file| file.file.clone()).collect();
    for expected in ["SIHSUS/DBF", "SIHSUS/MHJ_14_16", "SIHSUS/200801_/Dados/DOAC2022.dbc"] {
        assert!(ignored.iter().any(|file| file == expected), "{expected}: {ignored:?}");
    }
    assert_eq!(holdings.datasets.len(), 2);
}

#[test]
fn parts_are_read_together_and_a_whole_file_beside_them_is_refused() {
    let (server, place) = (serving(10), Place::new());
    let sia = "/dissemin/publicos/SIASUS/200801_/Dados";
    for (name, rows) in [("PAAC2404a.dbc", 20), ("PAAC2404b.dbc", 30)] {
        server.put(&format!("{sia}/{name}"), &bytes("RDAC2401.dbc", rows));
    }
    let params = QueryParams::dataset("SIA-PA").uf(["AC"]).competencia("202404");
    assert_eq!(rows(&client_of(&server, place.config()), &params).unwrap(), 50);
    server.put(&format!("{sia}/PAAC2404.dbc"), &bytes("RDAC2401.dbc", 50));
    let place = Place::new();
    let error = rows(&client_of(&server, place.config()), &params).unwrap_err();
    assert_eq!(error.code(), Code::Conflict, "{error}");
    // The same name in another case is the same file twice: one if the rows are the same.
    server.put(&format!("{SIH}/RDAC2401.DBC"), &bytes("RDAC2401.dbc", 10));
    assert_eq!(rows(&client_of(&server, place.config()), &admissions(&["202401"])).unwrap(), 10);
    server.put(&format!("{SIH}/RDAC2402.DBC"), &bytes("RDAC2401.dbc", 10));
    let place = Place::new();
    let error = rows(&client_of(&server, place.config()), &admissions(&["202402"])).unwrap_err();
    assert_eq!(error.code(), Code::Conflict, "{error}");
}

#[test]
fn the_source_behind_serves_where_the_first_does_not_and_the_error_names_them() {
    let (ill, well, place) = (FtpServer::start(), serving(90), Place::new());
    ill.manners().down = true;
    let config = Config { mirrors: vec![well.address("/dissemin/publicos")], ..place.config() };
    let client = open(&ill.address("/dissemin/publicos"), config);
    assert_eq!(rows(&client, &admissions(&["202401"])).unwrap(), 90);
    let report =
        client.export(&admissions(&["202401"]), datasus::Csv { overwrite: true, ..datasus::Csv::to("a.csv") }).unwrap();
    assert_eq!(report.sources[0].origin.as_deref(), Some(well.address("/dissemin/publicos").as_str()));
    // It lists, and its data connections die.
    let (half, place) = (serving(90), Place::new());
    half.fault(&format!("{SIH}/RDAC2401.dbc"), [Fault::Cut(0), Fault::Cut(0), Fault::Cut(0)]);
    let config = Config { mirrors: vec![well.address("/dissemin/publicos")], ..place.config() };
    let client = open(&half.address("/dissemin/publicos"), config);
    let report =
        client.export(&admissions(&["202401"]), datasus::Csv { overwrite: true, ..datasus::Csv::to("a.csv") }).unwrap();
    assert_eq!((report.records_processed, half.asked("RETR")), (90, 3));
    assert!(report.warnings.iter().any(|warning| warning.contains("which came from")), "{:?}", report.warnings);
    // A folder of this machine with the same tree is a source like any other.
    let copy = tempfile::tempdir().unwrap();
    let folder = copy.path().join("SIHSUS/200801_/Dados");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("RDAC2401.dbc"), bytes("RDAC2401.dbc", 35)).unwrap();
    let place = Place::new();
    let config = Config { mirrors: vec![copy.path().display().to_string()], ..place.config() };
    assert_eq!(rows(&open("ftp://127.0.0.1:1/x", config), &admissions(&["202401"])).unwrap(), 35);
    let place = Place::new();
    let config = Config { mirrors: vec![ill.address("/b")], ..place.config() };
    let error = rows(&open("ftp://127.0.0.1:1/a", config), &admissions(&["202401"])).unwrap_err();
    let said = error.detail();
    assert_eq!(error.code(), Code::Unreachable);
    for word in ["the server is down", "blocks this network or this country", "ftp://127.0.0.1:1/a", &ill.address("/b")]
    {
        assert!(said.contains(word), "{word}: {said}");
    }
}

#[test]
fn a_server_whose_data_ports_are_blocked_is_left_alone_after_three_attempts() {
    let (blocked, well, place) = (serving(40), serving(40), Place::new());
    let mirrors = vec![well.address("/dissemin/publicos")];
    let client = client_of(&blocked, Config { mirrors, transfers: 1, ..place.config() });
    let params = admissions(&["202401", "202402", "202403"]);
    assert_eq!(client.plan_sync(std::slice::from_ref(&params)).unwrap().files, 3);
    blocked.manners().no_data = true;
    blocked.forget_commands();
    assert_eq!(rows(&client, &params).unwrap(), 120);
    assert_eq!((blocked.asked("EPSV"), well.asked("RETR")), (3, 3), "not three for each file");
}

#[test]
fn a_query_that_is_wrong_asks_no_server_and_an_address_without_a_scheme_is_no_source() {
    let (server, place) = (serving(10), Place::new());
    let client = client_of(&server, place.config());
    let error = rows(&client, &QueryParams::dataset("SIH-XX")).unwrap_err();
    assert_eq!((error.code(), server.commands().len()), (Code::NotFound, 0));
    let params = QueryParams::dataset("SIH-RD").uf(["AC"]).competencia("209901");
    let error = rows(&client, &params).unwrap_err();
    assert_eq!(error.code(), Code::NotFound, "{error}");
    let warned = QueryParams { options: Options { missing: MissingFiles::Warn, ..Options::default() }, ..params };
    assert_eq!(rows(&client, &warned).unwrap(), 0);
    let refused = Client::builder("gopher://x/y").config(place.config()).patience(patience()).open();
    assert_eq!(refused.err().map(|error| error.code()), Some(Code::NotFound));
}
