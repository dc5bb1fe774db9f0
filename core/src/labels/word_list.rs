//! Words in their order, in one buffer: those of CID-10 are 14,000.

use std::hash::{Hash, Hasher};

use arrow::array::{Array, StringArray, StringBuilder};
use serde::{Deserialize, Serialize};

/// Words, none of them missing, in the order of display.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "Vec<String>", into = "Vec<String>")]
pub struct WordList(StringArray);

impl WordList {
    /// `words`: none of them missing.
    pub(super) fn built(mut words: StringBuilder) -> Self {
        WordList(words.finish())
    }

    /// As a column holds them.
    pub fn array(&self) -> &StringArray {
        &self.0
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The one of this number.
    pub fn get(&self, number: usize) -> Option<&str> {
        (number < self.0.len()).then(|| self.0.value(number))
    }

    /// All of them.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> + Clone {
        (0..self.0.len()).map(|number| self.0.value(number))
    }
}

impl<'w> FromIterator<&'w str> for WordList {
    fn from_iter<I: IntoIterator<Item = &'w str>>(words: I) -> Self {
        WordList(words.into_iter().map(Some).collect())
    }
}

impl From<Vec<String>> for WordList {
    fn from(words: Vec<String>) -> Self {
        words.iter().map(String::as_str).collect()
    }
}

impl From<WordList> for Vec<String> {
    fn from(words: WordList) -> Self {
        words.iter().map(str::to_owned).collect()
    }
}

impl Eq for WordList {}

impl Hash for WordList {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.value_offsets().hash(state);
        self.0.value_data().hash(state);
    }
}
