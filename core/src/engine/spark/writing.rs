//! Answers that the cluster writes itself: each attempt into a folder of its own, which is called as its session, so that who comes later
//! can end it.

use std::path::{Path, PathBuf};

use arrow::datatypes::SchemaRef;

use super::begun::{self, Begun};
use super::path::as_uri;
use super::rows::Rows;
use super::{Spark, request};
use crate::base::{Code, Ctx, Error, Result, Text, text};
use crate::columnar::arrow_footer;
use crate::engine::{Settings, Writer, no_user_sql};
use crate::plan::Statement;

impl Writer for Spark {
    fn write(
        &self,
        statement: &Statement,
        folder: &Path,
        settings: &Settings,
        ctx: &Ctx,
        began: &mut dyn FnMut(&SchemaRef) -> Result<()>,
    ) -> Result<Vec<PathBuf>> {
        if statement.from_user {
            return Err(no_user_sql());
        }
        // Before the first word to the server: what a process that dies leaves at work there is found by it.
        let mut into = PathBuf::new();
        let begun = Begun::of(statement, &self.server, settings, ctx, |session| {
            into = folder.join(session);
            std::fs::create_dir(&into).map_err(|error| Error::io(error, &into).stage("query"))
        })?;
        begun.is_sparks_own()?;
        let mut asked = begun.operation(request::no_rows(begun.asked()));
        let empty = Rows::of(&mut asked).next()?.ok_or_else(|| Error::internal("spark: an answer without a schema"))?;
        began(&empty.schema())?;
        let rows = into.join("rows");
        let uri = as_uri(&rows.to_string_lossy());
        let mut asked = begun.operation(request::written(begun.asked(), uri));
        let outcome = asked.counted();
        ctx.tell_cluster(asked.used(begun.engine()));
        let count = outcome?;
        let parts = parts(&rows, &self.server.address.shown())?;
        let found = parts.iter().map(|part| rows_of(part)).sum::<Result<u64>>()?;
        if found != count {
            let shown = rows.display();
            return Err(not_there(text!(
                "O cluster gravou {count} linhas em {shown}, e aqui se veem {found}; confira se a pasta é a mesma nas duas máquinas",
                "The cluster wrote {count} rows to {shown}, of which {found} are seen here; see whether the folder is the same on both machines"
            )));
        }
        Ok(parts)
    }

    fn withdraw(&self, folder: &Path, ctx: &Ctx) {
        let sessions = std::fs::read_dir(folder).into_iter().flatten().flatten();
        for session in sessions.filter_map(|entry| entry.file_name().into_string().ok()) {
            if let Ok(connection) = self.server.connect(Some(session), ctx) {
                begun::end(&connection, ctx);
            }
        }
    }
}

/// In the order of the answer: a file is a task's, and bears its number.
fn parts(folder: &Path, cluster: &str) -> Result<Vec<PathBuf>> {
    let listed = std::fs::read_dir(folder).and_then(Iterator::collect::<std::io::Result<Vec<_>>>);
    let names: Vec<String> =
        listed.unwrap_or_default().into_iter().filter_map(|entry| entry.file_name().into_string().ok()).collect();
    let number = |name: &String| name.strip_prefix("part-")?.split_once('-')?.0.parse::<u64>().ok();
    let mut parts: Vec<(u64, &String)> = names.iter().filter_map(|name| Some((number(name)?, name))).collect();
    parts.sort();
    if parts.is_empty() {
        let shown = folder.display();
        return Err(not_there(text!(
            "O que o cluster {cluster} gravou não se vê aqui em {shown}; ponha `engine_folder` numa pasta que todas as máquinas veem com o mesmo caminho",
            "What the cluster {cluster} wrote is not seen here in {shown}; put `engine_folder` into a folder that all machines see under the same path"
        )));
    }
    Ok(parts.into_iter().map(|(_, name)| folder.join(name)).collect())
}

fn rows_of(part: &Path) -> Result<u64> {
    let file = std::fs::File::open(part).map_err(|error| Error::io(error, part).stage("query"))?;
    let footer = arrow_footer(&file).map_err(Error::internal)?;
    Ok(u64::try_from(footer.metadata().file_metadata().num_rows()).unwrap_or(0))
}

fn not_there(said: Text) -> Error {
    Error::new(Code::NotFound, said).stage("query")
}
