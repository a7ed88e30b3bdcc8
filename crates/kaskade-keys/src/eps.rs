//! The EPS branch: from CK, IK to the keys of NAS, RRC and user plane of LTE (TS 33.401 Annex A).
//!
//! ```text
//! CK ‖ IK ── K_ASME ─┬─ K_NASenc, K_NASint                                     A.2, A.7
//!                    ├─ NAS-token; CK' ‖ IK', CK_SRVCC ‖ IK_SRVCC              A.9; A.8, A.13, A.12
//!                    ├─ NH                                                     A.4
//!                    └─ K_eNB ─┬─ K_eNB*, the next K_eNB                       A.3, A.5
//!                              ├─ K_RRCenc, K_RRCint, K_UPenc, K_UPint         A.7
//!                              └─ S-K_eNB, S-K_gNB, S-K_WT, LWIP-PSK           A.15, Annex G, H
//! ```

mod access_stratum;
mod nas;
mod secondary;
mod utran;

use crate::derivation::{Row, joined};

pub use access_stratum::*;
pub use nas::*;
pub use secondary::*;
pub use utran::*;

/// The derivations of this branch by the KDF of TS 33.220.
pub static ROWS: &[&Row] = joined![nas::ROWS, access_stratum::ROWS, utran::ROWS, secondary::ROWS];
