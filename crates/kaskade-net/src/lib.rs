//! Thin drivers: HTTP/2, TLS, and the network functions on top of the sans-IO crates.
//!
//! | Room | What | Source |
//! |---|---|---|
//! | [`sbi`] | HTTP/2 server and client, TLS 1.3, routes, `ProblemDetails` | TS 29.500, TS 29.501 |
//! | [`services`] | what roles serve and ask for: a declaration each | TS 29.503, TS 29.509 |
//! | [`role`] | UDM (with ARPF and SIDF), AUSF, and the SEAF's side as a client | TS 29.503, TS 29.509 |
//! | [`node`] | the roles that run in one process, and their sockets | – |
//! | [`hostapd_auc`](mod@hostapd_auc) | vectors for hostapd's EAP server, in a laboratory | hostap 2.10 |
//! | [`admin`] | the server of administration: HTTP/1.1 and HTTP/2 over TCP, TLS and Unix sockets | – |
//! | [`nrf`] | registration of the roles at an NRF | TS 29.510 |
#![cfg_attr(
    feature = "psk",
    doc = "| [`psk`] | TLS 1.3, TLS 1.2 and DTLS 1.2 with pre-shared keys | RFC 8446, RFC 4279, RFC 6347 |"
)]
//! | [`tap`] | fingerprints of the keys that a role holds, for the demonstration | – |
//! | [`count`](mod@count) | counters that cost next to nothing | – |
//! | [`live`] | what is replaced while it is in use | – |
//! | [`log_limit`](mod@log_limit) | repeated lines of the log, limited and counted | – |
//! | [`radius`] | EAP over RADIUS, for access gateways, over UDP and TLS | RFC 2865, RFC 3579, RFC 6614 |
//! | [`random`] | RAND and identifiers, from the kernel | TS 33.102 6.3.2 |
//! | [`time`] | the clocks of the process | – |
//!
//! A request is parsed once into types of `kaskade-keys` and `kaskade-crypto`; what it does to keys and sequence numbers is
//! decided in `kaskade-aka` and `kaskade-store`. Here are sockets, limits, and contexts that expire.
//!
//! ```no_run
//! # async fn example(store: std::sync::Arc<kaskade_store::SubscriberStore>) -> Result<(), Box<dyn std::error::Error>> {
//! use kaskade_keys::Plmn;
//! use kaskade_net::node::{AusfRole, Node, NodeOptions, UdmRole};
//! use kaskade_net::role::ausf::AusfOptions;
//! use kaskade_net::role::policy::ServingNetworkPolicy;
//! use kaskade_net::role::udm::UdmOptions;
//! use kaskade_codec::sbi::NfInstanceId;
//!
//! let policy = ServingNetworkPolicy::plmns([Plmn::new("001", "01")?]);
//! let id = NfInstanceId::from_random(kaskade_net::random::random_octets()?);
//! let udm_options = UdmOptions { serving_networks: policy.clone(), ..UdmOptions::default() };
//! let node = Node::start(NodeOptions {
//!     udm: Some(UdmRole {
//!         store,
//!         options: udm_options,
//!         uecm: None,
//!         listen: Some("127.0.0.1:7778".parse()?),
//!         server: Default::default(),
//!     }),
//!     ausf: Some(AusfRole {
//!         options: AusfOptions::new(id, policy),
//!         listen: "127.0.0.1:7777".parse()?,
//!         server: Default::default(),
//!         udm: None,
//!         akma: None,
//!     }),
//!     ..NodeOptions::default()
//! })?;
//! println!("{:?} {:?}", node.ausf_url(), node.udm_url());
//! node.shutdown().await;
//! # Ok(())
//! # }
//! ```
#![cfg_attr(not(feature = "psk"), forbid(unsafe_code))]
#![cfg_attr(
    test,
    allow(
        clippy::panic,
        clippy::unwrap_used,
        clippy::print_stdout,
        clippy::print_stderr,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::needless_pass_by_value,
        reason = "a test fails by panicking, prints what it saw, and casts its own constants"
    )
)]

pub mod admin;
pub mod count;
pub mod hostapd_auc;
pub mod live;
pub mod log_limit;
pub mod node;
pub mod nrf;
#[cfg(feature = "psk")]
pub mod psk;
pub mod radius;
pub mod random;
pub mod role;
pub mod sbi;
pub mod services;
pub mod tap;
pub mod time;

/// The example of the README, compiled and run with the documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
