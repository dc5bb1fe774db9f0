//! The name of an object, whichever store it lies in.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::base::Error;

/// A scheme, and a path by which its store knows the object. As text, a file's is its path, and others' `scheme://path`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Location {
    /// None: a file of this machine.
    scheme: Option<Arc<str>>,
    path: PathBuf,
}

impl Location {
    /// A file or folder of this machine.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Location { scheme: None, path: path.into() }
    }

    /// An object of the store of `scheme`.
    pub fn of(scheme: &str, path: impl Into<PathBuf>) -> Self {
        Location { scheme: (scheme != FILE).then(|| scheme.into()), path: path.into() }
    }

    /// `scheme://path`, or else a path of this machine.
    pub fn parse(given: &Path) -> Self {
        let is_scheme = |scheme: &str| {
            let mut letters = scheme.chars();
            letters.next().is_some_and(|first| first.is_ascii_lowercase())
                && letters.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '+' | '-' | '.'))
        };
        match given.to_str().and_then(|text| text.split_once("://")) {
            Some((scheme, path)) if is_scheme(scheme) => Location::of(scheme, path),
            _ => Location::file(given),
        }
    }

    /// `file`, `s3`, ...
    pub fn scheme(&self) -> &str {
        self.scheme.as_deref().unwrap_or(FILE)
    }

    /// A file of this machine.
    pub fn is_file(&self) -> bool {
        self.scheme.is_none()
    }

    /// By which its store knows it; its parts are folders, whatever the store.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Without its folder.
    pub fn name(&self) -> String {
        self.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }

    /// Its name in the same store, but for the path.
    pub fn at(&self, path: impl Into<PathBuf>) -> Self {
        Location { scheme: self.scheme.clone(), path: path.into() }
    }

    /// The folder that it lies in; none for a root.
    pub fn parent(&self) -> Option<Location> {
        self.path.parent().map(|folder| self.at(folder))
    }

    /// The way from `root` to it; the whole where it is not below that.
    pub fn below(&self, root: &Location) -> &Path {
        match self.scheme == root.scheme {
            true => self.path.strip_prefix(&root.path).unwrap_or(&self.path),
            false => &self.path,
        }
    }

    /// As a path, wherever the process stands; others as their text.
    pub fn whole(&self) -> PathBuf {
        match self.is_file() {
            true => std::path::absolute(&self.path).unwrap_or_else(|_| self.path.clone()),
            false => self.to_string().into(),
        }
    }

    /// What went wrong with it.
    pub fn io(&self, error: std::io::Error) -> Error {
        match self.is_file() {
            true => Error::io(error, &self.path),
            false => Error::io(error, Path::new(&self.to_string())),
        }
    }
}

/// The scheme of the files of this machine.
const FILE: &str = "file";

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.scheme {
            None => self.path.display().fmt(f),
            Some(scheme) => write!(f, "{scheme}://{}", self.path.display()),
        }
    }
}

impl Serialize for Location {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Location {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Location::parse(&PathBuf::deserialize(deserializer)?))
    }
}

impl schemars::JsonSchema for Location {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Location".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        String::json_schema(generator)
    }
}

impl From<PathBuf> for Location {
    fn from(path: PathBuf) -> Self {
        Location::file(path)
    }
}

impl From<&Path> for Location {
    fn from(path: &Path) -> Self {
        Location::file(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_is_a_path_or_has_a_scheme() {
        let of = |text: &str| Location::parse(Path::new(text));
        assert_eq!(of("dados/sih"), Location::file("dados/sih"));
        assert_eq!(of("file:///dados"), Location::file("/dados"));
        let object = of("s3://balde/sih/RDAC2401.dbc");
        assert_eq!((object.scheme(), object.name().as_str()), ("s3", "RDAC2401.dbc"));
        assert_eq!(object.to_string(), "s3://balde/sih/RDAC2401.dbc");
        assert_eq!(object.below(&of("s3://balde")), Path::new("sih/RDAC2401.dbc"));
        assert_eq!(object.below(&Location::file("balde")), object.path());
        for odd in ["://x", "C://x", "2x://y", "a b://c"] {
            assert!(of(odd).is_file(), "{odd}");
        }
    }
}
