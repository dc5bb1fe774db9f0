//! How a client is set up: plain fields, each with its default, or from `DATASUS_*` variables.

mod checks;
mod csv_form;
mod isolation;
mod refresh;
mod variables;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use csv_form::{CsvEncoding, CsvForm};
pub use isolation::Isolation;
pub use refresh::Refresh;

use crate::base::{
    Code, Error, Language, OnEmergency, Priority, Result, Secret, Text, TraceId, expand_home, json_words, text,
    value_words,
};

/// Settings of one client.
///
/// ```
/// use datasus::{Config, Language};
///
/// let config = Config { threads: Some(2), memory_limit: Some(512 << 20), language: Language::En, ..Config::default() };
/// assert!(config.verify_crc, "what is not said stays as it is");
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where else the tree of a source like `datasus://` lies, tried in order where those before do not serve: `ftp://host/folder`,
    /// `https://host/folder/`, `s3://bucket/prefix`, a folder (`DATASUS_MIRRORS`, with commas between them).
    pub mirrors: Vec<String>,
    /// Folder of what is fetched from a source elsewhere: lake, jobs, listings, files; none: `datasus` in the user's data folder,
    /// `$XDG_DATA_HOME` or `~/.local/share` (`DATASUS_HOME`).
    pub home: Option<PathBuf>,
    /// When a source elsewhere is asked again what it has (`DATASUS_REFRESH`: `never`, `changed` or `always`).
    pub refresh: Refresh,
    /// Seconds for which a listing of a source elsewhere holds (`DATASUS_REFRESH_AFTER`). Default one day.
    #[schemars(extend("minimum" = 0, "maximum" = 1_000_000_000))]
    pub refresh_after: f64,
    /// Whether a file that was fetched stays beside what it was converted into (`DATASUS_KEEP_FILES`). Default no: it would be
    /// fetched again where it is needed again.
    pub keep_files: bool,
    /// Bytes that one query may fetch (`DATASUS_MAX_DOWNLOAD`); default 5 GB. Beyond them it is DS-422; `sync` has no limit.
    #[schemars(range(min = 0, max = 1_125_899_906_842_624_u64))]
    pub max_download: u64,
    /// Files that are fetched at once (`DATASUS_TRANSFERS`), 1 to 6; default 2.
    #[schemars(range(min = 1, max = 6))]
    pub transfers: usize,
    /// A PEM file of authorities that are trusted beside the system's, for sources by HTTPS and S3 servers (`DATASUS_CA`).
    pub ca: Option<PathBuf>,
    /// Datasets by declaration: `{"SIH-RD": ["exports/*.parquet"], "SIM-DO": "mortes.parquet"}`. Parquet or CSV of any name, which may
    /// hold many UFs and months: the dataset's columns say which. They stand in the place of what the source folder holds of the
    /// dataset; with them the source may be left out (empty). `*` and `?` stand for letters of a
    /// name, `**` for folders. Read from the settings alone.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[serde(deserialize_with = "one_or_many")]
    pub declared: BTreeMap<String, Vec<String>>,
    /// Tables of one's own for SQL to read beside the catalogue's, by name: a Parquet or CSV each. Read from the settings alone.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tables: BTreeMap<String, PathBuf>,
    /// How CSV among `declared` and `tables` are written, by their name, where the files are not to say it themselves:
    /// `{"municipios": {"delimiter": ";", "types": {"populacao": "integer"}}}`. Read from the settings alone.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub csv: BTreeMap<String, CsvForm>,
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
    /// Server of `s3://` sources, lakes and outputs: `https://minio.example:9000`; none: Amazon's of the region (`DATASUS_S3_ENDPOINT`).
    /// Only this says where requests go; no link or redirect does.
    pub s3_endpoint: Option<String>,
    /// Region of the buckets; none: the profile's, or `us-east-1`, which servers other than Amazon's mostly take
    /// (`DATASUS_S3_REGION`).
    pub s3_region: Option<String>,
    /// True: the bucket stands in the path, as MinIO has it; false: in the name of the server. None: true with an `s3_endpoint`
    /// (`DATASUS_S3_PATH_STYLE`).
    pub s3_path_style: Option<bool>,
    /// Access key (`DATASUS_S3_KEY`); never shown. Without key and profile requests are not signed, as public buckets take them.
    pub s3_key: Option<Secret>,
    /// Secret of the access key (`DATASUS_S3_SECRET`); never shown.
    pub s3_secret: Option<Secret>,
    /// Session token of a temporary key (`DATASUS_S3_TOKEN`); never shown.
    pub s3_token: Option<Secret>,
    /// Profile of `~/.aws/credentials` (or of the file in AWS_SHARED_CREDENTIALS_FILE) whose key is used (`DATASUS_S3_PROFILE`).
    pub s3_profile: Option<String>,
    /// Where keys come from (`DATASUS_S3_CREDENTIALS`): `keys`, which is the default, of the settings or the profile; `instance`, of the
    /// machine's metadata service, whose address nothing else ever asks.
    pub s3_credentials: S3Credentials,
    /// The same for S3 servers alone; none: `ca` (`DATASUS_S3_CA`).
    pub s3_ca: Option<PathBuf>,
    /// Proxy of these requests (`DATASUS_S3_PROXY`); never shown. None: as HTTPS_PROXY, HTTP_PROXY and NO_PROXY say.
    pub s3_proxy: Option<Secret>,
    /// Seconds without a byte from the server before a request is given up and tried again (`DATASUS_S3_TIMEOUT`). Default 30.
    #[schemars(extend("exclusiveMinimum" = 0, "maximum" = 3_600))]
    pub s3_timeout: f64,
    /// Folder of copies of what lies in other stores, which all clients of the user share; none: `datasus/objects` in the user's cache
    /// folder (`DATASUS_REMOTE_CACHE`).
    pub remote_cache: Option<PathBuf>,
    /// Bytes that those copies may have together (`DATASUS_REMOTE_CACHE_LIMIT`); default 20 GB. What was used longest ago goes first.
    #[schemars(range(min = 0, max = 1_125_899_906_842_624_u64))]
    pub remote_cache_limit: u64,
    /// Bytes of answers that this client keeps in memory for who asks the same again, and at most a sixteenth of what jobs may have
    /// (`DATASUS_CACHE_MEMORY`); default 64 MB, 0: none.
    #[schemars(range(min = 0, max = 1_125_899_906_842_624_u64))]
    pub cache_memory: u64,
    /// Folder of answers that are kept for longer than the process, which all processes of the user share; none: nothing is
    /// (`DATASUS_CACHE_FOLDER`).
    pub cache_folder: Option<PathBuf>,
    /// Bytes of that folder (`DATASUS_CACHE_LIMIT`); default 5 GB. What was used longest ago goes first.
    #[schemars(range(min = 0, max = 1_125_899_906_842_624_u64))]
    pub cache_limit: u64,
    /// Bytes of an answer, unpacked, above which it is not kept (`DATASUS_CACHE_ENTRY_LIMIT`); default 8 MB, 0: no answer is.
    #[schemars(range(min = 0, max = 1_073_741_824))]
    pub cache_entry_limit: u64,
    /// zstd level of kept answers, 1 to 19 (`DATASUS_CACHE_LEVEL`); default 1.
    #[schemars(range(min = 1, max = 19))]
    pub cache_level: i32,
    /// Redis in which several machines keep answers, `redis://server:6379/0`, or `rediss://` with TLS (`DATASUS_REDIS`); never shown.
    /// Who may write there can change answers, unless `redis_secret` is set.
    pub redis: Option<Secret>,
    /// Secret of all clients that share answers in Redis, of 16 signs at least (`DATASUS_REDIS_SECRET`); never shown. With it an answer
    /// that was made without it is refused and counted.
    pub redis_secret: Option<Secret>,
    /// zstd level of answers in Redis, 1 to 19 (`DATASUS_REDIS_LEVEL`); none: `cache_level`.
    #[schemars(range(min = 1, max = 19))]
    pub redis_level: Option<i32>,
    /// File of certificates (PEM) of a private authority for `rediss://`, in the place of the system's (`DATASUS_REDIS_CA`).
    pub redis_ca: Option<PathBuf>,
    /// Seconds after which Redis forgets an answer (`DATASUS_REDIS_TTL`). Default one day.
    #[schemars(extend("exclusiveMinimum" = 0, "maximum" = 1_000_000_000))]
    pub redis_ttl: f64,
    /// Queries a minute for each `rate_key` that queries of this client bear; one more is DS-429 (`DATASUS_RATE_LIMIT`). Default 100,
    /// 0: no limit. With `redis` all processes count together; while that does not answer, each counts up to its part by `processes`.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub rate_limit: u32,
    /// How many processes serve together on this machine, as the workers of a service do (`DATASUS_PROCESSES`). Memory of jobs and, without
    /// Redis, `rate_limit` are divided by it. Default 1.
    #[schemars(range(min = 1, max = 512))]
    pub processes: usize,
    /// Seconds that any query may take before DS-504; a query's own `deadline` can only be shorter
    /// (`DATASUS_DEADLINE`). Default one day.
    #[schemars(extend("exclusiveMinimum" = 0, "maximum" = 1_000_000_000))]
    pub deadline: f64,
    /// Threads for conversion and engine, and the most jobs of this client that run at once (of all clients together: one
    /// per core); none: one per core (`DATASUS_THREADS`). At most 512.
    #[schemars(range(min = 1, max = 512))]
    pub threads: Option<usize>,
    /// Cluster on which queries run: `sc://host:15002`, the address of a Spark Connect server, with `/;use_ssl=true;token=...` behind it
    /// where that asks for TLS and a token (`DATASUS_ENGINE`); never shown. The cluster must see the lake under the path that it has
    /// here. None: they run in this process. SQL does not go there.
    pub engine: Option<Secret>,
    /// Folder that the cluster of `engine` and this machine see under one path, and in which both may write: what goes to files and tables
    /// the cluster writes there as Parquet, by itself and however much it is, and it is loaded from there; the job's folder in it goes
    /// with the job. None: rows come through the server and are kept in `state`, up to `spill_limit` (`DATASUS_ENGINE_FOLDER`).
    pub engine_folder: Option<PathBuf>,
    /// What runs in a process of its own, which can read the query's files and do nothing else (`DATASUS_ISOLATION`: `none`, `process`
    /// or `all`). Default `none`. A service that takes SQL of others says `process`.
    pub isolation: Isolation,
    /// The program that runs there, `datasus-worker` of the same build (`DATASUS_WORKER`); none: the one beside the library, or the
    /// program itself where it calls `datasus::worker::main()`. One that is not there, or of another build, is DS-422 when the client
    /// opens.
    pub worker: Option<PathBuf>,
    /// The most urgent class that a query of this client gets, whatever its `priority` asks (`DATASUS_MAX_PRIORITY`:
    /// `health`, `admin` or `user`). Default `health`: an application may use every class. A gateway sets `user` for
    /// those it does not trust.
    pub max_priority: Priority,
    /// What the rows of a dataset that come back as a stream do in an emergency of memory, where the query does not say
    /// (`DATASUS_ON_EMERGENCY`: `sample`, `spill`, `wait` or `fail`); none: `wait`. Aggregates, SQL, files and tables are
    /// `spill` unless the query says otherwise.
    pub on_emergency: Option<OnEmergency>,
    /// Most rows in a batch of an answer; each but the last has at least half of that, or fewer while memory is scarce
    /// (`DATASUS_CHUNK_ROWS`). At most 1,048,576.
    #[schemars(range(min = 1, max = 1_048_576))]
    pub chunk_rows: usize,
    /// True: a DBC whose CRC-32 does not match is DS-460. False: it is not looked at, and the report says
    /// `unchecked` (`DATASUS_VERIFY_CRC`).
    pub verify_crc: bool,
    /// Language of the texts for people (`DATASUS_LANGUAGE`: `pt` or `en`).
    pub language: Language,
}

/// Where the keys of an S3 server come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum S3Credentials {
    /// The settings, or a profile.
    #[default]
    Keys,
    /// The metadata service of the machine.
    Instance,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            mirrors: Vec::new(),
            home: None,
            refresh: Refresh::Changed,
            refresh_after: 86_400.0,
            keep_files: false,
            max_download: 5_000_000_000,
            transfers: 2,
            ca: None,
            declared: BTreeMap::new(),
            tables: BTreeMap::new(),
            csv: BTreeMap::new(),
            lake: None,
            output: None,
            state: None,
            spill: None,
            memory_limit: None,
            spill_limit: 50_000_000_000,
            postgres: None,
            s3_endpoint: None,
            s3_region: None,
            s3_path_style: None,
            s3_key: None,
            s3_secret: None,
            s3_token: None,
            s3_profile: None,
            s3_credentials: S3Credentials::Keys,
            s3_ca: None,
            s3_proxy: None,
            s3_timeout: 30.0,
            remote_cache: None,
            remote_cache_limit: 20_000_000_000,
            cache_memory: 64_000_000,
            cache_folder: None,
            cache_limit: 5_000_000_000,
            cache_entry_limit: 8_000_000,
            cache_level: 1,
            redis: None,
            redis_secret: None,
            redis_level: None,
            redis_ca: None,
            redis_ttl: 86_400.0,
            rate_limit: 100,
            processes: 1,
            deadline: 86_400.0,
            threads: None,
            engine: None,
            engine_folder: None,
            isolation: Isolation::None,
            worker: None,
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
        Config::of(|name| std::env::var_os(name), &Value::Object(Map::new()))
    }

    /// The `DATASUS_*` variables, changed by `settings`: an object with any of the fields, null for a field's default. For
    /// bindings; an unknown key or a value of another kind is DS-400.
    pub fn from_env_and(settings: &Value) -> Result<Self> {
        Config::of(|name| std::env::var_os(name), settings)
    }

    /// One layer over the other, and both over the defaults.
    fn of(get: impl Fn(&str) -> Option<OsString>, settings: &Value) -> Result<Self> {
        // Even a setting that is wrong is told in the language that stands beside it.
        let spoken = get("DATASUS_LANGUAGE").filter(|word| word == "en").map_or(Language::Pt, |_| Language::En);
        let language = language_of(settings).unwrap_or(spoken);
        let laid = || {
            let mut layers = variables::settings(get)?;
            let config = serde_json::from_value::<Config>(layers.clone().into()).map_err(Error::internal)?;
            config.refuse_addresses()?;
            for (name, value) in checked(settings)? {
                match value {
                    Value::Null => layers.remove(&name),
                    value => layers.insert(name, value),
                };
            }
            let config: Config = serde_json::from_value(layers.into()).map_err(Error::internal)?;
            config.refuse_addresses().map(|()| config)
        };
        laid().map_err(|error| error.traced(&TraceId::new(), language))
    }

    /// The same with the home folder in the place of `~`.
    pub(crate) fn at_home(self) -> Self {
        let at_home = |folder: Option<PathBuf>| folder.map(|folder| expand_home(&folder));
        Config {
            home: at_home(self.home),
            ca: at_home(self.ca),
            lake: at_home(self.lake),
            output: at_home(self.output),
            state: at_home(self.state),
            spill: at_home(self.spill),
            s3_ca: at_home(self.s3_ca),
            remote_cache: at_home(self.remote_cache),
            cache_folder: at_home(self.cache_folder),
            redis_ca: at_home(self.redis_ca),
            engine_folder: at_home(self.engine_folder),
            worker: at_home(self.worker),
            ..self
        }
    }
}

/// A path stands for a list of it.
fn one_or_many<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<BTreeMap<String, Vec<String>>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Paths {
        One(String),
        Many(Vec<String>),
    }
    let given = BTreeMap::<String, Paths>::deserialize(deserializer)?;
    let list = |paths| match paths {
        Paths::One(one) => vec![one],
        Paths::Many(many) => many,
    };
    Ok(given.into_iter().map(|(name, paths)| (name, list(paths))).collect())
}

/// Settings that can be read, one by one, so that the wrong one is named.
fn checked(settings: &Value) -> Result<Map<String, Value>> {
    let malformed = |what: Text| {
        let (pt, en) = (what.pt, what.en);
        Error::new(Code::Malformed, text!("Configuração inválida: {pt}", "Invalid configuration: {en}")).stage("config")
    };
    let Value::Object(settings) = settings else {
        let came = value_words(settings);
        let (pt, en) = (came.pt, came.en);
        return Err(malformed(text!(
            "esperado um objeto com as opções, por exemplo `threads`; recebido {pt}",
            "expected an object of settings, for example `threads`; received {en}"
        )));
    };
    for (name, value) in settings.iter().filter(|(_, value)| !value.is_null()) {
        let alone = Map::from_iter([(name.clone(), value.clone())]);
        if let Err(error) = serde_json::from_value::<Config>(alone.into()) {
            let words = json_words(&error);
            let known = error.to_string().starts_with("unknown field");
            let name = if known { String::new() } else { format!("`{name}`: ") };
            let (pt, en) = (words.pt, words.en);
            return Err(malformed(text!("{name}{pt}", "{name}{en}")).with("parser_message", error.to_string()));
        }
    }
    Ok(settings.clone())
}

/// The language that settings ask for.
fn language_of(settings: &Value) -> Option<Language> {
    settings.get("language").and_then(|name| Language::deserialize(name).ok())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn variables_change_the_defaults_and_a_wrong_one_is_named() {
        let set = |name: &str| match name {
            "DATASUS_THREADS" => Some("3".into()),
            "DATASUS_LANGUAGE" => Some("en".into()),
            "DATASUS_MAX_PRIORITY" => Some("user".into()),
            "DATASUS_ON_EMERGENCY" => Some("sample".into()),
            "DATASUS_VERIFY_CRC" => Some("0".into()),
            "DATASUS_DEADLINE" => Some("0.5".into()),
            "DATASUS_LAKE" => Some("".into()),
            _ => None,
        };
        let nothing = json!({});
        let config = Config::of(set, &nothing).unwrap();
        assert_eq!((config.threads, config.language, config.chunk_rows), (Some(3), Language::En, 65_536));
        assert_eq!((config.max_priority, Config::default().max_priority), (Priority::User, Priority::Health));
        assert_eq!((config.on_emergency, Config::default().on_emergency), (Some(OnEmergency::Sample), None));
        assert_eq!((config.verify_crc, config.deadline, config.lake), (false, 0.5, None));
        let config = Config::of(set, &json!({"threads": null, "postgres": "postgres://u:p@h/b"})).unwrap();
        assert_eq!((config.threads, config.language), (None, Language::En));
        assert_eq!(config.postgres.as_ref().map(Secret::reveal), Some("postgres://u:p@h/b"));
        let error = Config::of(set, &json!({"thread": 1})).unwrap_err();
        assert_eq!(error.code(), Code::Malformed);
        assert!(error.detail().contains("there is no `thread`; use one of these: `"), "{error}");
        assert!(error.detail().contains("`threads`"), "{error}");
        let unset = |_: &str| None;
        let error = Config::of(unset, &json!({"threads": "2", "language": "en"})).unwrap_err();
        let expected = "Invalid configuration: `threads`: expected a whole number from 0; received the text \"2\"";
        assert_eq!(error.detail(), expected);
        for (name, said, expected) in [
            ("DATASUS_SPILL_LIMIT", "10 GB", "um número inteiro"),
            ("DATASUS_DEADLINE", "NaN", "um número"),
            ("DATASUS_VERIFY_CRC", "yes", "true ou false"),
            ("DATASUS_MAX_PRIORITY", "root", "health, admin ou user"),
            ("DATASUS_ON_EMERGENCY", "x", "sample, spill, wait ou fail"),
            ("DATASUS_LANGUAGE", "fr", "pt ou en"),
        ] {
            let error = Config::of(|asked| (asked == name).then(|| said.into()), &nothing).unwrap_err();
            assert_eq!(error.code(), Code::InvalidParams, "{error}");
            assert!(error.detail().starts_with(&format!("{name}: esperado {expected}")), "{error}");
        }
        // Not the default in silence.
        #[cfg(unix)]
        {
            use std::os::unix::ffi::OsStringExt;
            let bytes = |asked: &str| (asked == "DATASUS_LAKE").then(|| OsString::from_vec(vec![b'a', 0xff]));
            let error = Config::of(bytes, &nothing).unwrap_err();
            assert!(error.code() == Code::InvalidParams && error.detail().starts_with("DATASUS_LAKE"), "{error}");
        }
    }
}
