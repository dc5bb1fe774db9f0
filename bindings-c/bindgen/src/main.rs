//! `cargo run -- generate --library <libdatasus.so> --language ruby --out-dir <folder>`.

fn main() {
    uniffi::uniffi_bindgen_main()
}
