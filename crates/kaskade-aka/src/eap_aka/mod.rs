//! EAP-AKA', EAP-AKA and EAP-AKA' with forward secrecy, both ends, as machines without I/O (RFC 9048, 4187, 9678; TS 33.402,
//! TS 33.501 Annex F).
//!
//! | Room | What |
//! |---|---|
//! | [`server`] | [`Server`](server::Server): asks its driver for users, vectors and a word of confirmation; gives keys |
//! | [`peer`] | [`Peer`](peer::Peer): asks its driver for the card; gives keys |
//! | [`identity`] | what an identity says, by its form |
//! | [`names`] | pseudonyms and identities of fast re-authentications |
//!
//! ```text
//! peer                                  server                                      driver of the server
//!  ├─ EAP-Response/Identity ─────────────►├─ User(claim) ───────────────────────────────►│
//!  │                                      │◄──────────────── Subscriber(SUPI) ────────────┤
//!  │                                      ├─ Vector ────────────────────────────────────►│
//!  │◄─ Challenge: RAND, AUTN, AT_MAC ─────┤◄──────────────── AV' or quintet, names ──────┤
//!  ├─ Challenge: RES, AT_MAC ────────────►├─ Confirm ───────────────────────────────────►│
//!  │◄─ EAP-Success ───────────────────────┤◄──────────────── may, or may not ────────────┤
//!  MSK, EMSK                              MSK, EMSK
//! ```

mod checkcode;
pub mod identity;
mod keys;
pub mod names;
mod network;
pub mod peer;
mod policy;
pub mod server;

pub use network::NetworkName;
pub use policy::{ForwardSecrecy, KDF_SHA_256, Profile, ServerPolicy, group, kdf_fs};
