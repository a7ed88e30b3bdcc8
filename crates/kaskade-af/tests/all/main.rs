//! The integration tests of kaskade-af, a module for each subject: one program, so that the crate is linked once.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::needless_pass_by_value,
    reason = "a test fails by panicking, prints what it saw, and casts its own constants"
)]

mod coap;
mod common;
mod curl;
mod keys;
mod listen;
mod login;
mod notify;
#[path = "../../examples/akma_coap/oscore.rs"]
#[allow(
    clippy::cast_possible_truncation,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "as in the example"
)]
mod oscore;
mod proxy;
#[cfg(feature = "psk")]
mod psk;
mod serve;
#[path = "../../examples/akma_coap/server.rs"]
#[allow(clippy::expect_used, clippy::indexing_slicing, reason = "as in the example")]
mod server;
mod tokens;
mod wire;
