//! The integration tests of kaskade-testkit, a module for each subject: one program, so that the crate is linked once.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::needless_pass_by_value,
    reason = "a test fails by panicking"
)]

mod anchors;
mod broken;
mod mirror;
mod schema;
