//! Back ends on the processor's own instructions: the only unsafe code of this crate.
//!
//! Each has a portable counterpart, is taken at run time when the processor has its instructions, and runs under the
//! same tests. What is unsafe in them is one thing only: to call a function that is compiled for instructions which the
//! processor might not have. A value of a back end's type exists only where it has them.
#![allow(
    unsafe_code,
    reason = "calls into functions compiled for instructions that were found at run time"
)]

#[cfg(target_arch = "x86_64")]
pub(crate) mod aes_ni;
