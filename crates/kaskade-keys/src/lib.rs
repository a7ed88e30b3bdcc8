//! The 3GPP key hierarchy: one type per key, one row per derivation, and the identities that enter them.
//!
//! A derivation is declared once, as a [`derivation::Row`]: parent, child, FC, parameters with their encoding, the bits
//! that are kept, who derives and who holds the key, and the clause. From the row come the typed method on the parent
//! ([`fivegs::KSeaf::k_amf`]), its documentation, the [`tree`], and the octet-by-octet [`derivation::Transcript`] that
//! explains one derivation. [`lanes`] derive from sixteen parents at once, out of the same rows.
//!
//! ```text
//! K ── CK, IK, RES, AK                                        TS 33.102 6.3, TS 35.206
//!      └─ K_AUSF                                              TS 33.501 A.2
//!         └─ K_SEAF                                           TS 33.501 A.6
//!            └─ K_AMF                                         TS 33.501 A.7
//!               ├─ K_NASenc, K_NASint                         TS 33.501 A.8
//!               ├─ K_N3IWF                                    TS 33.501 A.9
//!               └─ K_gNB, NH                                  TS 33.501 A.9, A.10
//!                  └─ K_RRCenc, K_RRCint, K_UPenc, K_UPint    TS 33.501 A.8
//! ```
//!
//! ```
//! use kaskade_crypto::{Amf, K, Op, Opc, Rand, Sqn, milenage::Milenage};
//! use kaskade_keys::derivation::Prepared;
//! use kaskade_keys::umts::{CkIk, SqnXorAk};
//! use kaskade_keys::{Abba, ServingNetworkName, Supi};
//!
//! let (k, op) = (K::from_octets(&[0x46; 16]), Op::from_octets(&[0xcd; 16]));
//! let rand = Rand::from_octets([0x23; 16]);
//! let sqn = Sqn::from_octets([0, 0, 0, 0, 0, 32]);
//! let vector = Milenage::new(&k, &Opc::derive(&k, &op)).vector(&rand, sqn, Amf::SEPARATION);
//! let network = ServingNetworkName::new("001-01".parse()?, None);
//! let k_ausf = Prepared::<CkIk>::from_ck_ik(&vector.ck, &vector.ik).k_ausf(&network, &SqnXorAk::from(&vector.autn()));
//! let supi: Supi = "imsi-001010000000001".parse()?;
//! let k_amf = k_ausf.k_seaf(&network).k_amf(&supi, &Abba::INITIAL);
//! assert_eq!(format!("{k_amf:?}"), "K_AMF(…)");
//! # Ok::<(), kaskade_keys::ParseError>(())
//! ```
//!
//! The crate does no I/O and is `no_std` (with `alloc` for identities of variable length).
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
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

pub mod akma;
pub mod best;
pub mod derivation;
pub mod eap;
pub mod emsk;
pub mod eps;
pub mod fivegs;
pub mod gba;
pub mod gsm;
pub mod id;
pub mod interworking;
pub mod lanes;
pub mod pc5;
pub mod ran;
pub mod ranging;
pub mod tree;
pub mod umts;

pub use id::{
    AKid, Abba, AccessType, CipheringAlgorithm, Gpsi, HnKeyId, HomeRealm, Imsi, IntegrityAlgorithm, Nai, NasCount, Nid,
    ParseError, Plmn, ProtectionScheme, RoutingIndicator, SchemeOutput, ServingNetworkName, Suci, Supi, UplinkCount,
};

/// The example of the README, compiled and run with the documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
