//! The integration tests of kaskade-store, a module for each subject: one program, so that the crate is linked once.

mod algorithm_sets;
mod common;
mod conformance;
mod crash;
mod failures;
mod outages;
mod private;
mod rows;
mod sequence_numbers;
mod subscribers;
