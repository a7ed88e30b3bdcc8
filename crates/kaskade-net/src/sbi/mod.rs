//! The service-based interface: HTTP/2 server and client, JSON bodies, problems (TS 29.500, TS 29.501).
//!
//! | Module | What |
//! |---|---|
//! | [`server`] | accept loop, TLS, limits, graceful shutdown |
//! | [`message`] | one request with its checks, one reply |
//! | [`path`] | path segments and percent-decoding |
//! | [`peer`] | who is at the other end: certificate or address |
//! | [`problem`] | `ProblemDetails`, and the closed list of causes |
//! | [`json`] | members that know their JSON Pointer; a writer |
//! | [`model`] | the bodies of Nausf and Nudm, parsed into types |
//! | [`client`] | one multiplexed connection per peer |
//! | [`tls`] | TLS 1.3 for both ends |

pub mod client;
mod executor;
pub mod json;
pub mod message;
pub mod model;
pub mod path;
pub mod peer;
mod preface;
pub mod problem;
pub mod server;
pub mod tls;
