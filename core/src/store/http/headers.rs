//! What the headers of an answer say of a file's version.

use reqwest::header::{self, HeaderMap};

use crate::store::TreeEntry;

pub(super) fn said(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim)
}

/// `bytes 100-199/200`
pub(super) fn range_begin(headers: &HeaderMap) -> Option<u64> {
    said(headers, header::CONTENT_RANGE)?.strip_prefix("bytes ")?.split('-').next()?.parse().ok()
}

/// Seconds since 1970.
pub(super) fn modified(headers: &HeaderMap) -> Option<i64> {
    let time = said(headers, header::LAST_MODIFIED)?;
    chrono::DateTime::parse_from_rfc2822(time).ok().map(|time| time.timestamp()).filter(|at| (0..1 << 33).contains(at))
}

/// By what a server knows whether a file is still what was listed.
pub(super) enum Validator {
    /// A weak tag is of what means the same, and not of the same bytes.
    Tag(String),
    /// A time of whole seconds, which is the time of one content only once it is past: see RFC 9110, 8.8.2.2.
    Time(i64),
}

/// A file may change twice in a second, and clocks differ by some.
const SETTLES: i64 = 60;

impl Validator {
    pub fn of(listed: &TreeEntry) -> Option<Self> {
        if let Some(tag) = listed.tag.as_deref().filter(|tag| !tag.starts_with("W/")) {
            return Some(Validator::Tag(tag.to_owned()));
        }
        let at = listed.modified.filter(|at| !at.day_only)?.ns.div_euclid(1_000_000_000);
        (at + SETTLES < chrono::Utc::now().timestamp()).then_some(Validator::Time(at))
    }

    /// As If-Range has it.
    pub fn text(&self) -> String {
        match self {
            Validator::Tag(tag) => tag.clone(),
            Validator::Time(at) => {
                let at = chrono::DateTime::from_timestamp(*at, 0).unwrap_or_default();
                at.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
            }
        }
    }

    /// Whether what is sent is of another version; a server that says nothing does not say so.
    pub fn is_contradicted_by(&self, headers: &HeaderMap) -> bool {
        match self {
            Validator::Tag(listed) => {
                said(headers, header::ETAG).is_some_and(|tag| !tag.starts_with("W/") && tag != listed)
            }
            Validator::Time(listed) => modified(headers).is_some_and(|at| at != *listed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Modified;

    #[test]
    fn a_file_goes_on_only_by_what_stands_for_one_content() {
        let now = chrono::Utc::now().timestamp();
        let entry = |tag: Option<&str>, at: i64, day_only| TreeEntry {
            name: "x".into(),
            folder: false,
            size: Some(1),
            modified: Some(Modified { ns: at * 1_000_000_000 + 7, day_only }),
            tag: tag.map(str::to_owned),
        };
        let of = |entry: TreeEntry| Validator::of(&entry).map(|same| same.text());
        assert_eq!(of(entry(Some("\"a\""), now, false)).as_deref(), Some("\"a\""));
        let then = 1_717_000_200;
        assert_eq!(of(entry(Some("W/\"a\""), then, false)).as_deref(), Some("Wed, 29 May 2024 16:30:00 GMT"));
        // It may have changed twice in that second; of a day nothing is known.
        assert_eq!((of(entry(None, now - 5, false)), of(entry(None, then, true))), (None, None));
        let mut headers = HeaderMap::new();
        let same = Validator::of(&entry(None, then, false)).unwrap();
        assert!(!same.is_contradicted_by(&headers));
        headers.insert(header::LAST_MODIFIED, "Wed, 29 May 2024 16:30:00 GMT".parse().unwrap());
        assert!(!same.is_contradicted_by(&headers));
        headers.insert(header::LAST_MODIFIED, "Wed, 29 May 2024 16:30:01 GMT".parse().unwrap());
        assert!(same.is_contradicted_by(&headers));
    }
}
