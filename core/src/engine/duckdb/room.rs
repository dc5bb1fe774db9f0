//! The closed room: an in-memory instance that can read the planned files, and do nothing else.

use duckdb::{Config, Connection};

use crate::engine::Settings;
use crate::plan::Statement;

/// Least share of the memory limit that the engine may run ahead of its consumer.
const AHEAD_SHARE: u64 = 16;

/// Opens an instance; it has no bounds yet.
pub(super) fn open() -> duckdb::Result<Connection> {
    let config = Config::default()
        .threads(1)?
        .with("autoinstall_known_extensions", "false")?
        .with("autoload_known_extensions", "false")?
        .with("preserve_insertion_order", "true")?
        .with("default_null_order", "nulls_last")?;
    Connection::open_in_memory_with_flags(config)
}

/// Sets the bounds, makes the views, allows the planned files, shuts everything else out, and locks the door.
pub(super) fn close(connection: &Connection, statement: &Statement, settings: &Settings) -> duckdb::Result<()> {
    let memory = settings.memory_limit.max(16 << 20);
    let ahead = settings.ahead_bytes.min(memory / AHEAD_SHARE);
    let (threads, spill) = (settings.threads.max(1), settings.spill_limit);
    let folder = literal(&settings.spill_folder.to_string_lossy());
    connection.execute_batch(&format!(
        "SET memory_limit = '{memory}B'; SET threads = {threads}; SET temp_directory = {folder}; \
         SET max_temp_directory_size = '{spill}B'; SET streaming_buffer_size = '{ahead}B'; SET parquet_metadata_cache = true; \
         SET TimeZone = 'UTC'; SET enable_progress_bar = false; SET errors_as_json = true;"
    ))?;
    for view in &statement.views {
        connection.execute_batch(view)?;
    }
    let allowed: Vec<String> = statement.files.iter().map(|file| literal(file)).collect();
    connection.execute_batch(&format!(
        "SET allowed_paths = [{}]; SET enable_external_access = false; SET lock_configuration = true;",
        allowed.join(", ")
    ))
}

/// Removes the statement's own spill folder; the engine leaves it behind, empty.
pub(super) fn sweep(settings: &Settings) {
    match std::fs::remove_dir_all(&settings.spill_folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            tracing::warn!(folder = %settings.spill_folder.display(), %error, "spill folder not removed");
        }
        _ => {}
    }
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
