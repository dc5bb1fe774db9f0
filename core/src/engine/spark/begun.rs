//! A statement in a session of its own on the server, which goes with it: what must be known before it can be asked is known.

use spark_connect_proto as proto;

use super::address::Address;
use super::connection::Connection;
use super::made;
use super::operation::{Operation, patiently};
use super::request::{self, Known};
use super::rows::Rows;
use crate::base::{Cancel, Ctx, Error, Result};
use crate::engine::Settings;
use crate::engine::settings::Pace;
use crate::plan::{Statement, View};
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

pub(super) struct Begun<'s> {
    statement: &'s Statement,
    server: &'s Server,
    ctx: &'s Ctx,
    session: Session<'s>,
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
    /// Asks for the values that derived columns are made of, and makes their tables.
    pub fn of(statement: &'s Statement, server: &'s Server, settings: &Settings, ctx: &'s Ctx) -> Result<Self> {
        request::binds(statement)?;
        let rows = Pace::of(settings).chunk_rows().min(MOST_BATCH_ROWS);
        let connection = server.connect(None, ctx)?;
        let version = patiently(&server.address, ctx, || connection.clone().begin(rows))?;
        let (session, engine) = (Session { connection, ctx }, format!("spark {version}"));
        let mut begun = Begun { statement, server, ctx, session, engine, rows, known: Vec::new() };
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

    /// Name and version.
    pub fn engine(&self) -> &str {
        &self.engine
    }

    pub fn session(&self) -> &str {
        self.session.connection.session()
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
