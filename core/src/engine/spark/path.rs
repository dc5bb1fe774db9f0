//! Where files lie, as Spark takes and gives it.

/// The address of a file that all of the cluster see under its path here, or of an object in a bucket, which they read by themselves.
pub(super) fn as_uri(path: &str) -> String {
    if let Some(object) = path.strip_prefix("s3://") {
        return format!("s3a://{object}");
    }
    match std::path::absolute(path) {
        Ok(path) => format!("file://{}", path.to_string_lossy()),
        Err(_) => format!("file://{path}"),
    }
}

/// The same for a reader that takes patterns: a name such as `[xy].parquet` stands for itself.
pub(super) fn pattern(uri: &str) -> String {
    let mut pattern = String::with_capacity(uri.len());
    for character in uri.chars() {
        if "\\{}[]*?^,".contains(character) {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern
}

/// As a row tells its file: what may not stand in an address is behind a percent sign, as Java does it.
pub(super) fn metadata_path(uri: &str) -> String {
    let (before, path) = uri.split_once("://").unwrap_or(("", uri));
    let mut shown = if before == "file" { "file:".to_owned() } else { format!("{before}://") };
    for character in path.chars() {
        let plain =
            !character.is_ascii() || character.is_ascii_alphanumeric() || "_-!.~'()*,;:$&+=/@".contains(character);
        match plain {
            true => shown.push(character),
            false => shown.push_str(&format!("%{:02X}", u32::from(character))),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Spark 4.3 gave of such files.
    #[test]
    fn a_path_is_told_as_java_tells_it() {
        assert_eq!(metadata_path("file:///d/a b/é%20.parquet"), "file:/d/a%20b/é%2520.parquet");
        assert_eq!(metadata_path("file:///d/x[1]/b{1}.parquet"), "file:/d/x%5B1%5D/b%7B1%7D.parquet");
        assert_eq!(metadata_path("file:///d/q'`\".parquet"), "file:/d/q'%60%22.parquet");
        assert_eq!(metadata_path(&as_uri("s3://balde/a b.parquet")), "s3a://balde/a%20b.parquet");
        assert_eq!(pattern("file:/d/x[1]"), "file:/d/x\\[1\\]");
    }
}
