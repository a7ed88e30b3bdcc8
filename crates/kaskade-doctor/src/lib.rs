//! Explains keys: derivations with their octets, ways through the hierarchy, leaks, comparisons, and pictures of it all.
//!
//! | Room | What |
//! |---|---|
//! | [`hierarchy`] | the graph of keys as trees: places, holders, lengths |
//! | [`lookup`] | what a word stands for: a key, an FC, a clause; "did you mean …?" |
//! | [`notation`] | how a key, an input or a way is written for the program |
//! | [`given`] | what somebody has: keys and inputs, and who says them |
//! | [`plan`] | which derivations lead from what is given to a key, and what they still need |
//! | [`explain`] | a derivation as text and JSON, with the ruler under its S; trees, tables, leaks, whole pages |
//! | [`side`], [`tree_view`] | the keys that one side of an authentication has, and two sides compared in a tree |
//! | [`picture`] | the hierarchy as an SVG and as a page to explore |
//! | [`sheet`] | what the output can show: columns, colours, alphabet |
//! | [`discretion`] | what may be a secret, and messages without it |
//!
//! Everything comes from the rows of [`kaskade_keys::tree`]: a derivation that is added there is explained here. Nothing is
//! read or written; octets of keys appear only where the caller asks for them.
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

mod digits;
pub mod discretion;
pub mod explain;
pub mod given;
pub mod hierarchy;
pub mod lookup;
pub mod notation;
pub mod picture;
pub mod plan;
pub mod sheet;
pub mod side;
pub mod tree_view;

/// The example of the README, compiled and run with the documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
