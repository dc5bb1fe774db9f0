fn main() {
    // Also keeps the addon in memory when the last worker that loaded it ends: threads of ours may still be in it.
    napi_build::setup();
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux") {
        // libduckdb lies beside the addon.
        println!("cargo:rustc-cdylib-link-arg=-Wl,-rpath,$ORIGIN");
    }
}
