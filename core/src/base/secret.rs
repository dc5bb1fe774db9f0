//! A text that must not be seen: an address with its password, a key; and the mask that every text for people passes.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::{Code, Error, Result as Checked, text};

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

/// In the place of what is not shown.
const HIDDEN: &str = "***";
/// Of our own sentences, which say how an address is written.
const EXAMPLES: [&str; 2] = ["usuario:senha@", "user:password@"];

/// `text` without the user and password of the addresses in it (`scheme://user:password@host`, also where the scheme is missing or
/// the end is), and without what stands behind `password=` and its like. Rather a word too much than a sign of a password.
pub fn masked(text: &str) -> Cow<'_, str> {
    let hides = text.contains('@') || text.contains('=') || text.contains("//") || text.contains("\\/");
    if !hides && !text.contains(['"', '\'']) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        shown.push_str(&without_values(&without_logins(&without_addresses(line))));
    }
    if shown == text { Cow::Borrowed(text) } else { Cow::Owned(shown) }
}

/// Whether a text is, or holds, an address with a password, so that it is the name of nothing.
pub fn holds_secret(text: &str) -> bool {
    matches!(masked(text), Cow::Owned(_))
}

/// DS-422 for a path or a name that is an address: a folder or a table of that name would show the password to everybody.
pub fn refuse_address(given: &str) -> Checked<()> {
    let begins = |scheme: &str| given.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    if !holds_secret(given) || !(given.contains("://") || given.contains('=') || begins("postgres")) {
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

fn without_addresses(line: &str) -> Cow<'_, str> {
    let next = |text: &str| {
        let plain = text.find("://").map(|at| (at, 3));
        let escaped = text.find(":\\/\\/").map(|at| (at, 5));
        plain.into_iter().chain(escaped).min()
    };
    let Some(first) = next(line) else { return Cow::Borrowed(line) };
    let (mut shown, mut rest, mut found) = (String::with_capacity(line.len()), line, Some(first));
    while let Some((at, length)) = found {
        let (before, after) = rest.split_at(at + length);
        shown.push_str(before);
        let name = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
        let scheme = before[..at].rsplit(|c| !name(c)).next().unwrap_or_default().to_ascii_lowercase();
        let end = closing(after).unwrap_or(after.trim_end_matches('\n').len());
        // Another address that stands alone is looked at for itself.
        let other = next(&after[..end]).and_then(|(at, _)| {
            let start = after[..at].rfind(|c| !name(c)).map_or(0, |before| before + 1);
            let alone = after[..start].ends_with(|c: char| c.is_whitespace() || QUOTES.contains(&c));
            alone.then_some(start)
        });
        let end = other.unwrap_or(end);
        let example = EXAMPLES.iter().find(|example| after.starts_with(**example));
        let nothing =
            after.starts_with(|c: char| c.is_whitespace() || QUOTES.contains(&c) || c == ')') || after.is_empty();
        let hidden = match (after[..end].rfind('@'), after.rfind('@')) {
            _ if example.is_some() => 0,
            (Some(at), _) => at,
            // A quotation mark within the password, or an address that was cut before its end.
            (None, Some(at)) if scheme.starts_with("postgre") && !nothing && other.is_none() => at,
            (None, _) if scheme.starts_with("postgre") && !nothing => end,
            _ => 0,
        };
        if hidden > 0 {
            shown.push_str(HIDDEN);
        }
        rest = &after[hidden.max(example.map_or(0, |example| example.len()))..];
        if let Some(example) = example {
            shown.push_str(example);
        }
        found = next(rest);
    }
    shown.push_str(rest);
    Cow::Owned(shown)
}

/// `user:password@host` without its scheme.
fn without_logins(line: &str) -> Cow<'_, str> {
    if !line.contains('@') {
        return Cow::Borrowed(line);
    }
    let apart = |c: char| c.is_whitespace() || QUOTES.contains(&c);
    let mut shown = String::with_capacity(line.len());
    for word in line.split_inclusive(apart) {
        let login = word.rfind('@').filter(|at| {
            let before = &word[..*at];
            let letter = before.trim_start_matches(|c: char| !c.is_alphanumeric());
            // A path of Windows.
            let drive = letter.get(1..3) == Some(":\\");
            before.contains(':')
                && !drive
                && !before.ends_with(HIDDEN)
                && !EXAMPLES.iter().any(|e| word[..=*at].ends_with(e))
        });
        match login {
            Some(at) => {
                let start = word.find(|c: char| c.is_alphanumeric() || c == '%').unwrap_or(0).min(at);
                shown.push_str(&word[..start]);
                shown.push_str(HIDDEN);
                shown.push_str(&word[at..]);
            }
            None => shown.push_str(word),
        }
    }
    Cow::Owned(shown)
}

/// Whether what stands behind this key is not shown.
fn is_secret(key: &str) -> bool {
    let key = percent_decode_str(key).decode_utf8_lossy().to_lowercase();
    let named = ["password", "passwd", "passphrase", "pwd", "senha", "secret", "segredo", "token", "apikey", "api_key"];
    key == "pass" || named.iter().any(|name| key.contains(name))
}

/// `password=x`, `PGPASSWORD = 'x'`, `p%61ssword=x`, `"password": "x"`.
fn without_values(line: &str) -> Cow<'_, str> {
    let (mut shown, mut rest) = (String::new(), line);
    while let Some(at) = secret_value(rest) {
        let (before, value) = rest.split_at(at);
        shown.push_str(before);
        let quote = value.chars().next().filter(|c| QUOTES.contains(c));
        let end = match quote {
            Some(quote) => {
                let close = value[1..].match_indices(quote).map(|(at, _)| at + 1);
                close.filter(|at| !value[..*at].ends_with('\\')).next().unwrap_or(value.trim_end_matches('\n').len())
            }
            None => {
                let ends = |c: char| c.is_whitespace() || c == '&' || QUOTES.contains(&c);
                // Within quotation marks it may have blanks.
                let quoted = before.contains(QUOTES).then(|| closing(value)).flatten();
                let end = value.find(ends).unwrap_or(value.len());
                quoted.map_or(end, |quoted| value[..quoted].find('&').unwrap_or(quoted).max(end))
            }
        };
        shown.push_str(quote.map_or("", |_| &value[..1]));
        shown.push_str(HIDDEN);
        rest = &value[end..];
    }
    if shown.is_empty() {
        return Cow::Borrowed(line);
    }
    shown.push_str(rest);
    Cow::Owned(shown)
}

/// Where the value of the first secret key begins, unless it is hidden already.
fn secret_value(line: &str) -> Option<usize> {
    line.match_indices(['=', ':']).find_map(|(at, sign)| {
        let before = line[..at].trim_end_matches(' ');
        let bare = before.trim_end_matches(QUOTES).trim_end_matches('\\');
        let key = bare.rsplit(|c: char| !(c.is_alphanumeric() || "_%-.".contains(c))).next().unwrap_or_default();
        let value = at + 1 + (line[at + 1..].len() - line[at + 1..].trim_start_matches([' ', '\\']).len());
        // A colon also ends a clause: it names a value only before a text in quotation marks.
        let is_value = sign == "=" || line[value..].starts_with(['"', '\'']);
        let shown = line[value..].trim_start_matches(QUOTES);
        let any = !shown.is_empty() && !shown.starts_with(HIDDEN) && !shown.starts_with(char::is_whitespace);
        // Settings of the session may hold keys of an application.
        let options = key.eq_ignore_ascii_case("options") && bare[..bare.len() - key.len()].ends_with(['?', '&']);
        (is_value && any && (is_secret(key) || options)).then_some(value)
    })
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
            "host=h user=u password=CANARY",
            "host=h user=u password = 'x CANARY' port=1",
            "postgres://h/d?p%61ssword=CANARY&a=b",
            "'postgres://h/d?password=x CANARY'",
            "PGPASSWORD=CANARY psql",
            "{\"password\": \"CANARY\"} {'senha': 'CANARY'} {\\\"pwd\\\": \\\"CANARY\\\"}",
            "x://u:CANARY@h, postgres://u:CANARY@h",
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
