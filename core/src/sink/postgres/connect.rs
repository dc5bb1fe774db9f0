//! Connections, each with a session of known settings.

use std::time::Duration;

#[cfg(unix)]
use tokio::net::UnixStream;
#[cfg(unix)]
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Connection};

use super::failure::{self, Explained};
use super::passage::{Duplex, Guarded, Passage};
use super::typed::Cells;
use super::url::Url;
use crate::base::{Error, Result, masked};

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
        let asked = brief.within(url, asked).await?;
        let milliseconds: i64 = asked.first().map_or(Ok(0), |row| row.cell(0))?;
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
    let client = connected(url).await?;
    // Names are always qualified, and waiting for another's lock has an end (SQLSTATE 55P03): the one that role, database or
    // server say, or half a minute.
    let settings = "SET search_path = pg_catalog, pg_temp; SET TimeZone = 'UTC'; SET client_encoding = 'UTF8';
         SET DateStyle = 'ISO'; SET client_min_messages = 'error';
         SELECT set_config('lock_timeout', '30s', false) WHERE current_setting('lock_timeout') = '0'";
    client.batch_execute(settings).await.explained(url)?;
    Ok(client)
}

async fn connected(url: &Url) -> Result<Client> {
    let passage = Passage::of(url)?;
    #[cfg(unix)]
    if url.on_socket() {
        return through_socket(url, passage).await;
    }
    let (client, connection) = url.config.connect(passage).await.explained(url)?;
    tokio::spawn(until_it_ends(connection));
    Ok(client)
}

async fn until_it_ends<S: Duplex>(connection: Connection<S, Guarded<S>>) {
    if let Err(error) = connection.await {
        // Whoever uses the client gets the error too; this is for those who read logs.
        let error = masked(&error.to_string()).into_owned();
        tracing::debug!(error, "PostgreSQL connection ended");
    }
}

/// The driver knows no TLS of its own kind on a socket of the file system.
#[cfg(unix)]
async fn through_socket(url: &Url, mut passage: Passage) -> Result<Client> {
    let mut last = None;
    for path in url.sockets() {
        let stream = match UnixStream::connect(&path).await {
            Ok(stream) => stream,
            Err(error) => {
                last = Some(failure::no_socket(url, &error));
                continue;
            }
        };
        let passing = MakeTlsConnect::<UnixStream>::make_tls_connect(&mut passage, "").map_err(Error::internal)?;
        match url.config.connect_raw(stream, passing).await.explained(url) {
            Ok((client, connection)) => {
                tokio::spawn(until_it_ends(connection));
                return Ok(client);
            }
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| failure::silent(url)))
}

/// Asks the server to stop what `client` is doing; best effort.
pub(super) async fn interrupt(client: &Client, url: &Url) {
    let Ok(passage) = Passage::of(url) else { return };
    // The server closes such a connection; one that does not must not keep the job.
    match tokio::time::timeout(url.patience, cancel(client, url, passage)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            let error = masked(&error.to_string()).into_owned();
            tracing::debug!(error, "PostgreSQL cancel request failed");
        }
        Err(_) => tracing::debug!("PostgreSQL did not answer a cancel request"),
    }
}

async fn cancel(client: &Client, url: &Url, passage: Passage) -> std::result::Result<(), tokio_postgres::Error> {
    let token = client.cancel_token();
    #[cfg(unix)]
    if url.on_socket() {
        let mut passage = passage;
        for path in url.sockets() {
            if let Ok(stream) = UnixStream::connect(&path).await
                && let Ok(passing) = MakeTlsConnect::<UnixStream>::make_tls_connect(&mut passage, "")
            {
                // Of several sockets the others know nothing of this session.
                token.cancel_query_raw(stream, passing).await?;
            }
        }
        return Ok(());
    }
    token.cancel_query(passage).await
}

/// Durable commits for the transaction (`within`) or the session: where the server, database or role say `off`, a COMMIT
/// is answered before it is on the disk. Values that wait for a standby as well are left as they are.
pub(super) fn durable(within: bool) -> String {
    format!(
        "SELECT set_config('synchronous_commit', 'local', {within}) WHERE current_setting('synchronous_commit') = 'off'"
    )
}
