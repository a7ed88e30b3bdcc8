//! What one request proves: the profile of TS 24.109 Annex K and TS 33.535 Annex B, from header to user.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{ConnectInfo, OriginalUri};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Uri, header};
use kaskade_codec::http_digest::{
    Algorithm, AuthenticationInfo, Challenge, Credentials, DigestError, UserSecret, akma,
};
use kaskade_faults::fault;
use kaskade_flow::NoRandomness;
use kaskade_keys::AKid;
use kaskade_keys::id::UaProtocolId;
use kaskade_net::random::SystemEntropy;
use kaskade_net::time::moment;

use crate::keys::{AkmaClient, Known, NoKey};
use crate::listen::TlsPeer;
use crate::nonces::{Nonces, Seen};
use crate::peer::source;

/// What is spoken with the application, as far as it enters K_AF: both ends must mean the same (TS 33.220 Annex H).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UaStar {
    /// HTTP Digest by itself, `01 00 00 00 02`: the application need not know what TLS did, which may end before it.
    HttpDigest,
    /// HTTP Digest within TLS, `01 00 01 yy zz` with the cipher suite that was negotiated (TS 33.222 5.3): a key of one connection is good
    /// for others with the same suite only. The server must tell of it: [`TlsListener`](crate::TlsListener) does.
    TlsSuite,
    /// Another one, such as an organisation's own.
    Other(UaProtocolId),
}

/// How users log in.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LoginOptions {
    /// What is spoken.
    pub protocol: UaStar,
    /// Offers MD5 beside SHA-256, for UEs that know nothing newer.
    pub md5: bool,
    /// How long a nonce is good; then the UE gets another one without asking anybody.
    pub nonce_life: Duration,
    /// Nonces whose counts are kept at once, 32 of one user.
    pub most_nonces: usize,
}

impl Default for LoginOptions {
    fn default() -> Self {
        Self {
            protocol: UaStar::HttpDigest,
            md5: false,
            nonce_life: Duration::from_secs(300),
            most_nonces: 65_536,
        }
    }
}

/// What a request proves.
pub(crate) enum Verdict {
    /// Who sends it, and what the answer says of the application.
    User(Arc<Known>, AuthenticationInfo),
    /// Nothing yet: these challenges go back.
    Challenge(Vec<Challenge>),
    /// Nothing that can be read.
    Unreadable(DigestError),
    /// That it names a user without a key.
    NoKey(NoKey),
    /// It cannot be judged: nobody said what is spoken, or there is no randomness.
    Unfit(&'static str),
}

pub(crate) struct Verifier {
    pub(crate) keys: AkmaClient,
    options: LoginOptions,
    realm: String,
    nonces: Nonces,
}

/// What a request says, found to be worth a question for its key.
struct Claim {
    credentials: Credentials,
    a_kid: AKid,
    nonce: crate::nonces::Nonce,
}

impl Verifier {
    pub(crate) fn new(keys: AkmaClient, options: LoginOptions) -> Result<Self, NoRandomness> {
        let realm = akma::realm(keys.af());
        let nonces = Nonces::new(&realm, options.nonce_life, options.most_nonces, &mut SystemEntropy)?;
        Ok(Self {
            keys,
            options,
            realm,
            nonces,
        })
    }

    pub(crate) async fn verify(&self, parts: &Parts) -> Verdict {
        let claim = match self.claim(parts) {
            Ok(claim) => claim,
            Err(verdict) => return verdict,
        };
        let protocol = match self.options.protocol {
            UaStar::HttpDigest => UaProtocolId::HTTP_DIGEST,
            UaStar::Other(protocol) => protocol,
            UaStar::TlsSuite => match parts.extensions.get::<ConnectInfo<TlsPeer>>() {
                Some(ConnectInfo(peer)) => UaProtocolId::tls(peer.cipher_suite),
                None => return Verdict::Unfit("nobody told which cipher suite the connection has"),
            },
        };
        let known = match self
            .keys
            .key_for(source(&parts.extensions), &claim.a_kid, protocol)
            .await
        {
            Ok(known) => known,
            Err(why) => return Verdict::NoKey(why),
        };
        self.judge(&claim, parts.method.as_str(), &known)
    }

    /// What a request claims; no key is asked for where its headers already say that it is in vain.
    fn claim(&self, parts: &Parts) -> Result<Claim, Verdict> {
        let mut values = parts.headers.get_all(header::AUTHORIZATION).iter();
        let (Some(value), None) = (values.next(), values.next()) else {
            return Err(self.challenge(false));
        };
        let credentials = match Credentials::read(value.as_bytes()) {
            Ok(credentials) => credentials,
            // Another way to log in: it proves nothing here.
            Err(DigestError::Scheme) => return Err(self.challenge(false)),
            Err(error) => return Err(Verdict::Unreadable(error)),
        };
        let is_offered = self
            .algorithms()
            .any(|offered| offered == credentials.response.algorithm());
        let is_this = is_target(parts, &credentials.uri) || fault!("af-other-target");
        if credentials.realm != self.realm || !is_offered || !is_this {
            return Err(self.challenge(false));
        }
        let nonce = match self.nonces.see(&credentials.nonce, moment()) {
            Seen::Fresh(nonce) => nonce,
            // Of another process of this application, or before its start: name and password may be right.
            Seen::Stale | Seen::Foreign => return Err(self.challenge(true)),
        };
        let a_kid = credentials.username.parse::<AKid>();
        let a_kid = a_kid.map_err(|_| Verdict::NoKey(NoKey::Unknown))?;
        Ok(Claim {
            credentials,
            a_kid,
            nonce,
        })
    }

    /// Whether the claim is true, and made for the first time.
    fn judge(&self, claim: &Claim, method: &str, known: &Arc<Known>) -> Verdict {
        let Claim {
            credentials,
            a_kid,
            nonce,
        } = claim;
        // As the UE wrote it, which is what it computed with.
        let secret = self.secret(credentials, known);
        if !credentials.are_of(&secret, method) && !fault!("af-any-response") {
            return self.challenge(false);
        }
        let user = self.keys.number(a_kid);
        if self.nonces.take(*nonce, user, credentials.nc.get(), moment()).is_err() {
            return self.challenge(true);
        }
        let next = match self.nonces.is_ageing(*nonce) {
            true => self.nonces.make(moment(), &mut SystemEntropy).ok(),
            false => None,
        };
        Verdict::User(known.clone(), AuthenticationInfo::to(credentials, &secret, next))
    }

    fn secret(&self, credentials: &Credentials, known: &Known) -> UserSecret {
        let algorithm = credentials.response.algorithm();
        akma::secret(algorithm, &credentials.username, &self.realm, known.k_af())
    }

    fn algorithms(&self) -> impl Iterator<Item = Algorithm> + use<> {
        let md5 = self.options.md5;
        Algorithm::ALL
            .into_iter()
            .filter(move |one| md5 || *one != Algorithm::Md5)
    }

    /// The best one first, which is what a client takes (RFC 7616 3.7).
    fn challenge(&self, stale: bool) -> Verdict {
        let Ok(nonce) = self.nonces.make(moment(), &mut SystemEntropy) else {
            return Verdict::Unfit("there are no random numbers");
        };
        let challenge = |algorithm| Challenge {
            realm: self.realm.clone(),
            nonce: nonce.clone(),
            opaque: None,
            stale,
            algorithm,
        };
        Verdict::Challenge(self.algorithms().map(challenge).collect())
    }
}

/// Whether a client meant this request (RFC 7616 3.4.6): path and query alike, with scheme and host or without.
fn is_target(parts: &Parts, uri: &str) -> bool {
    let OriginalUri(target) = parts
        .extensions
        .get::<OriginalUri>()
        .cloned()
        .unwrap_or_else(|| OriginalUri(parts.uri.clone()));
    let path = target.path_and_query().map_or("/", |path| path.as_str());
    if uri == path {
        return true;
    }
    // In the absolute form, it names this application.
    let Ok(absolute) = uri.parse::<Uri>() else { return false };
    let host = host(&target, &parts.headers);
    let is_path = absolute.path_and_query().is_some_and(|of| of.as_str() == path);
    is_path
        && absolute
            .host()
            .is_some_and(|named| host.is_some_and(|host| named.eq_ignore_ascii_case(host)))
}

fn host<'a>(target: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
    let of_header = || {
        let value = headers.get(header::HOST)?.to_str().ok()?;
        Some(value.rsplit_once(':').map_or(value, |(host, _)| host))
    };
    target.host().or_else(of_header)
}
