//! What the network functions share: how a message becomes a change and an answer, without I/O.
//!
//! | Room | What |
//! |---|---|
//! | [`machine`] | [`Machine`]: a protocol, and what a message makes of it |
//! | [`moment`], [`entropy`] | time and randomness as arguments |
//! | [`expiring`] | bounded tables in which everything expires and has an owner |
//! | [`budget`] | how much may be asked for |
//! | [`event`] | what the audit log holds: entries of 96 octets |
//! | [`record`] | [`Record`]: a durable thing, with its kind, key, secrets, end and indexes |
//! | [`mod@unit`] | [`Unit`]: what happens together: records, messages to others, events |
//! | [`refusal`] | [`Refusal`]: why something is refused, and what each protocol tells of it |
//! | [`release`] | [`Guarded`]: made, and not to be told yet; [`Durable`]: what it depends on is durable and its release is on record |
//!
//! `no_std` with `alloc`: clocks, random numbers, files and sockets are the callers'. With the feature `std` there are tables
//! and budgets behind locks, for threads.
#![no_std]
#![deny(clippy::unwrap_used, clippy::indexing_slicing)]
#![cfg_attr(
    test,
    allow(
        clippy::panic,
        clippy::unwrap_used,
        clippy::indexing_slicing,
        clippy::print_stdout,
        clippy::print_stderr,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::needless_pass_by_value,
        reason = "a test fails by panicking, prints what it saw, and casts its own constants"
    )
)]

extern crate alloc;
#[cfg(any(test, feature = "std"))]
extern crate std;

pub mod budget;
pub mod entropy;
pub mod event;
pub mod expiring;
pub mod machine;
pub mod moment;
pub mod record;
pub mod refusal;
pub mod release;
pub mod unit;

pub use entropy::{Entropy, NoRandomness};
pub use machine::{Machine, Step};
pub use moment::{Moment, UnixMillis};
pub use record::Record;
pub use refusal::{Refusal, Refused};
pub use release::{Cover, Durable, Guarded};
pub use unit::Unit;

/// The example of the README, compiled and run with the documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
