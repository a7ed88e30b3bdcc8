//! The network functions, one module each, on top of the sans-IO crates.
//!
//! | Module | Speaks |
//! |---|---|
//! | [`udm`] | Nudm_UEAuthentication: UDM, ARPF and SIDF |
//! | [`ausf`] | Nausf_UEAuthentication |
//! | [`aaa`] | EAP-AKA' and EAP-AKA behind RADIUS |
//! | [`aanf`] | Naanf_AKMA: the anchor function of AKMA |
//! | [`li`] | lawful interception of the AAnF: targets, and the feed of its events |
//! | [`nef`] | AKMA for application functions outside |
//! | [`usage_keys`] | keys below the EMSK, a project profile |
//! | [`seaf`] | the serving network's side, as a client of an AUSF |
//!
//! [`policy`] says who may ask for what, and [`budget`] how much.

pub mod aaa;
pub mod aanf;
pub mod access;
mod audit;
pub mod ausf;
pub mod budget;
mod callbacks;
mod kinds;
mod lane;
pub mod li;
pub mod nef;
pub mod policy;
pub mod seaf;
pub mod udm;
pub mod usage_keys;

pub use kinds::KINDS;
