//! Uploads in parts that a server still holds, as nothing but it knows.

use std::process::Command;

use crate::server::{BUCKET, KEY, SECRET};
use crate::servers::python;

const SCRIPT: &str = r#"
import sys
import boto3

address, key, secret, bucket, prefix, end = sys.argv[1:]
s3 = boto3.client("s3", endpoint_url=address, region_name="us-east-1", aws_access_key_id=key, aws_secret_access_key=secret)
for upload in s3.list_multipart_uploads(Bucket=bucket, Prefix=prefix).get("Uploads", []):
    print(upload["Key"])
    if end:
        s3.abort_multipart_upload(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])
"#;

fn run(port: u16, prefix: &str, end: &str) -> Option<Vec<String>> {
    let Some(python) = python() else {
        crate::skip::for_want_of_a_tool("no boto3: run `make servers`, or set DATASUS_SERVERS_PYTHON");
        return None;
    };
    let address = format!("http://127.0.0.1:{port}");
    let prefix = format!("{prefix}/");
    let said = Command::new(python).args(["-c", SCRIPT, &address, KEY, SECRET, BUCKET, &prefix, end]).output().unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    Some(String::from_utf8(said.stdout).unwrap().lines().map(str::to_owned).collect())
}

/// Keys of the uploads that are under way below `prefix`; none where nobody can ask.
pub fn under_way(port: u16, prefix: &str) -> Option<Vec<String>> {
    run(port, prefix, "")
}

/// Ends them, as a bucket's lifecycle does.
pub fn end(port: u16, prefix: &str) -> Option<Vec<String>> {
    run(port, prefix, "end")
}
