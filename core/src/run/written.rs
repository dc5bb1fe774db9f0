//! Results that a cluster writes: Parquet in a folder of the job's that the cluster and this machine share (`engine_folder`), loaded from
//! there. Which files they are is part of the job's plan from the moment that all of them are there, so that a resume loads exactly them.

use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::base::{Code, Error, Result, UnitPlaces, text};
use crate::columnar::arrow_footer;
use crate::plan::{Output, ReadGroups, Scan, ScanFile};
use crate::store::Handle;

/// A result that a cluster writes, or has written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Written {
    /// The job's own, in the shared one.
    pub folder: PathBuf,
    /// In the order of the rows; none while not all of them are there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parts: Option<Vec<Part>>,
}

/// One of its files, and what makes it the same file. Its footer tells of every page; the pages themselves may be too many to be read
/// twice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Part {
    pub path: PathBuf,
    pub bytes: u64,
    pub footer_sha256: String,
    pub row_groups: Vec<u64>,
}

impl Part {
    pub fn of(path: PathBuf) -> Result<Self> {
        let failed = |error| Error::io(error, &path).stage("recovery");
        let mut file = File::open(&path).map_err(failed)?;
        let footer = arrow_footer(&file).map_err(Error::internal)?;
        let rows = |group: &parquet::file::metadata::RowGroupMetaData| u64::try_from(group.num_rows()).unwrap_or(0);
        let row_groups = footer.metadata().row_groups().iter().map(rows).collect();
        let (bytes, footer_sha256) = fingerprint(&mut file).map_err(failed)?;
        Ok(Part { bytes, footer_sha256, row_groups, path })
    }

    /// DS-409 where it is another one by now.
    fn check(&self) -> Result<()> {
        let found = File::open(&self.path).and_then(|mut file| fingerprint(&mut file));
        match found {
            Ok((bytes, sha256)) if bytes == self.bytes && sha256 == self.footer_sha256 => Ok(()),
            Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::io(error, &self.path).stage("recovery")),
            _ => {
                let shown = self.path.display();
                Err(Error::new(
                    Code::Conflict,
                    text!(
                        "O resultado {shown}, que o cluster gravou, não está mais como era, e continuar não seria exato; descarte o trabalho e repita-o",
                        "The result {shown} that the cluster wrote is not what it was, and going on would not be exact; discard the job and run it again"
                    ),
                )
                .file(shown.to_string())
                .stage("recovery"))
            }
        }
    }
}

/// Bytes of a Parquet file, and the hash of its footer.
fn fingerprint(file: &mut File) -> std::io::Result<(u64, String)> {
    let bytes = file.metadata()?.len();
    let mut tail = [0; 8];
    file.seek(SeekFrom::Start(bytes.saturating_sub(8)))?;
    file.read_exact(&mut tail)?;
    let length = u64::from(u32::from_le_bytes([tail[0], tail[1], tail[2], tail[3]])) + 8;
    file.seek(SeekFrom::Start(bytes.saturating_sub(length)))?;
    let mut footer = Vec::new();
    file.take(length).read_to_end(&mut footer)?;
    Ok((bytes, hex::encode(Sha256::digest(&footer))))
}

/// A job's folder in the shared one. DS-403, DS-507 and their like where it cannot be made.
pub(super) fn create(shared: &Path, job: &str) -> Result<PathBuf> {
    let folder = std::path::absolute(shared.join(name_of(job))).map_err(|error| Error::io(error, shared))?;
    std::fs::create_dir_all(&folder).map_err(|error| Error::io(error, &folder).stage("recovery"))?;
    Ok(folder)
}

fn name_of(job: &str) -> String {
    format!("datasus-{job}")
}

/// Removes what the cluster wrote for a job; `plan` is the job's, as it is stored.
pub(super) fn remove(plan: &serde_json::Value, job: &str) -> Result<()> {
    let Some(folder) = plan["written"]["folder"].as_str().map(Path::new) else { return Ok(()) };
    // A record can be wrong; what is not a job's folder stays.
    if folder.file_name().and_then(|name| name.to_str()) != Some(name_of(job).as_str()) {
        return Ok(());
    }
    // A task that the cluster has not ended yet may make a file while the others go.
    for again in [true, true, false] {
        match std::fs::remove_dir_all(folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => break,
            Err(error) if !again => return Err(Error::io(error, folder).stage("recovery")),
            _ => {}
        }
    }
    Ok(())
}

/// The schema of the result.
pub(super) fn schema_of(parts: &[Part]) -> Result<SchemaRef> {
    let first = parts.first().ok_or_else(|| Error::internal("a written result without files"))?;
    let file = File::open(&first.path).map_err(|error| Error::io(error, &first.path).stage("recovery"))?;
    let read = arrow_footer(&file).map_err(Error::internal)?;
    let fields = read.schema().fields().iter().map(|of| Field::new(of.name(), of.data_type().clone(), true));
    Ok(Arc::new(Schema::new(fields.collect::<Vec<_>>())))
}

/// The scan of it. DS-409 where it is not what was written.
pub(super) fn scan(parts: &[Part], schema: &SchemaRef) -> Result<Scan> {
    parts.iter().try_for_each(Part::check)?;
    let file = |part: &Part| ScanFile {
        object: Handle::file(&part.path),
        name: "".into(),
        row_groups: part.row_groups.clone(),
        own: false,
        constants: Vec::new(),
        sample: None,
        without: None,
    };
    Ok(Scan {
        schema: schema.clone(),
        outputs: schema.fields().iter().map(|field| Output::Column(field.name().clone())).collect(),
        predicates: Vec::new(),
        made: Vec::new(),
        limit: None,
        files: parts.iter().map(file).collect(),
        read: ReadGroups::default(),
        seen: None,
    })
}

/// Where its units lie: its rows are counted through all files.
pub(super) fn places(scan: &Scan, rows: usize) -> UnitPlaces {
    let mut places = scan.places(rows);
    let (mut groups, mut first) = (places.groups.iter_mut(), 0);
    for (group, rows) in groups.by_ref().zip(scan.files.iter().flat_map(|file| &file.row_groups)) {
        group.2 = first;
        first += rows;
    }
    places
}

#[cfg(test)]
mod tests {
    use arrow::array::{Int32Array, RecordBatch};
    use parquet::arrow::ArrowWriter;

    use super::*;

    fn part(folder: &Path, name: &str, rows: i32) -> Part {
        let column = Arc::new(Int32Array::from_iter_values(0..rows)) as _;
        let batch = RecordBatch::try_from_iter([("n", column)]).unwrap();
        let mut writer = ArrowWriter::try_new(File::create(folder.join(name)).unwrap(), batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        Part::of(folder.join(name)).unwrap()
    }

    #[test]
    fn rows_are_counted_through_all_files_and_another_file_is_refused() {
        let place = tempfile::tempdir().unwrap();
        let parts = [part(place.path(), "a", 25), part(place.path(), "b", 7)];
        let scan = scan(&parts, &schema_of(&parts).unwrap()).unwrap();
        let places = places(&scan, 10);
        let of = |unit| places.of(crate::base::UnitId(unit)).unwrap().1;
        assert_eq!([of(0), of(1), of(2), of(3)], [0, 10, 20, 25]);
        part(place.path(), "b", 8);
        let error = super::scan(&parts, &scan.schema).unwrap_err();
        assert_eq!(error.code(), Code::Conflict, "{error}");
        std::fs::remove_file(place.path().join("a")).unwrap();
        assert_eq!(super::scan(&parts, &scan.schema).unwrap_err().code(), Code::Conflict);
    }

    #[test]
    fn only_the_jobs_own_folder_is_removed() {
        let place = tempfile::tempdir().unwrap();
        let ours = create(place.path(), "J1").unwrap();
        let plan = |folder: &Path| serde_json::json!({"written": {"folder": folder}});
        remove(&plan(place.path()), "J1").unwrap();
        remove(&plan(&ours), "J2").unwrap();
        remove(&serde_json::json!({}), "J1").unwrap();
        assert!(ours.exists());
        remove(&plan(&ours), "J1").unwrap();
        assert!(!ours.exists());
        remove(&plan(&ours), "J1").unwrap();
    }
}
