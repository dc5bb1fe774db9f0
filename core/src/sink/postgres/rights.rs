//! What a role must be allowed to do with a table that is there, asked before the first row: the transaction that publishes is the load's
//! last act, and would be refused after all of its work.

use postgres_protocol::escape::escape_identifier;
use tokio_postgres::Client;

use super::failure::Explained;
use super::shape::{Column, Table};
use super::typed::{Cells, oid};
use super::url::Url;
use super::{Mode, Postgres, TableName, partition};
use crate::base::{Code, Error, Result, Text, text};
use crate::sink::ResultInfo;

/// What the current role has of a table. Rights to some columns count: which ones an INSERT names it sees itself.
const RIGHTS: &str = "SELECT pg_get_userbyid(c.relowner)::text, current_user::text, pg_has_role(n.nspowner, 'USAGE'),
        has_any_column_privilege(c.oid, 'INSERT'), has_table_privilege(c.oid, 'DELETE'),
        has_any_column_privilege(c.oid, 'UPDATE'),
        has_table_privilege(c.oid, 'UPDATE') OR has_table_privilege(c.oid, 'DELETE')
            OR has_table_privilege(c.oid, 'TRUNCATE') OR CASE WHEN current_setting('server_version_num')::int >= 170000
                THEN has_table_privilege(c.oid, 'MAINTAIN') ELSE false END,
        has_any_column_privilege(c.oid, 'SELECT')
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = $1";

/// DS-403 where the load would be refused at its end, with what to grant. `columns`: those of the result.
pub(super) async fn require(
    client: &Client,
    url: &Url,
    target: &TableName,
    table: &Table,
    columns: &[Column],
    (options, info): (&Postgres, &ResultInfo),
) -> Result<()> {
    if table.owned {
        return Ok(());
    }
    let Some(row) = client.query_typed(RIGHTS, &[oid(&table.oid)]).await.explained(url)?.into_iter().next() else {
        return Ok(());
    };
    let (owner, role): (String, String) = (row.cell(0)?, row.cell(1)?);
    let refused = |what: Text, grant: String| Err(refusal(target, &owner, &role, what, grant));
    let own = || format!("GRANT {} TO {}", escape_identifier(&owner), escape_identifier(&role));
    let right = |name: &str| format!("GRANT {name} ON {} TO {}", target.sql(), escape_identifier(&role));
    if options.mode == Mode::Replace {
        return match row.cell::<bool>(2)? {
            true => Ok(()),
            false => refused(text!("substituir a tabela", "replace the table"), own()),
        };
    }
    let new: Vec<&str> = columns.iter().filter(|column| column.is_new).map(|column| column.name.as_str()).collect();
    if !new.is_empty() {
        let list = new.join(", ");
        return refused(text!("criar as colunas {list}", "add the columns {list}"), own());
    }
    if partition::is_partitioned(table) {
        let missing = partition::missing(client, url, table, info).await?;
        if !missing.is_empty() {
            let list = missing.into_iter().collect::<Vec<_>>().join(", ");
            return refused(text!("criar as partições de {list}", "make the partitions of {list}"), own());
        }
    }
    for (has, name, needed) in [
        (row.cell::<bool>(3)?, "INSERT", true),
        // Whether the table has rows, and those of a key, is looked at while the load publishes.
        (row.cell::<bool>(7)?, "SELECT", true),
        (row.cell::<bool>(4)?, "DELETE", options.mode == Mode::ReplaceBy),
        (row.cell::<bool>(5)?, "UPDATE", options.mode == Mode::Upsert),
    ] {
        if needed && !has {
            return refused(text!("fazer {name}", "do {name}"), right(name));
        }
    }
    match row.cell::<bool>(6)? {
        true => Ok(()),
        // PostgreSQL asks one of these of who keeps other loads out (LOCK ... SHARE ROW EXCLUSIVE).
        false => refused(
            text!("afastar outras cargas enquanto publica", "keep other loads out while it publishes"),
            right("UPDATE"),
        ),
    }
}

fn refusal(target: &TableName, owner: &str, role: &str, what: Text, grant: String) -> Error {
    let (pt, en) = (&what.pt, &what.en);
    Error::new(
        Code::Forbidden,
        text!(
            "O papel {role} não pode {pt} em {target}, que é de {owner}, e a carga seria recusada no fim. Nada foi carregado. Peça a {owner} ou ao administrador: `{grant}`",
            "Role {role} may not {en} in {target}, which is {owner}'s, and the load would be refused at its end. Nothing was loaded. Ask {owner} or the administrator for: `{grant}`"
        ),
    )
    .with("table", target.to_string())
    .with("owner", owner)
    .with("role", role)
    .with("grant", grant)
    .stage("postgres")
}
