//! Back ends on the processor's own instructions: the only unsafe code of this crate.
//!
//! A folder is an algorithm, with a file or a folder for each kind of instructions; what all of them need stands beside
//! them. Each has a portable counterpart, is taken at run time when the processor has its instructions, and runs under the
//! same tests. Two things in them are unsafe: to call a function that is compiled for instructions which the processor
//! might not have (a value of a back end's type exists only where it has them), and to load or store a vector through a
//! pointer (always that of an array of the vector's size).
#![allow(
    unsafe_code,
    reason = "calls into functions compiled for instructions that were found at run time, and vector loads and stores"
)]

#[cfg(x86_back_ends)]
pub(crate) mod aes;
#[cfg(x86_back_ends)]
pub(crate) mod features;
#[cfg(x86_back_ends)]
pub(crate) mod polyval;
#[cfg(x86_back_ends)]
mod rows;
#[cfg(x86_back_ends)]
pub(crate) mod sha256;
#[cfg(x86_back_ends)]
pub(crate) mod snow3g;
#[cfg(x86_back_ends)]
pub(crate) mod snow5g;
#[cfg(x86_back_ends)]
pub(crate) mod zuc;
