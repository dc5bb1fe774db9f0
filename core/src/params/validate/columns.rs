//! Columns: those of the answer, and their order.

use std::collections::BTreeSet;

use crate::base::{clip, did_you_mean, text};
use crate::catalog::LogicalType;
use crate::labels::{bands_in_order, derived_column, derived_columns};
use crate::params::query::Figure;
use crate::params::{Aggregate, AggregateFn, Extent, Projection, QueryParams, Sort, origin_column};

use super::{Check, hint};

/// PostgreSQL's longest name.
const MAX_NAME: usize = 63;

impl Check<'_> {
    /// The column's canonical name and type; a problem when there is none.
    pub(super) fn column(&mut self, name: &str, role: &str) -> Option<(String, LogicalType)> {
        let grupo = self.grupo?;
        if let Some(column) = grupo.column(name) {
            return Some((column.name.clone(), column.kind.clone()));
        }
        if let Some(column) = origin_column(name) {
            return Some((column.to_owned(), LogicalType::Text));
        }
        if let Some(derived) = derived_column(grupo, name)
            && !self.is_of_files(name)
        {
            let found = (derived.name.clone(), derived.kind.clone());
            if !self.derived.contains(&derived) {
                self.derived.push(derived);
            }
            return Some(found);
        }
        for extent in [Extent::Selected, Extent::Dataset] {
            let found = self.of_files(extent).iter().find(|(column, _)| column.eq_ignore_ascii_case(name));
            if let Some(found) = found {
                return Some(found.clone());
            }
        }
        let full = self.is_full();
        let extra = self.of_files(Extent::Dataset);
        let derived = derived_columns(grupo);
        let names = grupo.columns.iter().map(|c| c.name.as_str()).chain(extra.iter().map(|(c, _)| c.as_str()));
        let names = names.chain(derived.iter().map(|one| one.name.as_str()));
        let near = match bands_in_order(name).filter(|bands| derived_column(grupo, bands).is_some()) {
            _ if full => Vec::new(),
            Some(bands) => vec![bands],
            None => did_you_mean(name, names),
        };
        let (pt, en) = hint(&near);
        let (dataset, shown) = (&grupo.dataset, clip(name));
        let problem = self.wrong(text!(
            "{dataset} não tem a coluna \"{shown}\" (em `{role}`){pt} `schema` mostra todas",
            "{dataset} has no column \"{shown}\" (in `{role}`){en} `schema` lists all"
        ));
        problem.diagnostic.insert("where".into(), role.into());
        problem.diagnostic.insert("received".into(), shown.into());
        problem.diagnostic.insert("did_you_mean".into(), near.into());
        None
    }

    /// A column that the source's files have by this name goes before one that is derived.
    pub(super) fn is_of_files(&mut self, name: &str) -> bool {
        self.of_files(Extent::Selected).iter().any(|(column, _)| column.eq_ignore_ascii_case(name))
    }

    pub(super) fn projection(&mut self, params: &QueryParams) -> Projection {
        let grouped = !params.group_by.is_empty() || !params.aggregates.is_empty();
        if !grouped {
            let Some(columns) = &params.columns else { return Projection::All };
            if columns.is_empty() {
                self.wrong(text!(
                    "`columns` está vazio; deixe-o de fora para todas as colunas",
                    "`columns` is empty; leave it out for all columns"
                ));
            }
            let names: Vec<String> = columns.iter().filter_map(|c| Some(self.column(c, "columns")?.0)).collect();
            self.unique(&names, "columns");
            return Projection::Columns(names);
        }
        let keys: Vec<String> = params.group_by.iter().filter_map(|c| Some(self.column(c, "group_by")?.0)).collect();
        for column in params.columns.iter().flatten() {
            if let Some((name, _)) = self.column(column, "columns")
                && !keys.contains(&name)
                && !params.group_by.iter().any(|key| key.eq_ignore_ascii_case(column))
            {
                let problem = self.wrong(text!(
                    "A coluna {name} precisa estar em `group_by` ou num agregado (como a soma, `sum`, de VAL_TOT)",
                    "Column {name} must be in `group_by` or in an aggregate (as the sum, `sum`, of VAL_TOT)"
                ));
                problem.diagnostic.insert("received".into(), name.into());
            }
        }
        let figures: Vec<Figure> = params.aggregates.iter().filter_map(|a| self.figure(a)).collect();
        let names: Vec<String> = keys.iter().cloned().chain(figures.iter().map(|f| f.alias.clone())).collect();
        self.unique(&names, "aggregates");
        Projection::Grouped { keys, figures }
    }

    fn figure(&mut self, aggregate: &Aggregate) -> Option<Figure> {
        let function = aggregate.function;
        let name = function.name();
        let column = match &aggregate.column {
            Some(star) if star == "*" && function == AggregateFn::Count => None,
            Some(column) => Some(self.column(column, "aggregates")?),
            None if function == AggregateFn::Count => None,
            None => {
                self.wrong(text!(
                    "O agregado `{name}` precisa de uma coluna (`column`), por exemplo VAL_TOT; só `count` conta linhas",
                    "Aggregate `{name}` needs a column (`column`), for example VAL_TOT; only `count` counts rows"
                ));
                return None;
            }
        };
        if let (AggregateFn::Sum | AggregateFn::Avg, Some((column, kind))) = (function, &column)
            && !matches!(kind, LogicalType::Integer { .. } | LogicalType::Decimal { .. })
        {
            let problem = self.wrong(text!(
                "`{name}` precisa de uma coluna numérica, por exemplo VAL_TOT; {column} não é (códigos e datas não se somam)",
                "`{name}` needs a numeric column, for example VAL_TOT; {column} is not one (codes and dates have no sum)"
            ));
            problem.diagnostic.insert("received".into(), column.as_str().into());
            return None;
        }
        let alias = aggregate.alias.clone().unwrap_or_else(|| match &column {
            Some((column, _)) => format!("{name}_{}", column.to_lowercase()),
            None => name.to_owned(),
        });
        if alias.is_empty() || alias.len() > MAX_NAME || alias.chars().any(char::is_control) {
            let shown = clip(&alias);
            let problem = self.wrong(text!(
                "O nome \"{shown}\" não serve a uma coluna: de 1 a {MAX_NAME} bytes, sem caracteres de controle, por exemplo valor_total",
                "The name \"{shown}\" does not do for a column: 1 to {MAX_NAME} bytes, without control characters, for example valor_total"
            ));
            problem.diagnostic.insert("received".into(), shown.into());
            return None;
        }
        Some(Figure { function, column, alias })
    }

    fn unique(&mut self, names: &[String], role: &str) {
        let mut seen = BTreeSet::new();
        for name in names {
            if !seen.insert(name.to_lowercase()) {
                let problem = self.wrong(text!(
                    "A coluna {name} aparece duas vezes na resposta (em `{role}`); tire uma, ou dê outro nome ao agregado",
                    "Column {name} appears twice in the answer (in `{role}`); leave one out, or name the aggregate otherwise"
                ));
                problem.diagnostic.insert("where".into(), role.into());
                problem.diagnostic.insert("received".into(), name.as_str().into());
            }
        }
    }

    pub(super) fn order(&mut self, params: &QueryParams, projection: &Projection) -> Vec<Sort> {
        let mut order = Vec::new();
        for key in &params.order_by {
            let column = match projection {
                Projection::Grouped { keys, figures } => {
                    let names = || keys.iter().chain(figures.iter().map(|f| &f.alias));
                    match names().find(|name| name.eq_ignore_ascii_case(&key.column)) {
                        Some(name) => name.clone(),
                        None => {
                            let near = match self.is_full() {
                                true => Vec::new(),
                                false => did_you_mean(&key.column, names().map(String::as_str)),
                            };
                            let (pt, en) = hint(&near);
                            let (shown, all) =
                                (clip(&key.column), names().take(20).cloned().collect::<Vec<_>>().join(", "));
                            let problem = self.wrong(text!(
                                "`order_by`: a resposta não tem a coluna \"{shown}\"{pt} Tem: {all}",
                                "`order_by`: the answer has no column \"{shown}\"{en} It has {all}"
                            ));
                            problem.diagnostic.insert("received".into(), shown.into());
                            problem.diagnostic.insert("did_you_mean".into(), near.into());
                            continue;
                        }
                    }
                }
                _ => match self.column(&key.column, "order_by") {
                    Some((name, _)) => name,
                    None => continue,
                },
            };
            order.push(Sort { column, desc: key.desc });
        }
        order
    }
}
