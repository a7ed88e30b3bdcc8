//! RADIUS for access gateways: EAP over UDP, and over TLS (RFC 2865, RFC 3579, RFC 5080, RFC 6614).
//!
//! | Part | What |
//! |---|---|
//! | [`Clients`] | the gateways and proxies that may ask, by address, with the secret of each |
//! | [`EapServer`] | whoever runs EAP behind them |
//! | [`RadiusServer`] | what becomes of a packet: duplicates, sessions, answers; without a socket |
//! | [`serve_udp`], [`serve_radsec`] | sockets |
//! | [`Figures`] | what is counted |
//!
//! ```text
//! datagram ── client by address ── Packet ── Message-Authenticator ── duplicate? ── session by State ── EapServer
//!                                                                        │                                │ Durable
//! datagram ◀─────────────────────────────────────────────────────────────┴──────────────── answer ◀───────┘
//! ```
//!
//! Whoever has no secret hears nothing and changes nothing: what comes from an address of no client, is no packet, or has no right
//! Message-Authenticator is dropped and counted, before anything looks at its attributes (RFC 3579 3.2). What is refused afterwards is told
//! as the RADIUS column of [`Refusal`](kaskade_flow::Refusal) says.
//!
//! The work on a request goes to its end whatever becomes of the connection or the socket that it came by; while it lasts, a copy of
//! the request is dropped, and another request for the same session too.

mod answer;
mod clients;
mod duplicates;
mod eap_server;
mod figures;
mod radsec;
mod server;
mod sessions;
mod udp;
mod work;

pub use clients::{Client, Clients, NotAPrefix, Prefix, Twice};
pub use eap_server::{Asked, EapAsk, EapServer, EapTold, Granted, Key};
pub use figures::{Dropped, Figures};
pub use radsec::{RadSecOptions, serve_radsec};
pub(crate) use radsec::{Security, serve_radsec_in};
pub use server::{RadiusOptions, RadiusServer};
pub use udp::serve_udp;
