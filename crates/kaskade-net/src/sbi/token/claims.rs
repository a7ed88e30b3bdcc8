//! Header and claims of a token, read once (RFC 7515 4.1, TS 29.510 6.3.5.2.4).

use std::borrow::Cow;
use std::fmt;

use base64ct::{Base64UrlUnpadded, Encoding};
use kaskade_faults::fault;
use kaskade_flow::UnixMillis;
use kaskade_keys::Plmn;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny};
use serde_json::{Number, Value};

use super::key::MAX_KID;
use super::{Token, TokenError};

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
        let header: Self =
            serde_json::from_slice(json).map_err(|error| TokenError::Header(said(&error, json, OF_HEADER)))?;
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
                        return Err(serde::de::Error::custom(format_args!("{TOO_MANY}{MAX_AUDIENCE} names")));
                    }
                    several.push(name);
                }
                Ok(Audience::Several(several.into()))
            }
        }
        deserializer.deserialize_any(Form)
    }
}

/// A PLMN as the claims have it (TS 29.571 5.4.4, `PlmnId`).
struct PlmnId(Plmn);

impl<'de> Deserialize<'de> for PlmnId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Members<'a> {
            #[serde(borrow)]
            mcc: Cow<'a, str>,
            #[serde(borrow)]
            mnc: Cow<'a, str>,
        }
        let Members { mcc, mnc } = Members::deserialize(deserializer)?;
        Plmn::new(&mcc, &mnc)
            .map(Self)
            .map_err(|_| serde::de::Error::custom("no PLMN"))
    }
}

/// `AccessTokenClaims`. Of what says who the consumer is, `sub` and its PLMN are acted upon; and all that restricts the producer.
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
    producer_plmn_id: Option<PlmnId>,
    #[serde(default)]
    consumer_plmn_id: Option<PlmnId>,
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

/// Whether a token is for producers of these networks, which are those of this node.
fn is_for_here(claims: &Claims, networks: &[Plmn]) -> Result<(), TokenError> {
    let is_here = |plmn: &PlmnId| networks.contains(&plmn.0);
    match (&claims.producer_plmn_id, &claims.consumer_plmn_id) {
        (Some(_), _) if networks.is_empty() => Err(TokenError::Restricted("producerPlmnId")),
        (Some(producer), _) if !is_here(producer) && !fault!("token-of-another-plmn") => Err(TokenError::OtherPlmn),
        (None, Some(consumer)) if !networks.is_empty() && !is_here(consumer) && !fault!("token-without-its-plmn") => {
            Err(TokenError::NoProducerPlmn)
        }
        _ => Ok(()),
    }
}

/// Reads the claims of a token whose signature is right, at a node of these networks.
pub(super) fn read(json: &[u8], networks: &[Plmn]) -> Result<Token, TokenError> {
    let claims: Claims =
        serde_json::from_slice(json).map_err(|error| TokenError::Claims(said(&error, json, OF_CLAIMS)))?;
    is_for_here(&claims, networks)?;
    let restricted = [
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

const TOO_MANY: &str = "aud has more than ";
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

/// What a member must be.
struct Form {
    name: &'static str,
    says: &'static str,
    fits: fn(&Value) -> bool,
}

const fn form(name: &'static str, says: &'static str, fits: fn(&Value) -> bool) -> Form {
    Form { name, says, fits }
}

const OF_HEADER: &[Form] = &[
    form("alg", "a text", Value::is_string),
    form("kid", "a text", |kid| kid.is_string() || kid.is_null()),
];

const OF_CLAIMS: &[Form] = &[
    form("iss", "a text", Value::is_string),
    form("sub", "a text", Value::is_string),
    form("aud", "an NF type or an array of NF instance IDs", is_audience),
    form("scope", "a text", Value::is_string),
    form("exp", "a number", Value::is_number),
    form("nbf", "a number", |begin| begin.is_number() || begin.is_null()),
    form("iat", "a number", |begin| begin.is_number() || begin.is_null()),
    form("producerPlmnId", "a PLMN", is_plmn),
    form("consumerPlmnId", "a PLMN", is_plmn),
];

fn is_plmn(value: &Value) -> bool {
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    value.is_null()
        || text("mcc")
            .zip(text("mnc"))
            .is_some_and(|(mcc, mnc)| Plmn::new(mcc, mnc).is_ok())
}

fn is_audience(value: &Value) -> bool {
    let names = value.as_array().map(|names| names.iter().all(Value::is_string));
    names.unwrap_or_else(|| value.is_string())
}

/// What is wrong with a part, by the name of its member. The decoder would repeat the value, which may be a secret in a wrong place.
fn said(error: &serde_json::Error, json: &[u8], members: &[Form]) -> String {
    let text = error.to_string();
    if fault!("token-repeated") {
        return text;
    }
    if !error.is_data() {
        return format!("not JSON from octet {} on", error.column());
    }
    // These name a member that it knows.
    if ["missing field `", "duplicate field `", TOO_MANY]
        .iter()
        .any(|own| text.starts_with(own))
    {
        let end = text.find(" at line").unwrap_or(text.len());
        return text.get(..end).unwrap_or_default().to_owned();
    }
    let wrong = |object: &Value| {
        let is_wrong = |form: &&Form| object.get(form.name).is_some_and(|value| !(form.fits)(value));
        let form = members.iter().find(is_wrong)?;
        Some(format!("{}: not {}", form.name, form.says))
    };
    let value = serde_json::from_slice(json).ok();
    value
        .as_ref()
        .and_then(wrong)
        .unwrap_or_else(|| "not an object of its members".to_owned())
}
