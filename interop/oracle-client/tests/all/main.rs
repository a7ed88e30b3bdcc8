//! The integration tests of kaskade-oracle, a module for each subject: one program, so that the crate is linked once.

mod aes;
mod algorithm_sets;
mod nxa256;
mod snow3g;
mod two_opinions;
mod zuc;
