//! Where an application function gets its keys.

use std::future::Future;
use std::pin::Pin;

use axum::http::StatusCode;
use kaskade_codec::sbi::akma::{AkmaAfKeyData, AkmaAfKeyRequest};
use kaskade_net::sbi::client::{ClientError, ClientOptions, SbiClient};
use kaskade_net::sbi::peer::Requester;
use kaskade_net::sbi::service::{Caller, Elsewhere, NotDone};
use kaskade_net::services::{naanf_akma, nnef_akma};

use crate::token::{ClientCredentials, Tokens};

/// What a [`KeySource`] answers: a key, nothing because there is none for this A-KID, or why it could not be asked.
pub type Asked<'s> = Pin<Box<dyn Future<Output = Result<Option<AkmaAfKeyData>, NotDone>> + Send + 's>>;

/// Who gives K_AF to an application function: an [`Aanf`], a [`Nef`], or what a test puts in their place.
pub trait KeySource: Send + Sync + 'static {
    /// Asks for K_AF of an A-KID and an AF_ID.
    fn k_af(&self, request: AkmaAfKeyRequest) -> Asked<'_>;
}

/// An AAnF, for application functions within the operator's domain: Naanf_AKMA_ApplicationKey_Get (TS 29.535 5.2.2.3).
#[derive(Clone, Debug)]
pub struct Aanf(naanf_akma::Client);

impl Aanf {
    /// At an apiRoot; connects with the first question.
    ///
    /// # Errors
    /// [`ClientError::Url`] when it is no such URL, or `https` without TLS options.
    pub fn new(api_root: &str, options: ClientOptions) -> Result<Self, ClientError> {
        SbiClient::new(api_root, options).map(naanf_akma::Client::new).map(Self)
    }
}

impl KeySource for Aanf {
    fn k_af(&self, request: AkmaAfKeyRequest) -> Asked<'_> {
        Box::pin(async move { self.0.retrieve_applicationkey(&caller(), request).await })
    }
}

/// A NEF, for application functions outside the operator's domain: Nnef_AKMA_ApplicationKey_Get (TS 29.522 4.4.23).
#[derive(Clone, Debug)]
pub struct Nef(Way);

#[derive(Clone, Debug)]
enum Way {
    /// Known by its certificate, or by what the options say.
    AsItIs(nnef_akma::Client),
    WithTokens(Tokens),
}

impl Nef {
    /// At an apiRoot; connects with the first question.
    ///
    /// # Errors
    /// [`ClientError::Url`] when it is no such URL, or `https` without TLS options.
    pub fn new(api_root: &str, options: ClientOptions) -> Result<Self, ClientError> {
        let client = SbiClient::new(api_root, options)?;
        Ok(Self(Way::AsItIs(nnef_akma::Client::new(client))))
    }

    /// The same with access tokens that this application function asks for by its name and secret: with the first question, before each
    /// ends, and when the NEF takes one no more. `endpoint` is the URL of the token endpoint; `/oauth2/token` below the apiRoot where it is `None`.
    ///
    /// # Errors
    /// As [`Nef::new`], for both URLs.
    pub fn with_credentials(
        api_root: &str,
        options: ClientOptions,
        credentials: &ClientCredentials,
        endpoint: Option<&str>,
    ) -> Result<Self, ClientError> {
        let default = format!("{}/oauth2/token", api_root.trim_end_matches('/'));
        let endpoint = endpoint.unwrap_or(&default);
        Ok(Self(Way::WithTokens(Tokens::new(
            api_root,
            options,
            endpoint,
            credentials,
        )?)))
    }
}

impl KeySource for Nef {
    fn k_af(&self, request: AkmaAfKeyRequest) -> Asked<'_> {
        Box::pin(async move {
            let tokens = match &self.0 {
                Way::AsItIs(client) => return client.retrieve(&caller(), request).await,
                Way::WithTokens(tokens) => tokens,
            };
            let held = tokens.client().await?;
            match held.client.retrieve(&caller(), request.clone()).await {
                // It was good: the NEF has another key for tokens since, or the client another secret.
                Err(not_done) if is_unauthenticated(&not_done) => {
                    tokens.forget(&held);
                    let held = tokens.client().await?;
                    held.client.retrieve(&caller(), request).await
                }
                done => done,
            }
        })
    }
}

fn is_unauthenticated(not_done: &NotDone) -> bool {
    matches!(not_done.seen(), Some(Elsewhere::Refused(heard)) if heard.status == StatusCode::UNAUTHORIZED)
}

/// Whom the peer has before it follows from certificate or token; nobody here looks at it.
fn caller() -> Caller {
    Caller::new(Requester::subject("AF"))
}
