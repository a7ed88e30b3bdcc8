//! The integration tests of kaskade-store, a module for each subject: one program, so that the crate is linked once.
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

mod afar;
mod algorithm_sets;
mod audit;
mod audit_age;
mod audit_close;
mod audit_crash;
mod audit_heads;
mod audit_older;
mod common;
mod conformance;
mod copies;
mod crash;
mod damaged;
mod failures;
mod going_back;
mod lives;
mod old_stores;
mod on_record;
mod once_more;
mod outages;
mod postgres;
mod power_loss;
mod private;
mod record_loss;
mod record_order;
mod record_outages;
mod restored;
mod rows;
mod sequence_numbers;
mod subscribers;
