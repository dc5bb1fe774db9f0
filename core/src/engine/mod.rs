//! Runs a plan: DuckDB in a closed room.
