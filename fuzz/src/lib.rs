//! The fuzz targets as a library of their programs: one function per parser, in `targets`.
//!
//! It is empty without the feature `libfuzzer`: the targets need parts of other crates that are for tests only, and no build
//! of the whole workspace is to switch those on. `tests/replay.rs` compiles the same functions with its own dependencies.

#[cfg(feature = "libfuzzer")]
mod targets;
#[cfg(feature = "libfuzzer")]
pub use targets::*;
