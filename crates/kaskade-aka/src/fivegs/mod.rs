//! 5G AKA as consumed stages, one file per party, and the keys below K_AMF (TS 33.501 6.1.3.2, Annex A).
//!
//! ```text
//! UE                    SEAF                        AUSF                         UDM/ARPF
//!                                                                                udm::he_av
//!                                                   ausf::Challenged  ◄── 5G HE AV ──
//!                       seaf::AwaitingResponse ◄── 5G SE AV ──
//! ue::Ue::challenge ◄── RAND, AUTN, ABBA ──
//!    ── RES* ─────────► HRES* = HXRES*?
//!                       seaf::AwaitingHome ── RES* ──► RES* = XRES*?
//!                       seaf::Anchored    ◄── SUPI, K_SEAF ── ausf::Confirmed
//! keys::FiveGsKeys      keys::FiveGsKeys
//! ```
//!
//! A stage is taken by the step that ends it: an expected answer can be tried once, and a run that failed has nothing left
//! to go on with. [`run`] makes machines of the AUSF's stages, for a driver that keeps many of them.

pub mod ausf;
pub mod cascade;
pub mod keys;
pub mod run;
pub mod seaf;
pub mod udm;
pub mod ue;
