//! The way to the UDM: a call in this process, or N13 (TS 29.503 5.4).

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::{Method, StatusCode};
use kaskade_keys::Supi;

use crate::role::udm::{API, EventId, Udm, UdmError, VERSION};
use crate::sbi::client::{Answer, ClientError, SbiClient};
use crate::sbi::message::wipe;
use crate::sbi::model::SupiOrSuci;
use crate::sbi::model::nudm::{
    AuthEvent, AuthenticationInfoRequest, AuthenticationInfoResult, parse_authentication_info_result,
};
use crate::sbi::path::push_segment;
use crate::sbi::peer::Requester;
use crate::sbi::problem::{Cause, Refusal};

/// The way to the UDM.
#[derive(Clone, Debug)]
pub enum UdmLink {
    /// In this process.
    Local(Arc<Udm>),
    /// Over HTTP/2, at its apiRoot.
    Http(SbiClient),
}

/// Why the UDM did not do it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UdmLinkError {
    /// The UDM in this process refused.
    #[error("{0}")]
    Local(#[from] UdmError),
    /// The UDM over there refused.
    #[error("the UDM answered {} {}", .0.status.as_u16(), .0.cause.map_or("", Cause::name))]
    Refused(Refusal),
    /// There was no answer.
    #[error("{0}")]
    Client(#[from] ClientError),
    /// The answer makes no sense.
    #[error("the UDM answered nonsense: {0}")]
    Nonsense(&'static str),
}

impl UdmLinkError {
    /// What to tell the SEAF (TS 29.509 6.1.7.3): what concerns user, SUCI and network is passed on; a UDM that failed is
    /// an AV generation problem; no UDM is a problem upstream.
    pub fn cause(&self) -> Cause {
        let (status, cause) = match self {
            Self::Local(error) => (error.cause().status(), Some(error.cause())),
            Self::Refused(refusal) => (refusal.status, refusal.cause),
            Self::Client(error) => return error.cause(),
            Self::Nonsense(_) => return Cause::UpstreamServerError,
        };
        match cause {
            Some(
                cause @ (Cause::UserNotFound
                | Cause::ServingNetworkNotAuthorized
                | Cause::AuthenticationRejected
                | Cause::InvalidHnPublicKeyIdentifier
                | Cause::InvalidSchemeOutput
                | Cause::UnsupportedProtectionScheme
                | Cause::NfCongestionRisk
                | Cause::NfCongestion),
            ) => cause,
            _ if status == StatusCode::SERVICE_UNAVAILABLE || status == StatusCode::GATEWAY_TIMEOUT => {
                Cause::UpstreamServerError
            }
            _ => Cause::AvGenerationProblem,
        }
    }
}

impl UdmLinkError {
    /// When to try again, if the UDM said so.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Local(UdmError::OverBudget(over)) => Some(over.retry_after),
            Self::Refused(refusal) => refusal.retry_after.map(|seconds| Duration::from_secs(seconds.into())),
            _ => None,
        }
    }
}

/// Where the report of a result can be taken back.
#[derive(Clone, Debug)]
pub(super) enum EventUri {
    Local(EventId),
    Http(Box<str>),
}

impl UdmLink {
    pub(super) async fn generate_auth_data(
        &self,
        requester: &Requester,
        supi_or_suci: SupiOrSuci,
        request: &AuthenticationInfoRequest,
    ) -> Result<AuthenticationInfoResult, UdmLinkError> {
        let client = match self {
            Self::Local(udm) => return Ok(udm.generate_auth_data(requester, supi_or_suci, request).await?),
            Self::Http(client) => client,
        };
        let mut path = format!("/{API}/{VERSION}/");
        push_segment(&mut path, &supi_or_suci.sbi());
        path.push_str("/security-information/generate-auth-data");
        let answer = client.send(Method::POST, &path, Some(request.json().into())).await?;
        let body = expect(answer, StatusCode::OK)?.body;
        let parsed = parse_authentication_info_result(&body);
        wipe(body);
        let (he_av, supi) = parsed.map_err(|_| UdmLinkError::Nonsense("not a 5G HE AV"))?;
        let supi = match (supi, supi_or_suci) {
            (Some(supi), _) | (None, SupiOrSuci::Supi(supi)) => supi,
            (None, SupiOrSuci::Suci(_)) => return Err(UdmLinkError::Nonsense("no SUPI for a SUCI")),
        };
        Ok(AuthenticationInfoResult { he_av, supi })
    }

    pub(super) async fn confirm_auth(
        &self,
        requester: &Requester,
        supi: &Supi,
        event: AuthEvent,
    ) -> Result<EventUri, UdmLinkError> {
        let client = match self {
            Self::Local(udm) => return Ok(EventUri::Local(udm.confirm_own_vector(requester, supi, event)?)),
            Self::Http(client) => client,
        };
        let mut path = format!("/{API}/{VERSION}/");
        push_segment(&mut path, &supi.sbi());
        path.push_str("/auth-events");
        let answer = client.send(Method::POST, &path, Some(event.json().into())).await?;
        let location = expect(answer, StatusCode::CREATED)?.location;
        let location = location.as_ref().and_then(|location| location.to_str().ok());
        let location = location.ok_or(UdmLinkError::Nonsense("no Location"))?;
        Ok(EventUri::Http(location.into()))
    }

    pub(super) async fn delete_auth(
        &self,
        requester: &Requester,
        supi: &Supi,
        uri: &EventUri,
        removal: AuthEvent,
    ) -> Result<(), UdmLinkError> {
        let result = match (self, uri) {
            (Self::Local(udm), EventUri::Local(id)) => {
                udm.delete_auth(requester, supi, *id).map_err(UdmLinkError::from)
            }
            (Self::Http(client), EventUri::Http(uri)) => {
                let answer = client
                    .follow(Method::PUT, uri, Some(Bytes::from(removal.json())))
                    .await?;
                expect(answer, StatusCode::NO_CONTENT).map(|_| ())
            }
            _ => Err(UdmLinkError::Nonsense("a report from another kind of link")),
        };
        match result {
            // It is gone: the UDM keeps a bounded number. Nothing is left to do.
            Err(UdmLinkError::Local(UdmError::UnknownEvent)) => Ok(()),
            Err(UdmLinkError::Refused(refusal)) if refusal.status == StatusCode::NOT_FOUND => Ok(()),
            result => result,
        }
    }
}

fn expect(answer: Answer, status: StatusCode) -> Result<Answer, UdmLinkError> {
    if answer.status == status {
        return Ok(answer);
    }
    if answer.status.is_client_error() || answer.status.is_server_error() {
        return Err(UdmLinkError::Refused(Refusal::of(&answer)));
    }
    Err(UdmLinkError::Nonsense("a status that the operation does not have"))
}
