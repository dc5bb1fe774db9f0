//! Texts for people, in Portuguese (the default) and English. Codes and keys are never translated.

use serde::{Deserialize, Serialize};

/// The language of the texts that people read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Language {
    /// Português do Brasil.
    #[default]
    Pt,
    /// English.
    En,
}

/// One sentence in both languages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Stored")]
pub struct Text {
    /// In Portuguese.
    pub pt: String,
    /// In English.
    pub en: String,
}

/// Before it was kept in both languages, a sentence was kept in Portuguese alone.
#[derive(Deserialize)]
#[serde(untagged)]
enum Stored {
    Both { pt: String, en: String },
    One(String),
}

impl From<Stored> for Text {
    fn from(stored: Stored) -> Self {
        match stored {
            Stored::Both { pt, en } => Text { pt, en },
            Stored::One(pt) => Text { en: pt.clone(), pt },
        }
    }
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

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    /// Every `text!("pt", "en")` of the sources: where it stands, and both sentences as they are written.
    fn every_sentence() -> Vec<(String, String, String)> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let mut files = Vec::new();
        for room in ["core/src", "bindings-c/src", "bindings-node/src", "bindings-python/src"] {
            sources(&root.join(room), &mut files);
        }
        let mut found = Vec::new();
        for file in files {
            let source = std::fs::read_to_string(&file).unwrap();
            for (at, _) in source.match_indices("text!(") {
                let line = source[..at].lines().count();
                let rest = &source[at + "text!(".len()..];
                let Some((pt, rest)) = literal(rest) else { continue };
                let (en, _) = literal(rest).unwrap();
                found.push((format!("{}:{line}", file.display()), pt, en));
            }
        }
        found
    }

    fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() && name != "tests" {
                sources(&path, into);
            } else if name.ends_with(".rs") && name != "tests.rs" && !path.ends_with("base/text.rs") {
                into.push(path);
            }
        }
    }

    /// The string that comes next, behind nothing but blanks and a comma.
    fn literal(text: &str) -> Option<(String, &str)> {
        let text = text.trim_start_matches(|c: char| c.is_whitespace() || c == ',').strip_prefix('"')?;
        let mut escaped = false;
        let end = text.find(|c| {
            let is_end = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            is_end
        })?;
        let lines: Vec<&str> = text[..end].split("\\\n").map(str::trim_start).collect();
        Some((lines.concat().replace("\\\"", "\""), &text[end + 1..]))
    }

    /// Without what is named in backticks or taken in from elsewhere.
    fn prose(text: &str) -> String {
        let outside: String = text.split('`').step_by(2).collect::<Vec<_>>().join(" ");
        let mut prose = String::new();
        let mut depth = 0;
        for c in outside.chars() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ if depth == 0 => prose.push(c),
                _ => {}
            }
        }
        prose
    }

    fn has_word(prose: &str, words: &[&str]) -> Option<String> {
        let found = prose.split(|c: char| !c.is_alphabetic()).find(|word| words.contains(word));
        found.map(str::to_owned)
    }

    #[test]
    fn every_sentence_is_of_its_language_and_of_no_programming_language() {
        let english = [
            "the", "of", "is", "not", "with", "expected", "received", "failed", "missing", "must", "and", "cannot",
            "unknown", "invalid", "has", "there", "error", "use_", "please", "file", "files", "folder",
        ];
        let portuguese = [
            "não", "um", "uma", "esperado", "recebido", "arquivo", "arquivos", "coluna", "pasta", "falta", "existe",
            "deve", "ou", "com", "para", "linha", "são", "já",
        ];
        let mut wrong = Vec::new();
        let sentences = every_sentence();
        assert!(sentences.len() > 200, "only {} sentences were found", sentences.len());
        for (place, pt, en) in sentences {
            let mut refuse = |why: String| wrong.push(format!("{place}: {why}\n    {pt}\n    {en}"));
            for foreign in ["{error}", "{first}", "{message}", "{words}"] {
                // Elsewhere the first is one of ours.
                if pt.contains(foreign) && (foreign != "{first}" || place.contains("engine/duckdb")) {
                    refuse(format!("{foreign} is another library's English"));
                }
            }
            if pt.contains("{said}") && !pt.contains("\"{said}\"") {
                refuse("the server's words stand without quotation marks".into());
            }
            for text in [&pt, &en] {
                if text.contains(":?}") {
                    refuse("Rust's Debug form".into());
                }
                if ["= true", "= false", "= \"", "=\"", "$.", "::", "Some(", "os error"]
                    .iter()
                    .any(|form| text.contains(form))
                {
                    refuse("a programming language's syntax".into());
                }
                if text.contains("{{") && !text.contains("JSON") {
                    refuse("JSON".into());
                }
            }
            if let Some(word) = has_word(&prose(&pt), &english) {
                refuse(format!("{word:?} is English"));
            }
            if let Some(word) = has_word(&prose(&en), &portuguese) {
                refuse(format!("{word:?} is Portuguese"));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}
