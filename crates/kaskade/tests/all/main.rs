//! The integration tests of kaskade, a module for each subject: one program, so that the crate is linked once.

mod algorithm_sets;
mod cli;
mod common;
mod derive_key;
mod doors;
mod explain;
mod hn_key_file;
mod import;
mod network;
mod picture;
mod usual_way;
