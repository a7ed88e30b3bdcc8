//! Who has logged in.

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use kaskade_codec::sbi::Timestamp;
use kaskade_keys::{AKid, Gpsi, Supi};

/// Who sends a request, proved by the SIM: an extractor for handlers behind [`SimLogin`](crate::SimLogin).
///
/// Of GPSI and SUPI it has what the home network tells this application: a NEF never the SUPI, nobody anything to whoever asked to be told
/// nothing. The A-KID changes with each authentication of the UE: it names a session, not a user. `Debug` masks all three.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SimUser {
    /// The user, as those outside call them.
    pub gpsi: Option<Gpsi>,
    /// The user, within the operator's domain.
    pub supi: Option<Supi>,
    /// By what the UE called its key.
    pub a_kid: AKid,
    /// Until when the key lives; afterwards the UE is asked to authenticate anew.
    pub expiry: Timestamp,
}

impl SimUser {
    /// By what an application may know the user: the GPSI, else the SUPI; nothing where the user is anonymous.
    pub fn name(&self) -> Option<String> {
        let gpsi = self.gpsi.as_ref().map(|gpsi| gpsi.as_str().to_owned());
        gpsi.or_else(|| self.supi.as_ref().map(Supi::sbi))
    }
}

/// A handler asks for a [`SimUser`], and no [`SimLogin`](crate::SimLogin) stands before it.
const NO_LAYER: (StatusCode, &str) = (
    StatusCode::INTERNAL_SERVER_ERROR,
    "this route has no login by SIM before it\n",
);

impl<S: Sync> FromRequestParts<S> for SimUser {
    type Rejection = (StatusCode, &'static str);

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        parts.extensions.get::<Self>().cloned().ok_or(NO_LAYER)
    }
}
