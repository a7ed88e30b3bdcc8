//! Where an application function gets its keys.

use std::future::Future;
use std::pin::Pin;

use kaskade_codec::sbi::akma::{AkmaAfKeyData, AkmaAfKeyRequest};
use kaskade_net::sbi::client::{ClientError, ClientOptions, SbiClient};
use kaskade_net::sbi::peer::Requester;
use kaskade_net::sbi::service::{Caller, NotDone};
use kaskade_net::services::{naanf_akma, nnef_akma};

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
pub struct Nef(nnef_akma::Client);

impl Nef {
    /// At an apiRoot; connects with the first question.
    ///
    /// # Errors
    /// [`ClientError::Url`] when it is no such URL, or `https` without TLS options.
    pub fn new(api_root: &str, options: ClientOptions) -> Result<Self, ClientError> {
        SbiClient::new(api_root, options).map(nnef_akma::Client::new).map(Self)
    }
}

impl KeySource for Nef {
    fn k_af(&self, request: AkmaAfKeyRequest) -> Asked<'_> {
        Box::pin(async move { self.0.retrieve(&caller(), request).await })
    }
}

/// Whom the peer has before it follows from certificate or token; nobody here looks at it.
fn caller() -> Caller {
    Caller::new(Requester::subject("AF"))
}
