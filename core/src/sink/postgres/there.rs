//! What a server has of what a load needs, asked in one statement.

use tokio_postgres::Client;

use super::failure::Explained;
use super::typed::name;
use super::url::Url;
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

pub(super) async fn ask(client: &Client, url: &Url, schema: &str) -> Result<There> {
    // The columns of the two versions that added some.
    let sql = "SELECT coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false),
            EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = $1),
            EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = 'datasus'),
            to_regclass('datasus.loads') IS NOT NULL,
            2 = (SELECT count(*) FROM pg_attribute WHERE attrelid = to_regclass('datasus.loads')
                AND attname IN ('sampling', 'query') AND NOT attisdropped),
            to_regclass('datasus.ledger') IS NOT NULL";
    let row = client.query_typed_one(sql, &[name(&schema)]).await.explained(url)?;
    Ok(There {
        encrypted: row.get(0),
        schema: row.get(1),
        own_schema: row.get(2),
        loads: row.get(3),
        loads_whole: row.get(4),
        ledger: row.get(5),
    })
}
