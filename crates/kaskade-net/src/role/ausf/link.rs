//! The way to the UDM: a call in this process, or N13 (TS 29.503 5.4).

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::{Method, StatusCode, Uri};
use kaskade_faults::fault;
use kaskade_flow::{Durable, Refusal};
use kaskade_keys::Supi;

use crate::role::udm::{API, EventId, Udm, UdmError, VERSION};
use crate::sbi::client::{Answer, ClientError, SbiClient};
use crate::sbi::model::SupiOrSuci;
use crate::sbi::model::nudm::{
    AuthEvent, AuthenticationInfoRequest, AuthenticationInfoResult, parse_authentication_info_result,
};
use crate::sbi::path::{decode, push_segment};
use crate::sbi::peer::Requester;
use crate::sbi::problem::{Cause, Heard};

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
    Refused(Heard),
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
    pub fn refusal(&self) -> Refusal {
        let (status, why) = match self {
            Self::Local(error) => {
                let why = error.refusal();
                (why.verdict().sbi.answer().map(|sbi| sbi.status()), Some(why))
            }
            Self::Refused(heard) => (Some(heard.status.as_u16()), heard.cause.map(Cause::means)),
            Self::Client(error) => return error.refusal(),
            Self::Nonsense(_) => return Refusal::PeerSilent,
        };
        match why {
            Some(why) if is_passed_on(why) => why,
            _ if matches!(status, Some(503 | 504)) => Refusal::PeerSilent,
            _ => Refusal::NoVector,
        }
    }

    /// When to try again, if the UDM said so.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Local(UdmError::OverBudget(over)) => Some(over.retry_after),
            Self::Refused(heard) => heard.retry_after.map(|seconds| Duration::from_secs(seconds.into())),
            _ => None,
        }
    }
}

/// Whether a refusal of the UDM is the AUSF's too, by the causes that the tables of both have.
fn is_passed_on(why: Refusal) -> bool {
    let cause = why.verdict().sbi.answer().and_then(|sbi| sbi.cause());
    matches!(
        cause,
        Some(
            Cause::UserNotFound
                | Cause::ServingNetworkNotAuthorized
                | Cause::AuthenticationRejected
                | Cause::InvalidHnPublicKeyIdentifier
                | Cause::InvalidSchemeOutput
                | Cause::UnsupportedProtectionScheme
                | Cause::NfCongestionRisk
                | Cause::NfCongestion
        )
    )
}

/// Where the report of a result can be taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum EventUri {
    Local(EventId),
    /// Its last segment, in the collection of its user: where a UDM puts it (TS 29.503 6.3.3.4).
    Within(Box<str>),
    /// A path elsewhere.
    Path(Box<str>),
}

impl EventUri {
    /// The most that is kept of a `Location`, in octets, which the UDM chooses.
    pub(super) const MAX: usize = 128;

    /// Of the `Location` of a report in this collection.
    fn of(location: &str, collection: &str) -> Result<Self, UdmLinkError> {
        const NONSENSE: UdmLinkError = UdmLinkError::Nonsense("a Location that is no URI, or too long");
        let uri: Uri = location.parse().map_err(|_| NONSENSE)?;
        let path = uri.path();
        let (parent, last) = path.rsplit_once('/').ok_or(NONSENSE)?;
        let same = decode(parent).is_some_and(|parent| decode(collection).is_some_and(|own| own == parent));
        if last.is_empty() {
            return Err(NONSENSE);
        }
        let (kept, uri): (&str, fn(Box<str>) -> Self) = match same {
            true => (last, Self::Within),
            false => (path, Self::Path),
        };
        if kept.len() > Self::MAX {
            return Err(NONSENSE);
        }
        Ok(uri(kept.into()))
    }
}

/// The reports of a user.
fn collection(supi: &Supi) -> String {
    let mut path = format!("/{API}/{VERSION}/");
    push_segment(&mut path, &supi.sbi());
    path.push_str("/auth-events");
    path
}

impl UdmLink {
    pub(super) async fn generate_auth_data(
        &self,
        requester: &Requester,
        supi_or_suci: SupiOrSuci,
        request: &AuthenticationInfoRequest,
    ) -> Result<Durable<AuthenticationInfoResult>, UdmLinkError> {
        let client = match self {
            Self::Local(udm) => return Ok(udm.generate_own(requester, supi_or_suci, request).await?),
            Self::Http(client) => client,
        };
        let mut path = format!("/{API}/{VERSION}/");
        push_segment(&mut path, &supi_or_suci.sbi());
        path.push_str("/security-information/generate-auth-data");
        // Boxed, so that what waits for a UDM in this process stays small.
        let answer = Box::pin(client.send(Method::POST, &path, Some(request.json().into()))).await?;
        expect(answer, StatusCode::OK)?.told(|body| {
            let parsed = parse_authentication_info_result(body);
            let (he_av, supi) = parsed.map_err(|_| UdmLinkError::Nonsense("not a 5G HE AV"))?;
            let supi = whose(supi, supi_or_suci)?;
            Ok(AuthenticationInfoResult { he_av, supi })
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
        let path = collection(supi);
        let answer = Box::pin(client.send(Method::POST, &path, Some(event.json().into()))).await?;
        let location = expect(answer, StatusCode::CREATED)?.location;
        let location = location.as_ref().and_then(|location| location.to_str().ok());
        let location = location.ok_or(UdmLinkError::Nonsense("no Location"))?;
        EventUri::of(location, &format!("{}{path}", client.prefix()))
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
            (Self::Http(client), EventUri::Within(last)) => {
                let path = format!("{}/{last}", collection(supi));
                let answer = client.send(Method::PUT, &path, Some(Bytes::from(removal.json())));
                expect(Box::pin(answer).await?, StatusCode::NO_CONTENT).map(|_| ())
            }
            (Self::Http(client), EventUri::Path(path)) => {
                let answer = client.follow(Method::PUT, path, Some(Bytes::from(removal.json())));
                expect(Box::pin(answer).await?, StatusCode::NO_CONTENT).map(|_| ())
            }
            _ => Err(UdmLinkError::Nonsense("a report from another kind of link")),
        };
        match result {
            // It is gone: the UDM keeps a bounded number. Nothing is left to do.
            Err(UdmLinkError::Local(UdmError::UnknownEvent)) => Ok(()),
            Err(UdmLinkError::Refused(heard)) if heard.status == StatusCode::NOT_FOUND => Ok(()),
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
        return Err(UdmLinkError::Refused(Heard::of(&answer)));
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

    #[test]
    fn what_is_kept_of_a_location_is_bounded() {
        let imsi = "imsi-001010000000001".parse().expect("a SUPI");
        let nai = format!("nai-{}@example.org", "#".repeat(200));
        let nai = nai.parse().expect("a SUPI");
        let of = |location: &str, supi: &Supi| EventUri::of(location, &format!("/udm{}", collection(supi))).ok();
        let within = |last: &str| Some(EventUri::Within(last.into()));
        let longest = "x".repeat(EventUri::MAX);
        for supi in [&imsi, &nai] {
            let collection = collection(supi);
            for root in ["https://udm.example.org:7778", "http://elsewhere", ""] {
                let uri = |last: &str| format!("{root}/udm{collection}/{last}");
                assert_eq!(of(&uri("0123456789abcdef"), supi), within("0123456789abcdef"));
                assert_eq!(of(&uri("a%2Fb?x=y"), supi), within("a%2Fb"), "the path alone");
                assert_eq!(of(&uri(&longest), supi), within(&longest));
                assert_eq!(of(&uri(&format!("{longest}x")), supi), None);
                assert_eq!(of(&uri(""), supi), None);
            }
        }
        // As others write the same.
        let encoded = "http://udm/udm/nudm%2Dueau/v1/imsi%2d001010000000001/auth-events/7";
        assert_eq!(of(encoded, &imsi), within("7"));
        let elsewhere = "http://udm/other/place/7?x=y";
        assert_eq!(of(elsewhere, &imsi), Some(EventUri::Path("/other/place/7".into())));
        for nonsense in [
            format!("http://udm/{longest}"),
            format!("http://udm/other/{}", "x".repeat(60_000)),
            "http://udm".to_owned(),
            "no URI".to_owned(),
            String::new(),
        ] {
            assert_eq!(of(&nonsense, &imsi), None);
        }
    }
}
