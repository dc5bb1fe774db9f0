//! What planning asks of the folder: its names once a query, and of the files only those that the query selects.

use std::collections::BTreeSet;
use std::ffi::{CString, OsStr};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use datasus::faces::FileSystem;

use super::*;

/// What is opened in a folder from now on, by whomever; the folder itself as an empty name.
struct Opened(OwnedFd);

impl Opened {
    fn watch(folder: &Path) -> Self {
        let path = CString::new(folder.as_os_str().as_bytes()).unwrap();
        // SAFETY: the descriptor is new and nobody else's.
        let watch = unsafe { OwnedFd::from_raw_fd(libc::inotify_init1(libc::IN_NONBLOCK | libc::IN_CLOEXEC)) };
        // SAFETY: `path` ends with a NUL and outlives the call.
        assert!(unsafe { libc::inotify_add_watch(watch.as_raw_fd(), path.as_ptr(), libc::IN_OPEN) } >= 0);
        Opened(watch)
    }

    fn since(&self) -> Vec<String> {
        let mut bytes = vec![0_u8; 1 << 20];
        // SAFETY: so many bytes may be written there.
        let read = unsafe { libc::read(self.0.as_raw_fd(), bytes.as_mut_ptr().cast(), bytes.len()) };
        let mut rest = &bytes[..usize::try_from(read).unwrap_or(0)];
        let mut names = Vec::new();
        const HEAD: usize = size_of::<libc::inotify_event>();
        while rest.len() >= HEAD {
            let length = u32::from_ne_bytes(rest[HEAD - 4..HEAD].try_into().unwrap()) as usize;
            let name: Vec<u8> = rest[HEAD..HEAD + length].iter().copied().take_while(|byte| *byte != 0).collect();
            names.push(OsStr::from_bytes(&name).to_string_lossy().into_owned());
            rest = &rest[HEAD + length..];
        }
        names
    }
}

/// Months that have a column of their own each, which the catalogue does not know.
fn with_columns(place: &Place, months: std::ops::RangeInclusive<usize>) {
    for month in months {
        let own = format!("DO_MES_{month:02}");
        let fields = [("N_AIH", b'C', 13, 0), (own.as_str(), b'C', 4, 0)];
        let file = File::create(place.path(&format!("RDAC24{month:02}.dbc"))).unwrap();
        let mut writer = DbcWriter::create(file, &fields, WriteOptions::default()).unwrap();
        writer.write(&[&format!("{month:013}"), "abcd"]).unwrap();
        writer.finish().unwrap();
    }
}

#[test]
fn a_query_opens_the_files_that_it_selects_and_no_others() {
    let place = Place::new();
    with_columns(&place, 1..=12);
    place.parquet("RDAC2312.parquet", 0, 3);
    let client = place.client();
    let opened = Opened::watch(place.folder.path());
    let files = || opened.since().into_iter().filter(|name| !name.is_empty()).collect::<BTreeSet<String>>();
    let june = QueryParams::dataset("SIH-RD").uf(["AC"]).competencia("2024-06");
    let only = |name: &str| BTreeSet::from([name.to_owned()]);

    assert_eq!(rows(&client, &june).unwrap().0, 1);
    assert_eq!(files(), only("RDAC2406.dbc"));
    // Now it is converted, and nobody but it is asked for a column that the catalogue does not know.
    assert_eq!(rows(&client, &june.clone().columns(["N_AIH", "DO_MES_06"])).unwrap().0, 1);
    assert!(files().is_subset(&only("RDAC2406.dbc")));
    // An export that writes where nothing lies yet looks at none of the Parquet.
    client.export(&june, datasus::Csv::to("junho.csv")).unwrap();
    assert_eq!(files(), BTreeSet::new());

    // One that only another month has is known all the same, and NULL; one that none has is refused, with what is near.
    let (_, report) = rows(&client, &june.clone().columns(["N_AIH", "DO_MES_07"])).unwrap();
    assert!(report.warnings.iter().any(|warning| warning.contains("DO_MES_07")), "{:?}", report.warnings);
    assert!(files().contains("RDAC2407.dbc"));
    let refused = rows(&client, &june.clone().columns(["DO_MES_99"])).unwrap_err();
    assert!(refused.detail().contains("DO_MES_0"), "{}", refused.detail());

    // What is missing is said with all that is there.
    let absent = QueryParams::dataset("SIH-RD").uf(["AC"]).competencia("2025-01");
    let error = rows(&client, &absent).unwrap_err();
    assert_eq!(error.code(), Code::NotFound);
    assert_eq!(error.diagnostic()["files_in_folder"], 13);
    assert_eq!(client.explain(&june).unwrap().files.present, 13);
    assert_eq!(client.datasets().unwrap().datasets[0].files, 13);
}

#[test]
fn the_names_of_a_folder_are_read_once_a_query_and_not_at_all_while_it_stands_still() {
    let place = Place::new();
    place.dbc("sub/RDAC2401.dbc", 0, 3).dbc("sub/RDAC2402.dbc", 0, 3);
    let client = place.client();
    let folder = place.folder.path().join("sub");
    let opened = Opened::watch(&folder);
    let readings = || opened.since().iter().filter(|name| name.is_empty()).count();
    let counted = |params: &QueryParams| rows(&client, params).unwrap().0;

    // Changed just now: it may change once more without another time, and is read again by each.
    assert_eq!((counted(&rd()), readings()), (6, 1));
    // Longer than a folder has to stand still; whatever the machine does, it is never too long.
    std::thread::sleep(Duration::from_millis(3_100));
    assert_eq!((counted(&rd()), readings()), (6, 1));
    let remembers = FileSystem::of(&folder).unwrap().keeps_folder_times();
    for _ in 0..3 {
        assert_eq!((counted(&rd()), readings()), (6, usize::from(!remembers)));
    }

    // A file that is written anew in its place leaves the folder's time: it is asked each time.
    place.dbc("sub/RDAC2402.dbc", 100, 5);
    assert_eq!((counted(&rd()), readings()), (8, usize::from(!remembers)));
    // What comes, goes or is moved is seen at once.
    place.dbc("sub/RDAC2403.dbc", 0, 7);
    assert_eq!((counted(&rd()), readings()), (15, 1));
    std::fs::remove_file(folder.join("RDAC2401.dbc")).unwrap();
    assert_eq!((counted(&rd()), readings()), (12, 1));
    std::fs::rename(folder.join("RDAC2402.dbc"), folder.join("RDAC2402.dbc.velho")).unwrap();
    assert_eq!((counted(&rd()), readings()), (7, 1));
    place.dbc("novo/RDAC2312.dbc", 0, 2);
    assert_eq!(counted(&rd()), 9);
}

/// A folder that has just changed is read by each query, and by none twice, whatever it has to know of its files.
#[test]
fn a_listing_of_a_hundred_thousand_files_is_read_once_by_a_query_and_the_selected_files_alone_are_opened() {
    let place = Place::new();
    let folder = place.folder.path().join("sub");
    std::fs::create_dir(&folder).unwrap();
    let ufs = ["AC", "AL", "AM", "AP", "BA", "CE", "DF", "ES", "GO", "MA", "MG", "MS", "MT", "PA", "PB", "PE", "PI"];
    // Empty, as nobody looks into them.
    let mut named = Vec::new();
    for (grupo, uf, year) in ["RD", "SP"]
        .into_iter()
        .flat_map(|grupo| ufs.map(move |uf| (grupo, uf)))
        .flat_map(|(grupo, uf)| (0..15).map(move |year| (grupo, uf, year)))
    {
        named.extend((1..=12).map(|month| format!("{grupo}{uf}{year:02}{month:02}.dbc")));
    }
    let others = (0..).map(|number| format!("anexo-{number}.txt"));
    named.into_iter().chain(others).take(100_000).for_each(|name| drop(File::create(folder.join(name)).unwrap()));
    for month in 1..=2 {
        place.dbc(&format!("sub/RDRR24{month:02}.dbc"), 0, 3).dbc(&format!("sub/SPRR24{month:02}.dbc"), 0, 2);
    }
    let client = place.client();
    let opened = Opened::watch(&folder);
    let wanted = |params: QueryParams| params.uf(["RR"]).competencia("2024-01");
    let sql = "SELECT count(*) AS n FROM sih_rd UNION ALL SELECT count(*) FROM sih_sp";
    let all = [
        (rd(), 3, "RDRR2401.dbc"),
        // Known of other files alone: all of the dataset are asked for it.
        (rd().columns(["N_AIH", "COLUNA"]), 0, ""),
        (QueryParams::sql(sql), 2, "SPRR2401.dbc"),
        (QueryParams::sql("DESCRIBE sih_rd"), 0, ""),
    ];
    for (number, (asked, counts, files)) in all.into_iter().enumerate() {
        // Its time is now once more.
        drop(File::create(folder.join(format!("agora-{number}.txt"))).unwrap());
        opened.since();
        let answer = client.query(&wanted(asked.clone())).and_then(|rows| rows.collect_batches());
        let readings = opened.since();
        let seen = readings.iter().filter(|name| name.is_empty()).count();
        assert!(seen <= 1, "{seen} readings for {asked:?}");
        if counts > 0 {
            assert_eq!(answer.unwrap().iter().map(|batch| batch.num_rows()).sum::<usize>(), counts);
            let read: BTreeSet<&str> = readings.iter().map(String::as_str).filter(|name| !name.is_empty()).collect();
            assert!(read.contains(files) && read.len() <= 2, "{read:?}");
        }
    }
}

#[test]
fn a_folder_whose_time_was_set_back_is_read_again() {
    let place = Place::new();
    place.dbc("RDAC2401.dbc", 0, 3);
    let client = place.client();
    std::thread::sleep(Duration::from_millis(3_100));
    assert_eq!(rows(&client, &rd()).unwrap().0, 3);
    // As those do who copy a folder with its times.
    let before = std::fs::metadata(place.folder.path()).unwrap().modified().unwrap();
    place.dbc("RDAC2402.dbc", 0, 4);
    File::open(place.folder.path()).unwrap().set_modified(before).unwrap();
    assert_eq!(rows(&client, &rd()).unwrap().0, 7);
}

#[test]
fn a_link_that_leads_elsewhere_is_noticed_though_its_folder_stands_still() {
    let (place, other) = (Place::new(), Place::new());
    other.dbc("a/RDAC2401.dbc", 0, 3).dbc("b/RDAC2401.dbc", 0, 4).dbc("b/RDAC2402.dbc", 0, 5);
    let target = other.folder.path().join("now");
    std::os::unix::fs::symlink(other.path("a"), &target).unwrap();
    std::os::unix::fs::symlink(&target, place.folder.path().join("link")).unwrap();
    let client = place.client();
    std::thread::sleep(Duration::from_millis(3_100));
    assert_eq!(rows(&client, &rd()).unwrap().0, 3);
    std::fs::remove_file(&target).unwrap();
    std::os::unix::fs::symlink(other.path("b"), &target).unwrap();
    assert_eq!(rows(&client, &rd()).unwrap().0, 9);
    std::fs::remove_file(&target).unwrap();
    let gone = rows(&client, &rd()).unwrap_err();
    assert_eq!(gone.code(), Code::NotFound);
}
