//! The mask that every text for people passes: passwords of addresses and settings are hidden in it.

use std::borrow::Cow;
use std::ops::Range;

use percent_encoding::percent_decode_str;
use serde_json::Value;

/// In the place of what is not shown.
const HIDDEN: &str = "***";
/// Of our own sentences, which say how an address is written.
const EXAMPLES: [&str; 2] = ["usuario:senha@", "user:password@"];

/// `text` without the user and password of the addresses in it (`scheme://user:password@host`, also where the scheme is missing or
/// the end is), and without what stands behind `password=` and its like. Rather a word too much than a sign of a password.
pub fn masked(text: &str) -> Cow<'_, str> {
    if !text.contains(['@', '=', ':']) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        // Each kind is looked for in what was written: what one hides, another may need to see.
        let mut hidden = logins_of_addresses(line);
        hidden.extend(logins(line));
        hidden.extend(values(line));
        hidden.sort_by_key(|range| range.start);
        let mut from = 0;
        for range in hidden {
            if range.start > from || (range.start == from && !shown.ends_with(HIDDEN)) {
                shown.push_str(&line[from..range.start]);
                shown.push_str(HIDDEN);
            }
            from = from.max(range.end);
        }
        shown.push_str(&line[from..]);
    }
    if shown == text { Cow::Borrowed(text) } else { Cow::Owned(shown) }
}

/// Whether a text is, or holds, an address with a password, so that it is the name of nothing.
pub fn holds_secret(text: &str) -> bool {
    matches!(masked(text), Cow::Owned(_))
}

/// Every text in it masked.
pub fn masked_json(value: Value) -> Value {
    match value {
        Value::String(text) => match masked(&text) {
            Cow::Borrowed(_) => Value::String(text),
            Cow::Owned(masked) => Value::String(masked),
        },
        Value::Array(each) => each.into_iter().map(masked_json).collect(),
        Value::Object(each) => {
            each.into_iter().map(|(key, value)| (masked(&key).into_owned(), masked_json(value))).collect()
        }
        other => other,
    }
}

const QUOTES: [char; 3] = ['"', '\'', '`'];

/// Where what a quotation mark or a line holds ends: at a quotation mark with the end of something behind it.
fn closing(text: &str) -> Option<usize> {
    let ends = |at: usize| {
        let after = text[at + 1..].trim_start_matches(['\\', '"', '\'']).chars().next();
        after.is_none_or(|c| c.is_whitespace() || ",.;:)]}>".contains(c))
    };
    text.match_indices(QUOTES).map(|(at, _)| at).find(|at| ends(*at))
}

/// Where the next address begins, behind its scheme, and where its rest does.
fn next_address(text: &str) -> Option<(usize, usize)> {
    let plain = text.find("://").map(|at| (at, at + 3));
    let escaped = text.find(":\\/\\/").map(|at| (at, at + 5));
    plain.into_iter().chain(escaped).min()
}

/// User and password of addresses with a scheme.
fn logins_of_addresses(line: &str) -> Vec<Range<usize>> {
    let (mut hidden, mut from) = (Vec::new(), 0);
    while let Some((at, start)) = next_address(&line[from..]).map(|(at, start)| (from + at, from + start)) {
        let name = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
        let scheme = line[..at].rsplit(|c| c == '.' || !name(c)).next().unwrap_or_default().to_ascii_lowercase();
        let after = &line[start..];
        let end = closing(after).unwrap_or(after.trim_end_matches('\n').len());
        // Another address that stands alone is looked at for itself.
        let other = next_address(&after[..end]).and_then(|(at, _)| {
            let start = after[..at].rfind(|c| !name(c)).map_or(0, |before| before + 1);
            let alone = after[..start].ends_with(|c: char| c.is_whitespace() || QUOTES.contains(&c));
            alone.then_some(start)
        });
        let blank = if scheme.starts_with("postgre") { None } else { after.find(char::is_whitespace) };
        let end = other.unwrap_or(end).min(blank.unwrap_or(end));
        let example = EXAMPLES.iter().any(|example| after.starts_with(*example));
        let nothing =
            after.is_empty() || after.starts_with(|c: char| c.is_whitespace() || QUOTES.contains(&c) || c == ')');
        let postgres = scheme.starts_with("postgre") && !nothing;
        let length = match (after[..end].rfind('@'), after.rfind('@')) {
            _ if example => 0,
            (Some(at), _) => at,
            // A quotation mark within the password, or an address that was cut before its end.
            (None, Some(at)) if postgres && other.is_none() => at,
            (None, _) if postgres => end,
            _ => 0,
        };
        // Behind the sign a host and its port stand; anything else is a password that was cut, or has the sign in it.
        let word = after[length..].split(|c: char| c.is_whitespace() || QUOTES.contains(&c)).next().unwrap_or_default();
        let authority = word.split(['/', '?']).next().unwrap_or_default();
        let port = |part: &str| part.split(',').next().unwrap_or_default().bytes().all(|byte| byte.is_ascii_digit());
        let cut = word.starts_with('@') && !authority.contains('[') && !authority.split(':').skip(1).all(port);
        let length = if cut { length + word.len() } else { length };
        if length > 0 {
            hidden.push(start..start + length);
        }
        from = start + length;
    }
    hidden
}

/// `user:password@host` without its scheme, and addresses of PostgreSQL that were cut off or mistyped.
fn logins(line: &str) -> Vec<Range<usize>> {
    let apart = |c: char| c.is_whitespace() || QUOTES.contains(&c);
    let (mut hidden, mut place) = (Vec::new(), 0);
    for whole in line.split_inclusive(apart) {
        let (from, word) = (place, whole.trim_end_matches(apart));
        place += whole.len();
        if next_address(word).is_some() {
            continue;
        }
        let start = word.find(|c: char| c.is_alphanumeric() || c == '%').unwrap_or(0);
        // A path of Windows.
        let drive = word[start..].get(1..3) == Some(":\\");
        let login = word.rfind('@').filter(|at| {
            let example = EXAMPLES.iter().any(|example| word[..=*at].ends_with(example));
            start < *at && word[start..*at].contains(':') && !drive && !example
        });
        let lower = word.to_ascii_lowercase();
        let cut = ["postgres:", "postgresql:"].iter().find_map(|scheme| Some(lower.find(scheme)? + scheme.len()));
        let cut = cut.filter(|at| lower.len() == word.len() && *at < word.len()).map(|at| from + at);
        let end = cut.map(|cut| end_of_cut(line, cut));
        match (login, cut) {
            (Some(at), _) => hidden.push(from + start..end.unwrap_or(0).max(from + at)),
            (None, Some(cut)) => hidden.push(cut..end.unwrap_or(0).max(from + word.len())),
            (None, None) => {}
        }
    }
    hidden
}

/// Where the login ends that begins behind `postgres:`: a path joined with an address keeps one of its two slashes, and the password
/// may hold a blank or a quotation mark.
fn end_of_cut(line: &str, start: usize) -> usize {
    let rest = line[start..].trim_end_matches('\n');
    let rest = &rest[..next_address(rest).map_or(rest.len(), |(at, _)| at)];
    let quoted = &rest[..closing(rest).unwrap_or(rest.len())];
    start + quoted.rfind('@').or_else(|| rest.rfind('@')).unwrap_or(0)
}

const SECRETS: [&str; 10] =
    ["password", "passwd", "passphrase", "pwd", "senha", "secret", "segredo", "token", "apikey", "api_key"];

/// What stands behind `password=` and its like: `PGPASSWORD = 'x'`, `p%61ssword=x`, `"password": "x"`; and before it, where that is no
/// key but runs into one.
fn values(line: &str) -> Vec<Range<usize>> {
    let mut hidden = Vec::new();
    for (at, sign) in line.match_indices(['=', ':']) {
        let before = line[..at].trim_end_matches(' ');
        let bare = before.trim_end_matches(QUOTES).trim_end_matches('\\');
        let key = bare.rsplit(|c: char| !(c.is_alphanumeric() || "_%-.".contains(c))).next().unwrap_or_default();
        let read = percent_decode_str(key).decode_utf8_lossy().to_lowercase();
        // Settings of the session may hold keys of an application.
        let options = read == "options" && bare[..bare.len() - key.len()].ends_with(['?', '&']);
        if read != "pass" && !options && !SECRETS.iter().any(|name| read.contains(name)) {
            continue;
        }
        let start = at + 1 + (line[at + 1..].len() - line[at + 1..].trim_start_matches([' ', '\\']).len());
        let value = &line[start..];
        // A colon also ends a clause: it names a value only before a text in quotation marks.
        if sign == ":" && !value.starts_with(['"', '\'']) {
            continue;
        }
        let Some(range) = value_of(&line[..start], value) else { continue };
        hidden.push(start + range.start..start + range.end);
        let last = read.rsplit(['_', '.', '-']).next().unwrap_or_default();
        let known =
            ["", "ssl", "pg"].iter().any(|prefix| last.strip_prefix(prefix).is_some_and(|n| SECRETS.contains(&n)));
        if !known && !options && read != "pass" && !SECRETS.contains(&read.as_str()) {
            hidden.push(bare.len() - key.len()..bare.len());
        }
    }
    hidden
}

/// The value that a text begins with, without its quotation marks.
fn value_of(before: &str, value: &str) -> Option<Range<usize>> {
    let whole = value.trim_end_matches('\n').len();
    let range = match value.chars().next().filter(|c| QUOTES.contains(c)) {
        Some(quote) => {
            let close = value[1..].match_indices(quote).map(|(at, _)| at + 1).find(|at| !value[..*at].ends_with('\\'));
            1..close.unwrap_or(whole)
        }
        None => {
            let ends = |c: char| c.is_whitespace() || c == '&' || QUOTES.contains(&c);
            let end = value.find(ends).unwrap_or(whole);
            // Within quotation marks it may have blanks.
            let quoted = before.contains(QUOTES).then(|| closing(value)).flatten();
            0..quoted.map_or(end, |quoted| value[..quoted].find('&').unwrap_or(quoted).max(end))
        }
    };
    (range.start < range.end).then_some(range)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_keeps_its_words_and_loses_its_addresses() {
        let hidden = masked(r#"invalid: string "postgres://u:p @h/d?password=q", or `x://y@z`, at line 1"#);
        assert_eq!(hidden, r#"invalid: string "postgres://***@h/d?password=***", or `x://***@z`, at line 1"#);
        for same in [
            "no address",
            "https://example.org/a?b=c, and a@b",
            "esperado postgres://usuario:senha@host:5432/banco?sslmode=verify-full, com os sinais da senha em %XX (@ é %40)",
            "(postgres://): expected postgres://user:password@host:5432/db",
            "`where` = 3; \"sexo\": \"1\"",
            "recusou usuário ou senha: confira o endereço",
        ] {
            assert_eq!(masked(same), same);
            assert!(!holds_secret(same));
        }
    }

    #[test]
    fn passwords_are_hidden_whatever_signs_they_have_and_wherever_they_stand() {
        for text in [
            "postgres://u:CANARY@h/d não existe",
            "postgres://u:CAN@CANARY@h/d",
            "postgres://u:?CANARY/#@h/d",
            "\"postgres://u:C\"CANARY@h/d\" x",
            "postgres://u:CANARY",
            "o texto \"postgresql://u:CANARY…\" não serve",
            "POSTGRES://u:CANARY@h",
            "\"postgres:\\/\\/u:CANARY@h\"",
            "u:CANARY@h/d",
            "postgres:/u:CANARY@h/d",
            "near read('postgres:/u:CANARY",
            "\"/a/postgres:/u:x CANARY@h/d\" é um endereço",
            "/a/postgresql:/u:x\"CANARY@h/d",
            "'/a/postgres:/u:x' CANARY@h/d'",
            "'/a/postgres:/u:x@y CANARY@h/d'",
            "host=h user=u password=CANARY",
            "host=h user=u password = 'x CANARY' port=1",
            "postgres://h/d?p%61ssword=CANARY&a=b",
            "'postgres://h/d?password=x CANARY'",
            "PGPASSWORD=CANARY psql",
            "{\"password\": \"CANARY\"} {'senha': 'CANARY'} {\\\"pwd\\\": \\\"CANARY\\\"}",
            "x://u:CANARY@h, postgres://u:CANARY@h",
            "u:CANARY?password=CANARY@h/d",
            "near \"postgresql://127.0.0.1:1@u:CANARY",
            "postgres://u@h/d?password=x@CANARY",
            "postgres://h/d?options=-c%20app.x%3DCANARY&a=b",
            "senha=CANARY\nsenha=CANARY",
        ] {
            let shown = masked(text);
            assert!(!shown.contains("CANARY"), "{text}: {shown}");
            assert!(holds_secret(text));
        }
        let value = serde_json::json!({"a": ["x://u:CANARY@h"], "y://u:CANARY@h": 1});
        assert_eq!(masked_json(value).to_string(), r#"{"a":["x://***@h"],"y://***@h":1}"#);
    }
}
