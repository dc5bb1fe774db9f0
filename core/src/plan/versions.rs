//! Which version of a file is read, of those that lie in the folder: judged by folder, date and time; what these do not tell
//! is told by the rows, or refused.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::base::{Code, Error, Text, text};
use crate::catalog::FileId;
use crate::source::folder::{Listing, SourceFile};
use crate::store::Location;

/// Versions of one file of which neither folder nor date tells the right one: they are one if their rows are the same.
#[derive(Debug, Clone, PartialEq)]
pub struct Rivals {
    /// The first is read. Each is a file, or the files of a partition.
    pub versions: Vec<Vec<SourceFile>>,
    /// They were changed at the same time, and the one that was changed last is wanted.
    pub newest: bool,
}

/// A file that is not read, because another is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[non_exhaustive]
pub struct LeftOut {
    /// The one that is not read.
    pub file: Location,
    /// The one that is read instead.
    pub kept: Location,
    /// Why it is not.
    pub why: Reason,
}

/// Why a file is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "LeftOutReason")]
#[non_exhaustive]
pub enum Reason {
    /// It is preliminary, and there is the final one.
    Preliminary,
    /// Its name has an earlier day.
    OlderDate,
    /// It was changed earlier, and `versions = newest`.
    OlderTime,
    /// It has the same rows.
    SameRows,
}

/// What is read of one competência of one UF.
#[derive(Debug, Default)]
pub(super) struct Choice {
    /// In order of part.
    pub files: Vec<SourceFile>,
    pub rivals: Vec<Rivals>,
    pub left_out: Vec<LeftOut>,
    /// Parts that must exist, because later ones do.
    pub holes: Vec<FileId>,
    /// Parts that lie with others which later ones have replaced.
    pub mixed: Vec<Mixed>,
    /// What a date or a time left out, and what is read instead.
    replaced: Vec<(SourceFile, SourceFile)>,
}

/// A part that is read with parts of a later version: where the later one has fewer parts, its records are there twice.
#[derive(Debug, Clone, PartialEq)]
pub struct Mixed {
    pub part: Location,
    /// Of another part, read in the place of the one that lies beside it.
    pub later: Location,
}

/// Whole (none), or a part: `a`, `b`, ... or `1`, `2`, ...
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Letter(u8),
    Number(u32),
}

type Versions = Vec<Vec<SourceFile>>;

/// Chooses among `files`, all of one dataset, UF and competência. DS-409 where a whole file lies beside its parts, unless the
/// `newest` is wanted.
pub(super) fn choose(files: Vec<SourceFile>, newest: bool, listing: &Listing) -> Result<Choice, Error> {
    let mut choice = Choice::default();
    let (preliminary, finals): (Vec<_>, Vec<_>) = files.into_iter().partition(|file| file.version.preliminary);
    let (preliminary, files) = if finals.is_empty() { (finals, preliminary) } else { (preliminary, finals) };
    let mut parts: BTreeMap<Option<Part>, Versions> = BTreeMap::new();
    for (part, files) in by_part(files) {
        parts.insert(part, choice.latest_dated(versions(files)));
    }
    choice.one_way_of_splitting(&mut parts, newest, listing)?;
    choice.holes = holes(&parts);
    for mut versions in parts.into_values() {
        if newest {
            versions = choice.newest(versions);
        }
        if let Some(first) = versions.first() {
            choice.files.extend(first.iter().cloned());
        }
        if versions.len() > 1 {
            choice.rivals.push(Rivals { versions, newest });
        }
    }
    choice.mixed = choice.mixture();
    for file in preliminary {
        let of_part = choice.files.iter().find(|chosen| chosen.id == file.id).or(choice.files.first());
        choice.left_out.extend(of_part.map(|kept| left_out(&file, kept, Reason::Preliminary)));
    }
    Ok(choice)
}

/// A DBC before a DBF before a Parquet; then the name without a day, and the shorter path.
fn preference(file: &SourceFile) -> impl Ord + use<> {
    (file.kind, file.version.dated.is_some(), file.location.path().as_os_str().len(), file.location.clone())
}

fn by_part(files: Vec<SourceFile>) -> BTreeMap<Option<Part>, Vec<SourceFile>> {
    let mut parts: BTreeMap<Option<Part>, Vec<SourceFile>> = BTreeMap::new();
    for file in files {
        parts.entry(file.id.part.as_deref().and_then(Part::of)).or_default().push(file);
    }
    parts
}

/// The files of one partition are one version. What is to be preferred comes first.
fn versions(files: Vec<SourceFile>) -> Versions {
    let mut single = Vec::new();
    let mut partitions: BTreeMap<PathBuf, Vec<SourceFile>> = BTreeMap::new();
    for file in files {
        match &file.version.partition {
            Some(folder) => partitions.entry(folder.clone()).or_default().push(file),
            None => single.push(vec![file]),
        }
    }
    let mut versions: Versions = single.into_iter().chain(partitions.into_values()).collect();
    versions.sort_by_key(|version| version.first().map(preference));
    versions
}

impl Choice {
    /// Of names with a day the last; names without one stay.
    fn latest_dated(&mut self, versions: Versions) -> Versions {
        let dated = |version: &[SourceFile]| version.first().and_then(|file| file.version.dated);
        let Some(last) = versions.iter().filter_map(|version| dated(version)).max() else { return versions };
        let (kept, older): (Versions, Versions) =
            versions.into_iter().partition(|version| dated(version).is_none_or(|day| day == last));
        let latest = kept.iter().find(|version| dated(version) == Some(last)).cloned().unwrap_or_default();
        self.leave_out(older, &latest, Reason::OlderDate);
        kept
    }

    fn newest(&mut self, versions: Versions) -> Versions {
        let last = versions.iter().map(|version| changed(version)).max();
        let (kept, older): (Versions, Versions) =
            versions.into_iter().partition(|version| Some(changed(version)) == last);
        let newest = kept.first().cloned().unwrap_or_default();
        self.leave_out(older, &newest, Reason::OlderTime);
        kept
    }

    /// A whole file and its parts, or parts by letters and by numbers, would count the same records twice.
    fn one_way_of_splitting(
        &mut self,
        parts: &mut BTreeMap<Option<Part>, Versions>,
        newest: bool,
        listing: &Listing,
    ) -> Result<(), Error> {
        let way = |part: &Option<Part>| part.map(|part| matches!(part, Part::Letter(_)));
        let mut ways: BTreeMap<Option<bool>, BTreeMap<Option<Part>, Versions>> = BTreeMap::new();
        for (part, versions) in std::mem::take(parts) {
            ways.entry(way(&part)).or_default().insert(part, versions);
        }
        let time = |way: &BTreeMap<Option<Part>, Versions>| way.values().flatten().map(|v| changed(v)).max();
        let last = ways.values().map(time).max();
        if ways.len() > 1 && !(newest && ways.values().filter(|way| Some(time(way)) == last).count() == 1) {
            let files: Vec<SourceFile> =
                ways.into_values().flat_map(BTreeMap::into_values).flatten().flatten().collect();
            return Err(split_in_two_ways(&files, newest, listing));
        }
        let Some(kept) = ways.iter().max_by_key(|(_, way)| time(way)).map(|(way, _)| *way) else { return Ok(()) };
        *parts = ways.remove(&kept).unwrap_or_default();
        let first = parts.values().flatten().next().cloned().unwrap_or_default();
        for older in ways.into_values().flat_map(BTreeMap::into_values) {
            self.leave_out(older, &first, Reason::OlderTime);
        }
        Ok(())
    }

    /// Parts that are read although others of their folder, or of their day, were replaced by later ones from elsewhere.
    fn mixture(&self) -> Vec<Mixed> {
        let set = |file: &SourceFile| (file.location.parent(), file.version.dated);
        let later_of = |part: &SourceFile| {
            let beside =
                self.replaced.iter().filter(|(older, later)| set(older) == set(part) && set(later) != set(part));
            beside.map(|(_, later)| later.location.clone()).next()
        };
        let parts = self.files.iter().filter(|file| file.id.part.is_some());
        parts.filter_map(|part| Some(Mixed { part: part.location.clone(), later: later_of(part)? })).collect()
    }

    fn leave_out(&mut self, versions: Versions, kept: &[SourceFile], why: Reason) {
        let Some(kept) = kept.first() else { return };
        for file in versions.iter().filter_map(|version| version.first()) {
            self.left_out.push(left_out(file, kept, why));
            self.replaced.push((file.clone(), kept.clone()));
        }
    }
}

/// What is said of parts from different versions.
pub fn warning_of(mixed: &[Mixed]) -> Option<Text> {
    let shown = |one: &Mixed| format!("{} + {}", one.part, one.later);
    let more = if mixed.len() > NAMED { ", …" } else { "" };
    let list = format!("{}{more}", mixed.iter().take(NAMED).map(shown).collect::<Vec<_>>().join(", "));
    (!mixed.is_empty()).then(|| {
        text!(
            "Partes de versões diferentes são lidas juntas: {list}. Se a versão mais nova tem menos partes, tire de lá as antigas, ou registros contam em dobro",
            "Parts of different versions are read together: {list}. If the later version has fewer parts, remove the older ones, or records count twice"
        )
    })
}

fn left_out(file: &SourceFile, kept: &SourceFile, why: Reason) -> LeftOut {
    LeftOut { file: file.location.clone(), kept: kept.location.clone(), why }
}

/// When the last of its files was changed.
fn changed(version: &[SourceFile]) -> i64 {
    version.iter().map(|file| file.mtime_ns).max().unwrap_or(0)
}

impl Part {
    fn of(name: &str) -> Option<Self> {
        match name.as_bytes() {
            [letter] if letter.is_ascii_lowercase() => Some(Part::Letter(*letter)),
            _ => name.parse().ok().map(Part::Number),
        }
    }

    fn name(self) -> String {
        match self {
            Part::Letter(letter) => char::from(letter).to_string(),
            Part::Number(number) => number.to_string(),
        }
    }
}

/// Letters begin with `a`, numbers with 1 (or 0), and none is left out before the last.
fn holes(parts: &BTreeMap<Option<Part>, Versions>) -> Vec<FileId> {
    let Some(id) = parts.values().flatten().flatten().next().map(|file| &file.id) else { return Vec::new() };
    let expected: Vec<Part> = match parts.keys().next_back().copied().flatten() {
        Some(Part::Letter(last)) => (b'a'..last).map(Part::Letter).collect(),
        Some(Part::Number(last)) => (1..last).map(Part::Number).collect(),
        None => Vec::new(),
    };
    let absent = expected.into_iter().filter(|part| !parts.contains_key(&Some(*part)));
    absent.map(|part| FileId { part: Some(part.name()), ..id.clone() }).collect()
}

/// At most so many names in a sentence, or sentences of a kind.
const NAMED: usize = 10;

/// What of each kind was left out: the first ten by name.
pub fn warnings_of(left_out: &[LeftOut]) -> Vec<Text> {
    let mut by_reason: BTreeMap<Reason, Vec<&LeftOut>> = BTreeMap::new();
    left_out.iter().for_each(|one| by_reason.entry(one.why).or_default().push(one));
    let mut warnings = Vec::new();
    for (why, all) in by_reason {
        warnings.extend(all.iter().take(NAMED).map(|one| {
            let (file, kept) = (&one.file, &one.kept);
            match why {
                Reason::Preliminary => text!(
                    "{file} é preliminar e ficou de fora: {kept} é o final",
                    "{file} is preliminary and is left out: {kept} is the final one"
                ),
                Reason::OlderDate => text!(
                    "{file} ficou de fora: {kept} tem data mais recente",
                    "{file} is left out: {kept} has a later date"
                ),
                Reason::OlderTime => text!(
                    "{file} ficou de fora: {kept} foi alterado depois",
                    "{file} is left out: {kept} was changed later"
                ),
                Reason::SameRows => text!(
                    "{file} tem os mesmos registros que {kept} e ficou de fora",
                    "{file} has the same records as {kept} and is left out"
                ),
            }
        }));
        if all.len() > NAMED {
            let more = all.len() - NAMED;
            warnings.push(text!(
                "mais {more} arquivo(s) ficaram de fora pelo mesmo motivo",
                "{more} more file(s) are left out for the same reason"
            ));
        }
    }
    warnings
}

/// `RDAC2401.dbc (313213 bytes, 2024-03-01 12:00:05 UTC)`.
pub fn with_size_and_time(file: &SourceFile) -> String {
    let seconds = file.mtime_ns.div_euclid(1_000_000_000);
    let time =
        chrono::DateTime::from_timestamp(seconds, 0).map(|time| time.format("%Y-%m-%d %H:%M:%S UTC").to_string());
    format!("{} ({} bytes, {})", file.location, file.size, time.unwrap_or_default())
}

fn split_in_two_ways(files: &[SourceFile], newest: bool, listing: &Listing) -> Error {
    let (or_pt, or_en) = or_newest(newest);
    let (list, root) = (joined(files.iter()), &listing.root);
    let what = files.first().map(|file| file.id.month()).unwrap_or_default();
    Error::new(
        Code::Conflict,
        text!(
            "{what} está em {root} inteiro e em partes, ou dividido de duas maneiras, e somá-los contaria registros em dobro: {list}. Tire de lá o que não vale{or_pt}",
            "{what} is in {root} whole and in parts, or split in two ways, and adding them up would count records twice: {list}. Remove what is not right{or_en}"
        ),
    )
    .with("versions", serde_json::Value::Array(files.iter().map(described).collect()))
    .stage("plan")
}

/// DS-409 for versions whose rows differ; each with the number of its rows. `not_in_all`: columns that only some of them have.
pub fn different_rows(
    versions: &[(Vec<SourceFile>, u64)],
    not_in_all: Vec<String>,
    newest: bool,
    listing: &Listing,
) -> Error {
    let (or_pt, or_en) = or_newest(newest);
    let files = || versions.iter().flat_map(|(files, _)| files);
    let (list, root) = (joined(files()), &listing.root);
    let what = files().next().map(|file| file.id.month()).unwrap_or_default();
    let rows: Vec<String> = versions.iter().map(|(_, rows)| rows.to_string()).collect();
    let (mut rows_pt, mut rows_en) = (rows.join(" e "), rows.join(" and "));
    rows_pt.push_str(" linhas");
    rows_en.push_str(" rows");
    if !not_in_all.is_empty() {
        let more = if not_in_all.len() > NAMED { ", …" } else { "" };
        let names = format!("{}{more}", not_in_all.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", "));
        rows_pt.push_str(&format!("; nem todas têm {names}"));
        rows_en.push_str(&format!("; not all have {names}"));
    }
    let described = versions.iter().flat_map(|(files, rows)| {
        files.iter().map(move |file| {
            let mut described = described(file);
            described["rows"] = (*rows).into();
            described
        })
    });
    Error::new(
        Code::Conflict,
        text!(
            "{what} tem em {root} versões de conteúdo diferente ({rows_pt}), e nada diz qual vale: {list}. Tire de lá a que não vale{or_pt}",
            "{what} has versions of different content in {root} ({rows_en}), and nothing tells which is right: {list}. Remove the wrong one{or_en}"
        ),
    )
    .with("versions", serde_json::Value::Array(described.collect()))
    .with("columns_not_in_all", not_in_all)
    .stage("plan")
}

/// The other way out, or why it did not do.
fn or_newest(tried: bool) -> (&'static str, &'static str) {
    match tried {
        false => (
            ", ou leia a versão mais nova com a opção `versions`: newest",
            ", or read the newest version with the option `versions`: newest",
        ),
        true => (
            "; foram alteradas na mesma hora, e `versions`: newest não as distingue",
            "; they were changed at the same time, and `versions`: newest does not tell them apart",
        ),
    }
}

/// What is foretold of versions: `same` rows, others (false), or none while that is not known.
pub fn foretold(rivals: &Rivals, same: Option<bool>) -> Option<Text> {
    let list = joined(rivals.versions.iter().flatten());
    let what = rivals.versions.first()?.first()?.id.month();
    match same {
        Some(true) => None,
        Some(false) => Some(text!(
            "{what} tem versões de conteúdo diferente, e a consulta é recusada (DS-409): {list}",
            "{what} has versions of different content, and the query is refused (DS-409): {list}"
        )),
        None => Some(text!(
            "{what} tem versões que a consulta há de comparar, e recusa (DS-409) se o conteúdo for diferente: {list}",
            "{what} has versions that the query will compare, and refuses (DS-409) where their content differs: {list}"
        )),
    }
}

fn joined<'f>(files: impl Iterator<Item = &'f SourceFile>) -> String {
    let all: Vec<String> = files.map(with_size_and_time).collect();
    let more = if all.len() > NAMED { ", …" } else { "" };
    format!("{}{more}", all.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", "))
}

fn described(file: &SourceFile) -> serde_json::Value {
    let time = chrono::DateTime::from_timestamp(file.mtime_ns.div_euclid(1_000_000_000), 0);
    serde_json::json!({
        "file": file.location.to_string(),
        "size": file.size,
        "modified": time.map(|time| time.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)),
    })
}
