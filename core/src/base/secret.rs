//! A text that must not be seen: an address with its password, a key.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Shows as `***` in debug output, logs, errors and JSON; [`Secret::reveal`] is the only way to its text.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Secret(text.into())
    }

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

/// `text` without the addresses that it quotes: for sentences about something that a user wrote in the wrong place.
pub fn hide_addresses(text: &str) -> String {
    let Some((before, address)) = text.split_once("://") else { return text.to_owned() };
    let end = address.find(['"', '`', '\'']).unwrap_or(address.len());
    format!("{before}://***{}", hide_addresses(&address[end..]))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_sentence_keeps_its_words_and_loses_its_addresses() {
        let hidden =
            super::hide_addresses(r#"invalid: string "postgres://u:p @h/d?password=q", or `x://y`, at line 1"#);
        assert_eq!(hidden, r#"invalid: string "postgres://***", or `x://***`, at line 1"#);
        assert_eq!(super::hide_addresses("no address"), "no address");
    }
}
