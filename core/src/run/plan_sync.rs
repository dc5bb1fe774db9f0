//! What fetching ahead would do, told without fetching a file.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::session::Session;
use crate::base::{Ctx, Priority, Result};
use crate::catalog::{Competencia, Dataset, Uf};
use crate::params::{Extent, MissingFiles, QueryParams};
use crate::plan::Missing;

/// What [`Client::sync`](crate::Client::sync) would do.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct SyncPlan {
    /// Files that the datasets, UFs and competências mean, and their bytes where the source lies.
    pub files: u64,
    /// Of these files, as far as a listing tells.
    pub bytes: u64,
    /// Of these, what would be fetched from elsewhere; none for a folder of this machine.
    pub files_to_fetch: u64,
    /// Of these, as listed.
    pub bytes_to_fetch: u64,
    /// Of these, what is not in the lake as it is now.
    pub files_to_convert: u64,
    /// Each of the files, in the order of an answer.
    pub planned: Vec<PlannedFile>,
    /// Asked for by name, and in no listing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<Missing>,
    /// In the client's language.
    pub warnings: Vec<String>,
}

/// A file that a sync would look after.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct PlannedFile {
    /// Where it lies.
    pub file: String,
    /// Of its name.
    pub dataset: Dataset,
    /// Of its name.
    pub uf: Uf,
    /// Of its name.
    pub competencia: Competencia,
    /// 0 where only the file itself will tell.
    pub bytes: u64,
    /// What a sync would do with it.
    pub state: FileState,
    /// The ministry has not closed it yet.
    pub preliminary: bool,
    /// When the listing was read that it stands in; none for files of this machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listed_at: Option<String>,
}

/// What is here of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum FileState {
    /// It is in the lake as it is now: nothing is to be done.
    There,
    /// The file is here, and is to be converted.
    Here,
    /// It was never fetched.
    Absent,
    /// It was published anew since it was fetched.
    Changed,
}

impl Session {
    /// What [`Session::sync`] would do for each of these, together. Listings are read; no file is fetched and nothing is converted.
    pub fn plan_sync(&self, all: &[QueryParams]) -> Result<SyncPlan> {
        let ctx = Ctx { fetches_nothing: true, ..self.ctx() };
        let mut plan = SyncPlan::default();
        let one = |params: &QueryParams, plan: &mut SyncPlan| -> Result<()> {
            let (query, selection, listing) = self.choose(&lenient(params), Extent::Selected, &ctx)?;
            let options = self.convert_options(&query);
            let others = selection.rivals.iter().flat_map(|one| one.versions.iter().skip(1)).flatten();
            for file in selection.files.iter().chain(others) {
                let in_lake = self.lake.current(file, self.catalog, &options).is_some();
                let mirror = self.mirror.as_ref();
                let here = mirror.is_none_or(|mirror| mirror.is_here(&file.object()));
                let state = match (in_lake, here) {
                    (true, _) => FileState::There,
                    (_, true) => FileState::Here,
                    _ if mirror.is_some_and(|mirror| mirror.was_here(&file.location)) => FileState::Changed,
                    _ => FileState::Absent,
                };
                plan.files += 1;
                plan.bytes += file.size;
                plan.files_to_convert += u64::from(!in_lake);
                if matches!(state, FileState::Absent | FileState::Changed) {
                    plan.files_to_fetch += 1;
                    plan.bytes_to_fetch += file.size;
                }
                plan.planned.push(PlannedFile {
                    file: file.location.to_string(),
                    dataset: file.id.dataset.clone(),
                    uf: file.id.uf,
                    competencia: file.id.competencia,
                    bytes: file.size,
                    state,
                    preliminary: file.version.preliminary,
                    listed_at: mirror.and_then(|mirror| mirror.listed_at(&file.location)),
                });
            }
            plan.warnings.extend(self.warnings(&query, &selection, &listing, &[]));
            plan.missing.extend(selection.missing);
            Ok(())
        };
        all.iter().try_for_each(|params| one(params, &mut plan)).map_err(|error| self.traced(error, &ctx))?;
        plan.warnings.extend(ctx.notes().iter().map(|note| note.get(self.language()).to_owned()));
        Ok(plan)
    }

    /// A job of an administrator's, so that it does not take the others' cores.
    pub(super) fn order_of_sync(&self) -> crate::scheduler::Order {
        self.order(Priority::Admin, self.config.deadline, false)
    }
}

/// What is missing is a line of the plan, and no error.
fn lenient(params: &QueryParams) -> QueryParams {
    let mut params = params.clone();
    params.options.missing = MissingFiles::Warn;
    params
}
