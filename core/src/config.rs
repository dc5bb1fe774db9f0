//! How a client is set up: plain fields, each with its default, or from `DATASUS_*` variables.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::base::{
    Code, Error, Language, OnEmergency, Priority, Result, Secret, Text, TraceId, clip, expand_home, json_words,
    refuse_address, text, value_words,
};

/// Far more than any machine has: each costs a stack, and starting them costs time.
const MOST_THREADS: u64 = 512;
/// A column of this many of the widest fields still fits Arrow's 32-bit offsets.
const MOST_CHUNK_ROWS: u64 = 1 << 20;
/// A pebibyte.
const MOST_BYTES: u64 = 1 << 50;

/// Settings of one client.
///
/// ```
/// use datasus::Config;
/// let config = Config { threads: Some(1), ..Default::default() };
/// assert!(config.verify_crc);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Folder of converted Parquet; none: `.datasus/lake` inside the source folder (`DATASUS_LAKE`).
    pub lake: Option<PathBuf>,
    /// Folder that holds every file an export writes; none: the process's current folder (`DATASUS_OUTPUT`).
    pub output: Option<PathBuf>,
    /// Folder of what jobs keep to be resumed: checkpoints, dead letters, kept results; on a local file system. None:
    /// `.datasus/jobs` inside the source folder, or `jobs` beside a lake of your own (`DATASUS_STATE`).
    pub state: Option<PathBuf>,
    /// Folder for what queries spill, each into a folder of its own that goes with it; what killed processes left there goes
    /// when a client opens. None: the system's temporary folder (`DATASUS_SPILL`).
    pub spill: Option<PathBuf>,
    /// Bytes that one query may hold in the engine; none: 45 % of the machine's or cgroup's memory, the tighter
    /// (`DATASUS_MEMORY_LIMIT`).
    #[schemars(range(min = 67_108_864, max = 1_125_899_906_842_624_u64))]
    pub memory_limit: Option<u64>,
    /// Bytes that one query may spill, and that a kept result may have (`DATASUS_SPILL_LIMIT`); default 50 GB. Past them, or
    /// once less than 5 % of the disk (1 GiB at most) would be left, it is DS-507.
    #[schemars(range(min = 0, max = 1_125_899_906_842_624_u64))]
    pub spill_limit: u64,
    /// Server of the PostgreSQL sinks that name none (`DATASUS_POSTGRES`); never shown.
    pub postgres: Option<Secret>,
    /// Seconds that any query may take before DS-504; a query's own `deadline` can only be shorter
    /// (`DATASUS_DEADLINE`). Default one day.
    #[schemars(extend("exclusiveMinimum" = 0, "maximum" = 1_000_000_000))]
    pub deadline: f64,
    /// Threads for conversion and engine, and the most jobs of this client that run at once (of all clients together: one
    /// per core); none: one per core (`DATASUS_THREADS`). At most 512.
    #[schemars(range(min = 1, max = 512))]
    pub threads: Option<usize>,
    /// The most urgent class that a query of this client gets, whatever its `priority` asks (`DATASUS_MAX_PRIORITY`:
    /// `health`, `admin` or `user`). Default `health`: an application may use every class. A gateway sets `user` for
    /// those it does not trust.
    pub max_priority: Priority,
    /// What the rows of a dataset that come back as a stream do in an emergency of memory, where the query does not say
    /// (`DATASUS_ON_EMERGENCY`: `sample`, `spill`, `wait` or `fail`); none: `wait`. Aggregates, SQL, files and tables are
    /// `spill` unless the query says otherwise.
    pub on_emergency: Option<OnEmergency>,
    /// Most rows in a chunk of an answer; each but the last has at least half of that, or fewer while memory is scarce
    /// (`DATASUS_CHUNK_ROWS`). At most 1,048,576.
    #[schemars(range(min = 1, max = 1_048_576))]
    pub chunk_rows: usize,
    /// True: a DBC whose CRC-32 does not match is DS-460. False: it is not looked at, and the report says
    /// `unchecked` (`DATASUS_VERIFY_CRC`).
    pub verify_crc: bool,
    /// Language of the texts for people (`DATASUS_LANGUAGE`: `pt` or `en`).
    pub language: Language,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            lake: None,
            output: None,
            state: None,
            spill: None,
            memory_limit: None,
            spill_limit: 50_000_000_000,
            postgres: None,
            deadline: 86_400.0,
            threads: None,
            max_priority: Priority::Health,
            on_emergency: None,
            chunk_rows: 65_536,
            verify_crc: true,
            language: Language::Pt,
        }
    }
}

impl Config {
    /// The defaults, changed by the `DATASUS_*` variables that are set. A value that cannot be read is DS-422.
    pub fn from_env() -> Result<Self> {
        Config::from_variables(|name| std::env::var(name).ok())
    }

    fn from_variables(get: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let language = if get("DATASUS_LANGUAGE").as_deref() == Some("en") { Language::En } else { Language::Pt };
        Config::read_variables(get).map_err(|error| error.traced(&TraceId::new(), language))
    }

    fn read_variables(get: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let get = |name: &str| get(name).filter(|value| !value.is_empty());
        let mut config = Config::default();
        let folder = |name: &str| get(name).map(PathBuf::from);
        config.lake = folder("DATASUS_LAKE");
        config.output = folder("DATASUS_OUTPUT");
        config.state = folder("DATASUS_STATE");
        config.spill = folder("DATASUS_SPILL");
        config.refuse_addresses()?;
        config.postgres = get("DATASUS_POSTGRES").map(Secret::new);
        let number = |name: &str| -> Result<Option<u64>> {
            get(name)
                .map(|value| {
                    value
                        .parse()
                        .map_err(|_| wrong(name, &value, ["um número inteiro, como 4", "a whole number, as 4"]))
                })
                .transpose()
        };
        config.memory_limit = number("DATASUS_MEMORY_LIMIT")?;
        config.spill_limit = number("DATASUS_SPILL_LIMIT")?.unwrap_or(config.spill_limit);
        if let Some(value) = get("DATASUS_DEADLINE") {
            let seconds = value
                .parse()
                .map_err(|_| wrong("DATASUS_DEADLINE", &value, ["segundos, como 30 ou 0.5", "seconds, as 30 or 0.5"]));
            config.deadline = seconds?;
        }
        config.threads = number("DATASUS_THREADS")?.and_then(|n| usize::try_from(n).ok());
        if let Some(rows) = number("DATASUS_CHUNK_ROWS")? {
            config.chunk_rows = usize::try_from(rows).unwrap_or(usize::MAX);
        }
        if let Some(value) = get("DATASUS_MAX_PRIORITY") {
            config.max_priority = match value.as_str() {
                "health" => Priority::Health,
                "admin" => Priority::Admin,
                "user" => Priority::User,
                _ => {
                    let expected = ["health, admin ou user", "health, admin or user"];
                    return Err(wrong("DATASUS_MAX_PRIORITY", &value, expected));
                }
            };
        }
        if let Some(value) = get("DATASUS_ON_EMERGENCY") {
            config.on_emergency = Some(match value.as_str() {
                "sample" => OnEmergency::Sample,
                "spill" => OnEmergency::Spill,
                "wait" => OnEmergency::Wait,
                "fail" => OnEmergency::Fail,
                _ => {
                    let expected = ["sample, spill, wait ou fail", "sample, spill, wait or fail"];
                    return Err(wrong("DATASUS_ON_EMERGENCY", &value, expected));
                }
            });
        }
        if let Some(value) = get("DATASUS_VERIFY_CRC") {
            config.verify_crc = match value.as_str() {
                "1" | "true" => true,
                "0" | "false" => false,
                _ => return Err(wrong("DATASUS_VERIFY_CRC", &value, ["true ou false", "true or false"])),
            };
        }
        if let Some(value) = get("DATASUS_LANGUAGE") {
            config.language = match value.as_str() {
                "pt" => Language::Pt,
                "en" => Language::En,
                _ => return Err(wrong("DATASUS_LANGUAGE", &value, ["pt ou en", "pt or en"])),
            };
        }
        Ok(config)
    }

    /// The `DATASUS_*` variables, changed by `settings`: an object with any of the fields, null for a field's default. For
    /// bindings; an unknown key or a value of another kind is DS-400.
    pub fn from_env_and(settings: &Value) -> Result<Self> {
        let from_env = Config::from_env().map_err(|error| match language_of(settings) {
            Some(language) => error.traced(&TraceId::new(), language),
            None => error,
        });
        from_env?.changed_by(settings)
    }

    fn changed_by(self, settings: &Value) -> Result<Self> {
        // Even a setting that is wrong is told in the language that stands beside it.
        let language = language_of(settings).unwrap_or(self.language);
        let malformed = |what: Text| {
            let (pt, en) = (what.pt, what.en);
            Error::new(Code::Malformed, text!("Configuração inválida: {pt}", "Invalid configuration: {en}"))
                .stage("config")
                .traced(&TraceId::new(), language)
        };
        let Value::Object(settings) = settings else {
            let came = value_words(settings);
            let (pt, en) = (came.pt, came.en);
            return Err(malformed(text!(
                "esperado um objeto com as opções, por exemplo `threads`; recebido {pt}",
                "expected an object of settings, for example `threads`; received {en}"
            )));
        };
        let given: Map<String, Value> =
            settings.iter().filter(|(_, v)| !v.is_null()).map(|(k, v)| (k.clone(), v.clone())).collect();
        let has = |name: &str| settings.contains_key(name);
        // One by one, so that the wrong one is named.
        for (name, value) in &given {
            let alone = Map::from_iter([(name.clone(), value.clone())]);
            if let Err(error) = serde_json::from_value::<Config>(alone.into()) {
                let words = json_words(&error);
                let known = error.to_string().starts_with("unknown field");
                let name = if known { String::new() } else { format!("`{name}`: ") };
                let (pt, en) = (words.pt, words.en);
                return Err(malformed(text!("{name}{pt}", "{name}{en}")).with("parser_message", error.to_string()));
            }
        }
        let new: Config = serde_json::from_value(given.into()).map_err(Error::internal)?;
        new.refuse_addresses().map_err(|error| error.traced(&TraceId::new(), language))?;
        Ok(Config {
            lake: if has("lake") { new.lake } else { self.lake },
            output: if has("output") { new.output } else { self.output },
            state: if has("state") { new.state } else { self.state },
            spill: if has("spill") { new.spill } else { self.spill },
            memory_limit: if has("memory_limit") { new.memory_limit } else { self.memory_limit },
            spill_limit: if has("spill_limit") { new.spill_limit } else { self.spill_limit },
            postgres: if has("postgres") { new.postgres } else { self.postgres },
            deadline: if has("deadline") { new.deadline } else { self.deadline },
            threads: if has("threads") { new.threads } else { self.threads },
            max_priority: if has("max_priority") { new.max_priority } else { self.max_priority },
            on_emergency: if has("on_emergency") { new.on_emergency } else { self.on_emergency },
            chunk_rows: if has("chunk_rows") { new.chunk_rows } else { self.chunk_rows },
            verify_crc: if has("verify_crc") { new.verify_crc } else { self.verify_crc },
            language: if has("language") { new.language } else { self.language },
        })
    }

    /// The same with the home folder in the place of `~`.
    pub(crate) fn at_home(self) -> Self {
        let at_home = |folder: Option<PathBuf>| folder.map(|folder| expand_home(&folder));
        Config {
            lake: at_home(self.lake),
            output: at_home(self.output),
            state: at_home(self.state),
            spill: at_home(self.spill),
            ..self
        }
    }

    /// DS-422 where an address stands for a folder.
    fn refuse_addresses(&self) -> Result<()> {
        let folders = [&self.lake, &self.output, &self.state, &self.spill];
        let each = folders.into_iter().flatten().map(|folder| refuse_address(&folder.to_string_lossy()));
        each.collect::<Result<()>>().map_err(|error| error.stage("config"))
    }

    /// Every setting that cannot work is DS-422.
    pub(crate) fn check(&self) -> Result<()> {
        self.refuse_addresses()?;
        if !(self.deadline > 0.0 && self.deadline <= 1e9) {
            let seconds = self.deadline;
            return Err(Error::new(
                Code::InvalidParams,
                text!(
                    "Configuração inválida: `deadline` deve ser um número positivo de segundos, por exemplo 30; recebido {seconds}",
                    "Invalid configuration: `deadline` must be a positive number of seconds, for example 30; received {seconds}"
                ),
            )
            .stage("config"));
        }
        let ranges = [
            ("threads", self.threads.map(|threads| threads as u64), 1, MOST_THREADS),
            ("chunk_rows", Some(self.chunk_rows as u64), 1, MOST_CHUNK_ROWS),
            ("memory_limit", self.memory_limit, 64 << 20, MOST_BYTES),
            ("spill_limit", Some(self.spill_limit), 0, MOST_BYTES),
        ];
        for (name, given, least, most) in ranges {
            if let Some(received) = given.filter(|given| !(least..=most).contains(given)) {
                return Err(Error::new(
                    Code::InvalidParams,
                    text!(
                        "Configuração inválida: `{name}` deve ser de {least} a {most}; recebido {received}",
                        "Invalid configuration: `{name}` must be {least} to {most}; received {received}"
                    ),
                )
                .with("received", received)
                .with("minimum", least)
                .with("maximum", most)
                .stage("config"));
            }
        }
        Ok(())
    }
}

/// The language that settings ask for.
fn language_of(settings: &Value) -> Option<Language> {
    settings.get("language").and_then(|name| Language::deserialize(name).ok())
}

fn wrong(name: &str, received: &str, expected: [&str; 2]) -> Error {
    let ([pt, en], received) = (expected, clip(received));
    Error::new(
        Code::InvalidParams,
        text!("{name}: esperado {pt}; recebido \"{received}\"", "{name}: expected {en}; received \"{received}\""),
    )
    .with("expected_format", en)
    .with("received", received)
    .stage("config")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_change_the_defaults_and_a_wrong_one_is_named() {
        let set = |name: &str| match name {
            "DATASUS_THREADS" => Some("3".to_owned()),
            "DATASUS_LANGUAGE" => Some("en".to_owned()),
            "DATASUS_MAX_PRIORITY" => Some("user".to_owned()),
            "DATASUS_ON_EMERGENCY" => Some("sample".to_owned()),
            _ => None,
        };
        let config = Config::from_variables(set).unwrap();
        assert_eq!((config.threads, config.language, config.chunk_rows), (Some(3), Language::En, 65_536));
        assert_eq!((config.max_priority, Config::default().max_priority), (Priority::User, Priority::Health));
        assert_eq!((config.on_emergency, Config::default().on_emergency), (Some(OnEmergency::Sample), None));
        let config =
            config.changed_by(&serde_json::json!({"threads": null, "postgres": "postgres://u:p@h/b"})).unwrap();
        assert_eq!((config.threads, config.language), (None, Language::En));
        assert_eq!(config.postgres.as_ref().map(Secret::reveal), Some("postgres://u:p@h/b"));
        let error = config.changed_by(&serde_json::json!({"thread": 1})).unwrap_err();
        assert_eq!(error.code(), Code::Malformed);
        assert!(error.detail().contains("there is no `thread`; use one of these: `lake`"), "{error}");
        let config = Config::default();
        let error = config.changed_by(&serde_json::json!({"threads": "2", "language": "en"})).unwrap_err();
        let expected = "Invalid configuration: `threads`: expected a whole number from 0; received the text \"2\"";
        assert_eq!(error.detail(), expected);
        let wrong = |name: &str| (name == "DATASUS_SPILL_LIMIT").then(|| "10 GB".to_owned());
        let error = Config::from_variables(wrong).unwrap_err();
        assert_eq!(error.code(), Code::InvalidParams);
        assert!(error.detail().contains("DATASUS_SPILL_LIMIT"));
    }
}
