//! The integration tests of kaskade-aka, a module for each subject: one program, so that the crate is linked once.

mod algorithm_sets;
mod allocations;
mod batch;
mod in_step;
mod other_opinions;
mod parties;
mod recorded_runs;
mod runs;
