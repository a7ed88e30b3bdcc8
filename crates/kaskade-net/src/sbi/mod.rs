//! The service-based interface: HTTP/2 server and client, JSON bodies, problems (TS 29.500, TS 29.501).
//!
//! | Module | What |
//! |---|---|
//! | [`server`] | accept loop, graceful shutdown |
//! | [`limits`] | how much peers may use, and what that costs at most |
//! | [`message`] | one request with its checks, one reply |
//! | [`peer`] | who is at the other end: certificate or address |
//! | [`problem`] | `ProblemDetails`, made of a refusal; what a peer said when it refused |
//! | [`service`](mod@service) | one declaration per operation: trait, router, client, link, data |
//! | [`write`](mod@write) | bodies as octets, in buffers that are wiped where that is needed |
//! | [`client`] | one multiplexed connection per peer |
//! | [`tls`] | TLS 1.3 for both ends |
//! | [`token`] | access tokens |

pub(crate) mod accept;
mod body;
mod budget;
pub mod client;
pub(crate) mod connection;
pub(crate) mod doors;
mod executor;
mod frames;
mod head;
pub mod limits;
mod media_type;
pub mod message;
mod misfit;
#[cfg(feature = "test-util")]
pub mod parsers;
pub mod peer;
mod preface;
pub mod problem;
pub mod server;
pub mod service;
pub mod tls;
pub mod token;
pub(crate) mod watched;
pub mod write;
