//! The gate turned off, which nothing that ships can do: a client plans a harmless text, and its engine gets another one, and other
//! tables, in the place of it.

use std::path::Path;
use std::sync::{Arc, Mutex};

use datasus::base::Ctx;
use datasus::engine::{Engine, RowStream, Settings};
use datasus::plan::{Dialect, Statement, View};
use datasus::{Client, Config, Options, QueryParams, Result};

/// A text and its tables, in the place of what was planned.
type Next = Arc<Mutex<Option<(String, Vec<View>)>>>;

/// A client, and what its next statement is to be.
pub struct Ungated {
    pub client: Client,
    next: Next,
}

struct Swaps {
    inner: Arc<dyn Engine>,
    next: Next,
}

impl Engine for Swaps {
    fn start(&self, mut statement: Statement, settings: &Settings, ctx: &Ctx) -> Result<RowStream> {
        if statement.from_user
            && let Some((sql, views)) = self.next.lock().unwrap().clone()
        {
            statement.sql = sql;
            statement.views.extend(views);
        }
        self.inner.start(statement, settings, ctx)
    }

    fn dialect(&self) -> &dyn Dialect {
        self.inner.dialect()
    }

    fn version(&self) -> String {
        self.inner.version()
    }
}

impl Ungated {
    pub fn open(source: &Path, config: Config) -> Self {
        let next = Arc::<Mutex<_>>::default();
        let swaps = next.clone();
        let over = move |inner| -> Arc<dyn Engine> { Arc::new(Swaps { inner, next: swaps.clone() }) };
        let client = Client::builder(source).config(config).engine_over(over).open().unwrap();
        Ungated { client, next }
    }

    /// Runs `text` as no gate has seen it, with all tables of the example data before it; its rows.
    pub fn run(&self, text: &str, tables: Vec<View>, deadline: f64) -> Result<usize> {
        *self.next.lock().unwrap() = Some((text.to_owned(), tables));
        let options = Options { deadline: Some(deadline), missing: datasus::MissingFiles::Warn, ..Options::default() };
        let params =
            QueryParams::sql("SELECT a.CNES FROM sih_rd a, sim_do b, sinasc_dn c, cnes_st d, cnes_lt e LIMIT 1");
        let ended = self.rows(&params.options(options));
        *self.next.lock().unwrap() = None;
        ended
    }

    fn rows(&self, params: &QueryParams) -> Result<usize> {
        let mut rows = 0;
        for batch in self.client.query(params)? {
            rows += batch?.num_rows();
            if rows > 100_000 {
                break;
            }
        }
        Ok(rows)
    }
}

pub fn view(name: &str, relation: &str) -> View {
    View::new(name.into(), relation.into())
}
