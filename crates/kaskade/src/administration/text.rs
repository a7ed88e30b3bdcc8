//! What stands as text in bodies and queries: read once into its type, and written from it.

use std::borrow::Cow;
use std::fmt;

use crate::card::AlgorithmName;
use crate::hex_field;
use crate::subscription::{self, Who};
use kaskade_aka::arpf::Method;
use kaskade_aka::sqn::SqnScheme;
use kaskade_codec::sbi::Timestamp;
use kaskade_crypto::ecies::Profile;
use kaskade_crypto::{Amf, Sqn};
use kaskade_flow::UnixMillis;
use kaskade_flow::event::{Action, Outcome};
use kaskade_keys::id::{AfId, Fqdn};
use kaskade_keys::{Gpsi, Plmn, RoutingIndicator, ServingNetworkName, Supi};
use kaskade_store::{BestSubscription, EpsProfile};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

/// A type that is text on the wire.
pub trait Wire: Sized {
    /// Its name in the document.
    const NAME: &'static str;
    /// What it is, in one sentence.
    const ABOUT: &'static str;
    /// What every text of it matches.
    const PATTERN: &'static str;

    /// Reads it. The error repeats nothing that was given.
    fn read(text: &str) -> Result<Self, String>;

    /// As it is written.
    fn text(&self) -> String;
}

/// A member or parameter that is text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text<T>(pub T);

impl<T: Wire> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.text())
    }
}

impl<'de, T: Wire> Deserialize<'de> for Text<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        parse(&text).map(Self).map_err(own)
    }
}

/// Begins errors in words of ours, which repeat nothing of the input.
pub const OWN: char = '\u{1}';

/// An error in words of ours.
fn own<E: Error>(reason: impl fmt::Display) -> E {
    E::custom(format_args!("{OWN}{reason}"))
}

/// Reads a text that has its one form, but for upper and lower case of hexadecimal digits: two texts of one value would be two
/// names of one thing.
pub fn parse<T: Wire>(text: &str) -> Result<T, String> {
    let read = T::read(text)?;
    let again = read.text();
    let hex = T::PATTERN.contains("A-Fa-f") && again.eq_ignore_ascii_case(text);
    match again == text || hex {
        true => Ok(read),
        false => Err(format!("not in the form {}", T::PATTERN)),
    }
}

impl<T: Wire> JsonSchema for Text<T> {
    fn schema_name() -> Cow<'static, str> {
        T::NAME.into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "description": T::ABOUT, "pattern": T::PATTERN })
    }
}

/// Declares a type that reads and writes itself.
macro_rules! wire {
    ($($T:ty = $name:literal, $about:literal, $pattern:literal, $read:expr, $text:expr;)+) => {$(
        impl Wire for $T {
            const NAME: &'static str = $name;
            const ABOUT: &'static str = $about;
            const PATTERN: &'static str = $pattern;

            fn read(text: &str) -> Result<Self, String> {
                let read: fn(&str) -> Result<Self, String> = $read;
                read(text)
            }

            fn text(&self) -> String {
                let text: fn(&Self) -> String = $text;
                text(self)
            }
        }
    )+};
}

fn said(error: impl fmt::Display) -> String {
    error.to_string()
}

wire! {
    Supi = "Supi", "SUPI (TS 23.003 2.2A).", "^(imsi-[0-9]{5,15}|nai-[!-~]+@[!-?A-~]+)$",
        |text| text.parse().map_err(said), Self::sbi;
    Gpsi = "Gpsi", "GPSI (TS 23.003 28.8).", "^(msisdn-[0-9]{5,15}|extid-[!-?A-~]+@[!-?A-~]+)$",
        |text| text.parse().map_err(said), |gpsi| gpsi.as_str().to_owned();
    Who = "SupiOrGpsi", "SUPI or GPSI.", "^(imsi-[0-9]{5,15}|nai-[!-~]+@[!-?A-~]+|msisdn-[0-9]{5,15}|extid-[!-?A-~]+@[!-?A-~]+)$",
        |text| text.parse().map_err(said), ToString::to_string;
    RoutingIndicator = "RoutingIndicator", "Routing indicator (TS 23.003 2.2B), 1 to 4 digits.", "^[0-9]{1,4}$",
        |text| text.parse().map_err(said), ToString::to_string;
    Fqdn = "DomainName", "A full domain name (RFC 1035 2.3.1).", "^[0-9A-Za-z.-]{1,253}$",
        |text| text.parse().map_err(said), ToString::to_string;
    AfId = "AfId", "AF_ID (TS 33.535): a domain name and, without anything between, a Ua* protocol in 10 hexadecimal digits.",
        "^[0-9A-Za-z.-]{1,253}[0-9A-Fa-f]{10}$",
        |text| text.parse().map_err(said), ToString::to_string;
    Amf = "Amf", "AMF of TS 33.102: 2 octets as hexadecimal digits.", "^[0-9A-Fa-f]{4}$",
        |text| hex_field::octets("amf", text).map(|octets| Self::from_octets(*octets)).map_err(said),
        |amf| hex_field::text(amf.octets()).to_string();
    Sqn = "Sqn", "SQN of TS 33.102: 6 octets as hexadecimal digits.", "^[0-9A-Fa-f]{12}$",
        |text| hex_field::octets("sqn", text).map(|octets| Self::from_octets(*octets)).map_err(said),
        |sqn| hex_field::text(&sqn.octets()).to_string();
    SqnScheme = "SqnScheme", "How SQN is made (TS 29.505).", "^(TIME_BASED|GENERAL|NON_TIME_BASED)$",
        |text| text.parse().map_err(said), |scheme| scheme.name().to_owned();
    AlgorithmName = "Algorithm", "Algorithm of a card.", "^(milenage|tuak|xor|comp128v[123])$",
        |text| text.parse().map_err(said), ToString::to_string;
    Method = "Method", "A method of authentication.", "^(5g-aka|eap-aka-prime|eps-aka|eap-aka|umts-aka|gsm-aka)$",
        |text| {
            let list = subscription::methods(text)
                .map_err(|_| "is no method; known are 5g-aka, eap-aka-prime, eps-aka, eap-aka, umts-aka and gsm-aka")?;
            let mut methods = list.iter();
            match (methods.next(), methods.next()) {
                (Some(method), None) => Ok(method),
                _ => Err("expected one method".into()),
            }
        },
        |method| subscription::name_of(*method).to_owned();
    Best = "Best", "Whether and how keys for battery-powered things are made.", "^(yes|no|separated-umts)$",
        |text| subscription::best(text).map(Self).map_err(said), |best| subscription::best_text(best.0).to_owned();
    EpsProfile = "EpsProfile", "The name of the subscription data that an MME gets.", "^[!-~]{1,64}$",
        |text| subscription::eps_profile(text).map_err(said), |profile| profile.as_str().to_owned();
    ServingNetworkName = "ServingNetworkName", "A serving network name as it enters the derivations (TS 24.501 9.12.1).",
        r"^5G:(mnc[0-9]{3}\.mcc[0-9]{3}\.3gppnetwork\.org(:[0-9A-F]{11})?|NSWO)$",
        |text| text.parse().map_err(said), ToString::to_string;
    Plmn = "Plmn", "A network: MCC and MNC.", "^[0-9]{3}-[0-9]{2,3}$",
        |text| text.parse().map_err(said), ToString::to_string;
    Profile = "Profile", "Profile of a home network key (TS 33.501 C.3.4): A (X25519) or B (P-256).", "^[AB]$",
        |text| match text {
            "A" => Ok(Self::A),
            "B" => Ok(Self::B),
            _ => Err("expected A (X25519) or B (P-256)".into()),
        },
        ToString::to_string;
    Flag = "Flag", "Whether.", "^(true|false)$",
        |text| match text {
            "true" => Ok(Self(true)),
            "false" => Ok(Self(false)),
            _ => Err("expected true or false".into()),
        },
        |flag| flag.0.to_string();
    Limit = "Limit", "At most so many: 1 to 1000.", "^([1-9][0-9]{0,2}|1000)$",
        |text| match text.parse() {
            Ok(limit @ 1..=1000) if !text.starts_with(['+', '0']) => Ok(Self(limit)),
            _ => Err("expected a number from 1 to 1000".into()),
        },
        |limit| limit.0.to_string();
    KeyId = "HnKeyId", "Identifier of a home network key, 1 to 255.", "^([1-9]|[1-9][0-9]|1[0-9][0-9]|2[0-4][0-9]|25[0-5])$",
        |text| match text.parse() {
            Ok(id @ 1..) if !text.starts_with(['+', '0']) => Ok(Self(id)),
            _ => Err("expected a number from 1 to 255".into()),
        },
        |id| id.0.to_string();
    Count = "Count", "A number of entries.", "^(0|[1-9][0-9]{0,14})$",
        |text| match text.parse() {
            Ok(count @ ..=999_999_999_999_999) if text == "0" || !text.starts_with(['+', '0']) => Ok(Self(count)),
            _ => Err("expected a number of at most 15 digits".into()),
        },
        |count| count.0.to_string();
    Time = "Time", "A moment (RFC 3339).", "^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})$",
        |text| {
            let at: Timestamp = text.parse().map_err(|_| "expected a moment as 2026-11-28T10:00:00Z")?;
            let at = UnixMillis::new(u64::try_from(at.unix_millis()).unwrap_or(0));
            Ok(Self { text: text.to_owned(), at })
        },
        |time| time.text.clone();
    PeerName = "PeerName", "A peer of the audit log: its name or address, or its 16 digits.", "^.{1,256}$",
        |text| match text.chars().count() {
            1..=256 if !text.contains(['\n', '\r']) => Ok(Self(text.to_owned())),
            _ => Err("expected a line of 1 to 256 characters".into()),
        },
        |peer| peer.0.clone();
    Action = "AuditAction", "What was done or asked for.", "^[a-z0-9-]{1,40}$",
        |text| Self::named(text).ok_or_else(|| "no such action".into()), |action| action.name().to_owned();
    Outcome = "AuditOutcome", "What came of it.", "^(released|changed|refused|noted)$",
        |text| Self::named(text).ok_or_else(|| "expected released, changed, refused or noted".into()),
        |outcome| outcome.name().to_owned();
}

/// How many entries, or the number of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count(pub u64);

/// A moment, as it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Time {
    /// As it was given.
    pub text: String,
    /// When that is.
    pub at: UnixMillis,
}

/// Who asked, in the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerName(pub String);

/// Whether and how BEST keys are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Best(pub Option<BestSubscription>);

/// A parameter that is true or false.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flag(pub bool);

/// How many at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit(pub usize);

/// Which home network key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyId(pub u8);

/// Hexadecimal digits of a secret: wiped, not shown, and read only where they stand in the body as they are, so that no copy is
/// left behind.
#[derive(Clone)]
pub struct Digits(Zeroizing<String>);

impl Digits {
    /// The digits.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Digits {
    fn from(text: &str) -> Self {
        Self(Zeroizing::new(text.to_owned()))
    }
}

impl fmt::Debug for Digits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digits(…)")
    }
}

/// To the node of this data folder, over its socket.
impl Serialize for Digits {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Digits {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Borrowed;

        impl<'de> Visitor<'de> for Borrowed {
            type Value = Digits;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("hexadecimal digits")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Digits, E> {
                Ok(text.into())
            }

            fn visit_str<E: Error>(self, _: &str) -> Result<Digits, E> {
                Err(own("an escape where hexadecimal digits belong"))
            }
        }

        deserializer.deserialize_str(Borrowed)
    }
}

impl JsonSchema for Digits {
    fn schema_name() -> Cow<'static, str> {
        "SecretDigits".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A secret as hexadecimal digits. It is never given out again.",
            "pattern": "^([0-9A-Fa-f]{2}){1,8192}$",
            "writeOnly": true
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_one_form() {
        for wrong in ["", "0", "01", "+1", "1001", "-1", "1e2", " 1"] {
            assert!(Limit::read(wrong).is_err(), "{wrong}");
            assert!(KeyId::read(wrong).is_err(), "{wrong}");
        }
        assert_eq!(
            (Limit::read("1000"), KeyId::read("255")),
            (Ok(Limit(1000)), Ok(KeyId(255)))
        );
        assert!(KeyId::read("256").is_err());
    }

    #[test]
    fn a_secret_with_an_escape_is_refused() {
        let read = |text: &str| serde_json::from_str::<Digits>(text);
        assert_eq!(read(r#""00ff""#).unwrap().expose(), "00ff");
        let error = read(r#""\u0030\u0030""#).unwrap_err().to_string();
        assert!(error.contains("an escape") && !error.contains("00"), "{error}");
        assert_eq!(format!("{:?}", Digits::from("00ff")), "Digits(…)");
    }
}
