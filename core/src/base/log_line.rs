//! A log event as one line, for hosts that log in their own way.

use std::fmt::{Debug, Write};

use tracing::Event;
use tracing::field::{Field, Visit};

use super::masked;

/// The message, and ` name=value` for each field.
pub fn log_line(event: &Event<'_>) -> String {
    let mut line = Line::default();
    event.record(&mut line);
    masked(&(line.message + &line.fields)).into_owned()
}

#[derive(Default)]
struct Line {
    message: String,
    fields: String,
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => self.message = value.to_owned(),
            name => {
                // Writing to a String doesn't fail.
                let _ = write!(self.fields, " {name}={value}");
            }
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}
