//! For tests only: what the tests of several crates, and of engines that somebody else writes, have in common.
//!
//! | Room | What |
//! |---|---|
//! | [`kept`] | one test over each engine |
//! | [`memory`] | an engine in memory, which fails on request |
//! | [`power_loss`] | a disk whose power can be cut: what was not synced is gone, torn or there |
//! | [`postgres`] | a PostgreSQL in a temporary folder |
//! | [`conformance`] | the suite that every engine must pass, and what is built on engines with it |
//! | [`schema`] | what a service answers, and what it is asked, checked against a description of it |
//! | [`subscribers`] | subscribers by number, and the credentials of one in a store |
//! | [`clock`] | a clock that tests turn |
//! | [`random`] | the same random numbers in every run |
//!
//! It uses nothing of the other crates but what is public there, so that another engine is tried as the project's own are
//! (README: "Try your own engine"). No program has it: it stands under `[dev-dependencies]` only, and `cargo xtask layers` checks that.
#![allow(clippy::panic, reason = "a helper of tests fails by panicking")]
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::needless_pass_by_value,
        reason = "a test fails by panicking"
    )
)]

pub mod clock;
pub mod conformance;
pub mod kept;
pub mod memory;
pub mod postgres;
pub mod power_loss;
pub mod random;
pub mod schema;
pub mod subscribers;

/// The example of the README, compiled and run with the documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
