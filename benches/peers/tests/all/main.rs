//! The integration tests of kaskade-peers, a module for each subject: one program, so that the crate is linked once.

mod differential;
mod known_answers;
