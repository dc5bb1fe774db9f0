//! What a server has of what a load needs, asked in one statement.

use tokio_postgres::Client;

use super::failure::Explained;
use super::typed::{Cells, name, texts};
use super::url::Url;
use super::{TableName, guard};
use crate::base::Result;

pub(super) struct There {
    /// The session is.
    pub encrypted: bool,
    /// The target's schema, and ours.
    pub schema: bool,
    pub own_schema: bool,
    /// `datasus.loads`, and whether it has every column.
    pub loads: bool,
    pub loads_whole: bool,
    /// `datasus.jobs` and `datasus.ledger`.
    pub ledger: bool,
}

impl There {
    /// The record is there, whole: nothing of it is made, and nobody can make it first.
    pub(super) fn whole(&self) -> bool {
        self.own_schema && self.loads && self.ledger
    }
}

/// DS-403 where the record (or the staging table) is not ours, or not as we made it: nothing of it is touched before this.
pub(super) async fn ask(client: &Client, url: &Url, stage: &TableName) -> Result<There> {
    // The columns of the two versions that added some.
    let sql = format!(
        "SELECT coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false),
            EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = $2),
            EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = 'datasus'),
            to_regclass('datasus.loads') IS NOT NULL,
            2 = (SELECT count(*) FROM pg_attribute WHERE attrelid = to_regclass('datasus.loads')
                AND attname IN ('sampling', 'query') AND NOT attisdropped),
            to_regclass('datasus.ledger') IS NOT NULL AND to_regclass('datasus.jobs') IS NOT NULL,
            {}",
        guard::FOUND
    );
    let values = [texts(&url.owners), name(&stage.schema), name(&stage.table)];
    let row = client.query_typed_one(&sql, &values).await.explained(url)?;
    guard::refuse(&row.cell::<Vec<String>>(6)?, url)?;
    Ok(There {
        encrypted: row.cell(0)?,
        schema: row.cell(1)?,
        own_schema: row.cell(2)?,
        loads: row.cell(3)?,
        loads_whole: row.cell(4)?,
        ledger: row.cell(5)?,
    })
}
