//! The layer: what it keeps of each span, and what it sends of those that are over.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

use super::collector::Collector;
use super::exporter::Exporter;
use super::fields::Fields;
use crate::base::Result;

/// Spans of this library; a host's own are its own to send.
const OURS: &str = "datasus::";
/// Events that a span bears.
const EVENTS: usize = 64;

/// Keeps the facts of jobs' spans, so that log lines bear them, and sends them on where it was given a [`Collector`].
pub struct Spans {
    exporter: Option<Exporter>,
}

/// What is kept of a span while it is open.
pub(super) struct Known {
    pub fields: Fields,
    ids: Ids,
    began: SystemTime,
    events: Vec<Value>,
}

#[derive(Clone)]
struct Ids {
    trace: String,
    span: String,
    parent: Option<String>,
}

impl Spans {
    /// Only keeps what log lines say of the spans around them.
    pub fn kept() -> Self {
        Spans { exporter: None }
    }

    /// Sends each span that is over as well.
    pub fn sent_to(collector: Collector) -> Result<Self> {
        Ok(Spans { exporter: Some(Exporter::start(collector)?) })
    }

    /// Sends to the collector that `DATASUS_OTLP` names, where it does. DS-422: it is no address.
    pub fn of_environment() -> Result<Self> {
        Collector::of_environment()?.map_or_else(|| Ok(Spans::kept()), Spans::sent_to)
    }
}

/// So many random bytes in hex.
fn random(bytes: usize) -> String {
    let mut text = String::new();
    while text.len() < bytes * 2 {
        text.push_str(&format!("{:016x}", ulid::Ulid::new().random() as u64));
    }
    text.truncate(bytes * 2);
    text
}

impl Ids {
    /// A trace's number has 16 bytes; the last four are what log lines and reports call its `trace_id`.
    fn of(fields: &Fields, parent: Option<&Ids>) -> Ids {
        let span = random(8);
        match parent {
            Some(parent) => Ids { trace: parent.trace.clone(), span, parent: Some(parent.span.clone()) },
            None => {
                let known = fields.text("trace_id").filter(|known| known.len() == 8);
                let trace = known.map_or_else(|| random(16), |known| random(12) + known);
                Ids { trace, span, parent: None }
            }
        }
    }
}

fn nanoseconds(time: SystemTime) -> String {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos()).to_string()
}

fn attributes(fields: &Map<String, Value>) -> Vec<Value> {
    let value = |value: &Value| match value {
        Value::Bool(value) => json!({"boolValue": value}),
        // 64 bits are a text in the JSON form of protobuf.
        Value::Number(number) if number.is_i64() || number.is_u64() => json!({"intValue": number.to_string()}),
        Value::Number(number) => json!({"doubleValue": number}),
        Value::String(text) => json!({"stringValue": text}),
        other => json!({"stringValue": other.to_string()}),
    };
    fields.iter().map(|(name, one)| json!({"key": name, "value": value(one)})).collect()
}

impl Known {
    /// As OTLP's JSON has it.
    fn ended(&self, name: &str) -> Value {
        let Ids { trace, span, parent } = &self.ids;
        let mut told = json!({
            "traceId": trace,
            "spanId": span,
            "name": name,
            // Of the inside of a process.
            "kind": 1,
            "startTimeUnixNano": nanoseconds(self.began),
            "endTimeUnixNano": nanoseconds(SystemTime::now()),
            "attributes": attributes(&self.fields.0),
            "events": self.events,
            "status": {},
        });
        if let Some(parent) = parent {
            told["parentSpanId"] = json!(parent);
        }
        if self.fields.text("code").is_some() {
            told["status"] = json!({"code": 2, "message": self.fields.text("detail").unwrap_or_default()});
        }
        told
    }
}

impl<S> Layer<S> for Spans
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id).filter(|span| span.metadata().target().starts_with(OURS)) else { return };
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        let around = span.parent().and_then(|parent| parent.extensions().get::<Known>().map(|known| known.ids.clone()));
        let ids = Ids::of(&fields, around.as_ref());
        span.extensions_mut().insert(Known { fields, ids, began: SystemTime::now(), events: Vec::new() });
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(known) = span.extensions_mut().get_mut::<Known>()
        {
            values.record(&mut known.fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        // What is for who mends the library is for the log.
        if self.exporter.is_none() || *event.metadata().level() > Level::INFO {
            return;
        }
        if let Some(span) = context.event_span(event)
            && let Some(known) = span.extensions_mut().get_mut::<Known>()
            && known.events.len() < EVENTS
        {
            let mut fields = Fields::default();
            event.record(&mut fields);
            let name = fields.0.get("message").cloned().unwrap_or_default();
            fields.0.retain(|name, _| name != "message");
            fields.0.insert("level".into(), event.metadata().level().as_str().to_lowercase().into());
            let time = nanoseconds(SystemTime::now());
            known.events.push(json!({"timeUnixNano": time, "name": name, "attributes": attributes(&fields.0)}));
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        if let (Some(exporter), Some(span)) = (&self.exporter, context.span(&id))
            && let Some(known) = span.extensions().get::<Known>()
        {
            exporter.send(known.ended(span.name()));
        }
    }
}
