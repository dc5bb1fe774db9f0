//! Where a client's things lie: its source, copies, spill and state, as far as its settings say so.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::base::{Code, Error, Odd, Result, expand_home, refuse_address, text};
use crate::config::Config;
use crate::store::{Location, Stores};

/// Where the source lies, and its folder where that is one of this machine.
pub(super) fn source_of(given: &Path, stores: &Stores) -> Result<(Location, Option<PathBuf>)> {
    let source = Location::parse(given);
    if !source.is_file() && stores.knows(&source) {
        return Ok((source, None));
    }
    refuse_address(&given.to_string_lossy()).map_err(|error| error.stage("source"))?;
    let path = expand_home(given);
    let folder = match std::fs::metadata(&path) {
        Ok(found) if found.is_dir() => path.clone(),
        Ok(found) if found.is_file() => path.parent().map(Into::into).unwrap_or_default(),
        Ok(_) => return Err(Error::io(Odd::NotAFile.into(), &path).stage("source")),
        Err(error) => return Err(Error::io(error, &path).stage("source")),
    };
    Ok((Location::file(path), Some(folder)))
}

/// What is converted of a source elsewhere needs a folder here.
pub(super) fn homeless(source: &Location) -> Error {
    Error::new(
        Code::InvalidParams,
        text!(
            "A fonte {source} não é uma pasta desta máquina: diga em `lake` (ou DATASUS_LAKE) a pasta do que é convertido",
            "The source {source} is no folder of this machine: say by `lake` (or DATASUS_LAKE) the folder of what is converted"
        ),
    )
    .with("received", source.to_string())
    .stage("source")
}

/// Where copies are of what lies in other stores.
pub(super) fn remote_cache(config: &Config) -> PathBuf {
    let named = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let of_user = || named.unwrap_or_else(|| expand_home(Path::new("~/.cache"))).join("datasus").join("objects");
    let root = config.remote_cache.clone().unwrap_or_else(of_user);
    std::path::absolute(&root).unwrap_or(root)
}

pub(super) fn spill_root(config: &Config) -> PathBuf {
    config.spill.clone().unwrap_or_else(std::env::temp_dir)
}

/// The state folder of a client, which is one of this machine.
pub(super) fn state_root(config: &Config, lake: &Location, source_folder: Option<&Path>) -> Result<PathBuf> {
    let of_source = || source_folder.map(|folder| folder.join(".datasus").join("jobs"));
    if let Some(state) = &config.state {
        return Ok(state.clone());
    }
    match lake.is_file() {
        true if config.lake.is_some() => Ok(lake.path().parent().unwrap_or(lake.path()).join("jobs")),
        true => Ok(of_source().unwrap_or_else(|| lake.path().join("jobs"))),
        false => of_source().ok_or_else(|| stateless(lake)),
    }
}

/// Neither source nor lake has a folder here.
fn stateless(lake: &Location) -> Error {
    Error::new(
        Code::InvalidParams,
        text!(
            "Nem a fonte nem o lake {lake} são uma pasta desta máquina: diga em `state` (ou DATASUS_STATE) a pasta do que os trabalhos guardam",
            "Neither the source nor the lake {lake} is a folder of this machine: say by `state` (or DATASUS_STATE) the folder of what jobs keep"
        ),
    )
    .with("received", lake.to_string())
    .stage("config")
}

/// None is the empty path.
pub(super) fn local_folder(at: &Location) -> PathBuf {
    if at.is_file() { at.path().to_owned() } else { PathBuf::new() }
}

pub(super) fn short_hash(at: &Location) -> String {
    hex::encode(&Sha256::digest(at.to_string())[..8])
}
