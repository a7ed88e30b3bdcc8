//! What the network functions share: how an answer waits for what it depends on, without I/O.
//!
//! | Room | What |
//! |---|---|
//! | [`release`] | [`Guarded`]: made, and not to be told yet; [`Durable`]: what it depends on is durable and its release is on record |
//!
//! `no_std` with `alloc`: clocks, random numbers, files and sockets are the callers'.
#![no_std]
#![cfg_attr(
    test,
    allow(
        clippy::panic,
        clippy::unwrap_used,
        clippy::print_stdout,
        clippy::print_stderr,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::needless_pass_by_value,
        reason = "a test fails by panicking, prints what it saw, and casts its own constants"
    )
)]
#![deny(clippy::unwrap_used, clippy::indexing_slicing)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod release;

pub use release::{Cover, Durable, Guarded};

/// The example of the README, compiled and run with the documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
