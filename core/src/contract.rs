//! The contract: the JSON Schema of everything that crosses to another language, from the types themselves.
//!
//! TypeScript, Pydantic, Python's and Go's types and the tables of the documentation are generated from it (`make contract`).

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::base::ErrorForm;
use crate::client::{DatasetSchema, Holdings, Known, Rates, RatesParams};
use crate::config::Config;
use crate::estimate::Estimate;
use crate::labels::{DictionaryEntry, Found};
use crate::params::QueryParams;
use crate::plan::Explain;
use crate::recovery::DeadLetter;
use crate::run::{DictionarySync, JobInfo, Profile, Replayed, Report, SyncPlan, SyncReport};
use crate::sink::{Destination, pipe};
use crate::source::FileSummary;

/// One schema: `inputs` are what is given (as it is read), `outputs` what is told (as it is written); both lists name types of
/// `$defs`.
pub fn schema() -> Value {
    let mut given = SchemaSettings::draft2020_12().for_deserialize().into_generator();
    let inputs = [
        add::<QueryParams>(&mut given),
        add::<Destination>(&mut given),
        add::<pipe::Format>(&mut given),
        add::<Config>(&mut given),
        add::<RatesParams>(&mut given),
    ];
    let mut told = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let outputs = [
        add::<Report>(&mut told),
        add::<SyncReport>(&mut told),
        add::<SyncPlan>(&mut told),
        add::<JobInfo>(&mut told),
        add::<DeadLetter>(&mut told),
        add::<Replayed>(&mut told),
        add::<Explain>(&mut told),
        add::<Estimate>(&mut told),
        add::<Holdings>(&mut told),
        add::<Known>(&mut told),
        add::<DatasetSchema>(&mut told),
        add::<DictionaryEntry>(&mut told),
        add::<Profile>(&mut told),
        add::<Found>(&mut told),
        add::<Rates>(&mut told),
        add::<DictionarySync>(&mut told),
        add::<FileSummary>(&mut told),
        add::<ErrorForm>(&mut told),
    ];
    // What stands in both is as it is read: a report's query may be asked again.
    let mut types: Map<String, Value> = told.take_definitions(true);
    types.extend(given.take_definitions(true));
    json!({"$schema": "https://json-schema.org/draft/2020-12/schema", "inputs": inputs, "outputs": outputs, "$defs": types})
}

fn add<T: JsonSchema>(generator: &mut SchemaGenerator) -> String {
    generator.subschema_for::<T>();
    T::schema_name().into_owned()
}
