//! The token endpoint: client credentials for access tokens (RFC 6749 4.4), which this NEF's own door then takes.
//!
//! | A client proves who it is by | Source |
//! |---|---|
//! | HTTP Basic authentication | RFC 6749 2.3.1 |
//! | `client_id` and `client_secret` in the form | RFC 6749 2.3.1 |
//! | a certificate that is named in the configuration | RFC 8705 2.1 |
//!
//! A budget is asked before a secret is looked at: whoever guesses is slow.

use std::collections::BTreeSet;
use std::hash::RandomState;
use std::sync::Arc;
use std::time::Duration;

use base64ct::{Base64, Encoding};
use hyper::{Method, StatusCode};
use kaskade_faults::fault;
use kaskade_flow::event::{Action, Event, Outcome};
use kaskade_flow::{Refusal, Refused};
use kaskade_store::audit::AuditFull;
use serde::Serialize;
use zeroize::Zeroizing;

use super::NefCounters;
use super::form::{Form, decode};
use super::policy::NefPolicy;
use super::secret::ClientSecret;
use crate::live::Live;
use crate::log_limit;
use crate::role::audit::Audit;
use crate::role::budget::{BudgetOptions, Budgets, Rate, refusal};
use crate::sbi::message::{Content, Reply, Request};
use crate::sbi::peer::Requester;
use crate::sbi::problem::Problem;
use crate::sbi::service::{Authorization, Beside, Replying};
use crate::sbi::token::{Grant, TokenIssuer};
use crate::sbi::write;
use crate::services::nnef_akma::{self, GPSI_ACCESS};
use crate::time::{moment, unix_millis};

/// Where tokens are asked for, beside the services.
pub const PATH: &str = "/oauth2/token";

/// How tokens are given.
#[derive(Clone, Debug)]
pub struct TokenOptions {
    /// Who signs them.
    pub issuer: TokenIssuer,
    /// How long one is valid.
    pub lifetime: Duration,
    /// How often one requester may ask, rightly or wrongly.
    pub requester: Rate,
}

/// Gives tokens.
pub(super) struct TokenEndpoint {
    options: TokenOptions,
    policy: Live<NefPolicy>,
    budgets: Budgets,
    audit: Audit,
    counters: Arc<NefCounters>,
}

/// Why no token is given (RFC 6749 5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Error {
    InvalidRequest(&'static str),
    InvalidClient,
    UnauthorizedClient,
    UnsupportedGrantType,
    InvalidScope(&'static str),
}

impl Error {
    /// The code, and a sentence for people.
    const fn told(self) -> (&'static str, &'static str) {
        match self {
            Self::InvalidRequest(why) => ("invalid_request", why),
            Self::InvalidClient => ("invalid_client", "the client is not known, or its secret is wrong"),
            Self::UnauthorizedClient => (
                "unauthorized_client",
                "the client is another one than its certificate says",
            ),
            Self::UnsupportedGrantType => ("unsupported_grant_type", "grant_type must be client_credentials"),
            Self::InvalidScope(why) => ("invalid_scope", why),
        }
    }

    const fn refusal(self) -> Refusal {
        match self {
            Self::InvalidRequest(_) => Refusal::Malformed,
            Self::InvalidClient => Refusal::ClientNotAuthenticated,
            Self::UnauthorizedClient => Refusal::PeerNotAuthorized,
            Self::UnsupportedGrantType => Refusal::IeIncorrect,
            Self::InvalidScope(_) => Refusal::ScopeInsufficient,
        }
    }

    fn reply(self) -> Reply {
        let (error, error_description) = self.told();
        let status = match self {
            Self::InvalidClient => StatusCode::UNAUTHORIZED,
            _ => StatusCode::BAD_REQUEST,
        };
        let body = serde_json::json!({"error": error, "error_description": error_description});
        let reply = Reply::new(status, Content::Json, body.to_string()).not_stored();
        let reply = reply.because(self.refusal());
        // RFC 9110 15.5.2: 401 has a challenge, however the client tried.
        match self {
            Self::InvalidClient => reply.asking_for_secret(),
            _ => reply,
        }
    }
}

/// Why there is no token: in terms of OAuth, or of HTTP.
enum NotGiven {
    Error(Error),
    Problem(Problem),
}

impl From<Error> for NotGiven {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl From<Problem> for NotGiven {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<AuditFull> for NotGiven {
    fn from(full: AuditFull) -> Self {
        Self::Problem(full.refusal().into())
    }
}

/// RFC 6749 5.1.
#[derive(Serialize)]
struct Given<'g> {
    access_token: &'g str,
    token_type: &'static str,
    expires_in: u64,
    scope: &'g str,
}

/// Whoever says who it is, as far as that is not proved yet.
struct Credentials {
    client: Zeroizing<String>,
    secret: Option<Zeroizing<String>>,
}

impl TokenEndpoint {
    pub(super) fn new(
        options: TokenOptions,
        policy: Live<NefPolicy>,
        audit: Audit,
        counters: Arc<NefCounters>,
    ) -> Self {
        let budgets = BudgetOptions {
            requester: options.requester,
            ..BudgetOptions::UNLIMITED
        };
        Self {
            budgets: Budgets::new(budgets, RandomState::new()),
            options,
            policy,
            audit,
            counters,
        }
    }

    fn answer(&self, mut request: Request, requester: &Requester) -> Reply {
        match self.given(&mut request, requester) {
            Ok(reply) => {
                self.counters.tokens.add_one();
                reply
            }
            Err(not_given) => {
                self.counters.tokens_refused.add_one();
                let (reply, why) = match not_given {
                    NotGiven::Error(error) => (error.reply(), error.refusal()),
                    NotGiven::Problem(problem) => {
                        let why = problem.why;
                        (Reply::from(problem).not_stored(), why)
                    }
                };
                log_limit!(info, "no token is given", %requester, %why);
                self.audit.refused(requester, None, Action::TokenGiven, why);
                reply
            }
        }
    }

    fn given(&self, request: &mut Request, requester: &Requester) -> Result<Reply, NotGiven> {
        if request.method() != Method::POST {
            return Err(Problem::method_not_allowed("POST").into());
        }
        let within = self.budgets.admit_report(requester.id(), moment());
        if let (Err(over), false) = (within, fault!("guessing-without-bound")) {
            return Err(Problem::from(Refused::from(refusal(over.bucket)).after(over.retry_after)).into());
        }
        let body = request.form_body()?;
        let form = Form::read(&body);
        write::wipe(body);
        let form =
            form.map_err(|_| Error::InvalidRequest("the body is not a form in which each parameter stands once"))?;
        let credentials = credentials(request.authorization(), &form)?;
        let policy = self.policy.now();
        // An address proves too little for a token that is taken anywhere.
        let is_certified = request.peer().names().is_some();
        let by_certificate = policy.named(requester).filter(|_| is_certified);
        let client = authenticated(&policy, by_certificate, credentials.as_ref())?;
        match form.get("grant_type") {
            Some("client_credentials") => {}
            Some(_) => return Err(Error::UnsupportedGrantType.into()),
            None => return Err(Error::InvalidRequest("grant_type is missing").into()),
        }
        let scope = scope(form.get("scope"), policy.af(client).is_some_and(|af| af.gpsi))?;
        let grant = Grant {
            subject: client,
            audience: "NEF",
            scope: &scope,
            from: unix_millis(),
            lifetime: self.options.lifetime,
        };
        let token = self.options.issuer.give(&grant).map(Zeroizing::new);
        let token = token.map_err(|_| Problem::from(Refusal::Internal))?;
        let given = Given {
            access_token: &token,
            token_type: "Bearer",
            expires_in: self.options.lifetime.as_secs(),
            scope: &scope,
        };
        let body = write::secret(&given).map_err(|_| Problem::from(Refusal::Internal))?;
        let event = Event::new(Outcome::Released, Action::TokenGiven, unix_millis());
        // As the keys that it gets with it are recorded.
        let holder = match fault!("token-of-a-connection") {
            true => requester.clone(),
            false => Requester::subject(client),
        };
        self.audit.record(event.by(self.audit.peer(&holder)))?;
        Ok(Reply::new(StatusCode::OK, Content::Json, body).not_stored())
    }
}

/// Who the client says that it is: by Basic authentication or in the form, never both (RFC 6749 2.3).
fn credentials(authorization: &Authorization, form: &Form) -> Result<Option<Credentials>, Error> {
    let in_form = form.get("client_id").map(|client| Credentials {
        client: Zeroizing::new(client.to_owned()),
        secret: form
            .get("client_secret")
            .map(|secret| Zeroizing::new(secret.to_owned())),
    });
    match authorization {
        Authorization::Missing if in_form.is_none() && form.get("client_secret").is_some() => {
            Err(Error::InvalidRequest("client_secret stands without client_id"))
        }
        Authorization::Missing => Ok(in_form),
        Authorization::Basic(encoded) => {
            let own = basic(encoded).ok_or(Error::InvalidClient)?;
            let is_same = in_form.as_ref().is_none_or(|other| other.client == own.client);
            match form.get("client_secret").is_none() && is_same {
                true => Ok(Some(own)),
                false => Err(Error::InvalidRequest("the client says twice who it is")),
            }
        }
        Authorization::Bearer(_) | Authorization::Other => Err(Error::InvalidClient),
    }
}

/// Client identifier and secret, each encoded as in a form, with a colon between, in Base64 (RFC 6749 2.3.1).
fn basic(encoded: &str) -> Option<Credentials> {
    let octets = Zeroizing::new(Base64::decode_vec(encoded).ok()?);
    let at = octets.iter().position(|octet| *octet == b':')?;
    let (client, secret) = octets.split_at_checked(at)?;
    Some(Credentials {
        client: decode(client).ok()?,
        secret: Some(decode(secret.get(1..)?).ok()?),
    })
}

/// Which client it is, proved by a secret or by a certificate. One that is not known costs as much as a wrong secret.
fn authenticated<'p>(
    policy: &'p NefPolicy,
    by_certificate: Option<&'p str>,
    credentials: Option<&Credentials>,
) -> Result<&'p str, Error> {
    let Some(Credentials { client, secret }) = credentials else {
        return by_certificate.ok_or(Error::InvalidClient);
    };
    let Some(secret) = secret else {
        return match by_certificate {
            Some(name) if *name == **client => Ok(name),
            Some(_) => Err(Error::UnauthorizedClient),
            None => Err(Error::InvalidClient),
        };
    };
    let known = policy.af_named(client);
    let hash = ClientSecret::read(secret).map(|secret| secret.hash(client));
    let expected = known.and_then(|(_, af)| af.secret);
    let is_right = match (hash, expected) {
        (Some(hash), Some(expected)) => hash == expected || fault!("any-client-secret"),
        _ => false,
    };
    match (known, by_certificate) {
        (Some((name, _)), Some(other)) if is_right && name != other => Err(Error::UnauthorizedClient),
        (Some((name, _)), _) if is_right => Ok(name),
        _ => Err(Error::InvalidClient),
    }
}

/// What is granted: what was asked for, or all that there is for this client (RFC 6749 3.3).
fn scope(asked: Option<&str>, gpsi: bool) -> Result<String, Error> {
    let keys = nnef_akma::SERVICE.name;
    let Some(asked) = asked else {
        return Ok(match gpsi {
            true => format!("{keys} {GPSI_ACCESS}"),
            false => keys.to_owned(),
        });
    };
    let words: BTreeSet<&str> = asked.split(' ').collect();
    for word in &words {
        match *word {
            word if word == keys => {}
            word if word == GPSI_ACCESS && (gpsi || fault!("gpsi-for-any-client")) => {}
            word if word == GPSI_ACCESS => return Err(Error::InvalidScope("the client may not be told who users are")),
            _ => {
                return Err(Error::InvalidScope(
                    "expected 3gpp-akma, nnef-akma:gpsi-access, or both",
                ));
            }
        }
    }
    match words.contains(keys) {
        true => Ok(words.into_iter().collect::<Vec<_>>().join(" ")),
        // Alone it allows nothing.
        false => Err(Error::InvalidScope(
            "nnef-akma:gpsi-access is of use beside 3gpp-akma only",
        )),
    }
}

impl Beside for TokenEndpoint {
    fn path(&self) -> &str {
        PATH
    }

    fn answer(&self, request: Request, requester: Requester) -> Replying<'_> {
        Box::pin(std::future::ready(Self::answer(self, request, &requester)))
    }
}

impl std::fmt::Debug for TokenEndpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("TokenEndpoint").field(&self.options).finish()
    }
}
