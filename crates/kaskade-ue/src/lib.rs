//! The device's mirror of every derivation: a USIM, and the ME that names itself, answers challenges and holds keys.
//!
//! | Room | What | Source |
//! |---|---|---|
//! | [`card`] | how a card begins, and what it must not forget | TS 33.102 Annex C.2 |
//! | [`identity`] | how a UE names itself: SUPI, null SUCI, SUCI concealed anew | TS 33.501 6.12, Annex C |
//! | [`device`] | the ME with its card, from one registration to the next, as stages | TS 33.501 6.1.3.2, TS 24.501 5.4.1.3 |
//! | [`eap`] | the same by EAP-AKA', EAP-AKA and fast re-authentication, packet by packet | RFC 9048, RFC 4187, TS 33.501 6.1.3.1 |
//! | [`context`] | the keys that it holds: the anchor of K_AUSF and K_SEAF, the NAS security context and what is below | TS 33.501 6.2.2, Annex A |
//! | [`usage`] | the keys of usages below its EMSK | RFC 5295 |
//! | [`akma`] | K_AKMA, its A-KID and keys of application functions, below the K_AUSF that is stored | TS 33.535 6.1 |
//! | [`demo`] | cards that follow from a seed, for tests and measurements | – |
//!
//! The card itself is [`kaskade_aka::usim`], and one exchange of 5G AKA is [`kaskade_aka::fivegs::ue`]: what both ends of an
//! authentication must agree in stays together there. Here is what a device does around them, and what it keeps.
//!
//! ```text
//!                 start            challenge             kept               security_mode
//! Device ──────────────▶ AwaitingChallenge ──▶ Accepted ──▶ AwaitingSecurityMode ──▶ Device with Anchor and Context
//!    ▲                     │  ▲   │                                │
//!    │  abandon            │  └───┘ AUTHENTICATION FAILURE, twice  │ rejected
//!    └─────────────────────┴──── the third failure in a row ───────┘
//! ```
//!
//! `no_std` with `alloc`: messages, randomness and the selection of algorithms are arguments.
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
#![deny(clippy::unwrap_used, clippy::indexing_slicing)]

extern crate alloc;

pub mod akma;
pub mod card;
pub mod context;
pub mod demo;
pub mod device;
pub mod eap;
pub mod identity;
pub mod usage;

pub use akma::{Akma, Home, NoAkma, Oscore};
pub use context::{Anchor, Context};
pub use device::{Accepted, Answer, AwaitingChallenge, AwaitingSecurityMode, Challenge, Device};
pub use eap::{Eap, EapDevice, EapTold};
pub use identity::{Identity, IdentityError, MobileIdentity};
pub use usage::NamedKey;

/// The example of the README, compiled and run with the documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
