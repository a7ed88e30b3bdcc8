//! Prints `docs/scas.md`: `cargo run -p kaskade-net --example scas > docs/scas.md`.
#![allow(clippy::print_stdout, reason = "it prints")]

/// Which tests show which cases: it stands beside them.
#[path = "../tests/all/scas/table.rs"]
#[allow(dead_code, reason = "the tests read the rows too")]
mod table;

fn main() {
    print!("{}", table::page());
}
