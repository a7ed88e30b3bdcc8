//! The way to the UDM: a call in this process, or N13 (TS 29.503 5.4).

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::{Method, StatusCode};
use kaskade_faults::fault;
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
            Self::Local(udm) => return Ok(udm.generate_own(requester, supi_or_suci, request).await?),
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
        Ok(AuthenticationInfoResult {
            he_av,
            supi: whose(supi, supi_or_suci)?,
        })
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

/// Whose vector it is: who was asked for in clear is who the answer must be of.
fn whose(answered: Option<Supi>, asked: SupiOrSuci) -> Result<Supi, UdmLinkError> {
    let asked = match asked {
        SupiOrSuci::Supi(supi) => Some(supi),
        SupiOrSuci::Suci(suci) => suci.null_supi(),
    };
    match (answered, asked) {
        (Some(answered), Some(asked)) if answered != asked && !fault!("supi-not-compared") => {
            Err(UdmLinkError::Nonsense("a vector of somebody else"))
        }
        (Some(supi), _) | (None, Some(supi)) => Ok(supi),
        (None, None) => Err(UdmLinkError::Nonsense("no SUPI for a SUCI")),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_udm_cannot_answer_for_somebody_else() {
        let asked = |text: &str| SupiOrSuci::parse(text).expect("an identity");
        let supi = |text: &str| text.parse::<Supi>().expect("a SUPI");
        let (alice, bob) = ("imsi-001010000000001", "imsi-001010000000002");
        let null = "suci-0-001-01-0000-0-0-0000000001";
        for asked_for in [alice, null] {
            assert_eq!(whose(Some(supi(alice)), asked(asked_for)).expect("hers"), supi(alice));
            assert_eq!(whose(None, asked(asked_for)).expect("hers"), supi(alice));
            let refused = whose(Some(supi(bob)), asked(asked_for));
            assert!(matches!(refused, Err(UdmLinkError::Nonsense(_))), "{asked_for}");
        }
        // Whom a SUCI conceals, only the UDM can say.
        let concealed = format!("suci-0-001-01-0000-1-1-{}", "0a".repeat(45));
        assert_eq!(whose(Some(supi(bob)), asked(&concealed)).expect("his"), supi(bob));
        assert!(whose(None, asked(&concealed)).is_err());
    }
}
