//! A store in memory: a source that is nowhere on the disk.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use datasus::base::Text;
use datasus::source::write_example_data;
use datasus::store::{Entry, Listed, LocalCopy, Location, Object, ReadAt, Store, Upload};
use datasus::{AggregateFn, Client, Code, Config, Csv, Error, Parquet, QueryParams, Result};
use tempfile::TempDir;

/// Content, and when it was written.
type Kept = (Arc<Vec<u8>>, i64);
type Objects = Arc<Mutex<BTreeMap<PathBuf, Kept>>>;

/// Objects by their paths; engines read copies.
#[derive(Debug)]
struct Memory {
    objects: Objects,
    copies: TempDir,
    /// Nothing can be written.
    away: AtomicBool,
}

/// An object in the making.
struct Making {
    bytes: Vec<u8>,
    at: PathBuf,
    objects: Objects,
}

impl io::Write for Making {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Upload for Making {
    fn publish(self: Box<Self>) -> Result<()> {
        self.objects.lock().unwrap().insert(self.at, (Arc::new(self.bytes), 3));
        Ok(())
    }
}

impl Memory {
    /// What lies below `folder`, under `mem://fonte/`.
    fn of(folder: &Path) -> Self {
        let mut objects = BTreeMap::new();
        let mut open = vec![folder.to_owned()];
        while let Some(at) = open.pop() {
            for entry in std::fs::read_dir(&at).unwrap().map(|entry| entry.unwrap().path()) {
                if entry.is_dir() {
                    open.push(entry);
                } else {
                    let name = Path::new("fonte").join(entry.strip_prefix(folder).unwrap());
                    objects.insert(name, (Arc::new(std::fs::read(&entry).unwrap()), 1));
                }
            }
        }
        Memory { objects: Arc::new(Mutex::new(objects)), copies: TempDir::new().unwrap(), away: AtomicBool::new(false) }
    }

    fn object(at: &Path, bytes: &[u8], version: i64) -> Object {
        let location = Location::of("mem", at);
        Object { location, size: bytes.len() as u64, mtime_ns: version, state: None, identity: None }
    }

    fn get(&self, at: &Location) -> Result<(Arc<Vec<u8>>, i64)> {
        let gone = || Error::new(Code::NotFound, Text { pt: format!("{at} sumiu"), en: format!("{at} is gone") });
        self.objects.lock().unwrap().get(at.path()).cloned().ok_or_else(gone)
    }
}

struct Bytes(Arc<Vec<u8>>);

impl ReadAt for Bytes {
    fn size(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, into: &mut [u8], at: u64) -> io::Result<usize> {
        let rest = self.0.get(at as usize..).unwrap_or_default();
        // Fewer than were asked for, as a network does.
        let read = rest.len().min(into.len()).min(1_000);
        into[..read].copy_from_slice(&rest[..read]);
        Ok(read)
    }
}

impl Store for Memory {
    fn scheme(&self) -> &str {
        "mem"
    }

    fn list(&self, root: &Location) -> Result<Arc<Listed>> {
        let objects = self.objects.lock().unwrap();
        let below = objects.iter().filter(|(path, _)| path.starts_with(root.path()));
        let entry = |(path, (bytes, version)): (&PathBuf, &(Arc<Vec<u8>>, i64))| {
            let object = Memory::object(path, bytes, *version);
            Entry { location: object.location.clone(), object: Some(object) }
        };
        Ok(Arc::new(Listed { found: below.map(entry).collect(), ..Listed::default() }))
    }

    fn stat(&self, at: &Location) -> Result<Object> {
        self.get(at).map(|(bytes, version)| Memory::object(at.path(), &bytes, version))
    }

    fn open(&self, at: &Location) -> Result<Arc<dyn ReadAt>> {
        self.get(at).map(|(bytes, _)| Arc::new(Bytes(bytes)) as Arc<dyn ReadAt>)
    }

    fn local(&self, object: &Object, _columns: Option<&BTreeSet<String>>) -> Result<LocalCopy> {
        let (bytes, version) = self.get(&object.location)?;
        let copy = self.copies.path().join(format!("{version}-{}", object.location.name()));
        std::fs::write(&copy, &*bytes).unwrap();
        Ok(LocalCopy::itself(copy))
    }

    fn begin(&self, to: &Location, overwrite: bool) -> Result<Box<dyn Upload>> {
        let told = |code, pt: &str, en: &str| Err(Error::new(code, Text { pt: pt.into(), en: en.into() }));
        if self.away.load(Relaxed) {
            return told(Code::Unreachable, "fora do ar", "out of reach");
        }
        if !overwrite && self.get(to).is_ok() {
            return told(Code::Conflict, "já existe", "exists already");
        }
        Ok(Box::new(Making { bytes: Vec::new(), at: to.path().to_owned(), objects: self.objects.clone() }))
    }
}

/// Rows of every kind of query, as text.
fn asked(client: &Client) -> Vec<String> {
    let all = |dataset: &str| QueryParams::dataset(dataset).uf(["AC"]);
    let grouped =
        all("SIH-RD").group_by(["SEXO"]).aggregate(AggregateFn::Count, "CNES", "quantos").order_by("SEXO", false);
    let sql = QueryParams::sql("SELECT sum(VAL_TOT) AS valor, max(datasus_arquivo) AS arquivo FROM sih_rd").uf(["AC"]);
    let rows = |params: &QueryParams| {
        let batches: Vec<_> = client.query(params).unwrap().map(|batch| batch.unwrap()).collect();
        arrow::util::pretty::pretty_format_batches(&batches).unwrap().to_string()
    };
    [all("SIH-RD").columns(["CNES", "VAL_TOT", "datasus_arquivo"]), grouped, sql].iter().map(rows).collect()
}

#[test]
fn a_source_in_memory_answers_as_the_same_files_in_a_folder() {
    let (place, folder) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    write_example_data(folder.path(), 200).unwrap();
    // Some months as Parquet of one's own, which is read where it lies.
    std::fs::create_dir(folder.path().join("meus")).unwrap();
    crate::many::write(&folder.path().join("meus"), 2, 500);
    let memory = Arc::new(Memory::of(folder.path()));
    let here = TempDir::new().unwrap();
    let of_folder = Client::open_with(folder.path(), crate::config(here.path())).unwrap();
    let of_memory =
        Client::builder("mem://fonte").config(crate::config(place.path())).store(memory.clone()).open().unwrap();
    let expected = asked(&of_folder);
    assert_eq!(asked(&of_memory), expected);
    // Once more, with what is converted by now.
    assert_eq!(asked(&of_memory), expected);
    let holdings = |client: &Client| serde_json::to_value(client.datasets().unwrap()).unwrap();
    assert_eq!(holdings(&of_memory), holdings(&of_folder));
    let explain = of_memory.explain(&QueryParams::dataset("SIH-RD").uf(["AC"])).unwrap();
    assert!(explain.sources.iter().all(|source| source.starts_with("mem://fonte/")), "{:?}", explain.sources);

    // Another version of an object is another answer; one that goes away in between is an error.
    let mut one = memory.objects.lock().unwrap();
    let (_, parquet) = one.iter_mut().find(|(path, _)| path.ends_with("RDAC2301.parquet")).unwrap();
    let with = std::fs::read(folder.path().join("meus/RDAC2302.parquet")).unwrap();
    *parquet = (Arc::new(with), 2);
    drop(one);
    assert_ne!(asked(&of_memory), expected);

    let homeless = Client::builder("mem://fonte").config(datasus::Config::default()).store(memory).open();
    assert_eq!(homeless.map(drop).unwrap_err().code(), Code::InvalidParams);
}

#[test]
fn files_go_to_a_store_in_memory_whole_or_not_at_all() {
    let (place, source) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    crate::many::write(source.path(), 2, 1_000);
    let memory = Arc::new(Memory::of(place.path()));
    let config = Config { output: Some("mem://saida/2024".into()), ..crate::config(place.path()) };
    let client = Client::builder(source.path()).config(config).store(memory.clone()).open().unwrap();
    let params = QueryParams::dataset("SIH-RD").columns(["CNES", "VAL_TOT"]);
    let held = || memory.objects.lock().unwrap().keys().map(|path| path.display().to_string()).collect::<Vec<_>>();

    let report = client.export(&params, (Csv::to("a/linhas.csv"), Parquet::to("linhas.parquet"))).unwrap();
    assert_eq!(
        (report.records_processed, held()),
        (2_000, vec!["saida/2024/a/linhas.csv".into(), "saida/2024/linhas.parquet".into()])
    );
    let here = TempDir::new().unwrap();
    let local = Client::open_with(source.path(), crate::config(here.path())).unwrap();
    local.export(&params, Csv::to("linhas.csv")).unwrap();
    let expected = std::fs::read(here.path().join("out/linhas.csv")).unwrap();
    let bytes = |name: &str| memory.get(&Location::of("mem", format!("saida/2024/{name}"))).unwrap().0;
    assert!(*bytes("a/linhas.csv") == expected);

    let code = |to: Csv| client.export(&params, to).unwrap_err().code();
    assert_eq!(code(Csv::to("a/linhas.csv")), Code::Conflict);
    assert_eq!(code(Csv::to("../x.csv")), Code::Forbidden);
    assert_eq!(code(Csv::to("mem://elsewhere/x.csv")), Code::Forbidden);

    memory.away.store(true, Relaxed);
    assert_eq!(code(Csv::to("b.csv")), Code::Unreachable);
    memory.away.store(false, Relaxed);
    assert_eq!(held().len(), 2);
    let job = client.jobs().unwrap().remove(0).job_id;
    let report = client.resume(&job).unwrap().wait().unwrap();
    assert_eq!(report.records_processed, 2_000);
    assert!(*bytes("b.csv") == expected && client.jobs().unwrap().is_empty());
}
