//! Registration at an NRF (Nnrf_NFManagement, TS 29.510 5.2.2): a profile is put there, kept alive, and removed at the end. And discovery
//! of peers (Nnrf_NFDiscovery, TS 29.510 5.3.2), by routing indicator.
//!
//! ```text
//! PUT nf-instances/{id} ── 200 or 201 with heartBeatTimer
//! PATCH each heartBeatTimer ── 204, 200; 404: PUT again
//! DELETE at the end
//! ```
//!
//! An NRF that is not there is asked again, and nothing waits for it: the services run without.

mod discovery;
mod peers;
mod profile;
mod registration;

pub use discovery::{NotDiscovered, Wanted};
pub use peers::{PEERS_OCTETS, Peers};
pub use profile::{Address, NfProfile, NotAnAddress};
pub use registration::{Registration, RegistrationState};
