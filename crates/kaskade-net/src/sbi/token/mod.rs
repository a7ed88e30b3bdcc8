//! Access tokens: who is who, and may ask for what (TS 33.501 13.4.1, TS 29.510 6.3.5.2.4).
//!
//! A token is a JWS in its compact form (RFC 7515 7.1). It is verified by static keys, each for one algorithm; what the header
//! says chooses among them, and nothing else.
//!
//! | Checked | By |
//! |---|---|
//! | form, length, algorithm, signature, issuer | [`Verifier::verify`] |
//! | `exp`, `nbf` | the same, against the clock that it is given |
//! | `aud` | the same, against who is asked |
//! | `scope` | [`Token::allows`] |
//! | `producerPlmnId`, `consumerPlmnId` | [`Verifier::verify`], against the PLMNs of this node where it knows them |
//! | `sub` | whoever knows who holds the token |
//!
//! [`TokenIssuer`] gives tokens, where this program does that itself: to application functions, at its NEF.
//!
//! A token that is restricted to slices, sets or stand-alone networks of its producer is refused, as this node does not know its own; so is one
//! that is restricted to a PLMN, where [`TokenRules::networks`] names none.

mod claims;
mod issuer;
mod key;
mod known;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use kaskade_crypto::kdf::sha256;
use kaskade_faults::fault;
use kaskade_flow::UnixMillis;
use kaskade_flow::refusal::{Refusal, Refused};
use kaskade_keys::Plmn;

pub use claims::Audience;
use claims::Header;
pub use issuer::{Grant, IssuerKeyError, NotSigned, TokenIssuer};
pub use key::{NotAnAlgorithm, TokenAlgorithm, TokenKey, TokenKeyError};
use known::Known;
pub use known::TOKENS_OCTETS;

/// The most octets of a token.
pub const MAX_TOKEN: usize = 4096;
/// The most keys of a verifier, which bounds what a token costs.
pub const MAX_KEYS: usize = 8;

/// A token that is signed by who may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    issuer: Box<str>,
    subject: Box<str>,
    audience: Audience,
    scope: Box<str>,
    expires: UnixMillis,
    not_before: Option<UnixMillis>,
}

impl Token {
    /// Whom it was given to: NF instance ID of the consumer.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// Who gave it: NF instance ID of the NRF.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// When it ends.
    pub fn expires(&self) -> UnixMillis {
        self.expires
    }

    /// Each word of its scope.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        self.scope.split(' ')
    }

    /// Whether its scope has this word: the name of a service, or that of a resource of it (TS 33.501 13.4.1.1).
    pub fn allows(&self, scope: &str) -> bool {
        self.scopes().any(|word| word == scope)
    }
}

/// Why a token is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// Longer than [`MAX_TOKEN`].
    #[error("the token has {0} octets, more than {MAX_TOKEN}")]
    TooLong(usize),
    /// No bearer token, or several (RFC 6750 2.1).
    #[error("authorization is not one Bearer token")]
    Scheme,
    /// Not three parts in Base64 (RFC 7515 7.1).
    #[error("the token is not three parts in base64url without padding, with a dot between them")]
    NotCompact,
    /// The first part is no header.
    #[error("the header of the token: {0}")]
    Header(String),
    /// The header has an extension.
    #[error("the header of the token has crit or b64, which is not supported")]
    Extension,
    /// Signed by an algorithm that no key here is for, or by none.
    #[error("the header of the token: alg: not an algorithm for which there is a key here")]
    Algorithm,
    /// No key of this name.
    #[error("there is no key with the kid of the token")]
    UnknownKey,
    /// The signature is not that of a key of this node.
    #[error("the signature of the token is wrong")]
    Signature,
    /// The second part has not the claims that it must have.
    #[error("the claims of the token: {0}")]
    Claims(String),
    /// Given by somebody else.
    #[error("the token is of another issuer")]
    Issuer,
    /// For somebody else.
    #[error("the token is for somebody else than {0}")]
    Audience(String),
    /// Given to somebody else.
    #[error("the token was given to somebody else than the NF instance of the certificate")]
    Holder,
    /// For a part of the producers.
    #[error("the token is restricted by {0}, which this node cannot check")]
    Restricted(&'static str),
    /// For producers of another PLMN.
    #[error("the token is for producers of another PLMN than this node's (producerPlmnId)")]
    OtherPlmn,
    /// Given to a consumer of another PLMN, but not for producers of this one (TS 33.501 13.4.1.2).
    #[error("the token of a consumer of another PLMN has no producerPlmnId")]
    NoProducerPlmn,
    /// Over.
    #[error("the token has expired")]
    Expired,
    /// Not begun.
    #[error("the token is not valid yet")]
    NotYet,
}

impl TokenError {
    /// As it is refused.
    pub const fn refusal(&self) -> Refusal {
        match self {
            Self::Expired | Self::NotYet => Refusal::TokenExpired,
            _ => Refusal::TokenInvalid,
        }
    }
}

impl From<TokenError> for Refused {
    fn from(error: TokenError) -> Self {
        Self::from(error.refusal()).with_detail(error.to_string())
    }
}

/// Whose tokens are taken, and by which keys.
#[derive(Clone, Debug)]
pub struct TokenRules {
    /// NF instance IDs of the NRFs whose word counts.
    pub issuers: Vec<String>,
    /// Their keys: 1 to [`MAX_KEYS`].
    pub keys: Vec<TokenKey>,
    /// NF instance IDs of this node, as which it may be named in a token beside its NF type.
    pub instances: Vec<String>,
    /// PLMNs of this node: a token may be restricted to one of them, and that of a consumer of another PLMN must be (TS 33.501 13.4.1.2).
    /// None: a token that is restricted to a PLMN is refused, and nobody looks at that of the consumer.
    pub networks: Vec<Plmn>,
    /// How far the clocks of this node and of an NRF may be apart.
    pub leeway: Duration,
}

/// Rules by which nothing could be verified, or too much.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenRulesError {
    /// No key, or too many.
    #[error("1 to {MAX_KEYS} keys are needed")]
    Keys,
    /// No issuer.
    #[error("an issuer is needed, the NF instance ID of an NRF")]
    Issuers,
    /// Two keys have one name.
    #[error("two keys have the same kid")]
    SameKid,
}

/// Verifies tokens.
pub struct Verifier {
    rules: TokenRules,
    known: Known,
}

impl Verifier {
    /// By these rules.
    ///
    /// # Errors
    /// They cannot be meant.
    pub fn new(rules: TokenRules) -> Result<Self, TokenRulesError> {
        if !(1..=MAX_KEYS).contains(&rules.keys.len()) {
            return Err(TokenRulesError::Keys);
        }
        if rules.issuers.is_empty() {
            return Err(TokenRulesError::Issuers);
        }
        let names: Vec<_> = rules.keys.iter().filter_map(|key| key.kid.as_deref()).collect();
        if names
            .iter()
            .enumerate()
            .any(|(at, name)| names.iter().take(at).any(|other| other == name))
        {
            return Err(TokenRulesError::SameKid);
        }
        Ok(Self {
            rules,
            known: Known::new(),
        })
    }

    /// The token of this text, if it is valid now and here: at a network function of this type.
    ///
    /// # Errors
    /// Why it is not taken.
    pub fn verify(&self, text: &str, nf_type: &str, now: UnixMillis) -> Result<Arc<Token>, TokenError> {
        if text.len() > MAX_TOKEN {
            return Err(TokenError::TooLong(text.len()));
        }
        let hash = sha256(&[text.as_bytes()]);
        let token = match self.known.get(&hash) {
            Some(token) => token,
            None => {
                let token = Arc::new(self.read(text)?);
                // One that is over is not worth a place.
                if self.is_over(&token, now) {
                    return Err(TokenError::Expired);
                }
                self.known.put(hash, &token);
                token
            }
        };
        if self.is_over(&token, now) {
            return Err(TokenError::Expired);
        }
        if token
            .not_before
            .is_some_and(|begin| begin > now.after(self.rules.leeway))
        {
            return Err(TokenError::NotYet);
        }
        if !self.is_for(&token, nf_type) && !fault!("token-audience-not-checked") {
            return Err(TokenError::Audience(nf_type.to_owned()));
        }
        Ok(token)
    }

    fn is_over(&self, token: &Token, now: UnixMillis) -> bool {
        token.expires.after(self.rules.leeway) <= now && !fault!("token-expiry-not-checked")
    }

    fn is_for(&self, token: &Token, nf_type: &str) -> bool {
        let instances = &self.rules.instances;
        let is_here = |name: &str| instances.iter().any(|instance| instance.eq_ignore_ascii_case(name));
        // An NF type stands alone; an array has NF instances (TS 29.510 6.3.5.2.4).
        matches!(&token.audience, Audience::One(name) if **name == *nf_type) || token.audience.iter().any(is_here)
    }

    /// All that does not depend on time and place.
    fn read(&self, text: &str) -> Result<Token, TokenError> {
        let [header, claims, signature] = parts(text)?;
        let signed = text.get(..header.len() + 1 + claims.len()).unwrap_or_default();
        let header = claims::part(header)?;
        let header = Header::read(&header)?;
        let mut right = self.keys_for(&header)?;
        claims::part(signature)?;
        let is_right = |key: &TokenKey| {
            let checked =
                jsonwebtoken::crypto::verify(signature, signed.as_bytes(), &key.key, key.algorithm.of_library());
            checked.unwrap_or(false)
        };
        if !right.any(is_right) && !fault!("token-signature-not-checked") {
            return Err(TokenError::Signature);
        }
        let token = claims::read(&claims::part(claims)?, &self.rules.networks)?;
        let is_issuer = |issuer: &String| issuer.eq_ignore_ascii_case(&token.issuer);
        match self.rules.issuers.iter().any(is_issuer) {
            true => Ok(token),
            false => Err(TokenError::Issuer),
        }
    }

    /// The keys for the algorithm of a token. With a name on both sides it must be the same.
    fn keys_for<'s>(&'s self, header: &Header<'_>) -> Result<impl Iterator<Item = &'s TokenKey> + use<'s>, TokenError> {
        let mut fitting = self
            .rules
            .keys
            .iter()
            .filter(|key| key.algorithm.name() == header.alg)
            .peekable();
        if fitting.peek().is_none() {
            return Err(TokenError::Algorithm);
        }
        let named: Vec<_> = fitting
            .filter(|key| match (&key.kid, &header.kid) {
                (Some(own), Some(given)) => **own == **given,
                _ => true,
            })
            .collect();
        match named.is_empty() {
            true => Err(TokenError::UnknownKey),
            false => Ok(named.into_iter()),
        }
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Verifier").field(&self.rules).finish()
    }
}

fn parts(text: &str) -> Result<[&str; 3], TokenError> {
    let mut parts = text.split('.');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(header), Some(claims), Some(signature), None) => Ok([header, claims, signature]),
        _ => Err(TokenError::NotCompact),
    }
}

/// What a text says, whoever signed it.
#[cfg(any(test, feature = "test-util"))]
pub(crate) fn unsigned(text: &str) -> Result<Token, TokenError> {
    let [header, claims, signature] = parts(text)?;
    Header::read(&claims::part(header)?)?;
    claims::part(signature)?;
    claims::read(&claims::part(claims)?, &[])
}

/// The token in a value of `authorization` (RFC 6750 2.1); `None` in one of another scheme.
pub fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim_matches(' '))
}
