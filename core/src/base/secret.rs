//! A text that must not be seen: an address with its password, a key.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Code, Error, Result as Checked, holds_secret, masked, text};

/// Shows as `***` in debug output, logs, errors and JSON; [`Secret::reveal`] is the only way to its text.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps the text from whoever prints it.
    pub fn new(text: impl Into<String>) -> Self {
        Secret(text.into())
    }

    /// The text itself, for whoever needs it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("***")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Secret)
    }
}

impl schemars::JsonSchema for Secret {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Secret".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        String::json_schema(generator)
    }
}

/// DS-422 for a path or a name that is an address: a folder or a table of that name would show the password to everybody.
pub fn refuse_address(given: &str) -> Checked<()> {
    if !holds_secret(given) {
        return Ok(());
    }
    let shown = masked(given);
    Err(Error::new(
        Code::InvalidParams,
        text!(
            "\"{shown}\" é um endereço, e não um nome ou uma pasta: o de um servidor PostgreSQL vai em `postgres` (ou DATASUS_POSTGRES), ou na opção `url` do destino",
            "\"{shown}\" is an address, not a name or a folder: that of a PostgreSQL server goes into `postgres` (or DATASUS_POSTGRES), or the destination's option `url`"
        ),
    )
    .with("received", &*shown)
    .with("valid_examples", vec!["sih_data.rd", "dados.csv"])
    .stage("validate"))
}
