//! The client; parameters and answers of the control plane travel as the contract's JSON.

use std::path::PathBuf;
use std::sync::Arc;

use datasus::base::{Cancel, CancelReason};
use datasus::{Catalog, Config, Destination, Error, QueryParams, Result};
use napi::Env;
use napi::bindgen_prelude::Object;
use napi_derive::napi;

use crate::answer::Pending;
use crate::calls::promised;
use crate::error::at_once;
use crate::host::Host;
use crate::job::Job;

fn json<T: serde::Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(Error::internal)
}

#[napi(catch_unwind, ts_return_type = "Promise<Client>")]
pub fn open(env: &Env, source: String, config: String) -> napi::Result<Object<'_>> {
    let host = at_once(Host::here)?;
    promised(env, move || {
        let settings = serde_json::from_str(&config).map_err(Error::internal)?;
        let client = datasus::Client::open_with(PathBuf::from(source), Config::from_env_and(&settings)?)?;
        Ok(Client { client, host })
    })
}

#[napi]
pub struct Client {
    client: datasus::Client,
    host: Arc<Host>,
}

impl Client {
    fn call<'env, T>(
        &self,
        env: &'env Env,
        work: impl FnOnce(&datasus::Client) -> Result<T> + Send + 'static,
    ) -> napi::Result<Object<'env>>
    where
        T: napi::bindgen_prelude::ToNapiValue + Send + 'static,
    {
        let client = self.client.clone();
        promised(env, move || work(&client))
    }
}

#[napi]
impl Client {
    #[napi(catch_unwind, ts_return_type = "Promise<Pending>")]
    pub fn begin_query<'env>(&self, env: &'env Env, params: String) -> napi::Result<Object<'env>> {
        let host = self.host.clone();
        self.call(env, move |client| Ok(Pending::new(client.begin_query(&client.params(&params)?)?, host)))
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
        let stop = stop.0.clone();
        self.call(env, move |client| json(&client.sync_until(&client.params(&params)?, &stop)?))
    }

    #[napi(catch_unwind, ts_return_type = "Promise<string>")]
    pub fn explain<'env>(&self, env: &'env Env, params: String) -> napi::Result<Object<'env>> {
        self.call(env, move |client| json(&client.explain(&client.params(&params)?)?))
    }

    #[napi(catch_unwind)]
    pub fn schema(&self, dataset: String) -> napi::Result<String> {
        at_once(|| json(self.client.schema(&dataset)?))
    }

    #[napi(catch_unwind)]
    pub fn catalog(&self) -> napi::Result<String> {
        at_once(|| json(&self.client.catalog()))
    }

    #[napi(catch_unwind, ts_return_type = "Promise<string>")]
    pub fn datasets<'env>(&self, env: &'env Env) -> napi::Result<Object<'env>> {
        self.call(env, |client| json(&client.datasets()?))
    }

    #[napi(catch_unwind)]
    pub fn metrics(&self) -> napi::Result<String> {
        at_once(|| Ok(self.client.metrics()))
    }

    #[napi(getter, catch_unwind)]
    pub fn mode(&self) -> &'static str {
        self.client.mode().as_str()
    }

    #[napi(catch_unwind)]
    pub fn set_maintenance(&self, on: bool) -> napi::Result<()> {
        at_once(|| self.client.set_maintenance(on))
    }
}

/// Ends a call that has no job.
#[napi]
#[derive(Default)]
pub struct Stop(Cancel);

#[napi]
impl Stop {
    #[napi(constructor, catch_unwind)]
    pub fn new() -> Self {
        Stop::default()
    }

    #[napi(catch_unwind)]
    pub fn set(&self) {
        self.0.set(CancelReason::Caller);
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
