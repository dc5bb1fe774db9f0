//! A query's files in the lake, wherever the source lies: those that have to come from elsewhere are fetched, several at once, and each
//! is converted while others come.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;

use crossbeam_channel::bounded;

use super::environment::Environment;
use crate::base::{Code, Ctx, Error, Result, text};
use crate::catalog::{Dataset, Grupo};
use crate::lake::{ConvertOptions, LakeFile};
use crate::mirror::{Fetched, Mirror};
use crate::params::Query;
use crate::plan::Selection;
use crate::source::folder::{FileKind, SourceFile};
use crate::store::Object;

/// Files that have come and wait to be converted.
const WAITING: usize = 4;

impl Environment {
    /// As [`Lake::ensure`](crate::lake::Lake::ensure), and what is not here is fetched first.
    pub(super) fn in_lake(&self, files: &[SourceFile], options: &ConvertOptions, ctx: &Ctx) -> Vec<Result<LakeFile>> {
        let ensure = |files: &[SourceFile]| self.lake.ensure(files, self.catalog, options, ctx);
        let Some(mirror) = &self.mirror else { return ensure(files) };
        let (to_come, here): (Vec<usize>, Vec<usize>) =
            (0..files.len()).partition(|at| self.is_to_come(mirror, &files[*at], options));
        let mut results: BTreeMap<usize, Result<LakeFile>> = BTreeMap::new();
        let wanted: Vec<&SourceFile> = to_come.iter().map(|at| &files[*at]).collect();
        self.fetched(mirror, &wanted, ctx, |at, fetched| {
            let file = wanted[at];
            let done = fetched.and_then(|fetched| self.converted(mirror, file, fetched, &ensure, ctx));
            results.insert(to_come[at], done);
        });
        let of_here: Vec<SourceFile> = here.iter().map(|at| files[*at].clone()).collect();
        for (at, done) in here.into_iter().zip(ensure(&of_here)) {
            let done = match done {
                Err(error) if error.code() == Code::DamagedFile && !ctx.fetches_nothing => {
                    self.anew(mirror, &files[at], error, &ensure, ctx)
                }
                done => done,
            };
            self.release(mirror, &files[at], &done);
            results.insert(at, done);
        }
        let stopped = || ctx.check().and_then(|()| Err(Error::internal("a file was neither fetched nor refused")));
        (0..files.len()).map(|at| results.remove(&at).unwrap_or_else(stopped)).collect()
    }

    /// Whether a file has to be fetched before it is in the lake.
    pub(super) fn is_to_come(&self, mirror: &Mirror, file: &SourceFile, options: &ConvertOptions) -> bool {
        !mirror.is_here(&file.object()) && self.lake.current(file, self.catalog, options).is_none()
    }

    /// Fetches the files, and hands each to `take` as it comes, in this thread; while none is there to be taken, other jobs use the
    /// slot.
    fn fetched(&self, mirror: &Mirror, files: &[&SourceFile], ctx: &Ctx, mut take: impl FnMut(usize, Result<Fetched>)) {
        if files.is_empty() {
            return;
        }
        ctx.progress.expect_fetched(files.len() as u64, files.iter().map(|file| file.size).sum());
        let next = AtomicUsize::new(0);
        let (came, coming) = bounded::<(usize, Result<Fetched>)>(WAITING);
        thread::scope(|scope| {
            for _ in 0..self.config.transfers.min(files.len()) {
                let (next, came) = (&next, came.clone());
                scope.spawn(move || {
                    let _entered = ctx.span.enter();
                    loop {
                        let at = next.fetch_add(1, Relaxed);
                        let Some(file) = files.get(at) else { return };
                        let fetched = ctx.check().and_then(|()| mirror.fetch(&file.location, ctx));
                        ctx.progress.file_fetched();
                        if came.send((at, fetched)).is_err() {
                            return;
                        }
                    }
                });
            }
            drop(came);
            loop {
                let given = match coming.try_recv() {
                    Ok(given) => Ok(given),
                    // Where too many jobs wait so, it waits with its slot.
                    Err(_) => match ctx.slot.download(|| coming.recv()) {
                        Ok(given) => given,
                        Err(_) => coming.recv(),
                    },
                };
                // It is closed when all have come.
                let Ok((at, fetched)) = given else { return };
                take(at, fetched);
            }
        });
    }

    /// The size was right: now its content is looked at, by reading it. One that is damaged comes once more; if it is the same again,
    /// the damage is the source's own.
    fn converted(
        &self,
        mirror: &Mirror,
        file: &SourceFile,
        fetched: Fetched,
        ensure: &dyn Fn(&[SourceFile]) -> Vec<Result<LakeFile>>,
        ctx: &Ctx,
    ) -> Result<LakeFile> {
        let one = |fetched: &Fetched| {
            let file = as_it_came(file, &fetched.object);
            let done = ensure(std::slice::from_ref(&file)).pop();
            let done = done.unwrap_or_else(|| Err(Error::internal("the lake gave no answer")));
            self.release(mirror, &file, &done);
            done
        };
        let damaged = match one(&fetched) {
            Err(error) if error.code() == Code::DamagedFile => error,
            done => return done,
        };
        tracing::warn!(file = %file.location, detail = damaged.detail(), "came damaged, and is fetched once more");
        mirror.distrust(&file.location);
        let again = mirror.fetch(&file.location, ctx)?;
        if again.sha256 == fetched.sha256 {
            return Err(damaged);
        }
        one(&again)
    }

    /// A file that was kept, and is damaged: where it is not what came, this disk damaged it, and it comes once more.
    fn anew(
        &self,
        mirror: &Mirror,
        file: &SourceFile,
        damaged: Error,
        ensure: &dyn Fn(&[SourceFile]) -> Vec<Result<LakeFile>>,
        ctx: &Ctx,
    ) -> Result<LakeFile> {
        if !mirror.is_spoilt_here(&file.object()) {
            return Err(damaged);
        }
        let name = file.location.name();
        ctx.note(text!(
            "{name}, que ficou guardado, se danificou neste disco e é baixado de novo",
            "{name}, which was kept, was damaged on this disk and is fetched again"
        ));
        mirror.distrust(&file.location);
        let fetched = mirror.fetch(&file.location, ctx)?;
        self.converted(mirror, file, fetched, ensure, ctx)
    }

    fn release(&self, mirror: &Mirror, file: &SourceFile, done: &Result<LakeFile>) {
        // The engine reads a Parquet where it lies, and headers say the types where the catalogue does not.
        let typed = self.catalog.read(&file.id.dataset.to_string()).is_some_and(|grupo| !grupo.columns.is_empty());
        if done.is_ok() && file.kind != FileKind::Parquet && typed {
            mirror.release(&file.location);
        }
    }

    /// Fetches what is not here and keeps it as it is: for datasets whose files say their types.
    pub(super) fn at_hand(&self, files: Vec<SourceFile>, ctx: &Ctx) -> Result<Vec<SourceFile>> {
        let Some(mirror) = &self.mirror else { return Ok(files) };
        if ctx.fetches_nothing {
            return Ok(self.here(files));
        }
        let to_come: Vec<&SourceFile> = files.iter().filter(|file| !mirror.is_here(&file.object())).collect();
        self.refuse_too_much(&to_come)?;
        let (mut first, mut came) = (None, BTreeMap::new());
        self.fetched(mirror, &to_come, ctx, |_, fetched| match fetched {
            Ok(Fetched { object, .. }) => _ = came.insert(object.location.clone(), object),
            Err(error) => _ = first.get_or_insert(error),
        });
        ctx.check()?;
        match first {
            // One that is gone has no say, as one that cannot be read has none; whoever reads it is told.
            Some(error) if error.code() != Code::NotFound => Err(error),
            _ => {
                let now = |file: SourceFile| match came.get(&file.location) {
                    Some(object) => as_it_came(&file, object),
                    None => file,
                };
                Ok(self.here(files.into_iter().map(now).collect()))
            }
        }
    }

    /// Those of `files` that are here as they came.
    pub(super) fn here(&self, files: Vec<SourceFile>) -> Vec<SourceFile> {
        match &self.mirror {
            None => files,
            Some(mirror) => files.into_iter().filter(|file| mirror.is_here(&file.object())).collect(),
        }
    }

    /// DS-422 for a query that would fetch more than a query may.
    pub(super) fn refuse_too_large(&self, query: &Query, selection: &Selection) -> Result<()> {
        let Some(mirror) = &self.mirror else { return Ok(()) };
        let options = self.convert_options(query);
        let rivals = selection.rivals.iter().flat_map(|rivals| &rivals.versions).flatten();
        let mut wanted: Vec<&SourceFile> = selection.files.iter().chain(rivals).collect();
        wanted.sort_by(|a, b| a.location.cmp(&b.location));
        wanted.dedup_by(|a, b| a.location == b.location);
        // What is there is looked for only where it matters.
        if wanted.iter().map(|file| file.size).sum::<u64>() <= self.config.max_download {
            return Ok(());
        }
        self.refuse_too_much(
            &wanted.into_iter().filter(|file| self.is_to_come(mirror, file, &options)).collect::<Vec<_>>(),
        )
    }

    fn refuse_too_much(&self, to_come: &[&SourceFile]) -> Result<()> {
        let (bytes, most) = (to_come.iter().map(|file| file.size).sum::<u64>(), self.config.max_download);
        if bytes <= most {
            return Ok(());
        }
        let count = to_come.len();
        let mut calls: BTreeMap<&Dataset, (Vec<String>, Vec<String>)> = BTreeMap::new();
        for file in to_come {
            let (ufs, when) = calls.entry(&file.id.dataset).or_default();
            let national =
                self.catalog.read(&file.id.dataset.to_string()).is_some_and(|grupo: &Grupo| grupo.national.is_some());
            if !national && !ufs.contains(&file.id.uf.to_string()) {
                ufs.push(file.id.uf.to_string());
            }
            when.push(file.id.competencia.to_string());
        }
        let call = |(dataset, (ufs, when)): (&Dataset, (Vec<String>, Vec<String>))| {
            let mut call = serde_json::json!({ "dataset": dataset.to_string() });
            if !ufs.is_empty() {
                call["uf"] = serde_json::json!(ufs);
            }
            if let (Some(first), Some(last)) = (when.iter().min(), when.iter().max()) {
                call["competencia"] = serde_json::json!({ "from": first, "to": last });
            }
            call
        };
        let calls: Vec<serde_json::Value> = calls.into_iter().map(call).collect();
        let names = to_come.iter().map(|file| file.id.dataset.to_string()).collect::<std::collections::BTreeSet<_>>();
        let names = names.into_iter().collect::<Vec<_>>().join(", ");
        Err(Error::new(
            Code::InvalidParams,
            text!(
                "A consulta baixaria {bytes} bytes em {count} arquivo(s) de {names}, e `max_download` é {most}: baixe-os antes com `sync`, com o mesmo dataset, UF e competência, peça menos, ou aumente `max_download`",
                "The query would download {bytes} bytes in {count} file(s) of {names}, and `max_download` is {most}: fetch them first by `sync`, with the same dataset, UF and competência, ask for less, or raise `max_download`"
            ),
        )
        .with("bytes", bytes)
        .with("files", count)
        .with("max_download", most)
        .with("sync", calls)
        .stage("download"))
    }
}

/// The same in the version that came, which may be another than was listed.
fn as_it_came(file: &SourceFile, object: &Object) -> SourceFile {
    SourceFile { size: object.size, mtime_ns: object.mtime_ns, state: object.state, ..file.clone() }
}
