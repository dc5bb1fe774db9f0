//! The client; parameters and answers of the control plane travel as the contract's JSON.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use datasus::base::{Cancel, CancelReason, Progress as Counted, TraceId};
use datasus::{Catalog, Config, Destination, Error, Language, QueryParams, Result};
use napi::Env;
use napi::bindgen_prelude::{Buffer, Object};
use napi_derive::napi;

use crate::answer::Pending;
use crate::calls::promised;
use crate::error::{at_once, spoken};
use crate::host::Host;
use crate::job::{Job, Progress, progress};
use crate::tables;

fn json<T: serde::Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(Error::internal)
}

#[napi(catch_unwind, ts_return_type = "Promise<Client>")]
pub fn open(env: &Env, source: String, config: String) -> napi::Result<Object<'_>> {
    let host = at_once(Host::here)?;
    promised(env, move || {
        let settings: serde_json::Value = serde_json::from_str(&config).map_err(Error::internal)?;
        let asked = settings.get("language").and_then(serde_json::Value::as_str);
        let config = Config::from_env_and(&settings).map_err(|error| error.traced(&TraceId::new(), spoken(asked)))?;
        let language = config.language;
        if datasus::telemetry::is_asked_for() {
            crate::logs::subscribe()?;
        }
        let client = datasus::Client::open_with(PathBuf::from(source), config)?;
        Ok(Client { client, host, language })
    })
}

#[napi]
pub struct Client {
    client: datasus::Client,
    host: Arc<Host>,
    language: Language,
}

impl Client {
    /// Errors come in the client's language, and with a trace.
    fn spoken(&self) -> impl Fn(Error) -> Error + Send + 'static {
        let language = self.language;
        move |error| error.traced(&TraceId::new(), language)
    }

    fn call<'env, T>(
        &self,
        env: &'env Env,
        work: impl FnOnce(&datasus::Client) -> Result<T> + Send + 'static,
    ) -> napi::Result<Object<'env>>
    where
        T: napi::bindgen_prelude::ToNapiValue + Send + 'static,
    {
        let (client, spoken) = (self.client.clone(), self.spoken());
        promised(env, move || work(&client).map_err(spoken))
    }
}

#[napi]
impl Client {
    #[napi(catch_unwind, ts_return_type = "Promise<Pending>")]
    pub fn begin_query<'env>(&self, env: &'env Env, params: String) -> napi::Result<Object<'env>> {
        let (host, language) = (self.host.clone(), self.language);
        self.call(env, move |client| Ok(Pending::new(client.begin_query(&client.params(&params)?)?, host, language)))
    }

    #[napi(catch_unwind, ts_return_type = "Promise<Job>")]
    pub fn submit<'env>(&self, env: &'env Env, params: String, to: String) -> napi::Result<Object<'env>> {
        let host = self.host.clone();
        self.call(env, move |client| {
            let job = client.submit(&client.params(&params)?, client.destinations(&to)?)?;
            host.owns(&job);
            Ok(Job::new(job, host))
        })
    }

    #[napi(catch_unwind, ts_return_type = "Promise<Job>")]
    pub fn resume<'env>(&self, env: &'env Env, job_id: String) -> napi::Result<Object<'env>> {
        let host = self.host.clone();
        self.call(env, move |client| {
            let job = client.resume(&job_id)?;
            host.owns(&job);
            Ok(Job::new(job, host))
        })
    }

    #[napi(catch_unwind, ts_return_type = "Promise<string>")]
    pub fn jobs<'env>(&self, env: &'env Env) -> napi::Result<Object<'env>> {
        self.call(env, |client| json(&client.jobs()?))
    }

    #[napi(catch_unwind, ts_return_type = "Promise<void>")]
    pub fn discard<'env>(&self, env: &'env Env, job_id: String) -> napi::Result<Object<'env>> {
        self.call(env, move |client| client.discard(&job_id))
    }

    #[napi(catch_unwind, ts_return_type = "Promise<string>")]
    pub fn dead_letters<'env>(&self, env: &'env Env, job_id: String) -> napi::Result<Object<'env>> {
        self.call(env, move |client| json(&client.dead_letters(&job_id)?))
    }

    #[napi(catch_unwind, ts_return_type = "Promise<number>")]
    pub fn export_dead_letters<'env>(
        &self,
        env: &'env Env,
        job_id: String,
        path: String,
    ) -> napi::Result<Object<'env>> {
        self.call(env, move |client| client.export_dead_letters(&job_id, PathBuf::from(path)).map(|count| count as f64))
    }

    #[napi(catch_unwind, ts_return_type = "Promise<string>")]
    pub fn replay<'env>(&self, env: &'env Env, job_id: String) -> napi::Result<Object<'env>> {
        self.call(env, move |client| json(&client.replay(&job_id)?))
    }

    #[napi(catch_unwind, ts_return_type = "Promise<string>")]
    pub fn sync<'env>(&self, env: &'env Env, params: String, stop: &Stop) -> napi::Result<Object<'env>> {
        let (cancel, counted) = (stop.cancel.clone(), stop.progress.clone());
        let begins = move |progress| {
            // It is of one call.
            let _ = counted.set(progress);
        };
        self.call(env, move |client| json(&client.sync_each(&client.params_list(&params)?, &cancel, begins)?))
    }

    /// Takes the rows of an Arrow IPC stream or file as a table for SQL.
    #[napi(catch_unwind, ts_return_type = "Promise<void>")]
    pub fn add_table<'env>(&self, env: &'env Env, name: String, ipc: Buffer) -> napi::Result<Object<'env>> {
        let bytes = ipc.to_vec();
        self.call(env, move |client| tables::add(client, &name, bytes))
    }

    #[napi(catch_unwind, ts_return_type = "Promise<string>")]
    pub fn plan_sync<'env>(&self, env: &'env Env, params: String) -> napi::Result<Object<'env>> {
        self.call(env, move |client| json(&client.plan_sync(&client.params_list(&params)?)?))
    }

    #[napi(catch_unwind, ts_return_type = "Promise<string>")]
    pub fn profile<'env>(&self, env: &'env Env, params: String, stop: &Stop) -> napi::Result<Object<'env>> {
        let stop = stop.cancel.clone();
        self.call(env, move |client| json(&client.profile_until(&client.params(&params)?, &stop)?))
    }

    #[napi(catch_unwind, ts_return_type = "Promise<string>")]
    pub fn rates<'env>(&self, env: &'env Env, params: String) -> napi::Result<Object<'env>> {
        self.call(env, move |client| json(&client.rates(&client.rates_params(&params)?)?))
    }

    #[napi(catch_unwind)]
    pub fn search(&self, words: String, dataset: Option<String>) -> napi::Result<String> {
        let found = || self.client.search(&words, dataset.as_deref());
        at_once(|| found().and_then(|found| json(&found)).map_err(self.spoken()))
    }

    #[napi(catch_unwind, ts_return_type = "Promise<string>")]
    pub fn explain<'env>(&self, env: &'env Env, params: String) -> napi::Result<Object<'env>> {
        self.call(env, move |client| json(&client.explain(&client.params(&params)?)?))
    }

    #[napi(catch_unwind, ts_return_type = "Promise<string>")]
    pub fn estimate<'env>(&self, env: &'env Env, params: String) -> napi::Result<Object<'env>> {
        self.call(env, move |client| json(&client.estimate(&client.params(&params)?)?))
    }

    #[napi(catch_unwind)]
    pub fn schema(&self, dataset: String) -> napi::Result<String> {
        at_once(|| self.client.schema(&dataset).and_then(|schema| json(&schema)).map_err(self.spoken()))
    }

    #[napi(catch_unwind)]
    pub fn catalog(&self) -> napi::Result<String> {
        at_once(|| json(&self.client.catalog()))
    }

    #[napi(catch_unwind)]
    pub fn dictionaries(&self) -> napi::Result<String> {
        at_once(|| json(&self.client.dictionaries()?))
    }

    #[napi(catch_unwind, ts_return_type = "Promise<string>")]
    pub fn sync_dictionaries<'env>(&self, env: &'env Env, source: Option<String>) -> napi::Result<Object<'env>> {
        self.call(env, move |client| json(&client.sync_dictionaries(source.as_deref())?))
    }

    #[napi(catch_unwind, ts_return_type = "Promise<string>")]
    pub fn datasets<'env>(&self, env: &'env Env) -> napi::Result<Object<'env>> {
        self.call(env, |client| json(&client.datasets()?))
    }

    #[napi(catch_unwind)]
    pub fn metrics(&self) -> napi::Result<String> {
        at_once(|| Ok(self.client.metrics()))
    }

    #[napi(catch_unwind)]
    pub fn open_metrics(&self) -> napi::Result<String> {
        at_once(|| Ok(self.client.open_metrics()))
    }

    #[napi(getter, catch_unwind)]
    pub fn mode(&self) -> &'static str {
        self.client.mode().as_str()
    }

    #[napi(catch_unwind)]
    pub fn set_maintenance(&self, on: bool) -> napi::Result<()> {
        at_once(|| self.client.set_maintenance(on).map_err(self.spoken()))
    }
}

/// Ends a call that has no job, and says how far it has come.
#[napi]
#[derive(Default)]
pub struct Stop {
    pub(crate) cancel: Cancel,
    progress: Arc<OnceLock<Arc<Counted>>>,
}

#[napi]
impl Stop {
    #[napi(constructor, catch_unwind)]
    pub fn new() -> Self {
        Stop::default()
    }

    #[napi(catch_unwind)]
    pub fn set(&self) {
        self.cancel.set(CancelReason::Caller);
    }

    /// Null before it begins.
    #[napi(getter, catch_unwind)]
    pub fn progress(&self) -> Option<Progress> {
        self.progress.get().map(|counted| progress(&counted.snapshot()))
    }
}

/// The JSON Schema of `QueryParams`.
#[napi(catch_unwind)]
pub fn params_schema() -> String {
    QueryParams::json_schema().to_string()
}

/// The JSON Schema of a destination.
#[napi(catch_unwind)]
pub fn destination_schema() -> String {
    Destination::json_schema().to_string()
}

#[napi(object)]
pub struct KnownDataset {
    pub dataset: String,
    pub nome: String,
}

/// Every dataset of the catalogue.
#[napi(catch_unwind)]
pub fn all_datasets() -> Vec<KnownDataset> {
    let known = Catalog::builtin().datasets();
    known.map(|grupo| KnownDataset { dataset: grupo.dataset.to_string(), nome: grupo.nome.clone() }).collect()
}
