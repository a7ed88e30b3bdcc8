//! The resources of Nudm_UEAuthentication (TS 29.503 6.3.3).

use hyper::header::HeaderValue;
use hyper::{Method, StatusCode};
use kaskade_flow::Refusal;
use kaskade_keys::Supi;

use super::{EventId, Udm, UdmError};
use crate::role::{no_such_resource, segments};
use crate::sbi::message::{Content, Reply, Request};
use crate::sbi::model::nudm::{parse_auth_event, parse_authentication_info_request};
use crate::sbi::model::{SupiOrSuci, path_variable};
use crate::sbi::path::push_segment;
use crate::sbi::peer::Requester;
use crate::sbi::problem::Problem;

/// Name of the API.
pub const API: &str = "nudm-ueau";
/// Its version in the path.
pub const VERSION: &str = "v1";

enum Resource {
    GenerateAuthData(SupiOrSuci),
    AuthEvents(Supi),
    AuthEvent(Supi, Option<EventId>),
}

impl Resource {
    fn of(path: &str, method: &Method) -> Result<Self, Problem> {
        let segments = segments(path)?;
        let (names, len) = segments.as_strs();
        let allowed = |allow: &'static str| {
            if method.as_str() == allow {
                Ok(())
            } else {
                Err(Problem::method_not_allowed(allow))
            }
        };
        match &names[2..len.max(2)] {
            [ue, "security-information", "generate-auth-data"] => {
                allowed("POST")?;
                path_variable("{supiOrSuci}", SupiOrSuci::parse(ue)).map(Self::GenerateAuthData)
            }
            [ue, "auth-events"] => {
                allowed("POST")?;
                path_variable("{supi}", ue.parse()).map(Self::AuthEvents)
            }
            [ue, "auth-events", id] => {
                allowed("PUT")?;
                Ok(Self::AuthEvent(path_variable("{supi}", ue.parse())?, id.parse().ok()))
            }
            _ => Err(no_such_resource()),
        }
    }
}

impl Udm {
    pub(crate) async fn serve(&self, requester: &Requester, request: &mut Request) -> Result<Reply, Problem> {
        match Resource::of(request.path(), request.method())? {
            Resource::GenerateAuthData(supi_or_suci) => {
                request.accepts(Content::Json)?;
                let body = request.json_body().await?;
                let info = parse_authentication_info_request(&body)?;
                let result = self.generate_auth_data(requester, supi_or_suci, &info).await?;
                Ok(Reply::secret(
                    StatusCode::OK,
                    Content::Json,
                    result.map(|result| result.json()),
                ))
            }
            Resource::AuthEvents(supi) => {
                request.accepts(Content::Json)?;
                let root = match (&self.options.api_root, request.root()) {
                    (Some(root), _) => root.clone(),
                    (None, Some((scheme, authority))) => format!("{scheme}://{authority}"),
                    (None, None) => String::new(),
                };
                let body = request.json_body().await?;
                let event = parse_auth_event(&body)?;
                let id = self.confirm_auth(requester, &supi, event)?;
                let mut location = format!("{root}/{API}/{VERSION}/");
                push_segment(&mut location, &supi.sbi());
                location.push_str("/auth-events/");
                location.push_str(&id.to_string());
                // The report comes back as it was sent.
                Ok(Reply::new(StatusCode::CREATED, Content::Json, body)
                    .with_location(HeaderValue::from_maybe_shared(bytes::Bytes::from(location)).ok()))
            }
            Resource::AuthEvent(supi, id) => {
                let body = request.json_body().await?;
                if !parse_auth_event(&body)?.auth_removal_ind {
                    return Err(Problem::parameter(
                        Refusal::IeIncorrect,
                        "/authRemovalInd",
                        "must be true: the only change of a report is its removal",
                    ));
                }
                self.delete_auth(requester, &supi, id.ok_or(UdmError::UnknownEvent)?)?;
                Ok(Reply::no_content())
            }
        }
    }
}
