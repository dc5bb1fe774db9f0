//! Types that a CAST may name.

use serde_json::Value;

const KNOWN: &[&str] = &[
    "BOOLEAN",
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "HUGEINT",
    "UTINYINT",
    "USMALLINT",
    "UINTEGER",
    "UBIGINT",
    "FLOAT",
    "DOUBLE",
    "DECIMAL",
    "VARCHAR",
    "DATE",
    "TIME",
    "TIMESTAMP",
    "TIMESTAMP_S",
    "TIMESTAMP_MS",
    "TIMESTAMP_NS",
    "TIMESTAMP WITH TIME ZONE",
    "INTERVAL",
    "BLOB",
    "UUID",
];

/// The name of the first part of `kind` that is not known; none where all is well.
pub(super) fn refused(kind: &Value) -> Option<String> {
    let id = kind["id"].as_str().unwrap_or("?");
    let info = &kind["type_info"];
    let plain = info.is_null() || (info["alias"] == "" && info["extension_info"].is_null());
    match (id, info["type"].as_str()) {
        _ if !plain => Some(id.to_owned()),
        ("DECIMAL", Some("DECIMAL_TYPE_INFO")) => None,
        ("LIST", Some("LIST_TYPE_INFO")) => refused(&info["child_type"]),
        (known, None) if KNOWN.contains(&known) => None,
        (_, Some("UNBOUND_TYPE_INFO")) => Some(info["name"].as_str().unwrap_or(id).to_owned()),
        _ => Some(id.to_owned()),
    }
}
