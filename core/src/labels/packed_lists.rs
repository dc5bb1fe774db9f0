//! The compiled dictionary's form: an index of the lists' heads, and behind it their rows in frames of zstd, each of which is unpacked when one of its lists
//! is asked for. A query that names a sex does not unpack CID-10.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use zstd::zstd_safe::{find_frame_compressed_size, get_frame_content_size};

/// Lists go into one frame up to so many bytes.
const ENOUGH: usize = 128 << 10;
/// Lists with the same texts, which take less room in one frame.
const ALIKE: [&[&str]; 2] = [&["cbo", "ocupacao", "sim/CBO2002"], &["municipios", "@municipios"]];
const LEVEL: i32 = 22;

/// Some lists of a dictionary.
#[derive(Debug)]
pub(super) struct Frame {
    packed: &'static [u8],
    text: OnceLock<String>,
}

impl Frame {
    /// What stands in it; nothing where it is damaged, which the tests of the compiled one exclude.
    pub fn text(&self) -> &str {
        self.text.get_or_init(|| {
            let size = get_frame_content_size(self.packed).ok().flatten().and_then(|size| usize::try_from(size).ok());
            let bytes = size.and_then(|size| zstd::bulk::decompress(self.packed, size).ok());
            bytes.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
        })
    }

    #[cfg(test)]
    pub fn of(text: &str) -> Arc<Self> {
        Arc::new(Frame { packed: &[], text: text.to_owned().into() })
    }
}

/// A list of the index: its head, and where its rows stand.
pub(super) struct Listed {
    pub head: String,
    pub frame: Arc<Frame>,
    pub rows: Range<usize>,
}

/// The lists of what [`packed_lists`] has made.
pub(super) fn read(mut packed: &'static [u8]) -> Vec<Listed> {
    let mut frames = Vec::new();
    while let Ok(size) = find_frame_compressed_size(packed)
        && size > 0
        && let Some((frame, rest)) = packed.split_at_checked(size)
    {
        frames.push(Arc::new(Frame { packed: frame, text: OnceLock::new() }));
        packed = rest;
    }
    let Some((index, frames)) = frames.split_first() else { return Vec::new() };
    let listed = |line: &str| {
        let mut cells = line.splitn(4, '\t');
        let mut number = || cells.next()?.parse::<usize>().ok();
        let (frame, from, to) = (frames.get(number()?)?.clone(), number()?, number()?);
        Some(Listed { head: cells.next()?.to_owned(), frame, rows: from..to })
    };
    index.text().lines().filter_map(listed).collect()
}

/// The compiled form of a dictionary's text: blocks of a head, which begins with `#`, and the rows behind it. For `make dictionaries`.
pub fn packed_lists(text: &str) -> std::io::Result<Vec<u8>> {
    let starts: Vec<usize> = std::iter::once(0)
        .filter(|_| text.starts_with('#'))
        .chain(text.match_indices("\n#").map(|(found, _)| found + 1))
        .chain([text.len()])
        .collect();
    let (mut index, mut frames) = (String::new(), vec![String::new(); ALIKE.len() + 1]);
    for pair in starts.windows(2) {
        let block = &text[pair[0]..pair[1]];
        let head = block.lines().next().unwrap_or_default();
        let id = head[1..].split('|').next().unwrap_or_default();
        let number = match ALIKE.iter().position(|alike| alike.contains(&id)) {
            Some(alike) => alike,
            None => {
                if frames.last().is_some_and(|frame| !frame.is_empty() && frame.len() + block.len() > ENOUGH) {
                    frames.push(String::new());
                }
                frames.len() - 1
            }
        };
        let (frame, rows) = (&mut frames[number], &block[(head.len() + 1).min(block.len())..]);
        index.push_str(&format!("{number}\t{}\t{}\t{}\n", frame.len(), frame.len() + rows.len(), &head[1..]));
        frame.push_str(rows);
    }
    let mut all = Vec::new();
    for frame in std::iter::once(&index).chain(&frames) {
        all.extend(zstd::bulk::compress(frame.as_bytes(), LEVEL)?);
    }
    Ok(all)
}
