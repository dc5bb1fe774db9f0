//! The pair of sistema and grupo, as users write it: `SIH-RD`.

use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A dataset's canonical name; cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Dataset {
    sistema: Arc<str>,
    grupo: Arc<str>,
}

impl Dataset {
    /// Both parts in upper case.
    pub fn new(sistema: &str, grupo: &str) -> Self {
        Dataset { sistema: sistema.to_uppercase().into(), grupo: grupo.to_uppercase().into() }
    }

    /// `SIH`.
    pub fn sistema(&self) -> &str {
        &self.sistema
    }

    /// `RD`.
    pub fn grupo(&self) -> &str {
        &self.grupo
    }

    /// The name of its table in SQL: `sih_rd`.
    pub fn table(&self) -> String {
        format!("{}_{}", self.sistema, self.grupo).to_lowercase()
    }
}

impl std::fmt::Display for Dataset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.sistema, self.grupo)
    }
}

impl Serialize for Dataset {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Dataset {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let (sistema, grupo) =
            text.split_once('-').ok_or_else(|| serde::de::Error::custom("expected SISTEMA-GRUPO"))?;
        Ok(Dataset::new(sistema, grupo))
    }
}

impl schemars::JsonSchema for Dataset {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Dataset".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "Sistema and grupo: `SIH-RD`.",
        })
    }
}
