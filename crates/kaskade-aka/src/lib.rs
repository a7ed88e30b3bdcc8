//! Both ends of every authentication, sans-IO: the AuC, the USIM, and 5G AKA for UE, SEAF, AUSF and UDM.
//!
//! | Room | What | Source |
//! |---|---|---|
//! | [`algorithm`] | which functions f1 to f5* a subscription uses, with which secrets; COMP128 of GSM | TS 33.102 6.3, TS 35.206, 35.231, 34.108 |
//! | [`sqn`] | SQN = SEQ ‖ IND, the three generation schemes, the AuC's policy | TS 33.102 Annex C |
//! | [`auc`] | authentication vectors, triplets, and the check of AUTS | TS 33.102 6.3.2, 6.3.5, 6.8.1.2 |
//! | [`arpf`] | the one door to vectors: 5G HE AV, AV', EPS AV, quintet, triplet, asked by operation | TS 33.501 6.1.3, TS 33.401 6.1.2, TS 33.402 6.2 |
//! | [`eap_aka`] | EAP-AKA' and EAP-AKA of server and peer, with forward secrecy, pseudonyms and fast re-authentication | RFC 9048, 4187, 9678 |
//! | [`usim`] | the card: MAC-A, freshness, AUTS | TS 33.102 6.3.3, Annex C.2 |
//! | [`fivegs`] | 5G AKA of UDM, AUSF, SEAF and UE, and the keys below K_AMF | TS 33.501 6.1.3.2, Annex A |
//! | [`visit`] | who wants to see the keys of a run: fingerprints, or on request octets | – |
//!
//! Clock, randomness and messages are arguments; messages and effects are results. A stage that must happen once takes
//! `self`. `no_std` with `alloc`.
//!
//! ```
//! use kaskade_aka::auc::{self, Credentials};
//! use kaskade_aka::usim::{Usim, UsimOptions};
//! use kaskade_crypto::{K, Opc, Rand, Sqn};
//!
//! let card = Credentials::new(K::from_octets(&[0x46; 16]), Opc::from_octets(&[0xcd; 16]));
//! let sqn = Sqn::new(32).expect("48 bits");
//! let quintet = auc::quintet(&card, &Rand::from_octets([0x23; 16]), sqn);
//!
//! let mut usim = Usim::new(&card.keys, UsimOptions::default());
//! let answer = usim.authenticate(&quintet.rand, &quintet.autn).expect("a fresh challenge");
//! assert!(answer.res == quintet.xres);
//! // The same challenge again is not fresh.
//! assert!(usim.authenticate(&quintet.rand, &quintet.autn).is_err());
//! ```
#![cfg_attr(not(test), no_std)]
#![cfg_attr(
    test,
    allow(
        clippy::panic,
        clippy::unwrap_used,
        clippy::print_stdout,
        clippy::print_stderr,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::needless_pass_by_value,
        reason = "a test fails by panicking, prints what it saw, and casts its own constants"
    )
)]

extern crate alloc;

pub use kaskade_crypto::subscription as algorithm;
pub mod arpf;
pub mod auc;
pub mod eap_aka;
pub mod fivegs;
pub mod sqn;
pub mod usim;
pub mod visit;

/// The example of the README, compiled and run with the documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
