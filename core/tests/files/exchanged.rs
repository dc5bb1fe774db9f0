//! A file in the place of another that is alike in name, size and time.

use std::path::PathBuf;

use crate::*;

impl Place {
    /// The first value of a column.
    fn first(&self, column: &str) -> String {
        let params = rd().columns([column]).order_by(column, false).limit(1);
        let mut answer = self.client().query(&params).unwrap();
        let batch = answer.next().unwrap().unwrap();
        batch.column(0).as_string::<i32>().value(0).to_owned()
    }

    fn objects(&self) -> Vec<(PathBuf, SystemTime)> {
        let mut found = Vec::new();
        find(&self.elsewhere.path().join("lake"), &mut found);
        found.retain(|path| path.extension().is_some_and(|extension| extension == "parquet"));
        found.sort();
        found.into_iter().map(|path| (path.clone(), path.metadata().unwrap().modified().unwrap())).collect()
    }

    fn of_time(&self, name: &str, first: usize) {
        self.dbc("x.dbc", first, 10).dbf_of("x.dbc", name).changed(name, 0);
    }
}

#[test]
fn a_file_that_was_exchanged_for_one_alike_is_noticed() {
    let place = Place::new();
    place.of_time("RDAC2401.dbf", 0);
    assert_eq!(place.first("N_AIH"), "0000000000000");
    // Another file under its name.
    place.of_time("novo.dbf", 500);
    std::fs::rename(place.path("novo.dbf"), place.path("RDAC2401.dbf")).unwrap();
    assert_eq!(place.first("N_AIH"), "0000000000500");
    // The same file, written over.
    place.of_time("RDAC2401.dbf", 700);
    assert_eq!(place.first("N_AIH"), "0000000000700");
    assert_eq!(place.objects().len(), 3);
    // What was there before is in the lake still.
    place.of_time("RDAC2401.dbf", 0);
    assert_eq!(place.first("N_AIH"), "0000000000000");
    assert_eq!(place.objects().len(), 3);
}

#[test]
fn a_copy_of_a_file_is_looked_at_once_and_not_converted_again() {
    let place = Place::new();
    place.of_time("RDAC2401.dbf", 0);
    assert_eq!(place.first("N_AIH"), "0000000000000");
    let (objects, seen) = (place.objects(), place.elsewhere.path().join("lake/.seen"));
    assert!(!seen.exists(), "what was converted here is known by its record");
    // As `cp -a` and rsync do.
    std::fs::copy(place.path("RDAC2401.dbf"), place.path("copia")).unwrap();
    std::fs::rename(place.path("copia"), place.path("RDAC2401.dbf")).unwrap();
    place.changed("RDAC2401.dbf", 0);
    let notes = || -> Vec<SystemTime> {
        let entries = std::fs::read_dir(&seen).unwrap();
        entries.map(|entry| entry.unwrap().metadata().unwrap().modified().unwrap()).collect()
    };
    assert_eq!(place.first("N_AIH"), "0000000000000");
    let first = notes();
    assert_eq!(first.len(), 1);
    for _ in 0..2 {
        assert_eq!(place.first("N_AIH"), "0000000000000");
    }
    assert_eq!((place.objects(), notes()), (objects, first));
}

#[test]
fn the_users_own_parquet_is_looked_at_again_where_another_is_in_its_place() {
    let place = Place::new();
    let write = |municipality: &str| {
        let properties = parquet::file::properties::WriterProperties::builder().build();
        let text: ArrayRef = Arc::new(StringArray::from(vec![municipality; 20]));
        let batch = RecordBatch::try_from_iter_with_nullable([("MUNIC_RES", text, true)]).unwrap();
        let path = place.path("RDAC2401.parquet");
        let mut writer = ArrowWriter::try_new(File::create(&path).unwrap(), batch.schema(), Some(properties)).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        place.changed("RDAC2401.parquet", 0);
        path.metadata().unwrap().len()
    };
    let size = write("120040");
    assert_eq!(place.first("MUNIC_RES"), "120040");
    assert_eq!(write("12004 "), size, "alike");
    assert_eq!(place.first("MUNIC_RES"), "12004", "as the DBC has it");
}
