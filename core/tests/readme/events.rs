//! The vocabulary of the log: docs/logs.md and its twin name every event that the core logs, with its level and fields.

use std::collections::BTreeSet;
use std::path::Path;

use super::{read, root};

const LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];
/// Above the generated rows.
const HEADS: [(&str, &str); 2] = [
    ("docs/logs.md", "| event | level | fields |\n|---|---|---|\n"),
    ("docs/pt/logs.md", "| evento | nível | campos |\n|---|---|---|\n"),
];

/// The parts of a macro's call, at the commas that stand in nothing else.
fn parts(call: &str) -> Vec<String> {
    let (mut parts, mut depth, mut quoted, mut escaped) = (vec![String::new()], 0, false, false);
    for sign in call.chars() {
        if quoted {
            quoted = escaped || sign != '"';
            escaped = !escaped && sign == '\\';
        } else {
            match sign {
                '"' => quoted = true,
                '(' | '[' | '{' => depth += 1,
                ')' | ']' | '}' if depth == 0 => break,
                ')' | ']' | '}' => depth -= 1,
                ',' if depth == 0 => {
                    parts.push(String::new());
                    continue;
                }
                _ => {}
            }
        }
        parts.last_mut().unwrap().push(sign);
    }
    parts.iter().map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
}

/// `%error`, `url = x` or `code = %error.code()`: the name.
fn field(part: &str) -> String {
    part.split('=').next().unwrap().trim().trim_start_matches(['%', '?']).to_owned()
}

fn events_of(text: &str, rows: &mut BTreeSet<String>, odd: &mut Vec<String>) {
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    for level in LEVELS {
        for (at, call) in code.match_indices(&format!("tracing::{level}!(")) {
            let mut parts = parts(&code[at + call.len()..]);
            let event = parts.pop().unwrap_or_default();
            match event.strip_prefix('"').and_then(|event| event.strip_suffix('"')) {
                // A name that holds a value is not one that anybody can look for.
                Some(event) if !event.contains(['{', '|', '`']) => {
                    let fields: Vec<String> = parts.iter().map(|part| format!("`{}`", field(part))).collect();
                    rows.insert(format!("| `{event}` | {level} | {} |", fields.join(", ")));
                }
                _ => odd.push(format!("{call}{}, {event})", parts.join(", "))),
            }
        }
    }
}

fn walk(folder: &Path, rows: &mut BTreeSet<String>, odd: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        match entry.path() {
            path if path.is_dir() => walk(&path, rows, odd),
            path if path.extension().is_some_and(|ending| ending == "rs") => {
                events_of(&std::fs::read_to_string(path).unwrap(), rows, odd);
            }
            _ => {}
        }
    }
}

#[test]
fn the_vocabulary_of_the_log_names_every_event_with_its_level_and_fields() {
    let (mut rows, mut odd) = (BTreeSet::new(), vec![]);
    walk(&root().join("core/src"), &mut rows, &mut odd);
    assert!(odd.is_empty(), "an event's name is a plain text, and what changes is a field:\n{}", odd.join("\n"));
    assert!(rows.len() > 50, "{} events", rows.len());
    let generated = rows.into_iter().map(|row| row + "\n").collect::<String>().replace(" |  |\n", " | |\n");
    for (page, head) in HEADS {
        let text = read(page);
        let (before, _) = text.split_once(head).unwrap_or_else(|| panic!("{page} has no table of events"));
        let wanted = format!("{before}{head}{generated}");
        if std::env::var_os("DATASUS_BLESS").is_some_and(|said| said == "1") {
            std::fs::write(root().join(page), &wanted).unwrap();
        } else {
            assert!(text == wanted, "{page}: DATASUS_BLESS=1 cargo test --workspace --test readme events");
        }
    }
}

#[test]
fn an_event_is_read_from_its_call() {
    let (mut rows, mut odd) = (BTreeSet::new(), vec![]);
    let text =
        "tracing::warn!(trace_id = %ctx.trace_id, %error, at = f(a, b), \"was, (not) kept\"); tracing::info!(\"{x}\")";
    events_of(text, &mut rows, &mut odd);
    assert_eq!(rows.into_iter().collect::<Vec<_>>(), ["| `was, (not) kept` | warn | `trace_id`, `error`, `at` |"]);
    assert_eq!(odd.len(), 1);
}
