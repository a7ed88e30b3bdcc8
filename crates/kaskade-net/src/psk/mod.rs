//! TLS 1.3, TLS 1.2 and DTLS 1.2 with pre-shared keys, for both ends.
//!
//! Two peers that hold the same derived key (K_AF of AKMA, a key of BEST, a usage key of an EMSK) secure a connection with it, without
//! certificates. Built with the feature `psk`, on OpenSSL's library; `docs/adr/0015-psk.md` says why.
//!
//! | Item | What | Source |
//! |---|---|---|
//! | [`Profile`] | protocol, and in TLS 1.2 the cipher suite: one for each listener | RFC 8446, RFC 5246, RFC 6347 |
//! | [`PskSuite`] | the cipher suites of TLS 1.2: all with authenticated encryption | RFC 5487, RFC 6655, RFC 7905 |
//! | [`PskKey`] | a key of 16 to 64 octets, silent and wiped | RFC 4279 5.3 |
//! | [`PskIdentity`] | 1 to 65 535 octets in TLS 1.3 (a client sends at most 15 360), 1 to 128 without a zero octet in TLS 1.2 | RFC 8446 4.2.11, RFC 4279 5.3 |
//! | [`PskKeys`] | who knows the key of an identity: asked on a thread that may wait | – |
//! | [`PskServer`], [`PskDatagramServer`] | handshakes of peers, over streams and over UDP | – |
//! | [`PskClient`] | handshakes with a server, over a stream or over UDP | – |
//! | [`PskStream`] | `AsyncRead` and `AsyncWrite`, ended by `close_notify` | RFC 8446 6.1 |
//! | [`PskDatagrams`] | messages that arrive whole or not at all | RFC 6347 |
//! | [`PskLimits`] | what peers may use | – |
//! | [`UsageKeyName`], [`UsagePsks`] | keys of usages of an EMSK as pre-shared keys: their identity, their end | RFC 5295, project profile |
//! | [`AkmaProtocol`], [`AfKeys`] | K_AF as a pre-shared key: the identity out of the A-KID, and who is asked for the key | TS 33.535 Annex B, project profile |
//! | [`AkmaConnections`] | the end of such connections when the home network disables the key | TS 29.535 5.2.2.5 |
//! | [`HandshakeError`] | why a handshake failed: in full here, next to nothing for the peer | RFC 8446 6.2 |
//!
//! A peer with an unknown identity is answered with a random key, so that it sees what a peer with a wrong key sees. In TLS 1.3 only the
//! first identity of a peer is looked at, the key exchange is always (EC)DHE, and there are neither tickets nor early data. Other versions,
//! other cipher suites and certificates are refused on both ends. No peer waits for another's lookup but for one of
//! [`PskLimits::max_lookups`] threads.

mod akma;
mod carrier;
mod client;
mod connections;
mod context;
mod datagrams;
mod error;
mod handshake;
mod key;
mod lookup;
mod native;
mod profile;
mod server;
mod session;
mod shares;
mod tasks;
mod usage;
mod wire;

pub use akma::{AfKey, AfKeys, AkmaProtocol, NotForDtls};
pub use client::PskClient;
pub use connections::AkmaConnections;
pub use context::ContextError;
pub use datagrams::{MAX_MESSAGE, PskDatagramServer, PskDatagrams};
pub use error::{Alert, HandshakeError};
pub use key::{NotAPskIdentity, NotAPskKey, PskIdentity, PskKey};
pub use lookup::{Asked, PskKeys};
pub use profile::{Profile, PskSuite};
pub use server::{PskLimits, PskServer};
pub use session::PskStream;
pub use usage::{NoRoomForKey, UsageKeyName, UsagePsks};
