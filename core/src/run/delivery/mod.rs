//! Rows to where they go, in their order, all of them or none: here to the sinks of a job, and to a reader at its pace (`reader`).

mod reader;

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

pub(super) use self::reader::ToReader;
use crate::base::{Chunk, Code, Ctx, Error, Result, text};
use crate::lake::LakeFile;
use crate::sink::{FanOut, Stored};

/// Every chunk to every sink that has not got it; nothing is published unless all rows came and no source changed
/// meanwhile.
pub(super) fn deliver(
    mut chunks: impl Iterator<Item = Result<Chunk>>,
    schema: &SchemaRef,
    mut fan_out: FanOut,
    files: &[LakeFile],
    expected: Option<u64>,
    ctx: &Ctx,
) -> Result<(u64, Vec<Stored>), Arc<Error>> {
    let mut rows = fan_out.held_rows().map(|(_, rows)| rows).min().unwrap_or(0);
    ctx.progress.begin_rows(rows);
    if let Some(expected) = expected {
        ctx.progress.expect_rows(expected);
    }
    let mut pump = || -> Result<(), Arc<Error>> {
        for chunk in chunks.by_ref() {
            let mut chunk = chunk?;
            chunk.batch = with_schema(chunk.batch, schema)?;
            let count = chunk.batch.num_rows() as u64;
            fan_out.write(&chunk)?;
            rows += count;
            ctx.progress.add_rows(count);
            ctx.slot.yield_now();
        }
        ctx.check()?;
        files.iter().try_for_each(LakeFile::still_unchanged)?;
        Ok(())
    };
    match pump() {
        Ok(()) => Ok((rows, fan_out.finish()?)),
        Err(error) => {
            let error = why(&error, ctx);
            fan_out.abandon(&error);
            Err(error)
        }
    }
}

/// Why a delivery failed that noticed `error` first: a cancelled or late job says so. To be asked while the statement still runs, as
/// dropping it sets the token as well.
fn why(error: &Error, ctx: &Ctx) -> Arc<Error> {
    let error = ctx.check().err().unwrap_or_else(|| error.clone());
    Arc::new(error.traced(&ctx.trace_id, ctx.language))
}

/// Two columns of one name: no sink could tell them apart. Only SQL can ask for them.
pub(super) fn refuse_same_names(schema: &SchemaRef) -> Result<()> {
    let mut seen = std::collections::BTreeSet::new();
    let Some(name) = schema.fields().iter().map(|field| field.name()).find(|name| !seen.insert(name.to_lowercase()))
    else {
        return Ok(());
    };
    Err(Error::new(
        Code::InvalidParams,
        text!(
            "A coluna {name} aparece duas vezes na resposta; dê-lhe um apelido (AS) ou junte com USING",
            "Column {name} appears twice in the answer; give it an alias (AS) or join by USING"
        ),
    )
    .with("received", name.as_str())
    .stage("query"))
}

fn with_schema(batch: RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    if batch.schema_ref() == schema {
        return Ok(batch);
    }
    RecordBatch::try_new(schema.clone(), batch.columns().to_vec()).map_err(Error::internal)
}
