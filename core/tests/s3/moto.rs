//! What SeaweedFS cannot do, by a server that stands for Amazon's (moto): a key whose policy lets it read one folder.

use std::process::Command;

use datasus::store::Store;
use datasus::{Code, Config, Secret};

use crate::at;
use crate::server::store;
use crate::servers::{Running, folder, free_port, python};

/// Puts two objects there, and makes a key that may read and write one folder; from then on policies count. Says the key.
const PREPARE: &str = r#"
import json, sys, urllib.request
import boto3

address = sys.argv[1]
own = dict(endpoint_url=address, region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="y")
s3, iam = boto3.client("s3", **own), boto3.client("iam", **own)
s3.create_bucket(Bucket="datasus")
for key in ("aberta/a.txt", "fechada/b.txt"):
    s3.put_object(Bucket="datasus", Key=key, Body=key.encode())
iam.create_user(UserName="ana")
allow = [{"Effect": "Allow", "Action": f"s3:{action}", "Resource": "arn:aws:s3:::datasus/aberta/*"} for action in ("GetObject", "PutObject")]
iam.put_user_policy(UserName="ana", PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": allow}))
key = iam.create_access_key(UserName="ana")["AccessKey"]
headers = {"Content-Type": "text/plain"}
urllib.request.urlopen(urllib.request.Request(f"{address}/moto-api/reset-auth", data=b"0", headers=headers, method="POST")).read()
print(key["AccessKeyId"], key["SecretAccessKey"])
"#;

#[test]
fn a_key_does_what_its_policy_allows_and_the_rest_is_refused_by_name() {
    let Some(python) = python() else {
        crate::skip::for_want_of_a_tool("no moto: run `make servers`, or set DATASUS_SERVERS_PYTHON");
        return;
    };
    let (folder, port) = (folder("datasus-moto-"), free_port());
    let line = format!(
        "exec env INITIAL_NO_AUTH_ACTION_COUNT=1000 '{}' -m moto.server -H 127.0.0.1 -p {port}",
        python.display()
    );
    let server = Running::start(folder, &line, port);
    let address = format!("http://127.0.0.1:{port}");
    let said = Command::new(&python).args(["-c", PREPARE, &address]).output().unwrap();
    let said = String::from_utf8(said.stdout).unwrap();
    let (key, secret) = said.trim().split_once(' ').unwrap_or_else(|| panic!("no key: {}", server.log()));
    let config = |key: &str, secret: &str| Config {
        s3_endpoint: Some(address.clone()),
        s3_key: Some(Secret::new(key)),
        s3_secret: Some(Secret::new(secret)),
        ..Config::default()
    };
    let ana = store(&config(key, secret));
    assert_eq!(ana.stat(&at("s3://datasus/aberta/a.txt")).unwrap().size, 12);
    let bytes = ana.open(&at("s3://datasus/aberta/a.txt")).unwrap().read_ranges(&[0..12]).unwrap();
    assert_eq!(&bytes[0][..], b"aberta/a.txt");
    assert!(ana.create(&at("s3://datasus/aberta/c.txt"), b"1".to_vec()).unwrap());
    let denied = [
        ana.stat(&at("s3://datasus/fechada/b.txt")).map(drop),
        ana.list(&at("s3://datasus")).map(drop),
        ana.create(&at("s3://datasus/fechada/c.txt"), b"1".to_vec()).map(drop),
    ];
    for (number, outcome) in denied.into_iter().enumerate() {
        let error = outcome.expect_err("denied");
        assert_eq!(error.code(), Code::Forbidden, "{number}: {error}");
        assert!(!format!("{error:?}").contains(secret), "{number}");
    }
    for (key, secret) in [(key, "errada"), ("ninguem", secret)] {
        let error = store(&config(key, secret)).open(&at("s3://datasus/aberta/a.txt")).map(drop).unwrap_err();
        // A refusal of HEAD has no body that says whether it is the key's.
        assert!(matches!(error.code(), Code::CredentialsRefused | Code::Forbidden), "{error}");
    }
}
