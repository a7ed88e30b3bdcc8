//! HTTP Digest (RFC 7616) with `qop=auth`, for both ends, and its profile for keys of AKMA (TS 24.109 Annex K, TS 33.535 Annex B).
//!
//! ```text
//! UE → AF    User-Agent: … 3gpp-akma
//! AF → UE    401, WWW-Authenticate: Digest realm="3GPP-bootstrapping-akma@af.example.com", qop="auth", algorithm=SHA-256, nonce="…"
//! UE → AF    Authorization: Digest username="<A-KID>", realm="…", nonce="…", uri="/", response="…", algorithm=SHA-256,
//!                           cnonce="…", qop=auth, nc=00000001
//! AF → UE    200, Authentication-Info: qop=auth, rspauth="…", cnonce="…", nc=00000001
//! ```
//!
//! | Part | What |
//! |---|---|
//! | [`Challenge`] | what a server asks for: `WWW-Authenticate` |
//! | [`Credentials`] | what a client answers: `Authorization` |
//! | [`AuthenticationInfo`] | how the server shows that it knows the password too: `Authentication-Info` |
//! | [`Login`] | the client's side of one challenge: it counts, answers, and believes or not |
//! | [`akma`] | realm, password and product token of the profile |
//!
//! What is written can be read; of what is read, unknown parameters are left out, and quotes, spaces and the order of parameters are not
//! kept. `auth-int`, the `-sess` variants, `userhash` and names in UTF-8 are refused: nothing here offers them. The codes are computed in
//! [`kaskade_crypto::http_digest`].

pub mod akma;
mod challenge;
mod credentials;
mod error;
mod info;
mod login;
mod scan;

pub use challenge::{Challenge, challenges};
pub use credentials::{Credentials, NonceCount};
pub use error::DigestError;
pub use info::AuthenticationInfo;
pub use kaskade_crypto::http_digest::{Algorithm, Code, Exchange, UserSecret};
pub use login::{Login, LoginError};

/// Octets of the longest field value that is read.
pub const MOST: usize = 4096;
