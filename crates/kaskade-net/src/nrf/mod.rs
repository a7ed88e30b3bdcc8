//! Registration at an NRF (Nnrf_NFManagement, TS 29.510 5.2.2): a profile is put there, kept alive, and removed at the end.
//!
//! ```text
//! PUT nf-instances/{id} ── 200 or 201 with heartBeatTimer
//! PATCH each heartBeatTimer ── 204, 200; 404: PUT again
//! DELETE at the end
//! ```
//!
//! An NRF that is not there is asked again, and nothing waits for it: the services run without.

mod profile;
mod registration;

pub use profile::{Address, NfProfile, NotAnAddress};
pub use registration::{Registration, RegistrationState};
