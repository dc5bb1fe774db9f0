//! A grown file for a store that takes whole objects only: it goes at its end.

use std::fs::File;
use std::io::{Seek, Write};

use super::{GrowingUpload, Location, Stores, Upload};
use crate::base::{Code, Error, Result};

pub(super) struct WholeUpload {
    stores: Stores,
    to: Location,
    overwrite: bool,
    upload: Option<Box<dyn Upload>>,
}

impl WholeUpload {
    pub fn new(stores: Stores, to: Location, overwrite: bool) -> Self {
        WholeUpload { stores, to, overwrite, upload: None }
    }
}

impl GrowingUpload for WholeUpload {
    fn is_published(&mut self, bytes: u64) -> Result<bool> {
        match self.stores.stat(&self.to) {
            Ok(found) => Ok(found.size == bytes),
            Err(error) if error.code() == Code::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn grown(&mut self, _file: &File, _bytes: u64) -> Result<()> {
        Ok(())
    }

    fn seal(&mut self, mut file: &File, _bytes: u64) -> Result<()> {
        let mut upload = self.stores.begin(&self.to, self.overwrite)?;
        let carried = file.rewind().and_then(|()| std::io::copy(&mut file, &mut upload)).and_then(|_| upload.flush());
        carried.map_err(|error| self.to.io(error))?;
        self.upload = Some(upload);
        Ok(())
    }

    fn publish(mut self: Box<Self>) -> Result<()> {
        self.upload.take().ok_or_else(|| Error::internal("an upload was not sealed"))?.publish()
    }

    fn discard(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}
