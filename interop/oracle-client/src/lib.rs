//! Asks independent programs for the expected value of a 3GPP computation. For tests only.
//!
//! A test that compares the project with itself proves little. Two other opinions are at hand:
//!
//! | Helper | Program | Knows |
//! |---|---|---|
//! | [`Oracle`] | `interop/oracle/reference.py` (Python, package `cryptography`) | MILENAGE, TUAK, the TS 33.220 KDF, SUCI, EAP-AKA', NAS algorithms |
//! | [`OsmoAucGen`] | `osmo-auc-gen` (Debian package `libosmocore-utils`) | MILENAGE and XOR vectors of 2G/3G, AUTS, COMP128; TUAK from 1.10 on |
//!
//! Two programs speak EAP with ours: [`eapol_test`], a peer with a card in software ([`UsimPeer`]), and [`hostapd`], a server
//! ([`EapServer`]). FreeRADIUS passes on what they say ([`RadiusProxy`]). [`aiocoap`] speaks CoAP under OSCORE. `cargo xtask test` gets them.
//!
//! ```no_run
//! use kaskade_oracle::{Arg, Oracle, octets};
//!
//! let Some(oracle) = Oracle::start() else { return };
//! let (k, opc, rand) = ([0x11; 16], [0x22; 16], [0x33; 16]);
//! let set = oracle.call("milenage", &[Arg::from(&k), Arg::from(&opc), Arg::from(&rand)]);
//! assert_eq!(octets(&set["res"]).len(), 8);
//! ```
//!
//! A missing program fails the test, since a comparison that silently does not happen is worse than none. Whoever
//! cannot install it sets `KASKADE_SKIP_INTEROP=1`: then `start` says that it skips and returns `None`.
//!
//! This crate depends on no other crate of the workspace, but for its tests, and every crate may have it under `[dev-dependencies]`.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::print_stdout,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::needless_pass_by_value,
        reason = "a test fails by panicking, prints what it saw, and casts its own constants"
    )
)]
#![allow(
    clippy::panic,
    clippy::print_stderr,
    reason = "a helper of tests fails by panicking and says why it skips"
)]

mod aiocoap;
mod auc_gen;
mod eap;
mod freeradius;
mod hostap;
mod python;
mod records;

pub use aiocoap::aiocoap;
pub use auc_gen::{GsmVector, OsmoAucGen, UmtsVector};
pub use eap::{Printed, eapol_test, hostapd};
pub use freeradius::{RadiusProxy, radclient};
pub use hostap::{EapServer, UsimPeer};
pub use python::{Arg, Oracle};
pub use records::{RECORDS_VARIABLE, SPOILED_VARIABLE, missing_program, not_here, vectors};

use serde_json::Value;
use std::fmt::Write as _;

/// Environment variable that turns a missing program into a skipped comparison (any value but `0` and the empty one).
pub const SKIP_VARIABLE: &str = "KASKADE_SKIP_INTEROP";

/// The octets of a hex text, as the oracles answer them (any length, upper or lower case).
///
/// # Panics
/// If the value is no text or not hex: the oracle answered something else than the test expects.
#[must_use]
pub fn octets(value: &Value) -> Vec<u8> {
    let Some(text) = value.as_str() else {
        panic!("expected octets as hex text, the oracle answered {value}")
    };
    from_hex(text)
}

fn to_hex(octets: &[u8]) -> String {
    octets
        .iter()
        .fold(String::with_capacity(2 * octets.len()), |mut text, octet| {
            let _ = write!(text, "{octet:02x}");
            text
        })
}

fn from_hex(text: &str) -> Vec<u8> {
    let digit = |c: u8| match char::from(c).to_digit(16).and_then(|digit| u8::try_from(digit).ok()) {
        Some(digit) => digit,
        None => panic!("expected hex, the oracle answered {text:?}"),
    };
    assert!(
        text.len().is_multiple_of(2),
        "expected whole octets, the oracle answered {text:?}"
    );
    text.as_bytes()
        .chunks_exact(2)
        .map(|pair| pair.iter().fold(0, |octet, &c| octet << 4 | digit(c)))
        .collect()
}

/// Whether the environment allows to go on without a program that a test needs.
#[must_use]
pub fn skipping() -> bool {
    std::env::var(SKIP_VARIABLE).is_ok_and(|value| !matches!(value.as_str(), "" | "0"))
}

/// `None` if the environment allows to skip, else a panic that says what is missing and how to get it.
fn missing<T>(what: &str, remedy: &str) -> Option<T> {
    missing_program(what, remedy);
    None
}
