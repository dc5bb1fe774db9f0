//! The form of a catalogue file, and its checks.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;

use super::pattern::Pattern;
use super::{
    Coding, Column, Competencia, Dataset, DateFormat, Era, FieldsOf, Form, FtpFolder, Gap, Grupo, LogicalType, Meaning,
    Period, RowKeys, StatedForm, Uf, UfColumn,
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
    /// The ministry publishes each file as the only table of a zip.
    #[serde(default)]
    zipped: bool,
    national: Option<Uf>,
    uf_column: Option<UfColumn>,
    row_keys: Option<RowKeys>,
    first: Option<Competencia>,
    last: Option<Competencia>,
    folders: Vec<FtpFolder>,
    #[serde(default)]
    gaps: Vec<Gap>,
    #[serde(default)]
    event_dates: Vec<String>,
    #[serde(default)]
    fields: Vec<FieldsForm>,
    #[serde(default)]
    columns: Vec<ColumnForm>,
    /// Another grupo of the file whose columns these are: the ministry writes the same records by UF and for the whole country.
    columns_of: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FieldsForm {
    from: Option<Competencia>,
    to: Option<Competencia>,
    /// Between blanks.
    names: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ColumnForm {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    /// Empty: no genuine header of it was seen.
    #[serde(default)]
    layouts: String,
    meaning: Option<String>,
    source: Option<String>,
    form: Option<Form>,
    form_source: Option<String>,
    #[serde(default)]
    codings: Vec<CodingForm>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CodingForm {
    from: Option<Competencia>,
    to: Option<Competencia>,
    form: Option<Form>,
    meaning: String,
    source: String,
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
    let borrowed: Vec<Option<String>> = grupo.iter().map(|form| form.columns_of.clone()).collect();
    let built = grupo.into_iter().zip(ranks).map(|(form, rank)| {
        form.build(&sistema, &sources).map(|grupo| Grupo { rank, sistema_nome: nome.clone(), ..grupo })
    });
    let mut grupos: Vec<Grupo> = built.collect::<Result<_, _>>()?;
    for (index, of) in borrowed.into_iter().enumerate().filter_map(|(index, of)| Some((index, of?))) {
        let lender = grupos.iter().find(|grupo| grupo.dataset.grupo() == of && !grupo.columns.is_empty());
        let lender =
            lender.ok_or_else(|| format!("{}: columns_of {of:?} is no grupo with columns", grupos[index].dataset))?;
        let (columns, by_name) = (lender.columns.clone(), lender.by_name.clone());
        grupos[index] = Grupo { columns, by_name, ..grupos[index].clone() };
    }
    Ok(grupos)
}

impl GrupoForm {
    fn build(self, sistema: &str, sources: &BTreeMap<String, String>) -> Result<Grupo, String> {
        let dataset = Dataset::new(sistema, &self.grupo);
        let patterns = self.files.iter().map(|p| Pattern::parse(p).ok_or(format!("{dataset}: pattern {p:?}")));
        let patterns = patterns.collect::<Result<Vec<_>, _>>()?;
        if self.columns_of.is_some() && !self.columns.is_empty() {
            return Err(format!("{dataset}: columns of its own, and those of another"));
        }
        if let Some(keys) = &self.row_keys {
            let national = self.national.is_some();
            if !sources.contains_key(&keys.source) || keys.competencia.is_empty() || keys.uf.is_some() == national {
                return Err(format!(
                    "{dataset}: row_keys need a source of [sources], competencia, and uf unless national"
                ));
            }
        }
        let fields = self.fields.into_iter().map(|FieldsForm { from, to, names }| FieldsOf {
            from,
            to,
            names: names.split_whitespace().map(str::to_uppercase).collect(),
        });
        let mut columns = Vec::with_capacity(self.columns.len());
        let mut by_name = HashMap::new();
        for (position, form) in self.columns.into_iter().enumerate() {
            let column = form.build(position, self.period, sources).map_err(|why| format!("{dataset}: {why}"))?;
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
            zipped: self.zipped,
            national: self.national,
            uf_column: self.uf_column,
            row_keys: self.row_keys,
            first: self.first,
            last: self.last,
            folders: self.folders,
            gaps: self.gaps,
            event_dates: self.event_dates,
            columns,
            fields: fields.collect(),
            rank: 0,
            sistema_nome: String::new(),
            by_name,
            patterns,
        })
    }
}

impl ColumnForm {
    fn build(self, position: usize, period: Period, sources: &BTreeMap<String, String>) -> Result<Column, String> {
        let name = self.name;
        let known = |source: &String| match sources.contains_key(source) {
            true => Ok(()),
            false => Err(format!("{name}: source {source:?} is not among [sources]")),
        };
        let meaning = match (self.meaning, self.source) {
            (None, None) => None,
            (Some(_), None) => return Err(format!("{name}: a meaning without a source")),
            (None, Some(_)) => return Err(format!("{name}: a source without a meaning")),
            (Some(pt), Some(source)) => known(&source).map(|()| Some(Meaning { pt, source }))?,
        };
        let form = match (self.form, self.form_source) {
            (None, None) => None,
            (Some(_), None) => return Err(format!("{name}: a form without a source")),
            (None, Some(_)) => return Err(format!("{name}: the source of a form that is not there")),
            (Some(form), Some(source)) => known(&source).map(|()| Some(StatedForm { form, source }))?,
        };
        self.codings.iter().try_for_each(|coding| known(&coding.source))?;
        let codings = codings(self.codings, period).map_err(|why| format!("{name}: {why}"))?;
        if form.is_some() && !codings.is_empty() {
            return Err(format!("{name}: one form for all years, and codings of some"));
        }
        let kind = logical_type(&self.kind).ok_or_else(|| format!("{name}: type {:?}", self.kind))?;
        let layouts = self.layouts.split(';').filter(|layout| !layout.trim().is_empty());
        let eras = layouts.map(|layout| era(layout.trim()).ok_or(format!("{name}: layout {layout:?}")));
        let eras = eras.collect::<Result<_, _>>()?;
        if kind != LogicalType::Text && (form.is_some() || !codings.is_empty()) {
            return Err(format!("{name}: only a code, which is text, has a form"));
        }
        Ok(Column { kind, eras, position: position as u32, meaning, form, codings, name })
    }
}

/// They follow each other, and are of the grupo's period.
fn codings(forms: Vec<CodingForm>, period: Period) -> Result<Vec<Coding>, String> {
    let of_period = |c: Option<Competencia>| c.is_none_or(|c| c.mes().is_some() == (period == Period::Month));
    if !forms.iter().all(|coding| of_period(coding.from) && of_period(coding.to)) {
        return Err("a coding's from and to are months where the files are monthly, else years".into());
    }
    let apart = |a: &CodingForm, b: &CodingForm| matches!((a.to, b.from), (Some(to), Some(from)) if to < from);
    if !forms.windows(2).all(|pair| apart(&pair[0], &pair[1])) {
        return Err("codings stand oldest first, and none overlaps the next".into());
    }
    let coding = |CodingForm { from, to, form, meaning, source }| Coding { from, to, form, meaning, source };
    Ok(forms.into_iter().map(coding).collect())
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
