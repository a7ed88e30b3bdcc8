//! Compiles the C shims over ipsec-mb and OpenSSL and links both libraries.

fn main() {
    for shim in ["ipsec_mb", "openssl"] {
        let source = format!("shim/{shim}.c");
        println!("cargo:rerun-if-changed={source}");
        cc::Build::new()
            .file(&source)
            .opt_level(3)
            .std("c11")
            .extra_warnings(true)
            .warnings_into_errors(true)
            .compile(&format!("kaskade_peers_{shim}"));
    }
    println!("cargo:rustc-link-lib=IPSec_MB");
    println!("cargo:rustc-link-lib=crypto");
}
