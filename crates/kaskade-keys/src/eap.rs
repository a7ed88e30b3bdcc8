//! EAP methods of 3GPP: EAP-AKA', its fast re-authentication and forward secrecy, and EAP-AKA (RFC 9048, 9678, 4187).
//!
//! ```text
//! CK ‖ IK ─┬─ CK' ‖ IK' ─┬─ MK ─── K_encr, K_aut, K_re, MSK, EMSK        EAP-AKA'
//!          │             └─ MK_ECDHE ─── K_re, MSK, EMSK                 with forward secrecy; MK gives K_encr, K_aut
//!          │     K_re ───── MK of a fast re-authentication ─ MSK, EMSK
//!          └─ MK ─┬─ K_encr, K_aut, MSK, EMSK                            EAP-AKA
//!                 └─ XKEY' ─── MSK, EMSK                                 its fast re-authentication
//! MSK ─┬─ PMK of a WLAN                   EMSK ─── K_AUSF
//!      └─ K_AUSF, where credentials are held outside
//! ```

mod aka;
mod aka_prime;
mod forward_secrecy;
mod protection;
mod session;

use crate::derivation::{Row, joined};

pub use aka::*;
pub use aka_prime::*;
pub use forward_secrecy::*;
pub use protection::AtMacKey;
pub use session::*;

/// The derivations of this branch by other functions than the KDF of TS 33.220.
pub static FUNCTION_ROWS: &[&Row] = joined![
    aka_prime::FUNCTION_ROWS,
    forward_secrecy::FUNCTION_ROWS,
    aka::FUNCTION_ROWS,
    session::FUNCTION_ROWS,
];
