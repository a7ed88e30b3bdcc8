//! The integration tests of kaskade-net, a module for each subject: one program, so that the crate is linked once.
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

mod aaa;
mod access;
mod admin;
mod akma;
mod anchor_keys;
mod audit;
mod authentication;
mod bad_input;
mod budgets;
mod cancelled;
mod common;
mod connection;
mod contract;
mod crowds;
mod curl;
mod custody;
mod declarations;
mod deregistration;
mod discovery;
mod eap;
mod going_back;
mod in_work;
mod memory;
mod misfits;
mod models;
mod nef;
mod nrf;
mod one_service;
mod owners;
#[cfg(feature = "psk")]
mod psk;
mod radius;
mod renewal;
mod scas;
mod sharing;
mod strict;
mod tls;
mod tokens;
mod uecm;
mod usage_keys;
mod wiped;

/// What is built with the feature `psk` is tested with it.
#[cfg(not(feature = "psk"))]
#[test]
fn pre_shared_keys() {
    kaskade_oracle::not_here(
        "TLS with pre-shared keys (built without the feature psk of kaskade-net, which needs libssl)",
    );
}
