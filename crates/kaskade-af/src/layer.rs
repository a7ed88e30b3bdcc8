//! The layer before handlers.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Request, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use kaskade_faults::fault;
use kaskade_flow::NoRandomness;
use kaskade_net::log_limit;
use tower_layer::Layer;
use tower_service::Service;

use crate::keys::{AkmaClient, NoKey};
use crate::verify::{LoginOptions, Verdict, Verifier};

/// `Authentication-Info` (RFC 7615).
const AUTHENTICATION_INFO: HeaderName = HeaderName::from_static("authentication-info");

/// Lets requests through that a SIM has proved, and asks all others for that: a layer of axum or tower. Handlers behind it take a
/// [`SimUser`](crate::SimUser). Cheap to clone; clones share everything.
///
/// | The request | The answer |
/// |---|---|
/// | has no credentials, wrong ones, or some that were used before | 401 with a challenge |
/// | has credentials that cannot be read | 400 |
/// | names an A-KID for which the home network gives no key | 403, without a realm: the UE takes its newest A-KID |
/// | names one that cannot be asked for now | 503 with `Retry-After`, without a realm |
#[derive(Clone)]
pub struct SimLogin(Arc<Verifier>);

impl SimLogin {
    /// With these keys.
    ///
    /// # Errors
    /// [`NoRandomness`].
    pub fn new(keys: AkmaClient, options: LoginOptions) -> Result<Self, NoRandomness> {
        Verifier::new(keys, options).map(Arc::new).map(Self)
    }

    /// The keys that it asks for.
    pub fn keys(&self) -> &AkmaClient {
        &self.0.keys
    }
}

impl fmt::Debug for SimLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SimLogin({})", self.keys().af().as_str())
    }
}

impl<S> Layer<S> for SimLogin {
    type Service = SimLoginService<S>;

    fn layer(&self, inner: S) -> SimLoginService<S> {
        SimLoginService {
            login: self.clone(),
            inner,
        }
    }
}

/// A service behind a [`SimLogin`].
#[derive(Clone, Debug)]
pub struct SimLoginService<S> {
    login: SimLogin,
    inner: S,
}

impl<S> Service<Request<Body>> for SimLoginService<S>
where
    S: Service<Request<Body>, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        // The one that is ready, and a clone for the next request.
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        let login = self.login.clone();
        Box::pin(async move {
            let (mut parts, body) = request.into_parts();
            // What a client puts into its request proves nothing.
            parts.extensions.remove::<crate::SimUser>();
            let (known, info) = match login.0.verify(&parts).await {
                Verdict::User(known, info) => (known, info),
                verdict => return Ok(refusal(verdict)),
            };
            parts.extensions.insert(known.user.clone());
            drop(known);
            let mut response = inner.call(Request::from_parts(parts, body)).await?;
            if let Ok(value) = HeaderValue::try_from(info.to_string()) {
                response.headers_mut().insert(AUTHENTICATION_INFO, value);
            }
            Ok(response)
        })
    }
}

/// The answer to a request that goes no further.
fn refusal(verdict: Verdict) -> Response {
    match verdict {
        Verdict::Challenge(challenges) => {
            let text = (
                StatusCode::UNAUTHORIZED,
                "log in with your SIM (3GPP AKMA, HTTP Digest)\n",
            );
            let mut response = text.into_response();
            for challenge in challenges {
                if let Ok(value) = HeaderValue::try_from(challenge.to_string()) {
                    response.headers_mut().append(header::WWW_AUTHENTICATE, value);
                }
            }
            response
        }
        Verdict::Unreadable(error) => (StatusCode::BAD_REQUEST, format!("Authorization: {error}\n")).into_response(),
        Verdict::NoKey(why) => {
            log_limit!(info, "a user without a key", error = %why);
            no_key(&why)
        }
        Verdict::Unfit(why) => {
            log_limit!(error, "logins cannot be judged", why);
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
        Verdict::User(..) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// Without any realm: a UE that got one would compute with the same key again (TS 33.535 Annex B).
pub(crate) fn no_key(why: &NoKey) -> Response {
    let status = match why.may_pass() {
        true => StatusCode::SERVICE_UNAVAILABLE,
        false => StatusCode::FORBIDDEN,
    };
    let mut response = (status, format!("{}\n", told(why))).into_response();
    if why.may_pass() {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    if fault!("af-realm-without-key") {
        let value = HeaderValue::from_static("Digest realm=\"r\", nonce=\"n\", qop=\"auth\"");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, value);
    }
    response
}

/// What a UE is told; the reasons of the home network are no business of its.
const fn told(why: &NoKey) -> &'static str {
    match why {
        NoKey::Unknown | NoKey::Disabled => "no key for this A-KID: use the newest one",
        NoKey::Expired => "the key of this A-KID has expired: authenticate to the network anew",
        NoKey::Busy | NoKey::Unreachable(_) => "keys cannot be asked for now: try again",
    }
}
