//! A place in a text that a user wrote.

use super::{Problem, Text, text};

/// Line and column, both from 1, and the text around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Counted from 1.
    pub line: usize,
    /// In characters.
    pub column: usize,
    /// The text from the place on, to the end of its line, 40 characters at most.
    pub near: String,
}

impl Place {
    /// The place of byte `at`; one that lies inside a character or behind the end is moved back.
    pub fn of(text: &str, at: usize) -> Self {
        let mut at = at.min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        let (before, after) = text.split_at(at);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Place {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            near: after.lines().next().unwrap_or_default().chars().take(40).collect(),
        }
    }

    /// " (linha 1, coluna 8)".
    pub fn words(&self) -> Text {
        let Place { line, column, .. } = self;
        text!(" (linha {line}, coluna {column})", " (line {line}, column {column})")
    }

    /// Puts the place into the diagnostic.
    pub fn mark(&self, problem: Problem) -> Problem {
        problem.with("line", self.line).with("column", self.column).with("near", self.near.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_counted_in_characters_and_never_splits_one() {
        let place = Place::of("SELECT 'é'\n FROM x", 13);
        assert_eq!((place.line, place.column, place.near.as_str()), (2, 2, "FROM x"));
        assert_eq!(Place::of("é", 1).column, 1);
        assert_eq!(Place::of("a", 99).column, 2);
    }
}
