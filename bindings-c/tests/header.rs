//! `include/datasus.h` is what cbindgen makes of the sources. `DATASUS_BLESS=1` writes it anew.

use std::path::Path;

#[test]
fn the_committed_header_is_what_the_sources_say() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = cbindgen::Config::from_file(here.join("cbindgen.toml")).unwrap();
    // The sources alone: neither Cargo nor a network is asked.
    let builder = cbindgen::Builder::new().with_config(config).with_src(here.join("src/lib.rs"));
    let mut made = Vec::new();
    builder.generate().unwrap().write(&mut made);
    let made = String::from_utf8(made).unwrap();
    let header = here.join("include/datasus.h");
    if std::env::var_os("DATASUS_BLESS").is_some() {
        std::fs::write(&header, &made).unwrap();
    }
    let committed = std::fs::read_to_string(&header).unwrap_or_default();
    let differs = committed.lines().zip(made.lines()).position(|(was, is)| was != is);
    assert!(committed == made, "include/datasus.h differs from line {:?} on; DATASUS_BLESS=1 writes it anew", differs);
    let functions = made.matches("enum datasus_status datasus_").count() + made.matches("\nuint32_t datasus_").count();
    assert!((25..=52).contains(&functions), "{functions} functions: about 48, and few more");
}
