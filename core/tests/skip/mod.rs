//! What is not tested here is said. With `DATASUS_STRICT=1`, which CI sets, a test fails where it would be skipped for want of what CI
//! has to have.
#![allow(dead_code)]

use std::path::Path;

/// For want of a server or a tool.
#[track_caller]
pub fn for_want_of_a_tool(why: &str) {
    said(why, is_strict());
}

/// For want of genuine files: fails only where there is the folder that they belong in.
#[track_caller]
pub fn for_want_of_data(why: &str) {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).map(|beside| beside.join("shared"));
    said(why, is_strict() && shared.is_some_and(|shared| shared.is_dir()));
}

/// Because this machine cannot do it, or does not let us: nothing that CI could install.
pub fn on_this_machine(why: &str) {
    said(why, false);
}

#[track_caller]
fn said(why: &str, fails: bool) {
    println!("SKIPPED ({why})");
    assert!(!fails, "skipped, and DATASUS_STRICT is set: {why}");
}

fn is_strict() -> bool {
    std::env::var_os("DATASUS_STRICT").is_some_and(|strict| !strict.is_empty() && strict != "0")
}
