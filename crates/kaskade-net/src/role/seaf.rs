//! SEAF: the serving network's side of Nausf_UEAuthentication, as a client of any AUSF (TS 29.509 5.2.2.2.2).

use hyper::{StatusCode, Uri};
use kaskade_aka::fivegs::ausf::SeAv5g;
use kaskade_aka::fivegs::seaf::Resynchronisation;
use kaskade_codec::sbi::nausf_auth::{
    AuthenticationInfo, Av5gAka, ConfirmationData, ConfirmationDataResponse, DeregistrationInfo, EapResponse,
    EapSession, FiveGAuthData, SessionKey,
};
use kaskade_codec::sbi::values::EapPayload;
use kaskade_codec::sbi::{ResourceId, ResynchronizationInfo, SupiOrSuci};
use kaskade_flow::Refusal;
use kaskade_keys::fivegs::{KSeaf, ResStar};
use kaskade_keys::{ServingNetworkName, Supi};

use crate::sbi::client::{ClientError, ClientOptions, SbiClient};
use crate::sbi::peer::Requester;
use crate::sbi::problem::{Cause, Heard};
use crate::sbi::service::{Caller, Elsewhere, NotDone};
use crate::services::nausf_auth::Client;

/// A client of an AUSF. Cheap to clone; clones share the connection.
#[derive(Clone, Debug)]
pub struct AusfClient {
    client: Client,
}

/// Why there is no challenge, or no result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AusfClientError {
    /// The AUSF refused.
    #[error("the AUSF answered {}{}", .0.status.as_u16(), .0.cause.map_or(String::new(), |cause| format!(" {}", cause.name())))]
    Refused(Heard),
    /// There was no answer.
    #[error("{0}")]
    Client(#[from] ClientError),
    /// The home network authenticates this user by EAP-AKA'.
    #[error("the AUSF has chosen EAP-AKA', not 5G AKA")]
    OtherMethod,
    /// The answer is not what the operation answers.
    #[error("the AUSF answered nonsense: {0}")]
    Nonsense(String),
}

impl AusfClientError {
    /// What the AUSF gave as the cause.
    pub fn cause(&self) -> Option<Cause> {
        match self {
            Self::Refused(heard) => heard.cause,
            _ => None,
        }
    }

    /// Why, as far as the AUSF has said.
    pub fn refusal(&self) -> Refusal {
        match self {
            Self::Refused(heard) => match (heard.cause, heard.status) {
                (Some(cause), _) => cause.means(),
                // What has no cause of its own (TS 29.500 5.2.7.2, RFC 6750 3.1).
                (None, StatusCode::UNAUTHORIZED) => Refusal::TokenMissing,
                (None, StatusCode::FORBIDDEN) => Refusal::PeerNotAuthorized,
                (None, _) => Refusal::PeerFailed,
            },
            Self::Client(error) => error.refusal(),
            Self::OtherMethod => Refusal::MethodUnknown,
            Self::Nonsense(_) => Refusal::PeerSilent,
        }
    }
}

/// A challenge for the UE.
#[derive(Debug)]
pub struct Challenge {
    /// RAND, AUTN and HXRES*.
    pub se_av: SeAv5g,
    /// Where the answer goes.
    pub confirmation: Confirmation,
}

/// What the home network begins with.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "it lives for one step")]
pub enum Begun {
    /// 5G AKA.
    FiveGAka(Challenge),
    /// EAP-AKA'.
    Eap(EapRequest),
}

/// A packet of EAP for the UE.
#[derive(Debug)]
pub struct EapRequest {
    /// EAP-Request.
    pub packet: Vec<u8>,
    /// Where the answer goes.
    pub session: Confirmation,
}

/// What the home network answers to a packet of the UE.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "it lives for one step")]
pub enum EapAnswered {
    /// Another packet for it.
    Request(EapRequest),
    /// The user is authenticated.
    Success {
        /// EAP-Success.
        packet: Vec<u8>,
        /// Who.
        supi: Supi,
        /// For the network: K_SEAF, or MSK.
        key: SessionKey,
    },
    /// The user is not.
    Failure {
        /// EAP-Failure.
        packet: Vec<u8>,
    },
}

/// Where an answer goes: the URI that the AUSF gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirmation(String);

impl Confirmation {
    /// The URI.
    pub fn uri(&self) -> &str {
        &self.0
    }
}

impl AusfClient {
    /// A client of the AUSF at this apiRoot, such as `http://127.0.0.1:7777`.
    ///
    /// # Errors
    /// [`ClientError::Url`].
    pub fn new(api_root: &str, options: ClientOptions) -> Result<Self, ClientError> {
        let client = Client::new(SbiClient::new(api_root, options)?);
        Ok(Self { client })
    }

    /// Asks for a challenge for a user.
    ///
    /// # Errors
    /// [`AusfClientError`].
    pub async fn authenticate(
        &self,
        supi_or_suci: impl Into<SupiOrSuci>,
        serving_network_name: ServingNetworkName,
    ) -> Result<Challenge, AusfClientError> {
        let info = AuthenticationInfo {
            supi_or_suci: supi_or_suci.into(),
            serving_network_name,
            resynchronization_info: None,
        };
        self.challenge(info).await
    }

    /// Hands the UE's AUTS over, and asks for another challenge (TS 33.501 6.1.3.3.2).
    ///
    /// # Errors
    /// [`AusfClientError`].
    pub async fn resynchronise(
        &self,
        supi_or_suci: impl Into<SupiOrSuci>,
        serving_network_name: ServingNetworkName,
        resynchronisation: Resynchronisation,
    ) -> Result<Challenge, AusfClientError> {
        let Resynchronisation { rand, auts } = resynchronisation;
        let info = AuthenticationInfo {
            supi_or_suci: supi_or_suci.into(),
            serving_network_name,
            resynchronization_info: Some(ResynchronizationInfo { rand, auts }),
        };
        self.challenge(info).await
    }

    async fn challenge(&self, info: AuthenticationInfo) -> Result<Challenge, AusfClientError> {
        match self.begin(info).await? {
            Begun::FiveGAka(challenge) => Ok(challenge),
            Begun::Eap(request) => {
                // Nobody answers that one; where it cannot be taken back, it expires.
                let _ = self.delete_eap(&request.session).await;
                Err(AusfClientError::OtherMethod)
            }
        }
    }

    /// Begins by the method that the home network chooses.
    ///
    /// # Errors
    /// [`AusfClientError`].
    pub async fn begin(&self, info: AuthenticationInfo) -> Result<Begun, AusfClientError> {
        let context = self.client.authenticate(&caller(), info).await?.answer;
        let confirmation = Confirmation(context.href().to_owned());
        Ok(match context.data {
            FiveGAuthData::Av5gAka(Av5gAka { rand, hxres_star, autn }) => Begun::FiveGAka(Challenge {
                se_av: SeAv5g { rand, autn, hxres_star },
                confirmation,
            }),
            FiveGAuthData::Eap(EapPayload(packet)) => Begun::Eap(EapRequest {
                packet,
                session: confirmation,
            }),
        })
    }

    /// Hands a packet of the UE over. `None`: it gave none that could be used.
    ///
    /// # Errors
    /// [`AusfClientError`]. That the home network rejects the user is no error.
    pub async fn eap(&self, session: &Confirmation, packet: Option<Vec<u8>>) -> Result<EapAnswered, AusfClientError> {
        let response = EapResponse {
            eap_payload: packet.map(EapPayload),
        };
        let told = self.client.eap_session(&caller(), session.context()?, response).await?;
        Ok(match told {
            EapSession::Ongoing { packet, href } => EapAnswered::Request(EapRequest {
                packet: packet.0,
                session: Confirmation(href),
            }),
            EapSession::Success { packet, supi, key } => EapAnswered::Success {
                packet: packet.0,
                supi,
                key,
            },
            EapSession::Failure { packet } => EapAnswered::Failure { packet: packet.0 },
        })
    }

    /// Takes a run of EAP or its result back.
    ///
    /// # Errors
    /// [`AusfClientError`].
    pub async fn delete_eap(&self, session: &Confirmation) -> Result<(), AusfClientError> {
        Ok(self.client.delete_eap(&caller(), session.context()?).await?)
    }

    /// Hands the UE's answer over. `None` reports that there was none that could be used.
    ///
    /// # Errors
    /// [`AusfClientError`]. That the home network rejects the answer is no error.
    pub async fn confirm(
        &self,
        confirmation: &Confirmation,
        res_star: Option<&ResStar>,
    ) -> Result<Option<(Supi, KSeaf)>, AusfClientError> {
        let data = ConfirmationData {
            res_star: res_star.cloned(),
        };
        let told = self.client.confirm(&caller(), confirmation.context()?, data).await?;
        Ok(match told {
            ConfirmationDataResponse::Success { supi, k_seaf } => Some((supi, k_seaf)),
            ConfirmationDataResponse::Failure => None,
        })
    }

    /// Takes a challenge or its result back.
    ///
    /// # Errors
    /// [`AusfClientError`].
    pub async fn delete(&self, confirmation: &Confirmation) -> Result<(), AusfClientError> {
        Ok(self.client.delete(&caller(), confirmation.context()?).await?)
    }

    /// Tells that a user has left: the AUSF forgets K_AUSF.
    ///
    /// # Errors
    /// [`AusfClientError`].
    pub async fn deregister(&self, supi: &Supi) -> Result<(), AusfClientError> {
        let info = DeregistrationInfo { supi: supi.clone() };
        Ok(self.client.deregister(&caller(), info).await?)
    }
}

impl Confirmation {
    /// Where that is, for a request.
    fn context(&self) -> Result<ResourceId, AusfClientError> {
        let uri = self.0.parse::<Uri>();
        let uri = uri.map_err(|_| AusfClientError::Nonsense("a link that is no URI".to_owned()))?;
        Ok(ResourceId::at(uri.path()))
    }
}

/// Who asks: this process, whoever that is to the AUSF.
fn caller() -> Caller {
    Caller::new(Requester::role("SEAF"))
}

impl From<NotDone> for AusfClientError {
    fn from(not_done: NotDone) -> Self {
        match not_done.into_seen() {
            Ok(Elsewhere::Refused(heard)) => Self::Refused(heard),
            Ok(Elsewhere::Client(error)) => Self::Client(error),
            Ok(Elsewhere::Nonsense(what)) => Self::Nonsense(what.into_owned()),
            Err(here) => Self::Nonsense(here.to_string()),
        }
    }
}
