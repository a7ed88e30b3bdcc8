//! ARPF and AuC: the one door to vectors, whatever the interface (TS 33.102 6.3.2, TS 33.401 6.1.2, TS 33.501 6.1.3).
//!
//! A role asks by operation. The operation decides by which method the subscriber must be allowed to authenticate, whether
//! the AMF separation bit is set, and what becomes of the quintet:
//!
//! | Operation | Method | Separation bit | Result |
//! |---|---|---|---|
//! | [`FiveGHeAv`] | [`Method::FiveGAka`] | 1 | [`HeAv5g`]: RAND, AUTN, XRES*, K_AUSF |
//! | [`EapAkaPrimeAv`] | [`Method::EapAkaPrime`] | 1 | [`AvPrime`]: RAND, AUTN, XRES, CK' ‖ IK' |
//! | [`EpsAv`] | [`Method::EpsAka`] | 1 | [`EpsVector`]: RAND, AUTN, XRES, K_ASME |
//! | [`UmtsAv`] | [`Method::UmtsAka`] | 0 | [`Quintet`]: RAND, AUTN, XRES, CK, IK |
//! | [`EapAkaAv`] | [`Method::EapAka`] | 0 | [`Quintet`] |
//! | [`EapAkaPrimeQuintet`] | [`Method::EapAkaPrime`] | 1 | [`Quintet`], in a laboratory |
//! | [`GsmTriplet`] | [`Method::GsmAka`] | – | [`Triplet`]: RAND, SRES, Kc |
//!
//! The bit is the operation's whatever the AMF of the subscription says, so that CK and IK that a network without key
//! separation has seen are never those of a vector that EPS or 5GS accepts (TS 33.102 Annex H, TS 33.401 6.1.1).
//! [`EapAkaPrimeQuintet`] breaks that rule: whoever gets one can make the keys of any network of which the card takes its challenge.
//!
//! K and the operator code are borrowed for one call. RAND and SQN are arguments: an SQN must never have been used for this
//! subscription, and be durable as used. Nothing here allocates.
//!
//! ```
//! use kaskade_aka::arpf::{self, EpsAv, Method};
//! use kaskade_aka::auc::Credentials;
//! use kaskade_crypto::{K, Opc, Rand, Sqn};
//!
//! let card = Credentials::new(K::from_octets(&[0x46; 16]), Opc::from_octets(&[0xcd; 16]));
//! let methods = [Method::EpsAka, Method::FiveGAka];
//! let permit = arpf::permit::<EpsAv>(|method| methods.contains(&method))?;
//! let operation = EpsAv { serving_network: "001-01".parse::<kaskade_keys::Plmn>()?.into() };
//! let (rand, sqn) = (Rand::from_octets([0x23; 16]), Sqn::new(32).expect("48 bits"));
//! let vector = permit.vector(&operation, &card, &rand, sqn, &mut ());
//! assert!(vector.autn.amf().separation_bit());
//! // The subscription has no EAP-AKA'.
//! assert!(arpf::permit::<arpf::EapAkaPrimeAv>(|method| methods.contains(&method)).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`HeAv5g`]: crate::fivegs::udm::HeAv5g
//! [`Quintet`]: crate::auc::Quintet
//! [`Triplet`]: kaskade_crypto::gsm::Triplet

mod eap;
mod eps;
mod fivegs;
mod gsm;
mod operation;
mod permit;
mod umts;

pub use crate::auc::{AucError, Credentials};
pub use eap::{AvPrime, EapAkaAv, EapAkaPrimeAv, EapAkaPrimeQuintet};
pub use eps::{EpsAv, EpsVector};
pub use fivegs::FiveGHeAv;
pub use gsm::GsmTriplet;
pub use operation::{Method, Operation, Separation, Service};
pub use permit::{NotAllowed, Permit, permit};
pub use umts::UmtsAv;
