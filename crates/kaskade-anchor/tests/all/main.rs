//! The integration tests of kaskade-anchor, a module for each subject: one program, so that the crate is linked once.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::needless_pass_by_value,
    reason = "a test fails by panicking, prints what it saw, and casts its own constants"
)]

mod akma;
mod anchors;
mod common;
mod custody;
mod erp;
mod erp_peer;
mod interception;
mod life;
mod reauthentication;
mod registry;
mod wrong_keys;
