//! Tables of one's own, from the bytes of Arrow IPC.

use std::io::Cursor;

use arrow::error::ArrowError;
use arrow::ipc::reader::{FileReader, StreamReader};
use datasus::base::Text;
use datasus::{Client, Code, Error, Result};

/// What a file begins with, and no stream.
const FILE: &[u8] = b"ARROW1";

pub fn add(client: &Client, name: &str, bytes: Vec<u8>) -> Result<()> {
    match bytes.starts_with(FILE) {
        true => client.add_table(name, FileReader::try_new(Cursor::new(bytes), None).map_err(unread)?),
        false => client.add_table(name, StreamReader::try_new(Cursor::new(bytes), None).map_err(unread)?),
    }
}

fn unread(error: ArrowError) -> Error {
    let detail = Text {
        pt: "`rows`: os bytes não são de um fluxo ou arquivo Arrow IPC".into(),
        en: "`rows`: the bytes are of no Arrow IPC stream or file".into(),
    };
    Error::new(Code::InvalidParams, detail).with("parameter", "rows").because(error)
}
