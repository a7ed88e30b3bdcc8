//! OSCORE with K_AF, for applications that speak CoAP (TS 33.535 Annex D, RFC 8613): the set-up by which UE and application come to a security context. It does no CoAP: the
//! application hands on the payload of `POST /akma`, and answers what comes of it. Project profile AKMA-OSCORE-P1.

use std::net::IpAddr;

use kaskade_codec::akma_oscore::AfSetUp;
pub use kaskade_codec::akma_oscore::{ContextId, OscoreAf, PATH, SecurityContext, SetUpError};
use kaskade_keys::id::UaProtocolId;
use kaskade_net::random::random_octets;

use crate::keys::{AkmaClient, NoKey};
use crate::user::SimUser;

/// Sets contexts of OSCORE up with UEs.
#[derive(Clone, Debug)]
pub struct OscoreLogin {
    keys: AkmaClient,
    af: OscoreAf,
}

/// What comes of a set-up. The first message that the context opens proves that the UE has the key; before that, it is a claim.
#[derive(Clone, Debug)]
pub struct OscoreUser {
    /// The payload of 2.01 Created.
    pub answer: Vec<u8>,
    /// What OSCORE starts from, at the application's end.
    pub context: SecurityContext,
    /// Who the UE is if the context opens its first message; the context is good until the key expires.
    pub user: SimUser,
}

/// Why there is no context.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoOscore {
    /// The payload cannot be read, is for another protocol, or has the sender ID that the UE was to have: with another one it may be tried again.
    #[error("{0}")]
    SetUp(#[from] SetUpError),
    /// There is no key.
    #[error("{0}")]
    NoKey(#[from] NoKey),
    /// There are no random numbers.
    #[error("there are no random numbers")]
    NoRandomness,
}

impl NoOscore {
    /// The code of the answer (RFC 7252 5.9): 4.00, 4.03 without a key, 5.03 where the key cannot be asked for now, 5.00.
    pub const fn code(&self) -> u8 {
        match self {
            Self::SetUp(_) => 0x80,
            Self::NoKey(why) if why.may_pass() => 0xa3,
            Self::NoKey(_) => 0x83,
            Self::NoRandomness => 0xa0,
        }
    }
}

impl OscoreLogin {
    /// With these keys, and the Ua* security protocol identifier that UEs and AAnF have for OSCORE.
    ///
    /// # Errors
    /// [`SetUpError::Protocol`] for an identifier that TS 33.220 Annex H gives to something else.
    pub fn new(keys: AkmaClient, protocol: UaProtocolId) -> Result<Self, SetUpError> {
        let af = OscoreAf::new(keys.af().clone(), protocol)?;
        Ok(Self { keys, af })
    }

    /// Answers the payload of a `POST /akma` that came from this address. `ue_sid` is for the messages of the UE: no other context of this application
    /// may have it as its recipient ID.
    ///
    /// # Errors
    /// [`NoOscore`].
    pub async fn set_up(
        &self,
        source: Option<IpAddr>,
        payload: &[u8],
        ue_sid: ContextId,
    ) -> Result<OscoreUser, NoOscore> {
        let begun = AfSetUp::begin(&self.af, payload)?;
        let known = self.keys.key_for(source, begun.a_kid(), self.af.protocol()).await?;
        let n2 = random_octets().map_err(|_| NoOscore::NoRandomness)?;
        let (answer, context) = begun.end(known.k_af(), n2, ue_sid)?;
        Ok(OscoreUser {
            answer,
            context,
            user: known.user.clone(),
        })
    }
}
