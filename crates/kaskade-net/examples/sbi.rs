//! Prints `docs/sbi.md`: `cargo run -p kaskade-net --example sbi > docs/sbi.md`.
#![allow(clippy::print_stdout, reason = "it prints")]

fn main() {
    print!("{}", kaskade_net::services::page());
}
