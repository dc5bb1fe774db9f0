//! Settings that can be read and cannot work.

use super::Config;
use crate::base::{Code, Error, Result, Text, refuse_address, text};

/// Far more than any machine has: each costs a stack, and starting them costs time.
const MOST_THREADS: u64 = 512;
const LEAST_SECRET: usize = 16;
/// A column of this many of the widest fields still fits Arrow's 32-bit offsets.
const MOST_CHUNK_ROWS: u64 = 1 << 20;
/// What the ministry's server bears of one client.
const MOST_TRANSFERS: u64 = 6;
/// A pebibyte.
const MOST_BYTES: u64 = 1 << 50;

impl Config {
    /// DS-422 where an address stands for a folder.
    pub(super) fn refuse_addresses(&self) -> Result<()> {
        let of_jobs = [&self.home, &self.ca, &self.lake, &self.output, &self.state, &self.spill];
        let folders = of_jobs.into_iter().chain([
            &self.s3_ca,
            &self.remote_cache,
            &self.cache_folder,
            &self.redis_ca,
            &self.engine_folder,
            &self.worker,
        ]);
        let each = folders.flatten().map(|folder| refuse_address(&folder.to_string_lossy()));
        each.collect::<Result<()>>().map_err(|error| error.stage("config"))
    }

    /// Every setting that cannot work is DS-422.
    pub(crate) fn check(&self) -> Result<()> {
        self.refuse_addresses()?;
        self.check_seconds()?;
        if self.redis_secret.as_ref().is_some_and(|secret| secret.reveal().chars().count() < LEAST_SECRET) {
            return Err(refused(text!(
                "Configuração inválida: `redis_secret` deve ter ao menos {LEAST_SECRET} caracteres",
                "Invalid configuration: `redis_secret` must have at least {LEAST_SECRET} characters"
            ))
            .with("minimum", LEAST_SECRET as u64));
        }
        self.check_ranges()
    }

    fn check_seconds(&self) -> Result<()> {
        let seconds = self.deadline;
        if !(seconds > 0.0 && seconds <= 1e9) {
            return Err(refused(text!(
                "Configuração inválida: `deadline` deve ser um número positivo de segundos, por exemplo 30; recebido {seconds}",
                "Invalid configuration: `deadline` must be a positive number of seconds, for example 30; received {seconds}"
            )));
        }
        let seconds = self.refresh_after;
        if !(0.0..=1e9).contains(&seconds) {
            return Err(refused(text!(
                "Configuração inválida: `refresh_after` deve ser um número de segundos, por exemplo 86400; recebido {seconds}",
                "Invalid configuration: `refresh_after` must be a number of seconds, for example 86400; received {seconds}"
            )));
        }
        let seconds = self.s3_timeout;
        if !(seconds > 0.0 && seconds <= 3_600.0) {
            return Err(refused(text!(
                "Configuração inválida: `s3_timeout` deve ser de mais de 0 a 3600 segundos, por exemplo 30; recebido {seconds}",
                "Invalid configuration: `s3_timeout` must be more than 0 and at most 3600 seconds, for example 30; received {seconds}"
            )));
        }
        let seconds = self.redis_ttl;
        if !(seconds > 0.0 && seconds <= 1e9) {
            return Err(refused(text!(
                "Configuração inválida: `redis_ttl` deve ser um número positivo de segundos, por exemplo 3600; recebido {seconds}",
                "Invalid configuration: `redis_ttl` must be a positive number of seconds, for example 3600; received {seconds}"
            )));
        }
        Ok(())
    }

    fn check_ranges(&self) -> Result<()> {
        let ranges = [
            ("transfers", Some(self.transfers as u64), 1, MOST_TRANSFERS),
            ("max_download", Some(self.max_download), 0, MOST_BYTES),
            ("threads", self.threads.map(|threads| threads as u64), 1, MOST_THREADS),
            ("chunk_rows", Some(self.chunk_rows as u64), 1, MOST_CHUNK_ROWS),
            ("memory_limit", self.memory_limit, 64 << 20, MOST_BYTES),
            ("spill_limit", Some(self.spill_limit), 0, MOST_BYTES),
            ("remote_cache_limit", Some(self.remote_cache_limit), 0, MOST_BYTES),
            ("rate_limit", Some(u64::from(self.rate_limit)), 0, 1_000_000),
            ("processes", Some(self.processes as u64), 1, MOST_THREADS),
            ("cache_memory", Some(self.cache_memory), 0, MOST_BYTES),
            ("cache_limit", Some(self.cache_limit), 0, MOST_BYTES),
            ("cache_entry_limit", Some(self.cache_entry_limit), 0, 1 << 30),
            ("cache_level", Some(u64::try_from(self.cache_level).unwrap_or(0)), 1, 19),
            ("redis_level", self.redis_level.map(|level| u64::try_from(level).unwrap_or(0)), 1, 19),
        ];
        for (name, given, least, most) in ranges {
            if let Some(received) = given.filter(|given| !(least..=most).contains(given)) {
                return Err(refused(text!(
                    "Configuração inválida: `{name}` deve ser de {least} a {most}; recebido {received}",
                    "Invalid configuration: `{name}` must be {least} to {most}; received {received}"
                ))
                .with("received", received)
                .with("minimum", least)
                .with("maximum", most));
            }
        }
        Ok(())
    }
}

fn refused(what: Text) -> Error {
    Error::new(Code::InvalidParams, what).stage("config")
}
