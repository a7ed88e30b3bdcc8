//! Says whether the back ends on the instructions of x86-64 are compiled: `cfg(x86_back_ends)`.
//!
//! A build with `--cfg kaskade_portable` has what any other processor has, to check it on this one.
#![allow(clippy::print_stdout, reason = "how a build script speaks to cargo")]

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(x86_back_ends)");
    let is_x86_64 = std::env::var("CARGO_CFG_TARGET_ARCH").is_ok_and(|arch| arch == "x86_64");
    if is_x86_64 && std::env::var_os("CARGO_CFG_KASKADE_PORTABLE").is_none() {
        println!("cargo::rustc-cfg=x86_back_ends");
    }
}
