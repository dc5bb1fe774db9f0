//! What a web server says of its files: an index page, a file with all paths, or the listing of a bucket.

use std::collections::BTreeMap;

use chrono::DateTime;
use percent_encoding::percent_decode_str;
use reqwest::Url;
use serde::Deserialize;

use crate::store::{Modified, TreeEntry, folder_and_name};

fn entry(name: &str, folder: bool) -> Option<TreeEntry> {
    let odd = name.is_empty() || name == "." || name == ".." || name.contains(['/', '\\', '\0']);
    (!odd).then(|| TreeEntry { name: name.to_owned(), folder, size: None, modified: None, tag: None })
}

/// The files and folders that a page of `at` links to, directly in it; what sizes and times it shows has no one form, so that the
/// files are asked for theirs. None: it links to nothing there nor to the folder above, and is no index.
pub(super) fn of_page(page: &str, at: &Url) -> Option<Vec<TreeEntry>> {
    let mut found: Vec<TreeEntry> = Vec::new();
    let (mut rest, mut links, mut elsewhere) = (page, 0, 0);
    // ASCII alone is put into lower case: places stay the same.
    let lower = page.to_ascii_lowercase();
    while let Some(start) = lower[page.len() - rest.len()..].find("href") {
        rest = &rest[start + 4..];
        let Some(value) = rest.trim_start().strip_prefix('=').map(str::trim_start) else { continue };
        let (value, end) = match value.chars().next() {
            Some(quote @ ('"' | '\'')) => (&value[1..], quote),
            _ => (value, '>'),
        };
        let Some(length) = value.find(|c: char| c == end || (end == '>' && c.is_whitespace())) else { break };
        let link = without_entities(&value[..length]);
        rest = &value[length..];
        let Ok(target) = at.join(&link) else { continue };
        if (target.host_str(), target.port_or_known_default()) != (at.host_str(), at.port_or_known_default()) {
            continue;
        }
        match is_of_index(&target, at) {
            true => links += 1,
            false => elsewhere += usize::from(target.path() != at.path()),
        }
        let Some(below) = target.path().strip_prefix(at.path()).filter(|_| target.query().is_none()) else { continue };
        let folder = below.ends_with('/');
        let name = decoded(below.trim_end_matches('/'));
        if let Some(entry) = entry(&name, folder)
            && !found.contains(&entry)
        {
            found.push(entry);
        }
    }
    // An empty folder links at least to the one above it, or to its own orders. Below the root that is what every page of the site does,
    // and an index has no more than that.
    let of_site = found.is_empty() && elsewhere > 0 && at.join("..").is_ok_and(|above| above.path() == "/");
    (links > 0 && !of_site).then_some(found)
}

/// Whether an index has such a link: to what lies in its folder, to the folder above, or to its own orders. A page of another kind, with
/// which some servers answer for what they do not have, links to itself, and elsewhere.
fn is_of_index(target: &Url, at: &Url) -> bool {
    let is_itself = target.path() == at.path();
    let is_above = at.join("..").is_ok_and(|above| above.path() == target.path()) && !is_itself;
    is_above || (target.path().starts_with(at.path()) && (!is_itself || target.query().is_some()))
}

/// Percent signs as UTF-8, or as Latin-1 where they are not.
pub(super) fn decoded(path: &str) -> String {
    let bytes: Vec<u8> = percent_decode_str(path).collect();
    String::from_utf8(bytes).unwrap_or_else(|odd| odd.as_bytes().iter().map(|byte| char::from(*byte)).collect())
}

fn without_entities(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#39;", "'").replace("&amp;", "&")
}

/// The folders of a file with a path on each line, below the tree's root (`SIHSUS/200801_/Dados/RDAC2401.dbc`). None: it is a page, or
/// has no path.
pub(super) fn of_paths(text: &str) -> Option<BTreeMap<String, Vec<TreeEntry>>> {
    let text = text.trim_start_matches('\u{feff}');
    if text.trim().is_empty() || text.trim_start().starts_with('<') {
        return None;
    }
    let mut folders: BTreeMap<String, Vec<TreeEntry>> = BTreeMap::new();
    for line in text.lines() {
        let path = line.trim().trim_start_matches("./").trim_start_matches('/');
        let path = path.strip_prefix("dissemin/publicos/").unwrap_or(path);
        let (mut folder, name) = folder_and_name(path);
        folders.entry(folder.to_owned()).or_default().extend(entry(name, false));
        while !folder.is_empty() {
            let (above, name) = folder_and_name(folder);
            let inner = folders.entry(above.to_owned()).or_default();
            match entry(name, true) {
                Some(entry) if !inner.contains(&entry) => inner.push(entry),
                _ => break,
            }
            folder = above;
        }
    }
    Some(folders)
}

/// A page of ListObjectsV2.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Bucket {
    next_continuation_token: Option<String>,
    /// Of the first version of the protocol, which some servers speak whatever they are asked.
    next_marker: Option<String>,
    #[serde(default)]
    is_truncated: bool,
    #[serde(default)]
    contents: Vec<Content>,
    #[serde(default)]
    common_prefixes: Vec<Prefix>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Content {
    key: String,
    last_modified: Option<String>,
    #[serde(rename = "ETag")]
    tag: Option<String>,
    size: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Prefix {
    prefix: String,
}

impl Bucket {
    /// None where it is another thing.
    pub fn of(text: &str) -> Option<Self> {
        let head: String = text.chars().take(400).collect();
        if head.contains("<ListBucketResult") { quick_xml::de::from_str(text).ok() } else { None }
    }

    /// How the next page is asked for; none behind the last.
    pub fn next(&self) -> Option<(&'static str, String)> {
        if let Some(token) = &self.next_continuation_token {
            return Some(("continuation-token", token.clone()));
        }
        if !self.is_truncated {
            return None;
        }
        let last = || {
            let keys = self.contents.iter().map(|file| &file.key);
            keys.chain(self.common_prefixes.iter().map(|folder| &folder.prefix)).max().cloned()
        };
        self.next_marker.clone().or_else(last).map(|marker| ("marker", marker))
    }

    pub fn entries(self, prefix: &str) -> Vec<TreeEntry> {
        let folders = self
            .common_prefixes
            .iter()
            .filter_map(|folder| entry(folder.prefix.strip_prefix(prefix)?.trim_end_matches('/'), true));
        let files = self.contents.iter().filter_map(|file| {
            let time = file.last_modified.as_deref().and_then(|time| DateTime::parse_from_rfc3339(time).ok());
            let ns = time.and_then(|time| time.timestamp_nanos_opt());
            let modified = ns.map(|ns| Modified { ns, day_only: false });
            let entry = entry(file.key.strip_prefix(prefix)?, false)?;
            Some(TreeEntry { size: file.size, modified, tag: file.tag.clone(), ..entry })
        });
        folders.chain(files).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(entries: &[TreeEntry]) -> Vec<(&str, bool)> {
        entries.iter().map(|entry| (entry.name.as_str(), entry.folder)).collect()
    }

    #[test]
    fn index_pages_of_several_servers_name_what_lies_in_the_folder_and_nothing_else() {
        let at = Url::parse("https://espelho.exemplo/base/SIM/").unwrap();
        let apache = r#"<html><a href="?C=N;O=D">Name</a> <a href="/base/">Parent</a> <A HREF='DOAC2022.dbc'>x</A>
            <a class=x href="Vari%C3%A1veis%20&amp;%20mais.doc">v</a><a href=CID10/>c</a> <a href="https://outro/x.dbc">o</a>"#;
        let expected = [("DOAC2022.dbc", false), ("Variáveis & mais.doc", false), ("CID10", true)];
        assert_eq!(names(&of_page(apache, &at).unwrap()), expected);
        let iis = r#"<pre><A HREF="/base/">[To Parent Directory]</A> 2/24/2018 7:38 AM &lt;dir&gt; <A HREF="/base/SIM/PRELIM/">PRELIM</A>
            1/1/2024 9:00 AM 1234 <A HREF="/base/SIM/DOAC%E9.dbc">DOACé.dbc</A> <a href="../x.dbc">x</a></pre>"#;
        assert_eq!(names(&of_page(iis, &at).unwrap()), [("PRELIM", true), ("DOACé.dbc", false)]);
        assert_eq!(of_page("<html>Bem-vindo</html>", &at), None);
        assert_eq!(of_page("<a href=\"x", &at), None);
        // An empty folder, and pages that are no listing of it.
        assert_eq!(of_page("<a href=../>..</a>", &at), Some(Vec::new()));
        assert_eq!(of_page("<a href='?C=N;O=D'>Name</a>", &at), Some(Vec::new()));
        for page in [
            "<a href=/login>Entrar</a>",
            "<a href='#topo'>x</a><a href=/base/SIM/>x</a>",
            "<a href=https://wifi.exemplo/>x</a>",
        ] {
            assert_eq!(of_page(page, &at), None, "{page}");
        }
        // Below the root, to which all pages of a site link.
        let at = Url::parse("https://espelho.exemplo/SIM/").unwrap();
        assert_eq!(of_page("<a href='?C=N;O=D'>Name</a> <a href=/>Parent</a>", &at), Some(Vec::new()));
        assert_eq!(of_page("<a href=/>Espelho</a> <a href=/sobre>Sobre</a>", &at), None);
        let with_style = "<link href=/estilo.css> <a href=/>Parent</a> <a href=/SIM/DOAC2022.dbc>x</a>";
        assert_eq!(names(&of_page(with_style, &at).unwrap()), [("DOAC2022.dbc", false)]);
    }

    #[test]
    fn a_file_of_paths_has_the_folders_of_the_tree() {
        let folders =
            of_paths("SIM/CID10/DORES/DOAC2022.dbc\n./SIM/a.txt\r\n/dissemin/publicos/SIHSUS/x/RDAC2401.dbc\n\n")
                .unwrap();
        assert_eq!(names(&folders[""]), [("SIM", true), ("SIHSUS", true)]);
        assert_eq!(names(&folders["SIM"]), [("CID10", true), ("a.txt", false)]);
        assert_eq!(names(&folders["SIHSUS/x"]), [("RDAC2401.dbc", false)]);
        for page in ["\u{feff}\n<!DOCTYPE html><a href=/login>Entrar</a>", " \n", ""] {
            assert!(of_paths(page).is_none(), "{page:?}");
        }
    }

    #[test]
    fn a_bucket_lists_sizes_times_and_tags() {
        let xml = "<?xml version=\"1.0\"?><ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><IsTruncated>true</IsTruncated>\
            <NextContinuationToken>t</NextContinuationToken><Contents><Key>SIM/a&amp;b.dbc</Key><LastModified>2026-10-02T01:02:03.000Z</LastModified>\
            <ETag>&quot;abc&quot;</ETag><Size>5368709121</Size></Contents><Contents><Key>SIM/</Key><Size>0</Size></Contents>\
            <CommonPrefixes><Prefix>SIM/CID10/</Prefix></CommonPrefixes></ListBucketResult>";
        let bucket = Bucket::of(xml).unwrap();
        assert_eq!(bucket.next(), Some(("continuation-token", "t".into())));
        let entries = bucket.entries("SIM/");
        assert_eq!(names(&entries), [("CID10", true), ("a&b.dbc", false)]);
        assert_eq!((entries[1].size, entries[1].tag.as_deref()), (Some(5_368_709_121), Some("\"abc\"")));
        assert!(Bucket::of("<html>x</html>").is_none());
        // The first version of the protocol: with a delimiter it names the next marker, and without one it is the last key.
        for (said, next) in [("<NextMarker>SIM/m</NextMarker>", "SIM/m"), ("", "SIM/z/")] {
            let first = format!(
                "<ListBucketResult><IsTruncated>true</IsTruncated>{said}<Contents><Key>SIM/a</Key><Size>1</Size></Contents>\
                <CommonPrefixes><Prefix>SIM/z/</Prefix></CommonPrefixes></ListBucketResult>"
            );
            assert_eq!(Bucket::of(&first).unwrap().next(), Some(("marker", next.into())));
        }
        let last = "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>";
        assert_eq!(Bucket::of(last).unwrap().next(), None);
    }
}
