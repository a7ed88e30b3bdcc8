//! Header and claims of a token, read once (RFC 7515 4.1, TS 29.510 6.3.5.2.4).

use std::borrow::Cow;
use std::fmt;

use base64ct::{Base64UrlUnpadded, Encoding};
use kaskade_flow::UnixMillis;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny};
use serde_json::Number;

use super::key::MAX_KID;
use super::{Token, TokenError};
use crate::sbi::peer::shown;

/// The header: what is needed of it. A key or an address of one that stands in it is never looked at.
#[derive(Deserialize)]
pub(super) struct Header<'a> {
    #[serde(borrow)]
    pub(super) alg: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) kid: Option<Cow<'a, str>>,
    /// What must be understood: this verifier understands no extension (RFC 7515 4.1.11).
    #[serde(default)]
    crit: Option<IgnoredAny>,
    /// A payload that is not in Base64 (RFC 7797).
    #[serde(default)]
    b64: Option<IgnoredAny>,
}

/// One part of the compact form.
pub(super) fn part(text: &str) -> Result<Vec<u8>, TokenError> {
    Base64UrlUnpadded::decode_vec(text).map_err(|_| TokenError::NotCompact)
}

impl<'a> Header<'a> {
    pub(super) fn read(json: &'a [u8]) -> Result<Self, TokenError> {
        let header: Self = serde_json::from_slice(json).map_err(|error| TokenError::Header(said(&error)))?;
        if header.crit.is_some() || header.b64.is_some() {
            return Err(TokenError::Extension);
        }
        match &header.kid {
            Some(kid) if kid.len() > MAX_KID => Err(TokenError::Header(format!("kid: more than {MAX_KID} octets"))),
            _ => Ok(header),
        }
    }
}

/// For whom a token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audience {
    /// One NF type, or one NF instance.
    One(Box<str>),
    /// NF instances.
    Several(Box<[Box<str>]>),
}

impl Audience {
    /// Whom it names.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        let names = match self {
            Self::One(name) => std::slice::from_ref(name),
            Self::Several(names) => names,
        };
        names.iter().map(|name| &**name)
    }
}

impl<'de> Deserialize<'de> for Audience {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Form;
        impl<'de> serde::de::Visitor<'de> for Form {
            type Value = Audience;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an NF type or an array of NF instance IDs")
            }

            fn visit_str<E>(self, name: &str) -> Result<Audience, E> {
                Ok(Audience::One(name.into()))
            }

            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut names: A) -> Result<Audience, A::Error> {
                let mut several = Vec::new();
                while let Some(name) = names.next_element::<Box<str>>()? {
                    if several.len() == MAX_AUDIENCE {
                        return Err(serde::de::Error::custom(format_args!(
                            "aud has more than {MAX_AUDIENCE} names"
                        )));
                    }
                    several.push(name);
                }
                Ok(Audience::Several(several.into()))
            }
        }
        deserializer.deserialize_any(Form)
    }
}

/// `AccessTokenClaims`. What says who the consumer is beside `sub` is not acted upon; what restricts the producer is.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Claims {
    iss: Box<str>,
    sub: Box<str>,
    aud: Audience,
    scope: Box<str>,
    exp: Number,
    #[serde(default)]
    nbf: Option<Number>,
    #[serde(default)]
    iat: Option<Number>,
    #[serde(default)]
    producer_plmn_id: Option<IgnoredAny>,
    #[serde(default)]
    producer_snpn_id: Option<IgnoredAny>,
    #[serde(default)]
    producer_snssai_list: Option<IgnoredAny>,
    #[serde(default)]
    producer_nsi_list: Option<IgnoredAny>,
    #[serde(default)]
    producer_nf_set_id: Option<IgnoredAny>,
    #[serde(default)]
    producer_nf_service_set_id: Option<IgnoredAny>,
}

/// Reads the claims of a token whose signature is right.
pub(super) fn read(json: &[u8]) -> Result<Token, TokenError> {
    let claims: Claims = serde_json::from_slice(json).map_err(|error| TokenError::Claims(said(&error)))?;
    let restricted = [
        ("producerPlmnId", claims.producer_plmn_id),
        ("producerSnpnId", claims.producer_snpn_id),
        ("producerSnssaiList", claims.producer_snssai_list),
        ("producerNsiList", claims.producer_nsi_list),
        ("producerNfSetId", claims.producer_nf_set_id),
        ("producerNfServiceSetId", claims.producer_nf_service_set_id),
    ];
    if let Some((name, _)) = restricted.iter().find(|(_, restriction)| restriction.is_some()) {
        return Err(TokenError::Restricted(name));
    }
    let wrong = |what: &str| Err(TokenError::Claims(what.to_owned()));
    // It is an owner of contexts, and stands in logs.
    if !(1..=MAX_NAME).contains(&claims.sub.len()) || !claims.sub.bytes().all(|octet| octet.is_ascii_graphic()) {
        return wrong("sub: not 1 to 255 visible characters of ASCII");
    }
    let is_word = |word: &str| {
        let is_sign = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'_' | b':' | b'-');
        !word.is_empty() && word.bytes().all(is_sign)
    };
    if !claims.scope.split(' ').all(is_word) {
        return wrong("scope: not words with one blank between them");
    }
    let seconds = |name: &str, number: Option<&Number>| match number.map(moment) {
        Some(None) => Err(TokenError::Claims(format!(
            "{name}: not a number of seconds since 1970"
        ))),
        Some(moment) => Ok(moment),
        None => Ok(None),
    };
    seconds("iat", claims.iat.as_ref())?;
    Ok(Token {
        not_before: seconds("nbf", claims.nbf.as_ref())?,
        expires: seconds("exp", Some(&claims.exp))?.unwrap_or(UnixMillis::new(0)),
        issuer: claims.iss,
        subject: claims.sub,
        audience: claims.aud,
        scope: claims.scope,
    })
}

/// The most NF instances that a token is for; more than a token has room for, if they are UUIDs.
const MAX_AUDIENCE: usize = 100;
/// The most octets of a subject.
const MAX_NAME: usize = 255;

/// `NumericDate` (RFC 7519 2). What is after the end of time is at its end.
fn moment(seconds: &Number) -> Option<UnixMillis> {
    let seconds = match seconds.as_u64() {
        Some(seconds) => seconds,
        None => {
            let seconds = seconds.as_f64().filter(|seconds| *seconds >= 0.0)?;
            std::time::Duration::try_from_secs_f64(seconds).map_or(u64::MAX, |since| since.as_secs())
        }
    };
    Some(UnixMillis::new(seconds.saturating_mul(1000)))
}

/// What the decoder says: names of members, never more of a value than fits a line.
fn said(error: &serde_json::Error) -> String {
    let text = error.to_string();
    shown(&text.chars().take(120).collect::<String>())
}
