//! Login with the SIM for applications: the application function of AKMA (TS 33.535), as a layer of axum.
//!
//! ```no_run
//! use axum::{Router, routing::get};
//! use kaskade_af::{Aanf, AkmaClient, AkmaOptions, LoginOptions, SimLogin, SimUser, TlsListener};
//!
//! # async fn example(socket: tokio::net::TcpListener, tls: std::sync::Arc<rustls::ServerConfig>) -> Result<(), Box<dyn std::error::Error>> {
//! let home = Aanf::new("http://127.0.0.1:7780", Default::default())?;
//! let keys = AkmaClient::new("af.example.com".parse()?, home, AkmaOptions::default())?;
//! let login = SimLogin::new(keys, LoginOptions::default())?;
//!
//! let hello = |user: SimUser| async move { format!("Good morning, {}\n", user.name().as_deref().unwrap_or("somebody")) };
//! let app = Router::new().route("/", get(hello)).layer(login);
//! axum::serve(TlsListener::new(socket, tls, 1000)?, app).await?;
//! # Ok(())
//! # }
//! ```
//!
//! | Part | What | Source |
//! |---|---|---|
//! | [`AkmaClient`] | keys of users: asked for once, kept until they expire or are disabled | TS 29.535, TS 29.522 |
//! | [`Aanf`], [`Nef`], [`KeySource`] | who gives them | TS 33.535 6.2, 6.3 |
//! | [`ClientCredentials`] | name and secret, for access tokens of a NEF | RFC 6749 4.4 |
//! | [`SimLogin`], [`SimUser`] | the layer, and what handlers learn | TS 33.535 Annex B, TS 24.109 Annex K |
//! | [`proxy`](mod@proxy) | the same before an application that knows nothing of it | – |
//! | [`TlsListener`], [`TlsBounds`], [`TlsPeer`] | TLS that tells of the cipher suite, and bounds for connections | TS 33.222 5.3 |
//! | [`oscore`] | OSCORE for applications of CoAP: the set-up with K_AF | TS 33.535 Annex D, project profile |
//! | [`serve()`], [`HttpBounds`] | HTTP with bounds for requests, and an end in order | – |
//! | `PskListener`, `PskLogin` | with the feature `psk`: TLS with K_AF itself in place of certificate and Digest | TS 33.535 Annex B |
//!
//! How it fits together, and a program to try: `docs/akma-af.md`. Why: `docs/adr/0019-akma-af.md`.
#![cfg_attr(
    test,
    allow(
        clippy::panic,
        clippy::unwrap_used,
        clippy::indexing_slicing,
        reason = "a test fails by panicking"
    )
)]

mod idle;
mod keys;
mod layer;
mod listen;
mod nonces;
mod notify;
pub mod oscore;
mod peer;
pub mod proxy;
#[cfg(feature = "psk")]
mod psk;
mod serve;
mod share;
mod source;
mod sources;
mod token;
mod user;
mod verify;

pub use keys::{AkmaClient, AkmaOptions, Known, NoKey};
pub use layer::{SimLogin, SimLoginService};
pub use listen::{TlsBounds, TlsConnection, TlsListener, TlsPeer};
#[cfg(feature = "psk")]
pub use psk::{PskListener, PskLogin, PskLoginService, PskPeer};
pub use serve::{HttpBounds, serve};
pub use source::{Aanf, Asked, KeySource, Nef};
pub use token::ClientCredentials;
pub use user::SimUser;
pub use verify::{LoginOptions, UaStar};

/// The example of the README, compiled and run with the documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
