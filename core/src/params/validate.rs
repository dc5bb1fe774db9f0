//! From params to a [`Query`]: every problem at once, each with what was expected and what is near.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::{Code, Error, Problem, Result, Text, did_you_mean, text};
use crate::catalog::{Catalog, Competencia, Grupo, LogicalType, Period, Uf};

use super::query::Figure;
use super::values::{bind_value, scalar};
use super::{
    AggregateFn, Ask, BindValue, CompetenciaParam, Filter, OnEmergency, OneOrMany, Op, Predicate, Projection, Query,
    QueryParams, Scalar, Scope, Sort, Sql, Structured,
};

/// Most competências that a range may span: two centuries of months.
const MAX_COMPETENCIAS: usize = 2400;
/// Most values of one `in`, and most conditions of one query.
const MAX_VALUES: usize = 10_000;
const MAX_NAME: usize = 63;

/// Checks `params` against the catalogue.
///
/// `file_columns` gives the columns that the source's files of a dataset have (asked only for a column that the
/// catalogue does not know): such a column is text.
pub fn validate(
    params: &QueryParams,
    catalog: &'static Catalog,
    file_columns: &dyn Fn(&'static Grupo) -> Vec<String>,
) -> Result<Query> {
    let mut check = Check { problems: Vec::new(), grupo: None, extra: None, file_columns, years_are_months: false };
    check.contract(params.contract);
    check.grupo = check.dataset(&params.dataset, catalog);
    if let Some(name) = params.bind.keys().next() {
        let problem = check.wrong(text!(
            "`bind` só vale com `sql`; valores de `where` já vão por parâmetro",
            "`bind` goes with `sql` only; values of `where` are bound anyway"
        ));
        problem.diagnostic.insert("received".into(), clip(name).into());
    }
    let ufs = params.uf.as_ref().map(|ufs| check.ufs(ufs));
    let competencias = params.competencia.as_ref().map(|c| check.competencias(c));
    let projection = check.projection(params);
    let predicates = check.predicates(&params.filters);
    let order_by = check.order(params, &projection);
    check.options(params);
    match (check.grupo, check.problems.is_empty()) {
        (Some(grupo), true) => Ok(Query {
            scopes: vec![Scope { grupo, ufs, competencias }],
            ask: Ask::Structured(Structured { projection, predicates, order_by, limit: params.limit }),
            options: params.options.clone(),
        }),
        _ => Err(Error::from_problems(check.problems).stage("validate")),
    }
}

/// What the gate found in the user's SQL.
#[derive(Debug, Clone, Default)]
pub struct SqlUse {
    pub tables: Vec<&'static Grupo>,
    pub parameters: BTreeSet<String>,
    pub columns: BTreeSet<String>,
    pub star: bool,
}

/// Checks the params of a query in SQL. `used` is the gate's word, or its refusal, which then stands first among the
/// problems.
pub fn validate_sql(params: &QueryParams, text: &str, used: Result<SqlUse>) -> Result<Query> {
    let (used, refused) = match used {
        Ok(used) => (used, Vec::new()),
        Err(error) => (SqlUse::default(), error.problems().to_vec()),
    };
    let passed = refused.is_empty();
    let no_columns = |_: &'static Grupo| Vec::new();
    let mut check =
        Check { problems: refused, grupo: None, extra: None, file_columns: &no_columns, years_are_months: true };
    check.contract(params.contract);
    check.not_with_sql(params);
    let mut scopes = Vec::new();
    for &grupo in &used.tables {
        check.grupo = Some(grupo);
        let ufs = params.uf.as_ref().map(|ufs| check.ufs(ufs));
        let competencias = params.competencia.as_ref().map(|c| check.competencias(c));
        scopes.push(Scope { grupo, ufs, competencias });
    }
    check.once();
    let binds = if passed { check.binds(params, &used.parameters) } else { BTreeMap::new() };
    check.options(params);
    check.sample_of_one_table(params, scopes.len());
    if !check.problems.is_empty() {
        return Err(Error::from_problems(check.problems).stage(if passed { "validate" } else { "gate" }));
    }
    let SqlUse { columns, star, .. } = used;
    Ok(Query {
        scopes,
        ask: Ask::Sql(Sql { text: text.to_owned(), binds, columns, star }),
        options: params.options.clone(),
    })
}

struct Check<'a> {
    problems: Vec<Problem>,
    grupo: Option<&'static Grupo>,
    extra: Option<Vec<String>>,
    file_columns: &'a dyn Fn(&'static Grupo) -> Vec<String>,
    /// In SQL several tables share one `competencia`: a year stands for its months where a table is monthly.
    years_are_months: bool,
}

impl Check<'_> {
    /// The keys of the structured form that SQL says itself.
    fn not_with_sql(&mut self, params: &QueryParams) {
        let given = [
            ("dataset", !params.dataset.is_empty()),
            ("columns", params.columns.is_some()),
            ("where", !params.filters.is_empty()),
            ("group_by", !params.group_by.is_empty()),
            ("aggregates", !params.aggregates.is_empty()),
            ("order_by", !params.order_by.is_empty()),
            ("limit", params.limit.is_some()),
        ];
        for (key, _) in given.into_iter().filter(|(_, given)| *given) {
            let problem = self.wrong(text!(
                "`{key}` não vai junto com `sql`: diga-o no próprio SQL",
                "`{key}` does not go with `sql`: say it in the SQL itself"
            ));
            problem.diagnostic.insert("received".into(), key.into());
        }
    }

    /// Tables that share `uf` and `competencia` share their problems too.
    fn once(&mut self) {
        let mut seen: Vec<(Code, String)> = Vec::new();
        self.problems.retain(|problem| {
            let key = (problem.code, format!("{}{:?}", problem.detail.en, problem.diagnostic));
            let new = !seen.contains(&key);
            seen.push(key);
            new
        });
    }

    /// Every parameter of the SQL has a value, and every value a parameter.
    fn binds(&mut self, params: &QueryParams, parameters: &BTreeSet<String>) -> BTreeMap<String, BindValue> {
        for name in parameters.iter().filter(|name| !params.bind.contains_key(*name)) {
            let near = did_you_mean(name, params.bind.keys().map(String::as_str));
            let (pt, en) = hint(&near);
            let shown = clip(name);
            let problem = self.wrong(text!(
                "Falta o valor do parâmetro ${shown} em `bind`{pt}",
                "The value of parameter ${shown} is missing in `bind`{en}"
            ));
            problem.diagnostic.insert("parameter".into(), shown.into());
            problem.diagnostic.insert("did_you_mean".into(), near.into());
        }
        let mut values = BTreeMap::new();
        for (name, value) in &params.bind {
            let shown = clip(name);
            if !parameters.contains(name) {
                let problem = self.wrong(text!(
                    "O SQL não usa o parâmetro ${shown} de `bind`",
                    "The SQL does not use parameter ${shown} of `bind`"
                ));
                problem.diagnostic.insert("parameter".into(), shown.into());
                continue;
            }
            match bind_value(value) {
                Some(value) => {
                    values.insert(name.clone(), value);
                }
                None => {
                    let received = clip(&value.to_string());
                    let problem = self.wrong(text!(
                        "Parâmetro ${shown}: esperado texto, número, true, false ou null; recebido {received}. Uma lista vai como texto: `CNES IN (SELECT unnest(string_split(${shown}, ',')))`",
                        "Parameter ${shown}: expected text, number, true, false or null; received {received}. A list goes as text: `CNES IN (SELECT unnest(string_split(${shown}, ',')))`"
                    ));
                    problem.diagnostic.insert("parameter".into(), shown.into());
                    problem.diagnostic.insert("received".into(), received.into());
                }
            }
        }
        values
    }

    fn wrong(&mut self, detail: Text) -> &mut Problem {
        self.problems.push(Problem::new(Code::InvalidParams, detail));
        let last = self.problems.len() - 1;
        &mut self.problems[last]
    }

    fn contract(&mut self, contract: Option<u32>) {
        if let Some(received) = contract.filter(|c| *c != 1) {
            let problem = self.wrong(text!(
                "Contrato {received} desconhecido; esta versão fala o contrato 1",
                "Unknown contract {received}; this version speaks contract 1"
            ));
            problem.diagnostic.insert("received".into(), received.into());
            problem.diagnostic.insert("expected_format".into(), 1.into());
        }
    }

    fn dataset(&mut self, name: &str, catalog: &'static Catalog) -> Option<&'static Grupo> {
        if let Some(grupo) = catalog.dataset(name) {
            return Some(grupo);
        }
        if name.is_empty() {
            let problem = self.wrong(text!(
                "Falta `dataset`, por exemplo \"SIH-RD\" (ou `sql`)",
                "`dataset` is missing, for example \"SIH-RD\" (or `sql`)"
            ));
            problem.diagnostic.insert("path".into(), "$.dataset".into());
            problem.diagnostic.insert("valid_examples".into(), vec!["SIH-RD", "CNES-ST", "SIM-DO"].into());
            return None;
        }
        let names: Vec<String> = catalog.datasets().map(|g| g.dataset.to_string()).collect();
        let near = did_you_mean(name, names.iter().map(String::as_str));
        let (pt, en) = hint(&near);
        let shown = clip(name);
        let mut problem = Problem::new(
            Code::NotFound,
            text!("Dataset {shown:?} não existe{pt}", "There is no dataset {shown:?}{en}"),
        )
        .with("received", shown)
        .with("did_you_mean", near)
        .with("valid_examples", vec!["SIH-RD", "SIA-PA", "CNES-ST", "SIM-DO", "SINASC-DN"]);
        problem.diagnostic.insert("expected_format".into(), "SISTEMA-GRUPO".into());
        self.problems.push(problem);
        None
    }

    fn ufs(&mut self, given: &OneOrMany) -> BTreeSet<Uf> {
        let mut ufs = BTreeSet::new();
        for sigla in given.iter() {
            if ["todas", "all"].contains(&sigla.to_lowercase().as_str()) {
                ufs.extend(Uf::all());
                continue;
            }
            match Uf::parse(sigla) {
                Some(uf) => {
                    ufs.insert(uf);
                }
                None => {
                    let all: Vec<(&str, &str)> =
                        Uf::all().chain([Uf::BR, Uf::EX]).map(|uf| (uf.sigla(), uf.nome())).collect();
                    let mut near: Vec<String> = did_you_mean(sigla, all.iter().map(|uf| uf.1));
                    near = all.iter().filter(|uf| near.contains(&uf.1.to_owned())).map(|uf| uf.0.to_owned()).collect();
                    if near.is_empty() {
                        near = did_you_mean(sigla, all.iter().map(|uf| uf.0));
                    }
                    let (pt, en) = hint(&near);
                    let shown = clip(sigla);
                    let problem = self.wrong(text!("UF {shown:?} não existe{pt}", "There is no UF {shown:?}{en}"));
                    problem.diagnostic.insert("expected_format".into(), "sigla".into());
                    problem.diagnostic.insert("received".into(), shown.into());
                    problem.diagnostic.insert("valid_examples".into(), vec!["SP", "RJ", "AC"].into());
                    problem.diagnostic.insert("did_you_mean".into(), near.into());
                }
            }
        }
        if given.iter().next().is_none() {
            self.wrong(text!(
                "`uf` está vazio; deixe-o de fora para todas as UF",
                "`uf` is empty; leave it out for every UF"
            ));
        }
        if let Some(grupo) = self.grupo
            && grupo.national.is_some_and(|national| ufs.iter().any(|uf| *uf != national))
            && grupo.uf_column.is_none()
        {
            let dataset = &grupo.dataset;
            let problem = self.wrong(text!(
                "{dataset} é publicado em arquivos nacionais e não tem coluna de UF; deixe `uf` de fora",
                "{dataset} is published in national files and has no UF column; leave `uf` out"
            ));
            problem.diagnostic.insert("dataset".into(), dataset.to_string().into());
        }
        ufs
    }

    fn competencias(&mut self, given: &CompetenciaParam) -> BTreeSet<Competencia> {
        match given {
            CompetenciaParam::Listed(listed) => {
                if listed.iter().next().is_none() {
                    self.wrong(text!(
                        "`competencia` está vazia; deixe-a de fora para todas",
                        "`competencia` is empty; leave it out for all"
                    ));
                }
                listed.iter().filter_map(|text| self.competencia(text)).flat_map(months).collect()
            }
            CompetenciaParam::Range { from, to } => {
                let (first, last) = (self.competencia(from), self.competencia(to));
                let (Some((first, _)), Some((_, last))) = (first, last) else { return BTreeSet::new() };
                if first > last {
                    let problem = self.wrong(text!(
                        "Competência inicial {first} depois da final {last}; troque-as",
                        "First competência {first} is after the last, {last}; swap them"
                    ));
                    problem.diagnostic.insert("received".into(), format!("{first}..{last}").into());
                }
                months((first, last)).collect()
            }
        }
    }

    /// The first and the last competência that `given` stands for: the same one but for a year of a monthly table.
    fn competencia(&mut self, given: &str) -> Option<(Competencia, Competencia)> {
        let yearly = self.grupo.is_some_and(|g| g.period == Period::Year);
        let (format, length, examples) = match (yearly, self.years_are_months) {
            (true, _) => ("YYYY", 4, ["2022", "2023"]),
            (false, true) => ("YYYYMM|YYYY", 6, ["202401", "2023"]),
            (false, false) => ("YYYYMM", 6, ["202401", "202312"]),
        };
        if let Some(competencia) = Competencia::parse(given) {
            // Without a dataset either form may be right.
            if self.grupo.is_none() || given.len() == length {
                return Some((competencia, competencia));
            }
            let ano = competencia.ano();
            if self.years_are_months
                && given.len() == 4
                && let (Some(first), Some(last)) = (Competencia::month(ano, 1), Competencia::month(ano, 12))
            {
                return Some((first, last));
            }
        }
        let problem = self.wrong(text!("Formato de competência inválido", "Invalid format of competência"));
        problem.diagnostic.insert("expected_format".into(), format.into());
        problem.diagnostic.insert("received".into(), clip(given).into());
        problem.diagnostic.insert("valid_examples".into(), examples.to_vec().into());
        None
    }

    /// The column's canonical name and type; a problem when there is none.
    fn column(&mut self, name: &str, role: &str) -> Option<(String, LogicalType)> {
        let grupo = self.grupo?;
        if let Some(column) = grupo.column(name) {
            return Some((column.name.clone(), column.kind.clone()));
        }
        let file_columns = self.file_columns;
        let extra = self.extra.get_or_insert_with(|| file_columns(grupo));
        if let Some(found) = extra.iter().find(|c| c.eq_ignore_ascii_case(name)) {
            return Some((found.clone(), LogicalType::Text));
        }
        let names = grupo.columns.iter().map(|c| c.name.as_str()).chain(extra.iter().map(String::as_str));
        let near = did_you_mean(name, names);
        let (pt, en) = hint(&near);
        let (dataset, shown) = (&grupo.dataset, clip(name));
        let problem =
            self.wrong(text!("{dataset} não tem a coluna {shown:?}{pt}", "{dataset} has no column {shown:?}{en}"));
        problem.diagnostic.insert("where".into(), role.into());
        problem.diagnostic.insert("received".into(), shown.into());
        problem.diagnostic.insert("did_you_mean".into(), near.into());
        None
    }

    fn projection(&mut self, params: &QueryParams) -> Projection {
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
                    "A coluna {name} precisa estar em `group_by` ou dentro de um agregado",
                    "Column {name} must be in `group_by` or inside an aggregate"
                ));
                problem.diagnostic.insert("received".into(), name.into());
            }
        }
        let figures: Vec<Figure> = params.aggregates.iter().filter_map(|a| self.figure(a)).collect();
        let names: Vec<String> = keys.iter().cloned().chain(figures.iter().map(|f| f.alias.clone())).collect();
        self.unique(&names, "aggregates");
        Projection::Grouped { keys, figures }
    }

    fn figure(&mut self, aggregate: &super::Aggregate) -> Option<Figure> {
        let function = aggregate.function;
        let name = function.name();
        let column = match &aggregate.column {
            Some(column) => Some(self.column(column, "aggregates")?),
            None if function == AggregateFn::Count => None,
            None => {
                self.wrong(text!("O agregado {name} precisa de `column`", "Aggregate {name} needs a `column`"));
                return None;
            }
        };
        if let (AggregateFn::Sum | AggregateFn::Avg, Some((column, kind))) = (function, &column)
            && !matches!(kind, LogicalType::Integer { .. } | LogicalType::Decimal { .. })
        {
            let problem = self.wrong(text!(
                "{name} precisa de uma coluna numérica; {column} não é (códigos são texto)",
                "{name} needs a numeric column; {column} is not one (codes are text)"
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
                "Nome {shown:?} inválido: de 1 a {MAX_NAME} bytes, sem caracteres de controle",
                "Invalid name {shown:?}: 1 to {MAX_NAME} bytes, without control characters"
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
                    "A coluna {name} aparece duas vezes na resposta",
                    "Column {name} appears twice in the answer"
                ));
                problem.diagnostic.insert("where".into(), role.into());
                problem.diagnostic.insert("received".into(), name.as_str().into());
            }
        }
    }

    fn predicates(&mut self, filters: &[Filter]) -> Vec<Predicate> {
        filters.iter().filter_map(|f| self.predicate(f, 0)).collect()
    }

    fn predicate(&mut self, filter: &Filter, depth: usize) -> Option<Predicate> {
        if depth > 16 {
            self.wrong(text!("Condições aninhadas além de 16 níveis", "Conditions nested deeper than 16 levels"));
            return None;
        }
        match filter {
            Filter::Any { any } => {
                Some(Predicate::Any(any.iter().filter_map(|f| self.predicate(f, depth + 1)).collect()))
            }
            Filter::All { all } => {
                Some(Predicate::All(all.iter().filter_map(|f| self.predicate(f, depth + 1)).collect()))
            }
            Filter::Not { not } => Some(Predicate::Not(Box::new(self.predicate(not, depth + 1)?))),
            Filter::Compare { column, op, value } => {
                let (column, kind) = self.column(column, "where")?;
                let values = self.values(&column, &kind, *op, value)?;
                Some(Predicate::Compare { column, kind, op: *op, values })
            }
        }
    }

    fn values(&mut self, column: &str, kind: &LogicalType, op: Op, value: &serde_json::Value) -> Option<Vec<Scalar>> {
        let list: Vec<&serde_json::Value> = match (op, value) {
            (Op::IsNull | Op::NotNull, serde_json::Value::Null) => return Some(Vec::new()),
            (Op::Between, serde_json::Value::Array(pair)) if pair.len() == 2 => pair.iter().collect(),
            (Op::In | Op::NotIn, serde_json::Value::Array(list)) if (1..=MAX_VALUES).contains(&list.len()) => {
                list.iter().collect()
            }
            (Op::StartsWith, serde_json::Value::String(_)) if *kind == LogicalType::Text => vec![value],
            (Op::Eq | Op::Ne | Op::Lt | Op::Le | Op::Gt | Op::Ge, one) if !one.is_array() && !one.is_null() => {
                vec![one]
            }
            _ => {
                let (pt, expected, example) = match op {
                    Op::IsNull | Op::NotNull => {
                        ("nenhum valor", "no value", "{\"column\": \"CID_MORTE\", \"op\": \"is_null\"}")
                    }
                    Op::Between => ("uma lista de dois valores", "list of two values", "[0, 17]"),
                    Op::In | Op::NotIn => {
                        ("uma lista de 1 a 10000 valores", "list of 1 to 10000 values", "[\"01\", \"03\"]")
                    }
                    Op::StartsWith => ("um texto, numa coluna de texto", "text, on a text column", "\"J18\""),
                    _ => ("um valor; para NULL use is_null", "one value; for NULL use is_null", "\"03\""),
                };
                let shown = clip(&value.to_string());
                let problem = self.wrong(text!(
                    "{column}: `value` de {op:?} deve ser {pt}, por exemplo {example}; recebido {shown}",
                    "{column}: `value` of {op:?} must be {expected}, for example {example}; received {shown}"
                ));
                problem.diagnostic.insert("column".into(), column.into());
                problem.diagnostic.insert("expected_format".into(), expected.into());
                problem.diagnostic.insert("received".into(), shown.into());
                problem.diagnostic.insert("valid_examples".into(), vec![example].into());
                return None;
            }
        };
        let mut scalars = Vec::with_capacity(list.len());
        for value in list {
            match scalar(column, kind, value) {
                Ok(scalar) => scalars.push(scalar),
                Err(problem) => {
                    self.problems.push(*problem);
                    return None;
                }
            }
        }
        Some(scalars)
    }

    fn order(&mut self, params: &QueryParams, projection: &Projection) -> Vec<Sort> {
        let mut order = Vec::new();
        for key in &params.order_by {
            let column = match projection {
                Projection::Grouped { keys, figures } => {
                    let names = || keys.iter().chain(figures.iter().map(|f| &f.alias));
                    match names().find(|name| name.eq_ignore_ascii_case(&key.column)) {
                        Some(name) => name.clone(),
                        None => {
                            let near = did_you_mean(&key.column, names().map(String::as_str));
                            let (pt, en) = hint(&near);
                            let shown = clip(&key.column);
                            let problem = self.wrong(text!(
                                "`order_by`: a resposta não tem a coluna {shown:?}{pt}",
                                "`order_by`: the answer has no column {shown:?}{en}"
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

    /// Of two samples' rows only one pair in a hundred would meet, and a row without its pair says nothing.
    fn sample_of_one_table(&mut self, params: &QueryParams, tables: usize) {
        if tables > 1 && params.options.on_emergency == Some(OnEmergency::Sample) {
            let problem = self.wrong(text!(
                "`options.on_emergency = \"sample\"` não vale com SQL sobre {tables} tabelas: amostras não se juntam; use spill, wait ou fail",
                "`options.on_emergency = \"sample\"` does not go with SQL over {tables} tables: samples do not join; use spill, wait or fail"
            ));
            problem.diagnostic.insert("received".into(), "sample".into());
        }
    }

    fn options(&mut self, params: &QueryParams) {
        if let Some(seconds) = params.options.deadline.filter(|s| !(*s > 0.0 && *s <= 1e9)) {
            let problem = self.wrong(text!(
                "`options.deadline` deve ser um número positivo de segundos; recebido {seconds}",
                "`options.deadline` must be a positive number of seconds; received {seconds}"
            ));
            problem.diagnostic.insert("expected_format".into(), "seconds".into());
            problem.diagnostic.insert("received".into(), seconds.into());
        }
        if let Some(rows) = params.options.checkpoint_rows.filter(|rows| !(1..=10_000_000).contains(rows)) {
            let problem = self.wrong(text!(
                "`options.checkpoint_rows` deve ser de 1 a 10000000; recebido {rows}",
                "`options.checkpoint_rows` must be 1 to 10000000; received {rows}"
            ));
            problem.diagnostic.insert("received".into(), rows.into());
        }
        if let Some(share) = params.options.dead_letter_limit.filter(|share| !(0.0..=1.0).contains(share)) {
            let problem = self.wrong(text!(
                "`options.dead_letter_limit` deve ser uma parte das linhas, de 0 a 1; recebido {share}",
                "`options.dead_letter_limit` must be a share of the rows, 0 to 1; received {share}"
            ));
            problem.diagnostic.insert("received".into(), share.into());
        }
    }
}

fn months((first, last): (Competencia, Competencia)) -> impl Iterator<Item = Competencia> {
    std::iter::successors(Some(first), |c| Some(c.next())).take_while(move |c| *c <= last).take(MAX_COMPETENCIAS)
}

/// The end of a sentence: "; quis dizer SIH-RD?".
fn hint(near: &[String]) -> (String, String) {
    match near.first() {
        Some(_) => {
            let list = near.join(", ");
            (format!("; quis dizer {list}?"), format!("; did you mean {list}?"))
        }
        None => (String::new(), String::new()),
    }
}

/// What the user sent, cut so that an error stays readable.
fn clip(text: &str) -> String {
    match text.char_indices().nth(80) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}
