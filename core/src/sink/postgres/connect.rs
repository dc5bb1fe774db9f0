//! Connections, each with a session of known settings.

use std::time::Duration;

use tokio_postgres::Client;

use super::failure::{self, Explained};
use super::tls;
use super::url::Url;
use crate::base::Result;

/// Opens a session; the connection itself runs as a task of the current runtime.
pub(super) async fn session(url: &Url) -> Result<Client> {
    // The driver bounds the way to the port, but not what stands behind it.
    match tokio::time::timeout(url.patience, open(url)).await {
        Ok(opened) => opened,
        Err(_) => Err(failure::silent(url)),
    }
}

/// A session for a few short statements, each of which has an end also where the server has stopped and its connections have not:
/// as long as one may wait for a lock there, and the silence that the address allows.
pub(super) struct Brief {
    pub client: Client,
    each: Duration,
}

impl Brief {
    pub(super) async fn open(url: &Url) -> Result<Self> {
        let client = session(url).await?;
        let mut brief = Brief { client, each: url.silence };
        let sql = "SELECT setting::int8 FROM pg_settings WHERE name = 'lock_timeout'";
        let asked = async { brief.client.query_typed(sql, &[]).await.explained(url) };
        let milliseconds: i64 = brief.within(url, asked).await?.first().map_or(0, |row| row.get(0));
        brief.each += Duration::from_millis(u64::try_from(milliseconds).unwrap_or(0));
        Ok(brief)
    }

    /// DS-502 where the server does not answer.
    pub(super) async fn within<T>(&self, url: &Url, what: impl Future<Output = Result<T>>) -> Result<T> {
        match tokio::time::timeout(self.each, what).await {
            Ok(answered) => answered,
            Err(_) => Err(failure::stalled(url, self.each)),
        }
    }
}

async fn open(url: &Url) -> Result<Client> {
    let (client, connection) = url.config.connect(tls::connector(url)?).await.explained(url)?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            // Whoever uses the client gets the error too; this is for those who read logs.
            tracing::debug!(%error, "PostgreSQL connection ended");
        }
    });
    // Names are always qualified, and waiting for another's lock has an end (SQLSTATE 55P03): the one that role, database or
    // server say, or half a minute.
    let settings = "SET search_path = pg_catalog; SET TimeZone = 'UTC'; SET client_encoding = 'UTF8';
         SET DateStyle = 'ISO'; SET client_min_messages = 'warning';
         SELECT set_config('lock_timeout', '30s', false) WHERE current_setting('lock_timeout') = '0'";
    client.batch_execute(settings).await.explained(url)?;
    Ok(client)
}

/// Asks the server to stop what `client` is doing; best effort.
pub(super) async fn interrupt(client: &Client, url: &Url) {
    let Ok(connector) = tls::connector(url) else { return };
    // The server closes such a connection; one that does not must not keep the job.
    match tokio::time::timeout(url.patience, client.cancel_token().cancel_query(connector)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "PostgreSQL cancel request failed"),
        Err(_) => tracing::debug!("PostgreSQL did not answer a cancel request"),
    }
}

/// Durable commits for the transaction (`within`) or the session: where the server, database or role say `off`, a COMMIT
/// is answered before it is on the disk. Values that wait for a standby as well are left as they are.
pub(super) fn durable(within: bool) -> String {
    format!(
        "SELECT set_config('synchronous_commit', 'local', {within}) WHERE current_setting('synchronous_commit') = 'off'"
    )
}
