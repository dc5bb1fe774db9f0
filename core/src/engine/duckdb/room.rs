//! The closed room: an in-memory instance that can read the planned files, and do nothing else.

use std::path::{Path, PathBuf};

use duckdb::{Config, Connection};

use super::dialect::pattern;
use super::functions;
use crate::engine::Settings;
use crate::engine::settings::Pace;
use crate::plan::{Statement, View};

/// Least share of the memory limit that the engine may run ahead of its consumer.
const AHEAD_SHARE: u64 = 16;
/// What the engine counts of a text in a row that waits.
const COUNTED: u64 = 16;
/// Two vectors of rows.
const LEAST_AHEAD: u64 = 2 * 2_048 * COUNTED;

/// Opens an instance; it has no bounds yet.
pub(super) fn open() -> duckdb::Result<Connection> {
    let config = Config::default()
        .threads(1)?
        .with("autoinstall_known_extensions", "false")?
        .with("autoload_known_extensions", "false")?
        .with("preserve_insertion_order", "true")?
        .with("default_null_order", "nulls_last")?;
    let connection = Connection::open_in_memory_with_flags(config)?;
    functions::register(&connection)?;
    Ok(connection)
}

/// Sets the bounds, makes the views, allows the planned files, shuts everything else out, and locks the door.
pub(super) fn close(connection: &Connection, statement: &Statement, bounds: &str, spill: &Path) -> duckdb::Result<()> {
    connection.execute_batch(&format!("{bounds} {}", spills_to(spill)))?;
    if statement.from_user {
        views(connection, statement)?;
    }
    let allowed: Vec<String> = statement.files.iter().flat_map(|file| allowed(file)).collect();
    connection.execute_batch(&format!(
        "SET allowed_paths = [{}]; SET enable_external_access = false; SET lock_configuration = true;",
        allowed.join(", ")
    ))
}

/// The same for an instance that stays: `folders` are all that it can ever read, and only its bounds can change.
pub(super) fn close_around(
    connection: &Connection,
    folders: &[PathBuf],
    bounds: &str,
    spill: &Path,
) -> duckdb::Result<()> {
    let allowed: Vec<String> = folders.iter().flat_map(|folder| allowed(&folder.to_string_lossy())).collect();
    connection.execute_batch(&format!(
        "{} {bounds} SET allowed_directories = [{}]; SET enable_external_access = false; \
         SET allowed_configs = ['memory_limit', 'threads', 'max_temp_directory_size', 'streaming_buffer_size', \
         'parquet_metadata_cache', 'TimeZone', 'enable_progress_bar', 'errors_as_json']; SET lock_configuration = true;",
        spills_to(spill),
        allowed.join(", ")
    ))
}

/// A path, and the pattern by which statements name it where that is another text: the engine asks for both.
fn allowed(path: &str) -> impl Iterator<Item = String> + use<> {
    let pattern = pattern(path);
    let other = (pattern != path).then(|| literal(&pattern));
    std::iter::once(literal(path)).chain(other)
}

/// Our own statement with its tables inside: the engine then looks at their files once.
pub(super) fn in_one(statement: &Statement) -> String {
    let table = |View { name, relation, .. }: &View| format!("{name} AS NOT MATERIALIZED ({relation})");
    let tables: Vec<String> = statement.views.iter().map(table).collect();
    if tables.is_empty() { statement.sql.clone() } else { format!("WITH {} {}", tables.join(", "), statement.sql) }
}

/// The bounds of an instance that may spill `spill` bytes, as SQL. The engine counts the rows that wait for their reader by their
/// columns alone, at 16 bytes a text: texts of `long_bytes` a row are many times that.
pub(super) fn bounds(settings: &Settings, spill: u64, long_bytes: u64) -> String {
    let memory = settings.memory_limit.max(16 << 20);
    let pace = Pace::of(settings);
    let ahead = pace.ahead_bytes().min(memory / AHEAD_SHARE);
    let ahead = match long_bytes / COUNTED {
        0 => ahead,
        times => (ahead / times).max(LEAST_AHEAD),
    };
    let threads = pace.workers();
    format!(
        "SET memory_limit = '{memory}B'; SET threads = {threads}; SET max_temp_directory_size = '{spill}B'; \
         SET streaming_buffer_size = '{ahead}B'; SET parquet_metadata_cache = true; SET TimeZone = 'UTC'; \
         SET enable_progress_bar = false; SET errors_as_json = true;"
    )
}

/// The engine writes there only when it spills.
fn spills_to(folder: &Path) -> String {
    format!("SET temp_directory = {};", literal(&folder.to_string_lossy()))
}

fn views(connection: &Connection, statement: &Statement) -> duckdb::Result<()> {
    let create = |View { name, relation, .. }: &View| format!("CREATE TEMP VIEW {name} AS {relation}");
    statement.views.iter().try_for_each(|view| connection.execute_batch(&create(view)))
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
