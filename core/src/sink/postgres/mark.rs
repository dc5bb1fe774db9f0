//! The mark of a table that we loaded: the end of its comment, which a dump keeps.

/// The mark of a table, in its comment.
pub(super) fn mark(comment: Option<&str>) -> &str {
    let found = comment.and_then(|text| text.rsplit_once(OPEN)?.1.split_once(']'));
    found.map_or("", |(mark, _)| mark)
}

const OPEN: &str = "[datasus:";

pub(super) fn new_mark() -> String {
    ulid::Ulid::new().to_string()
}

/// The comment with this mark, and without another.
pub(super) fn marked(comment: &str, mark: &str) -> String {
    let text = match comment.rsplit_once(OPEN) {
        Some((before, after)) => format!("{}{}", before.trim_end(), after.split_once(']').map_or("", |(_, rest)| rest)),
        None => comment.to_owned(),
    };
    let gap = if text.is_empty() { "" } else { " " };
    format!("{text}{gap}{OPEN}{mark}]")
}

/// Of a record `l`: a table has its mark.
pub(super) const LIVES: &str =
    "EXISTS (SELECT 1 FROM pg_description d WHERE d.classoid = 'pg_catalog.pg_class'::regclass
    AND d.objsubid = 0 AND l.mark <> '' AND strpos(d.description, '[datasus:' || l.mark || ']') > 0)";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_holds_one_mark_and_keeps_its_words() {
        assert_eq!(marked("", "A"), "[datasus:A]");
        let comment = marked("Internações do Acre", "A");
        assert_eq!((comment.as_str(), mark(Some(&comment))), ("Internações do Acre [datasus:A]", "A"));
        assert_eq!(marked(&comment, "B"), "Internações do Acre [datasus:B]");
        assert_eq!((mark(None), mark(Some("[datasus:")), mark(Some("x"))), ("", "", ""));
    }
}
