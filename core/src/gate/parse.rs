//! From text to the engine's own syntax tree.

use std::sync::{Mutex, MutexGuard, PoisonError};

use duckdb::{Config, Connection};
use serde::Deserialize;
use serde_json::Value;

use super::{MAX_BYTES, refusal, scan};
use crate::base::{Code, Problem, text};

/// Nested brackets of the tree at most. An expression is two deep per level.
const MAX_DEPTH: usize = 800;

/// Instances that parse and do nothing else, of this process. One at work is not in here: nobody waits for it.
static PARSERS: Mutex<(u32, Vec<Connection>)> = Mutex::new((0, Vec::new()));
/// Each is some megabytes, and closing one is not for a thread that nobody may be waiting for.
const MOST_IDLE: usize = super::apart::AT_ONCE;

/// The one statement of `sql`; its `node` is a SELECT.
pub(super) fn tree(sql: &str) -> Result<Value, Vec<Problem>> {
    if sql.len() > MAX_BYTES {
        return Err(vec![refusal::too_long(sql.len())]);
    }
    if let Some(at) = sql.find('\0') {
        return Err(vec![
            Problem::new(
                Code::InvalidParams,
                text!("O SQL contém um byte NUL; retire-o", "The SQL holds a NUL byte; remove it"),
            )
            .with("position", at),
        ]);
    }
    scan::scan(sql)?;
    let json = asked("SELECT json_serialize_sql(CAST(? AS VARCHAR))", sql).map_err(failed)?;
    if depth(&json) > MAX_DEPTH {
        return Err(vec![refusal::too_deep()]);
    }
    let mut reader = serde_json::Deserializer::from_str(&json);
    // The depth is known by now, and the thread's stack is made for it.
    reader.disable_recursion_limit();
    let answer = Value::deserialize(&mut reader).unwrap_or(Value::Null);
    if answer["error"] == Value::Bool(true) {
        return Err(vec![refusal::from_parser(sql, &answer)]);
    }
    match answer["statements"].as_array().map(Vec::as_slice) {
        Some([one]) => Ok(one.clone()),
        Some([]) => Err(vec![refusal::empty()]),
        Some(several) => Err(vec![refusal::several(several.len())]),
        None => Err(vec![refusal::unknown(sql, "statements", &Value::Null)]),
    }
}

/// The SQL of a statement.
pub(super) fn text(statement: &Value) -> Result<String, Vec<Problem>> {
    let json = serde_json::json!({"error": false, "statements": [statement]}).to_string();
    asked("SELECT json_deserialize_sql(CAST(? AS JSON))", &json).map_err(failed)
}

fn failed(error: duckdb::Error) -> Vec<Problem> {
    vec![Problem::new(
        Code::Internal,
        text!(
            "O analisador de SQL falhou: defeito do datasus; por favor, relate-o com o trace_id",
            "The SQL parser failed, a defect of datasus: {error}. Please report it with the trace_id"
        ),
    )]
}

fn asked(question: &str, of: &str) -> duckdb::Result<String> {
    let waiting = idle().1.pop();
    let connection = waiting.map_or_else(open, Ok)?;
    let json = connection.query_row(question, [of], |row| row.get(0))?;
    // An instance that failed is not used again.
    let mut idle = idle();
    if idle.1.len() < MOST_IDLE {
        idle.1.push(connection);
    }
    Ok(json)
}

fn idle() -> MutexGuard<'static, (u32, Vec<Connection>)> {
    let mut idle = PARSERS.lock().unwrap_or_else(PoisonError::into_inner);
    if idle.0 != std::process::id() {
        // A forked child has the memory of its parent's instances, but not its threads.
        std::mem::forget(std::mem::replace(&mut *idle, (std::process::id(), Vec::new())));
    }
    idle
}

fn open() -> duckdb::Result<Connection> {
    let config = Config::default()
        .threads(1)?
        .max_memory("256MB")?
        .with("autoinstall_known_extensions", "false")?
        .with("autoload_known_extensions", "false")?;
    let connection = Connection::open_in_memory_with_flags(config)?;
    connection.execute_batch("SET enable_external_access = false; SET lock_configuration = true;")?;
    Ok(connection)
}

/// Nesting of brackets outside of texts.
fn depth(json: &str) -> usize {
    let (mut depth, mut deepest, mut quoted, mut escaped) = (0usize, 0usize, false, false);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'{' | b'[' if !quoted => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}
