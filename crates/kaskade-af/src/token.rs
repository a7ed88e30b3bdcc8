//! Access tokens of a NEF: asked for by the client's name and secret, and again before they end (RFC 6749 4.4).

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::HeaderValue;
use base64ct::{Base64, Encoding as _};
use kaskade_faults::fault;
use kaskade_flow::{Moment, Refusal};
use kaskade_net::log_limit;
use kaskade_net::sbi::client::{Answer, ClientError, ClientOptions, SbiClient};
use kaskade_net::services::nnef_akma;
use kaskade_net::time::moment;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::sync::watch;
use zeroize::Zeroizing;

/// The body of a request for a token; the client says who it is in `Authorization`.
const FORM: &str = "grant_type=client_credentials";
/// How long a token is taken for good whose end nobody says.
const UNSAID: Duration = Duration::from_secs(60);
/// A token is not used in the last seconds of its life, nor in the last quarter of it.
const MARGIN: Duration = Duration::from_secs(30);
/// How long nobody asks again after a refusal.
const PAUSE: Duration = Duration::from_secs(1);

/// Name and secret of an application function at the token endpoint of its NEF. `Debug` shows the name alone; the secret is wiped.
#[derive(Clone)]
pub struct ClientCredentials {
    id: String,
    secret: Zeroizing<String>,
}

impl ClientCredentials {
    /// `client_id` and `client_secret` (RFC 6749 2.3.1).
    pub fn new(id: impl Into<String>, secret: Zeroizing<String>) -> Self {
        Self { id: id.into(), secret }
    }

    /// `Authorization`: Basic, of both in the form of a form (RFC 6749 2.3.1).
    fn basic(&self) -> Result<HeaderValue, ClientError> {
        let encoded = |text: &str| Zeroizing::new(utf8_percent_encode(text, NON_ALPHANUMERIC).to_string());
        let (id, secret) = (encoded(&self.id), encoded(&self.secret));
        let pair = Zeroizing::new(format!("{}:{}", *id, *secret));
        let value = Zeroizing::new(format!("Basic {}", Base64::encode_string(pair.as_bytes())));
        let value = HeaderValue::try_from(value.as_str());
        let mut value = value.map_err(|_| ClientError::Url("client_id or client_secret"))?;
        value.set_sensitive(true);
        Ok(value)
    }
}

impl fmt::Debug for ClientCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientCredentials({})", self.id)
    }
}

/// A client with the token of now. Clones are one.
#[derive(Clone, Debug)]
pub(crate) struct Tokens(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    api_root: String,
    options: ClientOptions,
    endpoint: SbiClient,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    held: Option<Held>,
    serial: u64,
    asked: Option<watch::Receiver<Option<Outcome>>>,
    refused: Option<(Moment, Refusal)>,
}

/// A client that shows a token, and until when that is good.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) client: nnef_akma::Client,
    serial: u64,
    until: Option<Moment>,
}

type Outcome = Result<Held, Refusal>;

/// What a token endpoint answers (RFC 6749 5.1).
#[derive(serde::Deserialize)]
struct Given {
    access_token: Zeroizing<String>,
    token_type: String,
    expires_in: Option<u64>,
}

impl Tokens {
    /// Of a NEF at an apiRoot, by a token endpoint at this URL.
    pub(crate) fn new(
        api_root: &str,
        options: ClientOptions,
        endpoint: &str,
        credentials: &ClientCredentials,
    ) -> Result<Self, ClientError> {
        let mut of_endpoint = options.clone();
        of_endpoint.authorization = Some(credentials.basic()?);
        // Refused now, and not with the first user.
        SbiClient::new(api_root, options.clone())?;
        Ok(Self(Arc::new(Inner {
            api_root: api_root.to_owned(),
            endpoint: SbiClient::new(endpoint, of_endpoint)?,
            options,
            state: Mutex::default(),
        })))
    }

    /// A client with a token that is good. Who asks at the same time waits for the same token.
    pub(crate) async fn client(&self) -> Outcome {
        let mut outcome = match self.look(moment()) {
            Ok(found) => return found,
            Err(outcome) => outcome,
        };
        let told = outcome.wait_for(Option::is_some).await.ok();
        told.and_then(|told| told.clone()).unwrap_or(Err(Refusal::Internal))
    }

    /// The NEF does not take this one any more.
    pub(crate) fn forget(&self, held: &Held) {
        let mut state = self.0.state();
        if state.held.as_ref().is_some_and(|current| current.serial == held.serial) {
            state.held = None;
        }
    }

    fn look(&self, now: Moment) -> Result<Outcome, watch::Receiver<Option<Outcome>>> {
        let mut state = self.0.state();
        let is_good = |held: &Held| held.until.is_some_and(|until| now < until) || fault!("af-token-for-ever");
        if let Some(held) = state.held.as_ref().filter(|held| is_good(held)) {
            return Ok(Ok(held.clone()));
        }
        if let Some((since, why)) = state.refused
            && now.since(since) < PAUSE
        {
            return Ok(Err(why));
        }
        if let Some(outcome) = &state.asked {
            return Err(outcome.clone());
        }
        let (tell, outcome) = watch::channel(None);
        state.asked = Some(outcome.clone());
        state.serial += 1;
        let question = Question {
            inner: self.0.clone(),
            serial: state.serial,
        };
        drop(state);
        tokio::spawn(async move {
            let outcome = question.ask().await;
            question.keep(&outcome);
            let _ = tell.send(Some(outcome));
        });
        Err(outcome)
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A question for a token, in a task of its own: nobody who goes away ends it.
struct Question {
    inner: Arc<Inner>,
    serial: u64,
}

impl Question {
    async fn ask(&self) -> Outcome {
        let inner = &self.inner;
        let answer = inner.endpoint.form("", FORM.into()).await.map_err(|error| {
            log_limit!(warn, "no access token: the token endpoint cannot be asked", %error);
            error.refusal()
        })?;
        let status = answer.status;
        if !status.is_success() {
            // Its body may repeat what it was sent.
            log_limit!(warn, "no access token: compare client_id and client_secret with the NEF's", %status);
            return Err(Refusal::ClientNotAuthenticated);
        }
        let given = read(answer).ok_or_else(|| {
            log_limit!(warn, "no access token: the token endpoint answers nonsense");
            Refusal::PeerSilent
        })?;
        let life = given.expires_in.map_or(UNSAID, Duration::from_secs);
        let margin = MARGIN.min(life / 4);
        let mut options = inner.options.clone();
        let value = Zeroizing::new(format!("Bearer {}", *given.access_token));
        let mut value = HeaderValue::try_from(value.as_str()).map_err(|_| Refusal::PeerSilent)?;
        value.set_sensitive(true);
        options.authorization = Some(value);
        let client = SbiClient::new(&inner.api_root, options).map_err(|error| error.refusal())?;
        Ok(Held {
            client: nnef_akma::Client::new(client),
            serial: self.serial,
            until: moment().after(life.saturating_sub(margin)),
        })
    }

    fn keep(&self, outcome: &Outcome) {
        let mut state = self.inner.state();
        match outcome {
            Ok(held) => (state.held, state.refused) = (Some(held.clone()), None),
            Err(why) => state.refused = Some((moment(), *why)),
        }
    }
}

impl Drop for Question {
    fn drop(&mut self) {
        self.inner.state().asked = None;
    }
}

fn read(answer: Answer) -> Option<Given> {
    let given: Given = answer.heard(|body| serde_json::from_slice(body)).ok()?;
    given.token_type.eq_ignore_ascii_case("bearer").then_some(given)
}
