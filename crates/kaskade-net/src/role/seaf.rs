//! SEAF: the serving network's side of Nausf_UEAuthentication, as a client of any AUSF (TS 29.509 5.2.2.2.2).

use hyper::{Method, StatusCode};
use kaskade_aka::fivegs::ausf::SeAv5g;
use kaskade_aka::fivegs::seaf::Resynchronisation;
use kaskade_flow::Refusal;
use kaskade_keys::fivegs::{KSeaf, ResStar};
use kaskade_keys::{ServingNetworkName, Supi};

use super::ausf::{API, VERSION};
use crate::sbi::client::{Answer, ClientError, ClientOptions, SbiClient};
use crate::sbi::json;
use crate::sbi::message::{secret_body, wipe};
use crate::sbi::model::nausf::{
    AuthenticationInfo, ConfirmationData, ConfirmationDataResponse, parse_confirmation_data_response,
    parse_ue_authentication_ctx,
};
use crate::sbi::model::{ResynchronizationInfo, SupiOrSuci};
use crate::sbi::problem::{Cause, Heard, Problem};

/// A client of an AUSF. Cheap to clone; clones share the connection.
#[derive(Clone, Debug)]
pub struct AusfClient {
    client: SbiClient,
}

/// Why there is no challenge, or no result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AusfClientError {
    /// The AUSF refused.
    #[error("the AUSF answered {} {}", .0.status.as_u16(), .0.cause.map_or("", Cause::name))]
    Refused(Heard),
    /// There was no answer.
    #[error("{0}")]
    Client(#[from] ClientError),
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
            Self::Refused(heard) => heard.cause.map_or(Refusal::PeerFailed, Cause::means),
            Self::Client(error) => error.refusal(),
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
        SbiClient::new(api_root, options).map(|client| Self { client })
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
        self.challenge(&info).await
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
        self.challenge(&info).await
    }

    async fn challenge(&self, info: &AuthenticationInfo) -> Result<Challenge, AusfClientError> {
        let path = format!("/{API}/{VERSION}/ue-authentications");
        let answer = self.client.send(Method::POST, &path, Some(info.json().into())).await?;
        let body = expect(answer, StatusCode::CREATED)?.body;
        let ctx = parse_ue_authentication_ctx(&body).map_err(nonsense)?;
        Ok(Challenge {
            se_av: ctx.se_av,
            confirmation: Confirmation(ctx.confirmation),
        })
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
        let body = Some(secret_body(data.json()));
        let answer = self.client.follow(Method::PUT, confirmation.uri(), body).await?;
        let body = expect(answer, StatusCode::OK)?.body;
        let parsed = parse_confirmation_data_response(&body);
        wipe(body);
        match parsed.map_err(nonsense)? {
            ConfirmationDataResponse::Success { supi, k_seaf } => Ok(Some((supi, k_seaf))),
            ConfirmationDataResponse::Failure => Ok(None),
        }
    }

    /// Takes a challenge or its result back.
    ///
    /// # Errors
    /// [`AusfClientError`].
    pub async fn delete(&self, confirmation: &Confirmation) -> Result<(), AusfClientError> {
        let answer = self.client.follow(Method::DELETE, confirmation.uri(), None).await?;
        expect(answer, StatusCode::NO_CONTENT).map(|_| ())
    }

    /// Tells that a user has left: the AUSF forgets K_AUSF.
    ///
    /// # Errors
    /// [`AusfClientError`].
    pub async fn deregister(&self, supi: &Supi) -> Result<(), AusfClientError> {
        let mut body = Vec::with_capacity(64);
        let mut object = json::Object::new(&mut body);
        object.text_of("supi", &[supi.sbi_prefix(), supi.value()]);
        object.end();
        let path = format!("/{API}/{VERSION}/ue-authentications/deregister");
        let answer = self.client.send(Method::POST, &path, Some(body.into())).await?;
        expect(answer, StatusCode::NO_CONTENT).map(|_| ())
    }
}

#[allow(clippy::needless_pass_by_value, reason = "for map_err")]
fn nonsense(problem: Problem) -> AusfClientError {
    let param = problem
        .invalid_param
        .map(|invalid| format!("{}: {}", invalid.param, invalid.reason));
    AusfClientError::Nonsense(param.unwrap_or_else(|| problem.detail.into_owned()))
}

fn expect(answer: Answer, status: StatusCode) -> Result<Answer, AusfClientError> {
    if answer.status == status {
        return Ok(answer);
    }
    if answer.status.is_client_error() || answer.status.is_server_error() {
        return Err(AusfClientError::Refused(Heard::of(&answer)));
    }
    Err(AusfClientError::Nonsense(format!("status {}", answer.status.as_u16())))
}
