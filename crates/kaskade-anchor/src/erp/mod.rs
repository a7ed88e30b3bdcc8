//! ERP: re-authentication in one round trip, by keys below the EMSK of an earlier run (RFC 6696).
//!
//! ```text
//! authenticator ── Re-auth-Start ──► peer
//! peer ── Initiate (SEQ, rIK) ──► ER server ── Finish (SEQ, rIK) ──► peer      rMSK to the authenticator
//! ```
//!
//! | Rule | Here |
//! |---|---|
//! | cryptosuites | 1, 2 and 3; the server's list says which it takes, the first one protects what it answers to others |
//! | SEQ | from 0 under an rRK, whatever the cryptosuite: rMSK depends on SEQ and on no cryptosuite. The server takes what is not below the one that it expects; after 65535 only a full run goes on |
//! | the same packet again | within 100 ms the same Finish and the same rMSK; later it is left alone |
//! | wrong tag, SEQ that was there | left alone |
//! | cryptosuite that the server does not take | protected failure that names those which it takes |
//! | keyName-NAI that nobody knows | failure without protection: [`unknown_key`]; the peer goes on with full EAP |
//! | lifetimes | rMSK ≤ rRK ≤ EMSK, told where the peer asks for them |
//! | bootstrapping | the home says in the Finish which domain has a DSRK, and vouches for it; the peer believes no other |
//! | after a restart | none: SEQ is not kept, so an EMSK out of a record has no [`ErServer`] |

mod peer;
mod server;
mod servers;

pub use peer::{Authenticated, FullRun, Peer, PeerOptions, PeerStep, Waiting};
pub use server::{Bootstrap, ErAsk, ErFinish, ErGranted, ErInput, ErLeft, ErOptions, ErServer, unknown_key};
pub use servers::ErServers;
