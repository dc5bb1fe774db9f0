//! A log event for hosts that log in their own way, with the job that it is of.

use serde_json::{Map, Value};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::fields::Fields;
use super::spans::Known;

/// Where `tracing` keeps an event's text.
const MESSAGE: &str = "message";
/// Of the spans around an event, what every line bears.
const OF_JOBS: [&str; 3] = ["trace_id", "job_id", "stage"];

/// What is logged: the event's name, and its facts. Nothing in it is a password.
#[derive(Debug, Clone)]
pub struct Line {
    /// One of those of docs/logs.md.
    pub event: String,
    /// `trace_id`, `job_id` and `stage` where they are known, and the event's own.
    pub fields: Map<String, Value>,
}

/// The line of an event within the spans that [`super::Spans`] keeps; what the event says itself comes before what they say.
pub fn line_of<S>(event: &Event<'_>, context: &Context<'_, S>) -> Line
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let mut own = Fields::default();
    event.record(&mut own);
    let said = own.text(MESSAGE).unwrap_or(event.metadata().name()).to_owned();
    let mut around = Map::new();
    for span in context.event_scope(event).into_iter().flatten() {
        let extensions = span.extensions();
        let Some(known) = extensions.get::<Known>() else { continue };
        for name in OF_JOBS {
            if let (None, Some(value)) = (around.get(name), known.fields.0.get(name)) {
                around.insert(name.to_owned(), value.clone());
            }
        }
    }
    let tied =
        OF_JOBS.iter().filter_map(|name| Some(((*name).to_owned(), own.0.get(*name).or(around.get(*name))?.clone())));
    // A sentence is the last, as its event has it.
    let others = own.0.iter().filter(|(name, _)| *name != MESSAGE && !OF_JOBS.contains(&name.as_str()));
    let fields = tied.chain(others.map(|(name, value)| (name.clone(), value.clone()))).collect();
    Line { event: said, fields }
}

/// As one text: the event, and ` name=value` for each fact.
impl std::fmt::Display for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.event)?;
        self.fields.iter().try_for_each(|(name, value)| match value {
            Value::String(text) => write!(f, " {name}={text}"),
            other => write!(f, " {name}={other}"),
        })
    }
}
