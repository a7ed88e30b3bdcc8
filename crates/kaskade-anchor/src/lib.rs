//! Lives of application anchors, without I/O: who may have which key below the EMSK, who has one, and how they hear of its end.
//!
//! | Room | What | Source |
//! |---|---|---|
//! | [`anchor_key`] | AKMA at the AUSF: who has an anchor key, and what the AAnF is told | TS 33.535, TS 29.535 |
//! | [`emsk`] | the EMSK in custody; root keys of usages, services, slices and domains; holders and retirement | RFC 5295, project profiles |
//! | [`akma`] | K_AKMA in custody, application keys below it and who holds them | TS 33.535 |
//! | [`interception`] | targets of lawful interception, and what an AAnF reports of them | TS 33.128 |
//! | [`erp`] | re-authentication by keys below the EMSK: server and peer | RFC 6696 |
//!
//! Clock, randomness and messages are arguments; messages and effects are results. Keys for others come out guarded, with the
//! record of who has them, and the store releases them. `no_std` with `alloc`.
#![cfg_attr(not(test), no_std)]
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

pub mod akma;
pub mod anchor_key;
pub mod emsk;
pub mod erp;
pub mod interception;

/// The example of the README, compiled and run with the documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

/// The example of docs/emsk.md.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/emsk.md")]
mod page {}
