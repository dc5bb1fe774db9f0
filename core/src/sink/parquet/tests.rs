use std::sync::Arc;

use ::arrow::array::{ArrayRef, Decimal128Array, RecordBatch, StringArray};
use ::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::*;
use crate::base::Origin;
use crate::recovery::SinkState;
use crate::sink::Destination;

#[test]
fn a_parquet_file_reads_back_equal_with_its_metadata_statistics_and_bounded_groups() {
    let folder = tempfile::tempdir().unwrap();
    let root = OutputRoot::open(&folder.path().join("out")).unwrap();
    let text: ArrayRef = Arc::new(StringArray::from_iter((0..1000).map(|i| (i % 7 != 0).then(|| format!("{i:07}")))));
    let money = Decimal128Array::from_iter_values((0..1000).map(|i| i * 101)).with_precision_and_scale(14, 2).unwrap();
    let batch = RecordBatch::try_from_iter([("codigo", text), ("valor", Arc::new(money) as ArrayRef)]).unwrap();
    let spec: Destination = serde_json::from_str(r#"{"parquet": {"row_group_rows": 300}}"#).unwrap();
    let env = TargetEnv { root: &root, credentials: Default::default() };
    let info = ResultInfo { file_stem: "cdc3e2".into(), about: "linhas".into(), ..Default::default() };
    let mut sink = spec.target().open(&env, &info, SinkState::of_test(folder.path(), 0)).unwrap();
    sink.start(&batch.schema(), &Ctx::default()).unwrap();
    sink.write(&Chunk { unit: UnitId(0), batch: batch.clone(), origin: Origin::default() }).unwrap();
    sink.seal().unwrap();
    let stored = sink.finish().unwrap();
    assert_eq!((stored.location.as_str(), stored.rows), ("cdc3e2.parquet", 1000));
    let path = folder.path().join("out").join(stored.location);
    assert_eq!(path.metadata().unwrap().len(), stored.bytes);
    let builder = ParquetRecordBatchReaderBuilder::try_new(std::fs::File::open(path).unwrap()).unwrap();
    let footer = builder.metadata().clone();
    assert!(footer.row_groups().iter().all(|g| g.num_rows() <= 300 && g.column(1).statistics().is_some()));
    assert!(footer.file_metadata().key_value_metadata().unwrap().iter().any(|kv| kv.key == "datasus.about"));
    let back: Vec<_> = builder.build().unwrap().collect::<Result<_, _>>().unwrap();
    assert_eq!(::arrow::compute::concat_batches(&batch.schema(), &back).unwrap(), batch);
}
