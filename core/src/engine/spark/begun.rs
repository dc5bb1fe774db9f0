//! A statement in a session of its own on the server, which goes with it: what must be known before it can be asked is known.

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;

use super::address::Address;
use super::connection::{Connection, Serves};
use super::operation::{Operation, patiently};
use super::request::{self, Known};
use super::rows::Rows;
use super::{failure, made, proto};
use crate::base::{Cancel, Code, Ctx, Error, Result, text};
use crate::engine::Settings;
use crate::engine::settings::Pace;
use crate::plan::{Source, Statement, View};
use crate::store::runtime::wait;

/// Rows of a batch on the wire: the server cuts at 4 MB anyway.
const MOST_BATCH_ROWS: usize = 65_536;

/// Where a cluster is, and the authorities (PEM) that are trusted beside the system's.
#[derive(Clone)]
pub(super) struct Server {
    pub address: Address,
    pub ca: Option<Vec<u8>>,
}

impl Server {
    /// A session that is new there, or the one of this id.
    pub fn connect(&self, session: Option<String>, ctx: &Ctx) -> Result<Connection> {
        patiently(&self.address, ctx, || Connection::open(self.address.clone(), self.ca.clone(), session.clone()))
    }
}

impl Serves {
    fn name(&self) -> String {
        let Serves { version, is_spark } = self;
        if *is_spark { format!("spark {version}") } else { format!("a server like spark {version}") }
    }
}

/// DS-422: of a server that is not Apache's.
pub(super) fn without_rows(shown: &str) -> Error {
    Error::new(
        Code::InvalidParams,
        text!(
            "{shown} não é o Spark da Apache, e não diz de que arquivo é uma linha nem onde ela está; peça grupos sem `datasus_uf`, `datasus_competencia` e `datasus_arquivo`, ou use um servidor do Spark",
            "{shown} is not Apache's Spark, and does not say of which file a row is or where it stands; ask for groups without `datasus_uf`, `datasus_competencia` and `datasus_arquivo`, or use a server of Spark's"
        ),
    )
    .stage("query")
}

pub(super) struct Begun<'s> {
    statement: &'s Statement,
    server: &'s Server,
    ctx: &'s Ctx,
    session: Session<'s>,
    serves: Serves,
    engine: String,
    /// Rows of a batch.
    rows: usize,
    known: Vec<Known>,
}

/// Ends on the server, whatever became of the statement.
struct Session<'s> {
    connection: Connection,
    ctx: &'s Ctx,
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        end(&self.connection, self.ctx);
    }
}

/// Ends a session, and what still runs in it.
pub(super) fn end(connection: &Connection, ctx: &Ctx) {
    // A token of its own: the job's may be set, and then most of all something runs there.
    let ended = wait(&Cancel::default(), connection.clone().end());
    if let Err(why) = ended.and_then(|ended| ended.map_err(Error::internal)) {
        tracing::debug!(trace_id = %ctx.trace_id, detail = why.detail(), "the cluster's session ends by itself");
    }
}

impl<'s> Begun<'s> {
    /// Asks for the values that derived columns are made of, and makes their tables. `opened` hears the session's id before anything is
    /// asked in it.
    pub fn of(
        statement: &'s Statement,
        server: &'s Server,
        settings: &Settings,
        ctx: &'s Ctx,
        opened: impl FnOnce(&str) -> Result<()>,
    ) -> Result<Self> {
        request::binds(statement)?;
        let rows = Pace::of(settings).chunk_rows().min(MOST_BATCH_ROWS);
        let connection = server.connect(None, ctx)?;
        opened(connection.session())?;
        let serves = patiently(&server.address, ctx, || connection.clone().begin(rows))?;
        let (session, engine) = (Session { connection, ctx }, serves.name());
        let mut begun = Begun { statement, server, ctx, session, serves, engine, rows, known: Vec::new() };
        if !begun.serves.is_spark {
            begun.look_at_files()?;
        }
        for view in &statement.views {
            // The table stands beside its own text, whose sources it has.
            let of = [View { relation: "SELECT 1".into(), made: None, ..view.clone() }];
            for wanted in view.made.iter().map(made::wanted).collect::<Result<Vec<_>>>()?.into_iter().flatten() {
                let mut asked = begun.operation(request::rows(request::asked(&of, &wanted.inputs, &[], &[])));
                let mut values = Vec::new();
                let mut came = Rows::of(&mut asked);
                while let Some(batch) = came.next()? {
                    values.push(batch);
                }
                ctx.tell_cluster(asked.used(&begun.engine));
                let table = wanted.table(&values)?;
                begun.known.push(table);
            }
        }
        Ok(begun)
    }

    /// Whether a server that is not Apache's sees every row of the files: it may leave out a file that it does not see without a word.
    fn look_at_files(&self) -> Result<()> {
        let views = &self.statement.views;
        if views.iter().any(request::names_rows) {
            return Err(without_rows(&self.server.address.shown()));
        }
        for Source { files, rows } in views.iter().flat_map(|view| &view.sources) {
            let Some(rows) = rows else { return Err(without_rows(&self.server.address.shown())) };
            let mut asked = self.operation(request::rows(request::count(files)));
            let came = Rows::of(&mut asked).next()?;
            let found =
                came.as_ref().and_then(|batch| batch.column(0).as_primitive_opt::<Int64Type>()).map(|one| one.value(0));
            if found.and_then(|found| u64::try_from(found).ok()) != Some(*rows) {
                return Err(failure::unseen(&self.server.address.shown()).with("rows", *rows).with("rows_seen", found));
            }
        }
        Ok(())
    }

    /// Name and version.
    pub fn engine(&self) -> &str {
        &self.engine
    }

    /// DS-422 where the server is not Apache's own.
    pub fn is_sparks_own(&self) -> Result<()> {
        if self.serves.is_spark { Ok(()) } else { Err(without_rows(&self.server.address.shown())) }
    }

    /// What is asked.
    pub fn asked(&self) -> proto::Relation {
        let binds = request::binds(self.statement).unwrap_or_default();
        request::asked(&self.statement.views, &self.statement.sql, binds, &self.known)
    }

    pub fn operation(&self, plan: proto::Plan) -> Operation<'s> {
        Operation::new(self.session.connection.clone(), &self.server.address, self.ctx, plan, self.rows)
    }
}
