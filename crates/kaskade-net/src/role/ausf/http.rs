//! The resources of Nausf_UEAuthentication (TS 29.509 6.1.3).

use std::sync::Arc;

use bytes::Bytes;
use hyper::header::HeaderValue;
use hyper::{Method, StatusCode};

use super::{Ausf, AusfError, ContextId, Outcome};
use crate::role::{no_such_resource, segments};
use crate::sbi::message::{Content, Reply, Request, wipe};
use crate::sbi::model::nausf::{
    parse_authentication_info, parse_confirmation_data, parse_deregistration_info, write_failure, write_success,
    write_ue_authentication_ctx,
};
use crate::sbi::peer::Requester;
use crate::sbi::problem::Problem;

/// Name of the API.
pub const API: &str = "nausf-auth";
/// Its version in the path.
pub const VERSION: &str = "v1";

const COLLECTION: &str = "/nausf-auth/v1/ue-authentications/";
const CONFIRMATION: &str = "/5g-aka-confirmation";

enum Operation {
    Authenticate,
    Deregister,
    Confirm(Option<ContextId>),
    Delete(Option<ContextId>),
}

impl Operation {
    fn of(path: &str, method: &Method) -> Result<Self, Problem> {
        let segments = segments(path)?;
        let (names, len) = segments.as_strs();
        match &names[2..len.max(2)] {
            ["ue-authentications"] if method == Method::POST => Ok(Self::Authenticate),
            ["ue-authentications", "deregister"] if method == Method::POST => Ok(Self::Deregister),
            ["ue-authentications"] | ["ue-authentications", "deregister"] => Err(Problem::method_not_allowed("POST")),
            ["ue-authentications", id, "5g-aka-confirmation"] => {
                let id = ContextId::parse(id);
                match *method {
                    Method::PUT => Ok(Self::Confirm(id)),
                    Method::DELETE => Ok(Self::Delete(id)),
                    _ => Err(Problem::method_not_allowed("PUT, DELETE")),
                }
            }
            _ => Err(no_such_resource()),
        }
    }
}

impl Ausf {
    pub(crate) async fn serve(
        self: &Arc<Self>,
        requester: &Requester,
        request: &mut Request,
    ) -> Result<Reply, Problem> {
        match Operation::of(request.path(), request.method())? {
            Operation::Authenticate => {
                request.accepts(Content::Hal)?;
                let root = self.root(request);
                let body = request.json_body().await?;
                let info = parse_authentication_info(&body)?;
                let serving_network_name = info.serving_network_name;
                let (id, se_av) = self.authenticate(requester, info).await?;
                let text = id.text();
                let text = std::str::from_utf8(&text).unwrap_or("");
                let href = [&root, COLLECTION, text, CONFIRMATION];
                let body = se_av.map(|se_av| write_ue_authentication_ctx(&se_av, &href, &serving_network_name));
                let mut location = root;
                location.push_str(COLLECTION);
                location.push_str(text);
                let location = HeaderValue::from_maybe_shared(Bytes::from(location)).ok();
                Ok(Reply::released(StatusCode::CREATED, Content::Hal, body).with_location(location))
            }
            Operation::Confirm(id) => {
                request.accepts(Content::Json)?;
                let body = request.json_body().await?;
                let data = parse_confirmation_data(&body)?;
                wipe(body);
                let id = id.ok_or(AusfError::UnknownContext)?;
                Ok(match self.confirm(requester, id, data.res_star.as_ref()).await? {
                    Outcome::Authenticated(authenticated) => {
                        let body = authenticated.map(|told| write_success(&told.supi, &told.k_seaf));
                        Reply::secret(StatusCode::OK, Content::Json, body)
                    }
                    Outcome::Failed => Reply::new(StatusCode::OK, Content::Json, write_failure()),
                })
            }
            Operation::Delete(id) => {
                self.delete(requester, id.ok_or(AusfError::UnknownContext)?).await?;
                Ok(Reply::no_content())
            }
            Operation::Deregister => {
                let body = request.json_body().await?;
                self.deregister(requester, &parse_deregistration_info(&body)?)?;
                Ok(Reply::no_content())
            }
        }
    }

    /// Root of the URIs in an answer, with room for one.
    fn root(&self, request: &Request) -> String {
        let mut root = String::with_capacity(128);
        match (&self.options.api_root, request.root()) {
            (Some(configured), _) => root.push_str(configured),
            (None, Some((scheme, authority))) => {
                root.push_str(scheme);
                root.push_str("://");
                root.push_str(authority);
            }
            (None, None) => {}
        }
        root
    }
}
