//! The closed room: an in-memory instance that can read the planned files, and do nothing else.

use duckdb::{Config, Connection};

use crate::engine::Settings;
use crate::plan::Statement;

/// Opens the instance with its bounds. They come first: after the lock nothing can be set.
pub(super) fn open(settings: &Settings) -> duckdb::Result<Connection> {
    let config = Config::default()
        .max_memory(&format!("{}B", settings.memory_limit.max(16 << 20)))?
        .threads(i64::try_from(settings.threads.max(1)).unwrap_or(1))?
        .with("autoinstall_known_extensions", "false")?
        .with("autoload_known_extensions", "false")?
        .with("preserve_insertion_order", "true")?
        .with("default_null_order", "nulls_last")?
        .with("temp_directory", settings.spill_folder.to_string_lossy())?
        .with("max_temp_directory_size", format!("{}B", settings.spill_limit))?;
    Connection::open_in_memory_with_flags(config)
}

/// Makes the views, allows the planned files, shuts everything else out, and locks the door.
pub(super) fn close(connection: &Connection, statement: &Statement, _settings: &Settings) -> duckdb::Result<()> {
    connection.execute_batch("SET TimeZone = 'UTC'; SET enable_progress_bar = false; SET errors_as_json = true;")?;
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
