//! What a job says of itself once its rows are where they should be.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::environment::Environment;
use super::execution::{Execution, Outcome, Run};
use super::{
    BadValue, CacheUse, NormalisedCodes, Performance, Report, Series, Source, Storage, Unlabelled, bad_rows, sampled,
    unlabelled,
};
use crate::base::{Result, masked, text};
use crate::engine::KeptAnswer;
use crate::lake::LakeFile;
use crate::params::{OnBadValue, Query};
use crate::plan::{Share, conditions, nowhere, planned, reads};
use crate::scheduler::Status;
use crate::sink::Stored;
use crate::source::counted_columns;

impl Execution<'_> {
    /// What came of it; it is counted.
    pub fn report(self, outcome: Outcome) -> Report {
        self.run.env.learn_from(&self, &outcome);
        let Execution { run: Run { env, memory, job, ctx, .. }, ref prepared, ref files, ref statement, .. } = self;
        let language = env.config.language;
        outcome.stored.iter().for_each(|one| env.metrics.delivered(one.sink, one.rows, one.bytes));
        let Outcome { rows, stored, dead_letters, left_out, attempts, held, mode, sampled } = outcome;
        let mut normalised = NormalisedCodes::of(files.iter().filter(|file| reads(&prepared.query, file)));
        normalised.retain(|one| prepared.query.reads(&one.column));
        let mut warnings = self.warnings();
        warnings.extend(prepared.query.notes.iter().map(|note| note.get(language).to_owned()));
        warnings.extend(nowhere(&prepared.query, files).iter().map(|(dataset, columns)| {
            let names = columns.join(", ");
            let warning = text!(
                "{dataset}: nenhum arquivo da consulta tem {names}; é NULL em toda a resposta",
                "{dataset}: no file of the query has {names}; it is NULL in the whole answer"
            );
            warning.get(language).to_owned()
        }));
        warnings.extend(ctx.notes().iter().map(|note| note.get(language).to_owned()));
        let unlabelled = unlabelled::of(&prepared.query, files, &statement.seen, ctx).unwrap_or_else(|error| {
            // The rows are where they should be, and their labels are right: only the count is missing, and that is said.
            let detail = error.detail().to_owned();
            let warning = text!(
                "Códigos sem rótulo não foram contados: {detail}",
                "Codes without a label were not counted: {detail}"
            );
            warnings.push(warning.get(language).to_owned());
            Vec::new()
        });
        warnings.extend(Unlabelled::warning(&unlabelled).map(|warning| warning.get(language).to_owned()));
        let (row_groups, bytes) = self.read().unwrap_or_else(|error| {
            let detail = error.detail().to_owned();
            let warning = text!(
                "Quanto dos arquivos foi lido não pôde ser contado: {detail}",
                "How much of the files was read could not be counted: {detail}"
            );
            warnings.push(warning.get(language).to_owned());
            Default::default()
        });
        let told = normalised_warning(&normalised);
        warnings.extend(told.map(|warning| warning.get(language).to_owned()));
        warnings.extend(stored.iter().flat_map(|s| &s.warnings).map(|w| w.get(language).to_owned()));
        let noted = sampled.as_ref().map(sampled::warning);
        warnings.extend(noted.map(|warning| warning.get(language).to_owned()));
        let of_sources = bad_rows::rejected(&prepared.query, files) + left_out;
        warnings.extend(bad_rows::warning(left_out, job.id()).map(|w| w.get(language).to_owned()));
        let refused = dead_letters.saturating_sub(of_sources);
        if refused > 0 {
            let id = job.id();
            let warning = text!(
                "{refused} linha(s) recusada(s) pelo destino estão em dead_letters(\"{id}\")",
                "{refused} row(s) that the target refused are in dead_letters(\"{id}\")"
            );
            warnings.push(warning.get(language).to_owned());
        }
        let warnings: Vec<String> = warnings.iter().map(|warning| masked(warning).into_owned()).collect();
        Report {
            contract: 1,
            status: Status::Completed,
            job_id: job.id().to_owned(),
            trace_id: ctx.trace_id.to_string(),
            records_processed: rows,
            storage: storage(stored),
            performance: Performance::measured(rows, job.age(), memory.peak()),
            mode,
            sampling: sampled,
            dead_letters,
            attempts,
            resumed_from: (!held.is_empty()).then_some(held),
            cache: self.kept.as_ref().map_or(CacheUse::Off, KeptAnswer::used),
            sources: files.iter().map(|file| env.source_of(file)).collect(),
            row_groups,
            bytes,
            missing: prepared.selection.missing.clone(),
            cluster: ctx.told_cluster(),
            indexes: ctx.told_indexes(),
            warnings,
            bad_values: bad_values(&prepared.query, files),
            unreadable: self.unreadable,
            normalised,
            unlabelled,
        }
    }

    /// Row groups that were read, and bytes of their columns.
    fn read(&self) -> Result<(Share, Share)> {
        let Execution { run: Run { env, .. }, prepared, files, statement, kept, .. } = self;
        let groups = || files.iter().flat_map(|file| &file.row_groups);
        let (present, present_bytes) = (groups().count() as u64, groups().map(|group| group.bytes).sum());
        let hit = kept.as_ref().is_some_and(|kept| matches!(kept.used(), CacheUse::HitL1 | CacheUse::HitL2));
        let (read, bytes) = match &statement.scan {
            _ if hit || statement.answer.is_some() => (0, 0),
            Some(scan) if env.scans => scan.read.sum(),
            // DuckDB says nothing of what it reads: the statistics that it goes by do.
            _ => {
                let of_file = |file: &LakeFile| -> Result<(u64, u64)> {
                    let scope = prepared.query.scopes.iter().find(|scope| scope.grupo.dataset == file.id.dataset);
                    let conditions = scope.map_or_else(Vec::new, |scope| conditions(&prepared.query, scope));
                    let planned = planned(file, &prepared.query, &conditions, &statement.columns)?;
                    Ok((planned.row_groups.read, planned.bytes.read))
                };
                let add = |a: (u64, u64), b: (u64, u64)| Ok((a.0 + b.0, a.1 + b.1));
                files.par_iter().map(of_file).try_reduce(|| (0, 0), add)?
            }
        };
        Ok((Share { read, present }, Share { read: bytes, present: present_bytes }))
    }

    fn warnings(&self) -> Vec<String> {
        let Execution { run: Run { env, .. }, prepared, files, unreadable, .. } = self;
        let mut warnings = env.warnings(&prepared.query, &prepared.selection, &prepared.listing, files);
        let mut add = |warning: crate::base::Text| warnings.push(warning.get(env.config.language).to_owned());
        if !unreadable.is_empty() {
            let count = unreadable.len();
            add(text!("{count} arquivo(s) que não se pôde ler ficaram de fora", "{count} unreadable file(s) left out"));
        }
        for file in files.iter().filter(|file| reads(&prepared.query, file)) {
            let (name, deleted, rejected) = (&file.source.file, file.source.rows_deleted, file.source.rows_rejected);
            if rejected > 0 {
                add(text!(
                    "{name}: {rejected} registro(s) que não se pôde ler estão fora da resposta",
                    "{name}: {rejected} record(s) that cannot be read are not in the answer"
                ));
            }
            if deleted > 0 {
                add(text!(
                    "{name}: {deleted} registro(s) marcado(s) como excluído(s) fora da resposta",
                    "{name}: {deleted} record(s) marked deleted are not in the answer"
                ));
            }
        }
        let bad: u64 = bad_values(&prepared.query, files).iter().map(|bad| bad.count).sum();
        // Where rows are left out, what is NULL is in columns that nobody read.
        if bad > 0 && prepared.query.options.on_bad_value == OnBadValue::Null {
            add(text!(
                "{bad} valor(es) que não se pôde ler viraram NULL; veja `bad_values`",
                "{bad} value(s) that did not parse became NULL; see `bad_values`"
            ));
        }
        warnings
    }
}

/// Says which columns were brought into the catalogue's form.
fn normalised_warning(normalised: &[NormalisedCodes]) -> Option<crate::base::Text> {
    counted_columns(normalised.iter().map(|one| (one.column.as_str(), one.count))).map(|(count, names)| {
        text!(
            "{count} código(s) de {names} estão na forma do catálogo, e não na do arquivo; veja `normalised`",
            "{count} code(s) of {names} have the catalogue's form and not the file's; see `normalised`"
        )
    })
}

fn storage(stored: Vec<Stored>) -> BTreeMap<String, Storage> {
    let mut by_sink: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for one in stored.into_iter().filter(|one| one.sink != "arrow") {
        by_sink.entry(one.sink.to_owned()).or_default().push(one.location);
    }
    by_sink
        .into_iter()
        .map(|(sink, mut locations)| match locations.len() {
            1 => (sink, Storage::One(locations.remove(0))),
            _ => (sink, Storage::Many(locations)),
        })
        .collect()
}

impl Environment {
    pub(super) fn source_of(&self, file: &LakeFile) -> Source {
        let about = &file.source;
        Source {
            file: about.file.clone(),
            rows: file.rows,
            sha256: about.sha256.clone(),
            crc: about.crc,
            preliminary: about.preliminary,
            series: Series::of(file),
            origin: self.mirror.as_ref().and_then(|mirror| mirror.origin(&file.location, file.state)),
        }
    }
}

/// Of the files that the query reads.
fn bad_values(query: &Query, files: &[LakeFile]) -> Vec<BadValue> {
    files.iter().filter(|file| reads(query, file)).flat_map(bad_values_of).collect()
}

pub(super) fn bad_values_of(file: &LakeFile) -> Vec<BadValue> {
    file.source
        .bad_values
        .iter()
        .map(|bad| BadValue {
            file: file.source.file.clone(),
            column: bad.column.clone(),
            count: bad.count,
            samples: bad.samples.iter().map(|(_, raw)| raw.clone()).collect(),
        })
        .collect()
}
