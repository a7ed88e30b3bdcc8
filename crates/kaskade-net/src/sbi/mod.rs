//! The service-based interface: HTTP/2 server and client, JSON bodies, problems (TS 29.500, TS 29.501).
//!
//! | Module | What |
//! |---|---|
//! | [`server`] | accept loop, graceful shutdown |
//! | [`limits`] | how much peers may use, and what that costs at most |
//! | [`message`] | one request with its checks, one reply |
//! | [`path`] | path segments and percent-decoding |
//! | [`peer`] | who is at the other end: certificate or address |
//! | [`problem`] | `ProblemDetails`, made of a refusal; what a peer said when it refused |
//! | [`json`] | members that know their JSON Pointer; a writer |
//! | [`model`] | the bodies of Nausf and Nudm, parsed into types |
//! | [`client`] | one multiplexed connection per peer |
//! | [`tls`] | TLS 1.3 for both ends |

mod body;
mod budget;
pub mod client;
mod connection;
pub(crate) mod doors;
mod executor;
mod frames;
mod head;
pub mod json;
pub mod limits;
mod media_type;
pub mod message;
mod misfit;
pub mod model;
#[cfg(feature = "test-util")]
pub mod parsers;
pub mod path;
pub mod peer;
mod preface;
pub mod problem;
pub mod server;
mod strict;
pub mod tls;
mod watched;
