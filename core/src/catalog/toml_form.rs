//! The form of a catalogue file, and its checks.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;

use super::file_name::Pattern;
use super::{
    Column, Competencia, Dataset, DateFormat, Era, FtpFolder, Gap, Grupo, LogicalType, Meaning, Period, Uf, UfColumn,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SistemaForm {
    sistema: String,
    nome: String,
    /// Grupos that most people look for, in that order; none: in the order of the file.
    #[serde(default)]
    common: Vec<String>,
    sources: BTreeMap<String, String>,
    grupo: Vec<GrupoForm>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GrupoForm {
    grupo: String,
    nome: String,
    #[serde(default)]
    aliases: Vec<String>,
    period: Period,
    files: Vec<String>,
    national: Option<Uf>,
    uf_column: Option<UfColumn>,
    first: Option<Competencia>,
    last: Option<Competencia>,
    folders: Vec<FtpFolder>,
    #[serde(default)]
    gaps: Vec<Gap>,
    #[serde(default)]
    event_dates: Vec<String>,
    #[serde(default)]
    columns: Vec<ColumnForm>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ColumnForm {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    layouts: String,
    meaning: Option<String>,
    source: Option<String>,
}

/// The grupos of a file; the sentence says what is wrong with it.
pub(super) fn read(text: &str) -> Result<Vec<Grupo>, String> {
    let form: SistemaForm = toml::from_str(text).map_err(|error| error.to_string())?;
    let SistemaForm { sistema, nome, common, sources, grupo } = form;
    if let Some(unknown) = common.iter().find(|name| !grupo.iter().any(|grupo| grupo.grupo == **name)) {
        return Err(format!("{sistema}: common {unknown:?} is no grupo"));
    }
    let rank = |(position, form): (usize, &GrupoForm)| {
        common.iter().position(|name| *name == form.grupo).unwrap_or(common.len() + position)
    };
    let ranks: Vec<usize> = grupo.iter().enumerate().map(rank).collect();
    let built = grupo.into_iter().zip(ranks).map(|(form, rank)| {
        form.build(&sistema, &sources).map(|grupo| Grupo { rank, sistema_nome: nome.clone(), ..grupo })
    });
    built.collect()
}

impl GrupoForm {
    fn build(self, sistema: &str, sources: &BTreeMap<String, String>) -> Result<Grupo, String> {
        let dataset = Dataset::new(sistema, &self.grupo);
        let patterns = self.files.iter().map(|p| Pattern::parse(p).ok_or(format!("{dataset}: pattern {p:?}")));
        let patterns = patterns.collect::<Result<Vec<_>, _>>()?;
        let mut columns = Vec::with_capacity(self.columns.len());
        let mut by_name = HashMap::new();
        for (position, form) in self.columns.into_iter().enumerate() {
            let column = form.build(position, sources).map_err(|why| format!("{dataset}: {why}"))?;
            if by_name.insert(column.name.clone(), position).is_some() {
                return Err(format!("{dataset}: column {} twice", column.name));
            }
            columns.push(column);
        }
        Ok(Grupo {
            dataset,
            nome: self.nome,
            aliases: self.aliases,
            period: self.period,
            national: self.national,
            uf_column: self.uf_column,
            first: self.first,
            last: self.last,
            folders: self.folders,
            gaps: self.gaps,
            event_dates: self.event_dates,
            columns,
            rank: 0,
            sistema_nome: String::new(),
            by_name,
            patterns,
        })
    }
}

impl ColumnForm {
    fn build(self, position: usize, sources: &BTreeMap<String, String>) -> Result<Column, String> {
        let name = self.name;
        let meaning = match (self.meaning, self.source) {
            (None, None) => None,
            (Some(_), None) => return Err(format!("{name}: a meaning without a source")),
            (None, Some(_)) => return Err(format!("{name}: a source without a meaning")),
            (Some(_), Some(source)) if !sources.contains_key(&source) => {
                return Err(format!("{name}: source {source:?} is not among [sources]"));
            }
            (Some(pt), Some(source)) => Some(Meaning { pt, source }),
        };
        let kind = logical_type(&self.kind).ok_or_else(|| format!("{name}: type {:?}", self.kind))?;
        let eras = self.layouts.split(';').map(|layout| era(layout.trim()).ok_or(format!("{name}: layout {layout:?}")));
        Ok(Column { kind, eras: eras.collect::<Result<_, _>>()?, position: position as u32, meaning, name })
    }
}

/// `text`, `integer(3)`, `decimal(14,2)`, `date(YYYYMMDD,YYMMDD)`.
fn logical_type(text: &str) -> Option<LogicalType> {
    if text == "text" {
        return Some(LogicalType::Text);
    }
    let (name, arguments) = text.strip_suffix(')')?.split_once('(')?;
    let arguments: Vec<&str> = arguments.split(',').map(str::trim).collect();
    match (name, arguments.as_slice()) {
        ("integer", [digits]) => Some(LogicalType::Integer { digits: digits.parse().ok()? }),
        ("decimal", [precision, scale]) => {
            Some(LogicalType::Decimal { precision: precision.parse().ok()?, scale: scale.parse().ok()? })
        }
        ("date", formats) => {
            let format = |name: &&str| match *name {
                "YYYYMMDD" => Some(DateFormat::YearMonthDay),
                "DDMMYYYY" => Some(DateFormat::DayMonthYear),
                "YYMMDD" => Some(DateFormat::ShortYearMonthDay),
                _ => None,
            };
            Some(LogicalType::Date { formats: formats.iter().map(format).collect::<Option<_>>()? })
        }
        _ => None,
    }
}

/// `N14.2 1995-2024`.
fn era(text: &str) -> Option<Era> {
    let (layout, years) = text.split_once(' ')?;
    let (first, last) = years.split_once('-')?;
    let dbf_type = layout.chars().next()?;
    let (width, decimals) = layout.get(1..)?.split_once('.').unwrap_or((layout.get(1..)?, "0"));
    Some(Era {
        dbf_type,
        width: width.parse().ok()?,
        decimals: decimals.parse().ok()?,
        first_year: first.parse().ok()?,
        last_year: last.parse().ok()?,
    })
}
