//! What is measured, one function a case. The clock runs from the opening of the client to the last durable byte.

pub mod c;
pub mod calibration;
pub mod dbc;
pub mod isolation;
pub mod labels;
mod mode;
pub mod planning;
pub mod seen;
pub mod sinks;
pub mod small;
pub mod stream;

use serde_json::{Value, json};

fn versions() -> Value {
    json!({"datasus": env!("CARGO_PKG_VERSION"), "duckdb": "1.5.5"})
}
