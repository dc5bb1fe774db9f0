//! What came from outside, cut where it stands in an error: no sentence grows with what somebody sent.

use serde_json::Value;

use super::masked;

/// Characters of a value that a sentence quotes.
const QUOTED: usize = 80;
/// Bytes of a sentence, and of a fact beside it, whatever it quotes.
const SENTENCE: usize = 8 << 10;
const FACT: usize = 4 << 10;

/// The beginning of a text, and how long it is where that is not all of it. Passwords are hidden before it is cut: of a piece
/// nobody could tell that it is one.
pub fn clip(text: &str) -> String {
    let mut end = text.len().min(FACT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let shown = masked(&text[..end]);
    match shown.char_indices().nth(QUOTED) {
        Some((at, _)) => format!("{}… ({} bytes)", &shown[..at], text.len()),
        None => shown.into_owned(),
    }
}

/// Both ends of a long text: what a parser quotes stands in the middle of what it says.
pub(super) fn ends(text: &str) -> String {
    const END: usize = 400;
    if text.len() <= 4 * END {
        return text.to_owned();
    }
    let (mut first, mut last) = (END, text.len() - END);
    while !text.is_char_boundary(first) {
        first -= 1;
    }
    while !text.is_char_boundary(last) {
        last += 1;
    }
    format!("{}… ({} bytes) …{}", &text[..first], text.len(), &text[last..])
}

/// The same of a whole sentence.
pub(super) fn clip_sentence(text: String) -> String {
    within(text, SENTENCE)
}

/// The same of a fact, and of every text in it.
pub(super) fn clip_fact(fact: Value) -> Value {
    match fact {
        Value::String(text) => within(text, FACT).into(),
        Value::Array(list) => list.into_iter().map(clip_fact).collect(),
        Value::Object(map) => map.into_iter().map(|(key, value)| (within(key, FACT), clip_fact(value))).collect(),
        other => other,
    }
}

fn within(text: String, most: usize) -> String {
    if text.len() <= most {
        return text;
    }
    let mut end = most;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}… ({} bytes)", &text[..end], text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_at_a_character_and_says_its_size() {
        assert_eq!(clip("ação"), "ação");
        let clipped = clip(&"ç".repeat(5_000_000));
        assert_eq!(clipped, format!("{}… (10000000 bytes)", "ç".repeat(80)));
        let sentence = clip_sentence("ã".repeat(8 << 10));
        assert!(sentence.len() < (8 << 10) + 32 && sentence.ends_with("… (16384 bytes)"));
        let fact = clip_fact(serde_json::json!({"a": ["x".repeat(1 << 20), 3]}));
        assert!(fact.to_string().len() < 5_000 && fact["a"][1] == 3, "{fact}");
    }
}
