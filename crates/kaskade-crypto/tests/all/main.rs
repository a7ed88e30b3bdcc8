//! The integration tests of kaskade-crypto, a module for each subject: one program, so that the crate is linked once.
//!
//! `no_allocation` is a program of its own: its allocator counts.
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

mod aes;
mod ecies;
mod gsm;
mod kdf;
mod kdf_batch;
mod known_answers;
mod milenage;
mod nxa256;
mod seal;
mod snow3g;
mod tuak;
mod wiped;
mod xor_test;
mod zuc;
