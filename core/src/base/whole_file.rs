//! A file that appears whole, durable, under its name, or not at all.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::{Error, Result, create_folders, create_new};

/// Written under a temporary name beside its final one; [`WholeFile::publish`] makes it durable and renames it.
/// Dropped without that, it leaves nothing behind.
pub struct WholeFile {
    file: File,
    partial: PathBuf,
    target: PathBuf,
    published: bool,
}

impl WholeFile {
    /// Creates the temporary file (and the folders above it).
    pub fn create(target: &Path) -> Result<Self> {
        let folder = target.parent().unwrap_or(Path::new("."));
        create_folders(folder).map_err(|e| Error::io(e, folder))?;
        let name = target.file_name().and_then(|n| n.to_str()).unwrap_or("file");
        let partial = folder.join(format!(".{name}.{}.partial", ulid::Ulid::new()));
        let file = create_new(&partial).map_err(|e| Error::io(e, &partial))?;
        Ok(WholeFile { file, partial, target: target.to_owned(), published: false })
    }

    /// Where it lies until then.
    pub fn partial(&self) -> &Path {
        &self.partial
    }

    /// The same under another name in the same folder, where the name is known only at the end.
    pub fn publish_as(mut self, target: &Path) -> Result<()> {
        self.target = target.to_owned();
        self.publish()
    }

    /// Gives the file its final name without forcing it to disk: for what can be made again from what is there.
    pub fn publish_unforced(mut self) -> Result<()> {
        std::fs::rename(&self.partial, &self.target).map_err(|e| Error::io(e, &self.target))?;
        self.published = true;
        Ok(())
    }

    /// Flushes to disk and gives the file its final name, replacing what was there.
    pub fn publish(mut self) -> Result<()> {
        self.file.sync_all().map_err(|e| Error::io(e, &self.partial))?;
        std::fs::rename(&self.partial, &self.target).map_err(|e| Error::io(e, &self.target))?;
        self.published = true;
        // The rename itself is durable only once the folder is.
        if let Some(folder) = self.target.parent() {
            File::open(folder).and_then(|f| f.sync_all()).map_err(|e| Error::io(e, folder))?;
        }
        Ok(())
    }
}

impl Write for WholeFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for WholeFile {
    fn drop(&mut self) {
        if !self.published {
            let _ = std::fs::remove_file(&self.partial);
        }
    }
}
