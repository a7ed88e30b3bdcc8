//! The 5G branch: from CK, IK to the keys of NAS, RRC and user plane (TS 33.501 Annex A).
//!
//! ```text
//! CK ‖ IK ─┬─ RES*, XRES* ── HRES*, HXRES*                                     A.4, A.5
//!          └─ K_AUSF ─┬─ SoR-MAC-I, UPU-MAC-I                                  A.2; A.17 to A.20
//!                     └─ K_SEAF ── K_AMF ─┬─ K_NASenc, K_NASint, K_AMF'        A.6, A.7; A.8, A.13
//!                                         ├─ K_N3IWF, K_WAGF                   A.9
//!                                         ├─ K_TNGF, K_TWIF ── K_TNAP …        A.9, A.22
//!                                         ├─ NH                                A.10
//!                                         └─ K_gNB ── K_RRCenc, K_RRCint,
//!                                                     K_UPenc, K_UPint         A.9, A.8
//! ```

mod access_stratum;
mod authentication;
mod home_control;
mod nas;
mod non_3gpp;
mod response;
mod serving_network;

use crate::derivation::{Row, joined};

pub use access_stratum::*;
pub use authentication::*;
pub use home_control::*;
pub use nas::*;
pub use non_3gpp::*;
pub use response::{HASH_ROWS, HresStar, HxresStar, ROW_HRES_STAR, ROW_HXRES_STAR};
pub use serving_network::*;

/// The derivations of this branch by the KDF of TS 33.220.
pub static ROWS: &[&Row] = joined![
    authentication::ROWS,
    serving_network::ROWS,
    nas::ROWS,
    access_stratum::ROWS,
    non_3gpp::ROWS,
    home_control::ROWS,
];
