//! What no part of the crate shows alone.

mod refusals;
