//! Byte formats of the cascade: a checked view and a parsed value for each, no I/O. What guards a packet is computed in `kaskade-crypto`.
//!
//! | Room | What | Source |
//! |---|---|---|
//! | [`akma_oscore`] | the set-up of OSCORE with K_AF, for both ends | TS 33.535 Annex D, project profile |
//! | [`eap`] | EAP packets, messages of EAP-AKA and EAP-AKA' | RFC 3748, 4187, 9048, 9678 |
//! | [`erp`] | re-authentication by keys below an EMSK: Initiate, Finish, Re-auth-Start | RFC 6696 |
//! | [`hex`](mod@hex) | hexadecimal digits of secrets, in constant time | – |
//! | [`hostapd_auc`] | how hostapd asks an AuC for vectors | hostap 2.10 |
//! | [`http_digest`] | HTTP Digest for both ends, and its profile for AKMA | RFC 7616, TS 33.535 Annex B |
//! | [`radius`] | packets and attributes of RADIUS, for both ends | RFC 2865, RFC 3579 |
//! | [`sbi`] | bodies and paths of the service-based interfaces | TS 29.500, TS 29.571 |
//! | [`usim_file`] | files of the card that hold keys or what keys need: EF_SUCI_Calc_Info | TS 31.102 |
//!
//! A parser never panics, says where the input is wrong and what it expected, and `emit(parse(x))` gives back `x` up to
//! the freedoms that the parser's documentation names. `no_std` with `alloc`.
#![cfg_attr(not(test), no_std)]
#![deny(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]
#![cfg_attr(
    test,
    allow(
        clippy::panic,
        clippy::unwrap_used,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::print_stdout,
        clippy::print_stderr,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::needless_pass_by_value,
        reason = "a test fails by panicking, prints what it saw, and casts its own constants"
    )
)]

extern crate alloc;

pub mod akma_oscore;
pub mod eap;
pub mod erp;
pub mod hex;
pub mod hostapd_auc;
pub mod http_digest;
pub mod radius;
pub mod sbi;
pub mod usim_file;

/// The example of the README, compiled and run with the documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
