//! Which question it is: the statement with its values, the content of the files, and who answers it.

use std::collections::HashMap;

use sha2::{Digest, Sha256};

use crate::engine::Engine;
use crate::lake::CONVERTER_VERSION;
use crate::plan::{Binds, Statement};

pub type Key = [u8; 32];

/// Of the form of what is kept.
const FORM: &str = "datasus answer 1";
/// Of the source text of this library: a mended one answers anew.
const BUILD: &str = env!("DATASUS_BUILD");

/// Words by which a statement asks for the time, or for the session: the same question has another answer later.
const OF_THE_MOMENT: &[&str] =
    &["now", "today", "tomorrow", "yesterday", "age", "localtime", "localtimestamp", "random", "uuid"];

/// None where the same statement may have another answer, or where nothing is to be gained. `contents`: of each file, by its path.
pub fn of(statement: &Statement, contents: &[(String, String)], engine: &dyn Engine) -> Option<Key> {
    let Statement { views, sql, binds, files, columns, from_user, scan, left_out, answer, .. } = statement;
    let nothing = views.is_empty() || files.is_empty() || answer.is_some() || !left_out.is_empty();
    // Rows as they stand in the files are read as fast as a copy of them.
    let plain = scan.as_ref().is_some_and(|scan| scan.predicates.is_empty());
    if nothing || plain || (*from_user && is_of_the_moment(sql, binds)) {
        return None;
    }
    let dialect = engine.dialect();
    let mut key = Sha256::new();
    let mut add = |text: &str| {
        key.update((text.len() as u64).to_le_bytes());
        key.update(text);
    };
    [FORM, env!("CARGO_PKG_VERSION"), BUILD, &engine.version(), &CONVERTER_VERSION.to_string()]
        .into_iter()
        .for_each(&mut add);
    let known: HashMap<&str, &str> = contents.iter().map(|(path, content)| (path.as_str(), content.as_str())).collect();
    // Two files of one path could not be told apart.
    if known.len() != contents.len() {
        return None;
    }
    let mut places = HashMap::with_capacity(files.len());
    for (number, path) in files.iter().enumerate() {
        add(known.get(path.as_str())?);
        places.insert(dialect.text(path), number);
    }
    for view in views {
        add(&view.name);
        // Where a file lies is no part of the question.
        add(&without_places(&view.relation, &places));
    }
    add(sql);
    match binds {
        Binds::Positional(values) => values.iter().for_each(|value| add(value)),
        Binds::Named(values) => add(&format!("{values:?}")),
    }
    columns.iter().for_each(|column| add(column));
    match scan {
        // Words may come as texts or by their numbers.
        Some(scan) => {
            add(&format!("scan {:?}", scan.schema.fields().iter().map(|f| f.data_type()).collect::<Vec<_>>()))
        }
        None => add("engine"),
    }
    Some(key.finalize().into())
}

/// The relation with the number of a file in the place of its path, so that the question is the same wherever the files lie.
fn without_places(relation: &str, places: &HashMap<String, usize>) -> String {
    let mut text = String::with_capacity(relation.len());
    let mut rest = relation;
    while let Some(at) = rest.find(['\'', '"']) {
        let quote = &rest[at..=at];
        let mut end = at + 1;
        // A doubled one is a sign of the text.
        while let Some(next) = rest[end..].find(quote) {
            end += next + 1;
            if !rest[end..].starts_with(quote) {
                break;
            }
            end += 1;
        }
        let literal = &rest[at..end];
        text.push_str(&rest[..at]);
        match places.get(literal) {
            Some(number) => text.push_str(&format!("\0{number}\0")),
            None => text.push_str(literal),
        }
        rest = &rest[end..];
    }
    text + rest
}

fn is_of_the_moment(sql: &str, binds: &Binds) -> bool {
    let text = match binds {
        Binds::Named(values) => format!("{sql} {values:?}"),
        Binds::Positional(values) => format!("{sql} {values:?}"),
    };
    let text = text.to_lowercase();
    let mut words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
    words.any(|word| OF_THE_MOMENT.contains(&word) || word.contains("current_") || word.contains("timestamp"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_the_same_wherever_its_files_lie_and_another_with_other_files() {
        let read = |paths: &[&str]| {
            let places = paths.iter().enumerate().map(|(number, path)| (format!("'{path}'"), number)).collect();
            let list = paths.iter().map(|path| format!("'{path}'")).collect::<Vec<_>>().join(", ");
            let relation =
                format!("SELECT \"a'b\", 'it''s', '' FROM read_parquet([{list}]) WHERE x = 'y' AND z = 'open");
            without_places(&relation, &places)
        };
        assert_eq!(read(&["/a/1", "/a/2"]), read(&["/somewhere else/1", "/b"]));
        assert!(
            read(&["/a/1"]).contains("\"a'b\", 'it''s', '' FROM read_parquet([\0")
                && read(&["/a"]).ends_with("z = 'open")
        );
        assert_ne!(read(&["/a/1"]), read(&["/a/1", "/a/2"]));
    }

    #[test]
    fn what_asks_for_the_time_is_not_kept() {
        let none = Binds::Positional(Vec::new());
        for sql in [
            "SELECT current_date",
            "SELECT NOW()",
            "SELECT \"now\"()",
            "SELECT today()",
            "SELECT age(DT_INTER)",
            "SELECT get_current_timestamp()",
            "SELECT localtime",
            "SELECT CURRENT_TIMESTAMP",
        ] {
            assert!(is_of_the_moment(sql, &none), "{sql}");
        }
        assert!(!is_of_the_moment("SELECT IDADE, percentage FROM sih_rd WHERE nowhere = 1", &none));
        let named = Binds::Positional(vec!["now".into()]);
        assert!(is_of_the_moment("SELECT CAST(? AS DATE)", &named));
    }
}
