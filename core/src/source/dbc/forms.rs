//! Codes in the form that the catalogue states for them, and how many were not.

use serde::{Deserialize, Serialize};

use super::Field;
use crate::catalog::{Form, Normal};

/// Values that are kept of those that were written in another form.
const SAMPLES: usize = 10;

/// The codes of a column that stood in the file in another form than the catalogue's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[non_exhaustive]
pub struct Normalised {
    /// The column.
    pub column: String,
    /// The form that its codes have now.
    pub form: Form,
    /// How many were written in another one.
    pub count: u64,
    /// The first ten, as the file has them and as they are now.
    pub samples: Vec<(String, String)>,
}

impl Normalised {
    /// Of a column whose codes have this form.
    pub fn new(column: &str, form: Form) -> Self {
        Normalised { column: column.to_owned(), form, count: 0, samples: Vec::new() }
    }

    /// Counts a value that was changed.
    pub fn count(&mut self, raw: &str, written: &str) {
        self.count += 1;
        if self.samples.len() < SAMPLES && !self.samples.iter().any(|(seen, _)| seen == raw) {
            self.samples.push((raw.to_owned(), written.to_owned()));
        }
    }
}

/// The form for `field`, a number or a text.
pub(super) fn of_field(form: Option<Form>, field: &Field) -> Option<Form> {
    if field.is_number() { form } else { form?.of_text() }
}

/// Brings the values behind the first `ends` and `bytes` into their form. `ends` holds the end of each value, behind a first 0.
pub(super) fn settle(
    normalised: &mut Normalised,
    (first_end, first_byte): (usize, usize),
    bytes: &mut Vec<u8>,
    ends: &mut [i32],
) {
    let width = normalised.form.width() as i32;
    // A value of the right length has the form or none; most pieces have no other.
    let pairs = ends[first_end - 1..].iter().zip(&ends[first_end..]);
    if pairs.map(|(start, end)| end - start).all(|length| length == width || length == 0) {
        return;
    }
    let piece = bytes.split_off(first_byte);
    let mut start = first_byte;
    for end in &mut ends[first_end..] {
        let next = *end as usize;
        let value = &piece[start - first_byte..next - first_byte];
        start = next;
        let written = std::str::from_utf8(value).ok().and_then(|raw| match normalised.form.normalise(raw) {
            Normal::Changed(written) => {
                normalised.count(raw, &written);
                Some(written)
            }
            Normal::Same | Normal::Unfit => None,
        });
        match written {
            Some(written) => bytes.extend_from_slice(written.as_bytes()),
            None => bytes.extend_from_slice(value),
        }
        *end = bytes.len() as i32;
    }
}
