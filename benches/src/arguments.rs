//! `key=value` words of a command line.

use std::collections::BTreeMap;
use std::path::PathBuf;

pub struct Arguments(BTreeMap<String, String>);

impl Arguments {
    pub fn parse(words: impl Iterator<Item = String>) -> Result<Self, String> {
        let pairs = words.map(|word| match word.split_once('=') {
            Some((key, value)) => Ok((key.to_owned(), value.to_owned())),
            None => Err(format!("expected key=value, received {word:?}")),
        });
        pairs.collect::<Result<_, _>>().map(Arguments)
    }

    pub fn text(&self, key: &str) -> Result<&str, String> {
        self.0.get(key).map(String::as_str).ok_or_else(|| format!("{key}=... is missing"))
    }

    pub fn path(&self, key: &str) -> Result<PathBuf, String> {
        self.text(key).map(PathBuf::from)
    }

    pub fn number(&self, key: &str, otherwise: usize) -> Result<usize, String> {
        match self.0.get(key) {
            None => Ok(otherwise),
            Some(value) => value.parse().map_err(|_| format!("{key}: expected a whole number, received {value:?}")),
        }
    }
}
