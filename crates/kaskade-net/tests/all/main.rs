//! The integration tests of kaskade-net, a module for each subject: one program, so that the crate is linked once.

mod authentication;
mod bad_input;
mod budgets;
mod common;
mod connection;
mod crowds;
mod curl;
mod memory;
mod models;
mod owners;
mod sharing;
mod tls;
