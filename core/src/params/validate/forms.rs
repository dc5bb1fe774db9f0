//! Codes that a query compares with: in the form that their column has, and a word where they cannot be.

use std::sync::Arc;

use crate::base::{Text, clip, did_you_mean, fold, text};
use crate::catalog::{Column, Form, Normal};
use crate::labels::Derived;
use crate::params::sizes::MOST_PROBLEMS;
use crate::params::{Op, Predicate, Scalar, Structured};

/// Words of a list among which the nearest is looked for; of longer ones the same in other letters alone.
const MOST_WORDS: usize = 2_000;

/// The values that a comparison with `value` is run with, and what there is to say about it. Equality with a code without its
/// zeros is that with either of the two: a file may have written it so.
pub(super) fn literal(column: &Column, op: Op, value: &str) -> (Vec<String>, Option<Text>) {
    let as_it_is = || vec![value.to_owned()];
    let Some(form) = column.form.as_ref().map(|stated| stated.form) else {
        return (as_it_is(), strange(column, op, value));
    };
    match form.normalise(value) {
        Normal::Changed(written) if may_be_written(form, op) => {
            let (name, shown) = (&column.name, clip(value));
            let said = text!(
                "{name}: \"{shown}\" foi lido como \"{written}\", a forma que o código tem no catálogo",
                "{name}: \"{shown}\" was read as \"{written}\", the form that the code has in the catalogue"
            );
            let either = form.of_text().is_none() && matches!(op, Op::Eq | Op::Ne | Op::In | Op::NotIn);
            (if either { vec![written, value.to_owned()] } else { vec![written] }, Some(said))
        }
        _ => (as_it_is(), strange(column, op, value)),
    }
}

/// Whether a comparison means the same with the value in its form. A prefix is no code, and neither is the bound of a range
/// of long codes: `69900` begins the CEPs of a town.
fn may_be_written(form: Form, op: Op) -> bool {
    match op {
        Op::Eq | Op::Ne | Op::In | Op::NotIn => true,
        Op::Lt | Op::Le | Op::Gt | Op::Ge | Op::Between => !matches!(form, Form::Digits(3..)),
        Op::StartsWith => form == Form::Municipality,
        Op::IsNull | Op::NotNull => false,
    }
}

/// The word about a value that no code of the column is written like; none where one may be.
fn strange(column: &Column, op: Op, value: &str) -> Option<Text> {
    let told = mismatch(column, value)?;
    match op {
        Op::StartsWith if value.len() <= width(column)? => None,
        Op::IsNull | Op::NotNull => None,
        _ => Some(told),
    }
}

/// The word about a text that SQL compares with a column whose codes are written otherwise.
pub(super) fn mismatch(column: &Column, value: &str) -> Option<Text> {
    let name = &column.name;
    let stated = column.form.as_ref().map(|stated| stated.form);
    let forms: Vec<Form> = match stated {
        Some(form) => vec![form],
        // A stretch of years without a form may hold anything.
        None if column.codings.is_empty() => return None,
        None => column.codings.iter().map(|coding| coding.form).collect::<Option<_>>()?,
    };
    if value.is_empty() || forms.iter().any(|form| value.len() == form.width()) {
        return None;
    }
    let shown = clip(value);
    let mut widths: Vec<String> = forms.iter().map(|form| form.width().to_string()).collect();
    widths.dedup();
    let (pt, en) = (widths.join(" ou "), widths.join(" or "));
    let (advice_pt, advice_en) = match stated.map(|form| form.normalise(value)) {
        Some(Normal::Changed(written)) => {
            (format!("; como código seria \"{written}\""), format!("; as a code it is \"{written}\""))
        }
        _ => (String::new(), String::new()),
    };
    Some(text!(
        "{name}: os códigos têm {pt} caracteres, e \"{shown}\" é comparado como está{advice_pt}",
        "{name}: codes have {en} characters, and \"{shown}\" is compared as it stands{advice_en}"
    ))
}

/// The words about texts that conditions of `ask` look for and that are none of their column's words: nothing will be found.
pub(crate) fn unknown_words(ask: &Structured) -> Vec<Text> {
    let mut found = Vec::new();
    ask.predicates.iter().for_each(|predicate| unknown_in(predicate, &ask.derived, &mut found));
    found
}

fn unknown_in(predicate: &Predicate, derived: &[Arc<Derived>], found: &mut Vec<Text>) {
    match predicate {
        Predicate::Any(all) | Predicate::All(all) => all.iter().for_each(|one| unknown_in(one, derived, found)),
        Predicate::Not(one) => unknown_in(one, derived, found),
        Predicate::Compare { column, op: Op::Eq | Op::Ne | Op::In | Op::NotIn, values, .. } => {
            // Another one of this name is the files' own.
            let Some(derived) = derived.iter().find(|one| one.name == *column) else { return };
            for value in values {
                if let Scalar::Text(text) = value
                    && found.len() < MOST_PROBLEMS
                    && let Some(note) = no_word(derived, text)
                    && !found.contains(&note)
                {
                    found.push(note);
                }
            }
        }
        _ => {}
    }
}

/// The same of one text.
pub(super) fn no_word(derived: &Derived, value: &str) -> Option<Text> {
    let words = derived.words().filter(|words| words.iter().all(|word| word != value))?;
    let (name, shown, folded) = (&derived.name, clip(value), fold(value));
    let same: Vec<String> = words.iter().filter(|word| fold(word) == folded).map(str::to_owned).collect();
    let near = match same.is_empty() && words.len() <= MOST_WORDS {
        true => did_you_mean(value, words.iter()),
        false => same,
    };
    let (near_pt, near_en) = match near.join(", ") {
        near if near.is_empty() => (String::new(), String::new()),
        near => (format!("; quis dizer {near}?"), format!("; did you mean {near}?")),
    };
    Some(text!(
        "{name}: \"{shown}\" não é nenhuma das palavras da lista{near_pt}",
        "{name}: \"{shown}\" is none of the words of its list{near_en}"
    ))
}

/// The same about a whole number, which is compared with what the column's codes are as numbers.
pub(super) fn mismatch_of_number(column: &Column, digits: &str) -> Option<Text> {
    let may_lose_zeros = column.form.as_ref().is_none_or(|stated| matches!(stated.form, Form::Digits(_)));
    if may_lose_zeros && digits.len() <= width(column)? { None } else { mismatch(column, digits) }
}

/// The same about what a text begins with.
pub(super) fn mismatch_of_prefix(column: &Column, prefix: &str) -> Option<Text> {
    if prefix.len() <= width(column)? { None } else { mismatch(column, prefix) }
}

/// Characters of the longest code.
fn width(column: &Column) -> Option<usize> {
    let codings = column.codings.iter().filter_map(|coding| coding.form);
    column.form.iter().map(|stated| stated.form).chain(codings).map(Form::width).max()
}
