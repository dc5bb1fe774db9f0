//! Versions of a file whose names do not tell which is right: all of them are read, and are one if their rows are the same.

use std::collections::{BTreeSet, HashMap};

use super::Unreadable;
use super::environment::Environment;
use crate::base::{Ctx, Error, Result, Text};
use crate::lake::LakeFile;
use crate::params::Query;
use crate::plan::{LeftOut, Reason, Rivals, Selection, different_rows, foretold};
use crate::source::folder::{Listing, SourceFile};
use crate::store::{Location, Stores};

/// A version that can be read: its files, rows and digest.
struct Known {
    files: Vec<SourceFile>,
    read: Vec<LakeFile>,
    digest: String,
}

impl Environment {
    /// Makes sure that no file of the selection has a version with other rows: DS-409. Those with the same rows are left out;
    /// one that cannot be read ends the job, or is left out and named where `partial` says so.
    pub(super) fn settle_rivals(
        &self,
        query: &Query,
        selection: &mut Selection,
        listing: &Listing,
        ctx: &Ctx,
    ) -> Result<Vec<Unreadable>> {
        self.tell_twins_apart(query, selection, listing)?;
        let mut unreadable = Vec::new();
        if selection.rivals.is_empty() {
            return Ok(unreadable);
        }
        let rivals = std::mem::take(&mut selection.rivals);
        let files: Vec<SourceFile> = rivals.iter().flat_map(|one| &one.versions).flatten().cloned().collect();
        let results = self.in_lake(&files, &self.convert_options(query), ctx);
        ctx.check()?;
        let mut results = results.into_iter();
        for rivals in rivals {
            let mut known: Vec<Known> = Vec::new();
            let mut damaged = Vec::new();
            for version in &rivals.versions {
                let read: Vec<Result<LakeFile>> = results.by_ref().take(version.len()).collect();
                match self.known(version, read, ctx) {
                    Ok(one) => known.push(one),
                    Err(error) if !query.options.partial => return Err(error),
                    Err(error) => damaged.push((version, error)),
                }
                ctx.check()?;
            }
            // Of a file without any version that can be read the first says why, with the others that cannot.
            let Some(first) = known.first() else { continue };
            if known.iter().any(|one| one.digest != first.digest) {
                return Err(different(known, rivals.newest, listing));
            }
            for (version, error) in damaged {
                unreadable.push(Unreadable::of(&location_of(version), error, ctx));
            }
            let kept = location_of(&first.files);
            let same = known[1..].iter().map(|one| location_of(&one.files));
            let same = same.map(|file| LeftOut { file, kept: kept.clone(), why: Reason::SameRows });
            selection.left_out.extend(same);
            take(&mut selection.files, &rivals, &first.files);
        }
        Ok(unreadable)
    }

    /// What [`Environment::settle_rivals`] would do, as far as the lake can tell without converting anything.
    pub(super) fn foretell_rivals(
        &self,
        query: &Query,
        selection: &mut Selection,
        listing: &Listing,
    ) -> Result<Vec<Text>> {
        self.tell_twins_apart(query, selection, listing)?;
        let options = self.convert_options(query);
        let digest = |file: &SourceFile| self.lake.current(file, self.catalog, &options)?.source.digest;
        let mut warnings = Vec::new();
        for rivals in std::mem::take(&mut selection.rivals) {
            let of_version = |version: &Vec<SourceFile>| match &version[..] {
                [file] => digest(file),
                _ => None,
            };
            let known: Option<Vec<String>> = rivals.versions.iter().map(of_version).collect();
            let same = known.map(|known| known.windows(2).all(|two| two[0] == two[1]));
            warnings.extend(foretold(&rivals, same));
            if let (Some(true), [first, others @ ..]) = (same, &rivals.versions[..]) {
                let kept = location_of(first);
                let same = others.iter().map(|one| location_of(one));
                let same = same.map(|file| LeftOut { file, kept: kept.clone(), why: Reason::SameRows });
                selection.left_out.extend(same);
            }
        }
        Ok(warnings)
    }

    /// Those of a tree elsewhere are told apart by their state, which has their folder in it.
    fn tell_twins_apart(&self, query: &Query, selection: &mut Selection, listing: &Listing) -> Result<()> {
        match self.mirror {
            Some(_) => Ok(()),
            None => tell_twins_apart(query, selection, listing, self.lake.stores()),
        }
    }

    fn known(&self, version: &[SourceFile], read: Vec<Result<LakeFile>>, ctx: &Ctx) -> Result<Known> {
        let read = read.into_iter().collect::<Result<Vec<LakeFile>>>()?;
        let digest = self.lake.rows_digest(&read, ctx)?;
        Ok(Known { files: version.to_vec(), read, digest })
    }
}

fn different(known: Vec<Known>, newest: bool, listing: &Listing) -> Error {
    let columns = |one: &Known| -> BTreeSet<String> {
        one.read.iter().flat_map(|file| file.schema.fields()).map(|field| field.name().to_uppercase()).collect()
    };
    let all: Vec<BTreeSet<String>> = known.iter().map(columns).collect();
    let everywhere = |name: &String| all.iter().all(|columns| columns.contains(name));
    let not_in_all: BTreeSet<String> = all.iter().flatten().filter(|name| !everywhere(name)).cloned().collect();
    let rows = |one: &Known| one.read.iter().map(|file| file.rows).sum();
    let versions: Vec<(Vec<SourceFile>, u64)> = known.iter().map(|one| (one.files.clone(), rows(one))).collect();
    different_rows(&versions, not_in_all.into_iter().collect(), newest, listing)
}

/// The lake knows a file by name, size and time. Of files that are alike in all of them it is told the SHA-256 as well.
fn tell_twins_apart(query: &Query, selection: &mut Selection, listing: &Listing, stores: &Stores) -> Result<()> {
    let key = |file: &SourceFile| (file.name(), file.size, file.mtime_ns, file.id.uf, file.id.competencia);
    let mut alike: HashMap<_, usize> = HashMap::new();
    let used = |file: &&SourceFile| query.scopes.iter().any(|scope| scope.grupo.dataset == file.id.dataset);
    listing.files.iter().filter(used).for_each(|file| *alike.entry(key(file)).or_default() += 1);
    let rivals = selection.rivals.iter_mut().flat_map(|rivals| &mut rivals.versions).flatten();
    for file in selection.files.iter_mut().chain(rivals) {
        if alike.get(&key(file)).is_some_and(|count| *count > 1) {
            file.version.sha256 = Some(stores.sha256(&file.location)?);
        }
    }
    Ok(())
}

/// `chosen` in the place of the version that stood there.
fn take(files: &mut Vec<SourceFile>, rivals: &Rivals, chosen: &[SourceFile]) {
    let Some(stood) = rivals.versions.first().filter(|stood| stood.as_slice() != chosen) else { return };
    let Some(at) = files.iter().position(|file| stood.first().is_some_and(|first| first.location == file.location))
    else {
        return;
    };
    files.splice(at..at + stood.len(), chosen.iter().cloned());
}

fn location_of(version: &[SourceFile]) -> Location {
    version.first().map(|file| file.location.clone()).unwrap_or_default()
}

impl Unreadable {
    pub(super) fn of(at: &Location, error: Error, ctx: &Ctx) -> Self {
        let error = error.traced(&ctx.trace_id, ctx.language);
        Unreadable { file: at.to_string(), error_code: error.code().to_string(), detail: error.detail().to_owned() }
    }
}
