//! The integration tests of kaskade-af, a module for each subject: one program, so that the crate is linked once.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::needless_pass_by_value,
    reason = "a test fails by panicking, prints what it saw, and casts its own constants"
)]

mod common;
mod curl;
mod keys;
mod listen;
mod login;
mod notify;
mod proxy;
mod wire;
