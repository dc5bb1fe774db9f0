//! What other libraries and the system say, in our words and both languages: their own text is English, and says
//! `os error 21` or `expected u64`.

use std::io::{self, ErrorKind};

use arrow::datatypes::DataType;

use super::clip::{clip, ends};
use super::{Text, masked, text};

/// What an operating system's error means.
pub fn io_words(error: &io::Error) -> Text {
    match error.kind() {
        ErrorKind::NotFound => text!("não existe", "it does not exist"),
        ErrorKind::PermissionDenied => text!("sem permissão", "permission denied"),
        ErrorKind::AlreadyExists => text!("já existe", "it exists already"),
        ErrorKind::IsADirectory => text!("é uma pasta, e não um arquivo", "it is a folder, not a file"),
        ErrorKind::NotADirectory => text!("uma parte do caminho não é pasta", "a part of the path is no folder"),
        ErrorKind::DirectoryNotEmpty => text!("a pasta não está vazia", "the folder is not empty"),
        ErrorKind::ReadOnlyFilesystem => {
            text!("o sistema de arquivos é somente leitura", "the file system is read-only")
        }
        ErrorKind::StorageFull => text!("não há espaço no disco", "no space is left on the disk"),
        ErrorKind::QuotaExceeded => text!("a cota do disco acabou", "the disk quota is used up"),
        ErrorKind::FileTooLarge => text!("o arquivo é grande demais", "the file is too large"),
        ErrorKind::InvalidFilename => text!("ele é longo demais", "it is too long"),
        ErrorKind::ResourceBusy => text!("está em uso", "it is in use"),
        ErrorKind::StaleNetworkFileHandle => {
            text!("o arquivo de rede sumiu", "the file on the network is gone")
        }
        ErrorKind::OutOfMemory => text!("faltou memória", "out of memory"),
        ErrorKind::TimedOut => text!("não houve resposta a tempo", "there was no answer in time"),
        ErrorKind::ConnectionRefused => text!("a conexão foi recusada", "the connection was refused"),
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe => {
            text!("a conexão foi interrompida", "the connection was broken off")
        }
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable | ErrorKind::NetworkDown => {
            text!("a rede não chega até lá", "the network does not reach it")
        }
        ErrorKind::AddrNotAvailable => text!("o endereço não existe", "there is no such address"),
        ErrorKind::UnexpectedEof => text!("o conteúdo termina antes da hora", "the content ends too early"),
        ErrorKind::InvalidData => text!("o conteúdo não é o esperado", "the content is not what was expected"),
        ErrorKind::Interrupted => text!("foi interrompido", "it was interrupted"),
        _ => match error.raw_os_error() {
            #[cfg(unix)]
            Some(5) => text!("falha do disco ou da rede", "the disk or the network failed"),
            #[cfg(unix)]
            Some(23 | 24) => text!("há arquivos abertos demais", "too many files are open"),
            #[cfg(target_os = "linux")]
            Some(40) => text!("os atalhos (links) andam em círculo", "its links lead in a circle"),
            Some(number) => text!(
                "o sistema operacional recusou, com o código {number}",
                "the operating system refused, with code {number}"
            ),
            None => text!("o acesso falhou", "access failed: {error}"),
        },
    }
}

/// What is wrong with JSON of a known form.
pub fn json_words(error: &serde_json::Error) -> Text {
    if error.is_eof() {
        return text!("o texto termina antes da hora", "the text ends too early");
    }
    // What was received is quoted, and may hold a password.
    let said = ends(&error.to_string());
    let said = masked(&said);
    let said = said.split(" at line ").next().unwrap_or_default();
    if error.is_syntax() {
        return text!("erro de sintaxe", "{said}");
    }
    serde_words(said)
}

/// serde's own sentences.
fn serde_words(said: &str) -> Text {
    if let Some(field) = said.strip_prefix("missing field ") {
        return text!("falta {field}", "{field} is missing");
    }
    if let Some(field) = said.strip_prefix("duplicate field ") {
        return text!("{field} aparece duas vezes", "{field} appears twice");
    }
    if let Some((what, expected)) = said.split_once(", expected ")
        && let Some((kind, received)) = what.split_once(' ')
    {
        let received = received.split_once(' ').map_or(received, |(_, rest)| rest);
        let listed = expected.strip_prefix("one of ").unwrap_or(expected);
        return match kind {
            "unknown" => text!(
                "{received} não existe; use um destes: {listed}",
                "there is no {received}; use one of these: {listed}"
            ),
            _ => {
                let (came, wanted) = (received_words(what), kind_words(expected));
                let (came_pt, came_en, wanted_pt, wanted_en) = (came.pt, came.en, wanted.pt, wanted.en);
                text!("esperado {wanted_pt}; recebido {came_pt}", "expected {wanted_en}; received {came_en}")
            }
        };
    }
    text!("a forma não é a esperada", "the form is not what was expected ({said})")
}

/// `invalid type: string "x"`, `invalid value: integer `-1``.
fn received_words(what: &str) -> Text {
    let what = what.split_once(": ").map_or(what, |(_, rest)| rest);
    match what.split_once(' ') {
        Some(("string" | "str" | "character", value)) => text!("o texto {value}", "the text {value}"),
        Some(("boolean", "`true`")) => text!("verdadeiro", "true"),
        Some(("boolean", _)) => text!("falso", "false"),
        Some(("integer" | "floating", value)) => {
            let value = value.trim_start_matches("point ").trim_matches('`').to_owned();
            text!("{value}", "{value}")
        }
        _ => match what {
            "null" => text!("nenhum valor", "no value"),
            "map" => text!("um objeto", "an object"),
            "sequence" => text!("uma lista", "a list"),
            _ => text!("outra coisa", "{what}"),
        },
    }
}

/// Rust's name of what was expected.
fn kind_words(expected: &str) -> Text {
    match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" => text!("um número inteiro a partir de 0", "a whole number from 0"),
        "i8" | "i16" | "i32" | "i64" | "isize" => text!("um número inteiro", "a whole number"),
        "f32" | "f64" => text!("um número", "a number"),
        "a boolean" => text!("verdadeiro ou falso", "true or false"),
        "a string" | "string" => text!("um texto", "a text"),
        "path string" => text!("um caminho", "a path"),
        "a sequence" => text!("uma lista", "a list"),
        "a map" => text!("um objeto", "an object"),
        _ if expected.starts_with("struct ") || expected.starts_with("enum ") => text!("um objeto", "an object"),
        _ => text!("outra coisa", "{expected}"),
    }
}

/// A column's type as SQL names it: Arrow's own names are Rust's.
pub fn type_words(kind: &DataType) -> String {
    match kind {
        DataType::Boolean => "boolean".into(),
        DataType::Int8 | DataType::Int16 | DataType::UInt8 => "smallint".into(),
        DataType::Int32 | DataType::UInt16 => "integer".into(),
        DataType::Int64 | DataType::UInt32 | DataType::UInt64 => "bigint".into(),
        DataType::Float16 | DataType::Float32 => "real".into(),
        DataType::Float64 => "double precision".into(),
        DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale) => {
            format!("decimal({precision},{scale})")
        }
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "text".into(),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            "bytea".into()
        }
        DataType::Date32 | DataType::Date64 => "date".into(),
        DataType::Time32(_) | DataType::Time64(_) => "time".into(),
        DataType::Timestamp(_, None) => "timestamp".into(),
        DataType::Timestamp(_, Some(_)) => "timestamp with time zone".into(),
        DataType::Interval(_) | DataType::Duration(_) => "interval".into(),
        DataType::List(of) | DataType::LargeList(of) | DataType::FixedSizeList(of, _) => {
            format!("{}[]", type_words(of.data_type()))
        }
        DataType::Struct(_) => "struct".into(),
        DataType::Map(..) => "map".into(),
        other => other.to_string().to_lowercase(),
    }
}

/// A value as people read it: text in quotation marks, and no `null`.
pub fn value_words(value: &serde_json::Value) -> Text {
    use serde_json::Value;
    match value {
        Value::Null => text!("nenhum valor", "no value"),
        Value::Bool(true) => text!("verdadeiro", "true"),
        Value::Bool(false) => text!("falso", "false"),
        Value::String(said) => {
            let said = clip(said);
            text!("\"{said}\"", "\"{said}\"")
        }
        other => {
            let shown = clip(&other.to_string());
            text!("{shown}", "{shown}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serde_and_the_system_speak_portuguese_and_no_rust() {
        #[derive(Debug, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        #[allow(dead_code, reason = "only what cannot be read counts")]
        struct Settings {
            lake: Option<String>,
            threads: Option<usize>,
            verify_crc: Option<bool>,
        }
        let of = |text: &str| json_words(&serde_json::from_str::<Settings>(text).unwrap_err());
        assert_eq!(of(r#"{"threads": "2"}"#).pt, "esperado um número inteiro a partir de 0; recebido o texto \"2\"");
        assert_eq!(of(r#"{"threads": "2"}"#).en, "expected a whole number from 0; received the text \"2\"");
        assert!(of(r#"{"thread": 2}"#).pt.starts_with("`thread` não existe; use um destes: `lake`"));
        assert_eq!(of(r#"{"verify_crc": 3}"#).pt, "esperado verdadeiro ou falso; recebido 3");
        assert_eq!(of("{").pt, "o texto termina antes da hora");
        let folder = std::fs::read(std::env::temp_dir()).unwrap_err();
        assert_eq!(io_words(&folder).pt, "é uma pasta, e não um arquivo");
        assert_eq!(io_words(&folder).en, "it is a folder, not a file");
    }
}
