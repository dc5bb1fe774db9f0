//! Expressions of the user's SQL on rows of a sample. What is not known here has no value, and whoever asked guesses.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanArray, Datum, Decimal128Array, Float64Array, Int64Array, Scalar, StringArray,
    new_null_array,
};
use arrow::compute::kernels::numeric::{add, div, mul, rem, sub};
use arrow::compute::kernels::substring::substring_by_char;
use arrow::compute::kernels::{cmp, comparison};
use arrow::compute::{DatePart, and_kleene, cast, date_part, is_not_null, is_null, not, or_kleene};
use arrow::datatypes::DataType;
use serde_json::Value;

use crate::estimate::sample::Sample;
use crate::params::BindValue;

/// Values of parameters.
pub(super) type Binds = BTreeMap<String, BindValue>;

/// A value for each row, or one for all.
pub(super) enum Values {
    Column(ArrayRef),
    Constant(ArrayRef),
}

impl Values {
    fn kind(&self) -> &DataType {
        match self {
            Values::Column(array) | Values::Constant(array) => array.data_type(),
        }
    }

    fn cast(&self, kind: &DataType) -> Option<Values> {
        Some(match self {
            Values::Column(array) => Values::Column(cast(array, kind).ok()?),
            Values::Constant(array) => Values::Constant(cast(array, kind).ok()?),
        })
    }

    fn with<T>(&self, use_it: impl FnOnce(&dyn Datum) -> T) -> T {
        match self {
            Values::Column(array) => use_it(array),
            Values::Constant(array) => use_it(&Scalar::new(array.clone())),
        }
    }

    /// One for each of `rows`.
    pub fn spread_over(self, rows: usize) -> Option<ArrayRef> {
        match self {
            Values::Column(array) => Some(array),
            Values::Constant(array) => {
                let indices = arrow::array::UInt32Array::from(vec![0; rows]);
                arrow::compute::take(&array, &indices, None).ok()
            }
        }
    }
}

/// What an expression is looked at with.
#[derive(Clone, Copy)]
pub(super) struct Rows<'s> {
    pub sample: &'s Sample,
    pub binds: &'s Binds,
}

impl Rows<'_> {
    pub fn count(&self) -> usize {
        self.sample.batch.num_rows()
    }

    /// For each row, whether a condition holds.
    pub fn meets(&self, node: &Value) -> Option<BooleanArray> {
        let children = || node["children"].as_array().map(Vec::as_slice).unwrap_or_default();
        let kind = node["type"].as_str().unwrap_or_default();
        match node["class"].as_str()? {
            "CONJUNCTION" => {
                let with = if kind == "CONJUNCTION_AND" { and_kleene } else { or_kleene };
                let mut all = children().iter().map(|child| self.meets(child));
                let first = all.next()??;
                all.try_fold(first, |so_far, next| with(&so_far, &next?).ok())
            }
            "COMPARISON" => self.compared(kind, self.value(&node["left"])?, self.value(&node["right"])?),
            "BETWEEN" => {
                let low = self.compared(
                    "COMPARE_GREATERTHANOREQUALTO",
                    self.value(&node["input"])?,
                    self.value(&node["lower"])?,
                )?;
                let high = self.compared(
                    "COMPARE_LESSTHANOREQUALTO",
                    self.value(&node["input"])?,
                    self.value(&node["upper"])?,
                )?;
                and_kleene(&low, &high).ok()
            }
            "OPERATOR" => match (kind, children()) {
                ("OPERATOR_NOT", [one]) => not(&self.meets(one)?).ok(),
                ("OPERATOR_IS_NULL", [one]) => is_null(&self.value(one)?.spread_over(self.count())?).ok(),
                ("OPERATOR_IS_NOT_NULL", [one]) => is_not_null(&self.value(one)?.spread_over(self.count())?).ok(),
                ("COMPARE_IN" | "COMPARE_NOT_IN", [one, others @ ..]) => {
                    let mut all =
                        others.iter().map(|other| self.compared("COMPARE_EQUAL", self.value(one)?, self.value(other)?));
                    let first = all.next()??;
                    let among = all.try_fold(first, |so_far, next| or_kleene(&so_far, &next?).ok())?;
                    if kind == "COMPARE_IN" { Some(among) } else { not(&among).ok() }
                }
                _ => None,
            },
            "FUNCTION" => match (node["function_name"].as_str()?, children()) {
                (
                    name @ ("~~" | "!~~" | "~~*" | "!~~*" | "^@" | "starts_with" | "prefix" | "contains" | "suffix"
                    | "ends_with"),
                    [text, pattern],
                ) => {
                    let (text, pattern) = (self.text(text)?, self.text(pattern)?);
                    text.with(|text| {
                        pattern.with(|pattern| match name {
                            "~~" => comparison::like(text, pattern),
                            "!~~" => comparison::nlike(text, pattern),
                            "~~*" => comparison::ilike(text, pattern),
                            "!~~*" => comparison::nilike(text, pattern),
                            "contains" => comparison::contains(text, pattern),
                            "suffix" | "ends_with" => comparison::ends_with(text, pattern),
                            _ => comparison::starts_with(text, pattern),
                        })
                    })
                    .ok()
                    .filter(|met| met.len() == self.count())
                }
                _ => None,
            },
            "CONSTANT" => {
                let holds = node["value"]["value"].as_bool()?;
                Some(BooleanArray::from(vec![holds; self.count()]))
            }
            _ => None,
        }
    }

    fn compared(&self, how: &str, left: Values, right: Values) -> Option<BooleanArray> {
        let (left, right) = alike(left, right)?;
        let met = left.with(|left| {
            right.with(|right| match how {
                "COMPARE_EQUAL" => cmp::eq(left, right),
                "COMPARE_NOTEQUAL" => cmp::neq(left, right),
                "COMPARE_LESSTHAN" => cmp::lt(left, right),
                "COMPARE_LESSTHANOREQUALTO" => cmp::lt_eq(left, right),
                "COMPARE_GREATERTHAN" => cmp::gt(left, right),
                "COMPARE_GREATERTHANOREQUALTO" => cmp::gt_eq(left, right),
                "COMPARE_DISTINCT_FROM" => cmp::distinct(left, right),
                _ => cmp::not_distinct(left, right),
            })
        });
        // Of two constants there is one answer for all rows.
        let met = met.ok()?;
        match met.len() == self.count() {
            true => Some(met),
            false => Some(BooleanArray::from(vec![met.is_valid(0) && met.value(0); self.count()])),
        }
    }

    fn text(&self, node: &Value) -> Option<Values> {
        self.value(node)?.cast(&DataType::Utf8)
    }

    /// For each row, the value of an expression.
    pub fn value(&self, node: &Value) -> Option<Values> {
        let children = || node["children"].as_array().map(Vec::as_slice).unwrap_or_default();
        match node["class"].as_str()? {
            "COLUMN_REF" => {
                let name = node["column_names"].as_array()?.last()?.as_str()?;
                self.sample.column(name).cloned().map(Values::Column)
            }
            "CONSTANT" => constant(&node["value"]).map(Values::Constant),
            "PARAMETER" => bound(self.binds.get(node["identifier"].as_str()?)?).map(Values::Constant),
            "CAST" => self.value(&node["child"])?.cast(&type_of(&node["cast_type"])?),
            "COMPARISON" | "CONJUNCTION" | "BETWEEN" => Some(Values::Column(Arc::new(self.meets(node)?))),
            "CASE" => self.case(node),
            "OPERATOR" => match (node["type"].as_str()?, children()) {
                ("OPERATOR_COALESCE", [first, ..]) => self.value(first),
                _ => Some(Values::Column(Arc::new(self.meets(node)?))),
            },
            "FUNCTION" => self.function(&node["function_name"].as_str()?.to_lowercase(), children()),
            _ => None,
        }
    }

    fn case(&self, node: &Value) -> Option<Values> {
        let rows = self.count();
        let otherwise = self.value(&node["else_expr"]).and_then(|value| value.spread_over(rows));
        let mut so_far: Option<ArrayRef> = otherwise;
        for check in node["case_checks"].as_array()?.iter().rev() {
            let (met, then) = (self.meets(&check["when_expr"])?, self.value(&check["then_expr"])?.spread_over(rows)?);
            let rest = match so_far {
                Some(rest) if rest.data_type() == then.data_type() => rest,
                Some(rest) => cast(&rest, then.data_type()).ok()?,
                None => new_null_array(then.data_type(), rows),
            };
            let met = BooleanArray::from_iter((0..rows).map(|row| Some(met.is_valid(row) && met.value(row))));
            so_far = Some(arrow::compute::kernels::zip::zip(&met, &then, &rest).ok()?);
        }
        so_far.map(Values::Column)
    }

    fn function(&self, name: &str, children: &[Value]) -> Option<Values> {
        let rows = self.count();
        match (name, children) {
            ("year" | "month" | "day" | "quarter", [day]) => {
                let day = self.value(day)?.spread_over(rows)?;
                let part = match name {
                    "year" => DatePart::Year,
                    "month" => DatePart::Month,
                    "day" => DatePart::Day,
                    _ => DatePart::Quarter,
                };
                date_part(&day, part).ok().map(Values::Column)
            }
            ("date_part" | "datepart", [part, day]) => {
                self.function(&part["value"]["value"].as_str()?.to_lowercase(), std::slice::from_ref(day))
            }
            ("substr" | "substring" | "left" | "right", [text, rest @ ..]) => {
                let text = self.text(text)?.spread_over(rows)?;
                let number = |at: usize| rest.get(at)?["value"]["value"].as_i64();
                let (from, length) = match name {
                    "left" => (0, u64::try_from(number(0)?).ok()),
                    "right" => (-number(0)?, None),
                    _ => (
                        number(0)? - i64::from(number(0)? > 0),
                        number(1).and_then(|length| u64::try_from(length).ok()),
                    ),
                };
                let text = text.as_any().downcast_ref::<StringArray>()?;
                Some(Values::Column(Arc::new(substring_by_char(text, from, length).ok()?)))
            }
            ("upper" | "lower" | "trim" | "ltrim" | "rtrim", [text]) => {
                let text = self.text(text)?.spread_over(rows)?;
                let text = text.as_any().downcast_ref::<StringArray>()?;
                let made = |text: &str| match name {
                    "upper" => text.to_uppercase(),
                    "lower" => text.to_lowercase(),
                    _ => text.trim().to_owned(),
                };
                Some(Values::Column(Arc::new(text.iter().map(|one| one.map(made)).collect::<StringArray>())))
            }
            ("length" | "len", [text]) => {
                let text = self.text(text)?.spread_over(rows)?;
                arrow::compute::kernels::length::length(&text).ok().map(Values::Column)
            }
            ("+" | "-" | "*" | "/" | "//" | "%", [left, right]) => {
                let (left, right) = alike(self.value(left)?, self.value(right)?)?;
                // Divided, whole numbers have decimals here.
                let (left, right) = if name == "/" {
                    (left.cast(&DataType::Float64)?, right.cast(&DataType::Float64)?)
                } else {
                    (left, right)
                };
                let made = left.with(|left| {
                    right.with(|right| match name {
                        "+" => add(left, right),
                        "-" => sub(left, right),
                        "*" => mul(left, right),
                        "%" => rem(left, right),
                        _ => div(left, right),
                    })
                });
                made.ok().filter(|made| made.len() == rows).map(Values::Column)
            }
            ("floor" | "ceil" | "round" | "trunc" | "abs", [number, ..]) => {
                let number = self.value(number)?.cast(&DataType::Float64)?.spread_over(rows)?;
                let number = number.as_any().downcast_ref::<Float64Array>()?;
                let made = |one: f64| match name {
                    "floor" => one.floor(),
                    "ceil" => one.ceil(),
                    "trunc" => one.trunc(),
                    "abs" => one.abs(),
                    _ => one.round(),
                };
                (children.len() == 1)
                    .then(|| Values::Column(Arc::new(number.unary::<_, arrow::datatypes::Float64Type>(made))))
            }
            ("date_trunc" | "datetrunc", [part, day]) => {
                let day = self.value(day)?.cast(&DataType::Utf8)?.spread_over(rows)?;
                let length = match part["value"]["value"].as_str()? {
                    "year" => 4,
                    "month" => 7,
                    "day" => 10,
                    _ => return None,
                };
                let day = day.as_any().downcast_ref::<StringArray>()?;
                Some(Values::Column(Arc::new(substring_by_char(day, 0, Some(length)).ok()?)))
            }
            ("||" | "concat", [first, rest @ ..]) => {
                let mut all = self.text(first)?.spread_over(rows)?.as_any().downcast_ref::<StringArray>()?.clone();
                for one in rest {
                    let next = self.text(one)?.spread_over(rows)?;
                    let next = next.as_any().downcast_ref::<StringArray>()?;
                    all = all.iter().zip(next).map(|(a, b)| Some(format!("{}\u{1}{}", a?, b?))).collect();
                }
                Some(Values::Column(Arc::new(all)))
            }
            _ => None,
        }
    }
}

/// Both in a type that they can be compared in.
fn alike(left: Values, right: Values) -> Option<(Values, Values)> {
    if left.kind() == right.kind() {
        return Some((left, right));
    }
    let (a, b) = (left.kind().clone(), right.kind().clone());
    let common = match (&a, &b) {
        // A constant of text is read as what it is compared with.
        (DataType::Utf8, other) | (other, DataType::Utf8) => other.clone(),
        (a, b) if a.is_integer() && b.is_integer() => DataType::Int64,
        (a, b) if a.is_numeric() && b.is_numeric() => DataType::Float64,
        (DataType::Null, other) | (other, DataType::Null) => other.clone(),
        _ if a.is_temporal() && b.is_temporal() => DataType::Date32,
        _ => return None,
    };
    Some((left.cast(&common)?, right.cast(&common)?))
}

/// A constant of the tree.
fn constant(value: &Value) -> Option<ArrayRef> {
    if value["is_null"] == Value::Bool(true) {
        return Some(new_null_array(&DataType::Null, 1));
    }
    let kind = value["type"]["id"].as_str()?;
    Some(match (&value["value"], kind) {
        (Value::String(text), _) => Arc::new(StringArray::from_iter_values([text])),
        (Value::Bool(holds), _) => Arc::new(BooleanArray::from(vec![*holds])),
        (Value::Number(number), "DECIMAL") => {
            let info = &value["type"]["type_info"];
            let (width, scale) = (info["width"].as_u64()?, info["scale"].as_u64()?);
            let units = Decimal128Array::from_iter_values([i128::from(number.as_i64()?)]);
            Arc::new(units.with_precision_and_scale(u8::try_from(width).ok()?, i8::try_from(scale).ok()?).ok()?)
        }
        (Value::Number(number), _) => match number.as_i64() {
            Some(whole) => Arc::new(Int64Array::from_iter_values([whole])),
            None => Arc::new(Float64Array::from_iter_values([number.as_f64()?])),
        },
        _ => return None,
    })
}

fn bound(value: &BindValue) -> Option<ArrayRef> {
    Some(match value {
        BindValue::Null => new_null_array(&DataType::Null, 1),
        BindValue::Boolean(holds) => Arc::new(BooleanArray::from(vec![*holds])),
        BindValue::Integer(number) => Arc::new(Int64Array::from_iter_values([*number])),
        BindValue::Decimal(digits) => Arc::new(Float64Array::from_iter_values([digits.parse::<f64>().ok()?])),
        BindValue::Text(text) => Arc::new(StringArray::from_iter_values([text])),
    })
}

/// A type by the name that the tree has for it.
fn type_of(kind: &Value) -> Option<DataType> {
    let name = kind["type_info"]["name"].as_str().or(kind["id"].as_str())?;
    Some(match name.to_uppercase().as_str() {
        "VARCHAR" | "TEXT" => DataType::Utf8,
        "TINYINT" | "SMALLINT" | "INTEGER" | "INT" => DataType::Int32,
        "BIGINT" => DataType::Int64,
        "FLOAT" | "DOUBLE" | "DECIMAL" => DataType::Float64,
        "DATE" => DataType::Date32,
        "BOOLEAN" => DataType::Boolean,
        _ => return None,
    })
}
