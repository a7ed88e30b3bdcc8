//! Runs the algorithms under valgrind with every secret marked: no branch and no address may depend on one.
//!
//! `cargo xtask constant-time` builds this program twice, with the instructions that valgrind knows and with portable
//! code only, and runs both. Without valgrind it refuses.

mod authentication;
mod check;
mod ciphers;
mod ciphers_256;
mod comparisons;
mod concealment;
mod controls;
mod derivation;
mod gsm;
mod hexadecimal;
mod valgrind;

use std::process::ExitCode;

use check::Checks;

fn main() -> ExitCode {
    if !valgrind::is_running() {
        eprintln!("this program says something under valgrind only: cargo xtask constant-time");
        return ExitCode::from(2);
    }
    let mut checks = Checks::default();
    controls::run(&mut checks);
    derivation::run(&mut checks);
    authentication::run(&mut checks);
    gsm::run(&mut checks);
    hexadecimal::run(&mut checks);
    concealment::run(&mut checks);
    ciphers::run(&mut checks);
    ciphers_256::run(&mut checks);
    comparisons::run(&mut checks);
    if checks.finish() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
