//! The integration tests of kaskade-keys, a module for each subject: one program, so that the crate is linked once.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::needless_pass_by_value,
    reason = "a test fails by panicking, prints what it saw, and casts its own constants"
)]

mod closed_doors;
mod every_row;
mod graph;
mod identities;
mod lanes;
mod no_other_hmac;
mod other_opinions;
mod oxirush;
mod rows;
mod usages;
mod usual_ways;
mod vectors_5gs;
mod vectors_apps;
mod vectors_eps;
mod vectors_umts;
mod wrong_keys;
