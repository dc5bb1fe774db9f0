//! Texts for people, in Portuguese (the default) and English. Codes and keys are never translated.

use serde::{Deserialize, Serialize};

/// The language of the texts that people read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Português do Brasil.
    #[default]
    Pt,
    /// English.
    En,
}

/// One sentence in both languages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Text {
    pub pt: String,
    pub en: String,
}

impl Text {
    /// The sentence in `language`.
    pub fn get(&self, language: Language) -> &str {
        match language {
            Language::Pt => &self.pt,
            Language::En => &self.en,
        }
    }
}

/// `text!("Arquivo {path} ausente", "File {path} is missing")`: both sentences take the same captured names.
macro_rules! text {
    ($pt:literal, $en:literal $(,)?) => {
        $crate::base::Text { pt: format!($pt), en: format!($en) }
    };
}
pub(crate) use text;
