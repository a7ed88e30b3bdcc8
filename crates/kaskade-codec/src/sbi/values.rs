//! What members of bodies are: octets, secrets, identities, flags.
//!
//! Hexadecimal digits may be of either case; ours are lower case.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::{self, Display};
use core::str::FromStr;

use base64ct::{Base64, Base64Unpadded, Encoding};
use kaskade_crypto::{Autn, Auts, Rand, Res};
use kaskade_faults::fault;
use kaskade_keys::akma::{KAf, KAkma};
use kaskade_keys::eap::{CkIkPrime, Msk};
use kaskade_keys::fivegs::{HxresStar, KAusf, KSeaf, ResStar, XresStar};
use kaskade_keys::id::{AfId, Fqdn, RootKeyName, Snssai, UsageApplication, UsageLabel};
use kaskade_keys::{AKid, Gpsi, ParseError, RoutingIndicator, ServingNetworkName, Suci, Supi};
use serde::ser::{Error as _, Serializer};
use zeroize::Zeroizing;

use super::body::Value;
use super::date_time::Timestamp;
use super::member::{Member, NoObject};
use super::misread::{Misread, Presence};
use super::nf_instance::NfInstanceId;
use crate::hex;

/// What octets that are no digits are told, never the digits.
fn no_digits<const N: usize>(text: &str, presence: Presence) -> Misread {
    let (characters, digits) = (text.chars().count(), N.saturating_mul(2));
    Misread::wrong(
        presence,
        match characters == digits {
            true => format!("not {digits} hexadecimal digits"),
            false => format!("{characters} characters instead of {digits} hexadecimal digits"),
        },
    )
}

/// Octets, in hexadecimal digits of either case, read in constant time.
///
/// # Errors
/// [`Misread`] that says length or form, never the digits.
pub fn octets<const N: usize>(member: Member<'_>, presence: Presence) -> Result<[u8; N], Misread> {
    let text = member.text(presence)?;
    let mut octets = [0; N];
    match hex::read(text.as_bytes(), &mut octets) {
        true => Ok(octets),
        false => Err(no_digits::<N>(&text, presence)),
    }
}

/// A secret in hexadecimal digits of either case: `make` takes its octets, which are then wiped, and so is the text where it is no
/// part of the body.
///
/// The digits are read in constant time. What is before it, the search for the end of the string, asks of each character only
/// whether it is a quote, a backslash or a control character, and all digits are none of these.
///
/// # Errors
/// As [`octets`].
pub fn secret<const N: usize, S>(
    member: Member<'_>,
    presence: Presence,
    make: impl FnOnce(&[u8; N]) -> S,
) -> Result<S, Misread> {
    let text = member.text(presence)?;
    let mut octets = Zeroizing::new([0; N]);
    let made = match hex::read(text.as_bytes(), &mut octets) {
        true => Ok(make(&octets)),
        false => Err(no_digits::<N>(&text, presence)),
    };
    if let Cow::Owned(text) = text {
        drop(Zeroizing::new(text));
    }
    made
}

macro_rules! octets {
    ($($T:ident)*) => {$(
        impl Value for $T {
            type Object<'a> = NoObject;

            fn read(member: Member<'_>, presence: Presence) -> Result<Self, Misread> {
                octets(member, presence).map(Self::from_octets)
            }

            fn write<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_bytes(self.octets())
            }
        }
    )*};
}

octets! { Rand Autn Auts HxresStar }

/// Each with whom it is told.
macro_rules! secrets {
    ($($T:ident.$expose:ident)*) => {$(
        impl Value for $T {
            type Object<'a> = NoObject;

            const SECRET: bool = true;

            fn read(member: Member<'_>, presence: Presence) -> Result<Self, Misread> {
                secret(member, presence, Self::from_octets)
            }

            fn write<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_bytes(self.$expose())
            }
        }
    )*};
}

secrets! {
    ResStar.expose_to_ausf XresStar.expose_to_ausf KAusf.expose_to_ausf KSeaf.expose_to_seaf
    Msk.expose_to_authenticator KAkma.expose_to_aanf KAf.expose_to_af
}

/// One half of CK' ‖ IK', 16 octets: how a vector of EAP-AKA' carries it. Wiped on drop.
#[derive(Clone)]
pub struct PrimeHalf(Zeroizing<[u8; 16]>);

impl PrimeHalf {
    /// CK' and IK' of a vector.
    pub fn of(key: &CkIkPrime) -> [Self; 2] {
        let (ck_prime, ik_prime) = key.expose_to_eap_server().split_at(16);
        [ck_prime, ik_prime].map(|half| {
            let mut octets = Zeroizing::new([0; 16]);
            octets.copy_from_slice(half);
            Self(octets)
        })
    }

    /// CK' ‖ IK'.
    pub fn joined(ck_prime: &Self, ik_prime: &Self) -> CkIkPrime {
        let mut octets = Zeroizing::new([0; 32]);
        for (to, from) in octets.iter_mut().zip(ck_prime.0.iter().chain(ik_prime.0.iter())) {
            *to = *from;
        }
        CkIkPrime::from_octets(&octets)
    }
}

impl fmt::Debug for PrimeHalf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrimeHalf(…)")
    }
}

impl Value for PrimeHalf {
    type Object<'a> = NoObject;

    const SECRET: bool = true;

    fn read(member: Member<'_>, presence: Presence) -> Result<Self, Misread> {
        secret(member, presence, |octets| Self(Zeroizing::new(*octets)))
    }

    fn write<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_bytes(&*self.0)
    }
}

/// RES or XRES: 4 to 16 octets.
impl Value for Res {
    type Object<'a> = NoObject;

    const SECRET: bool = true;

    fn read(member: Member<'_>, presence: Presence) -> Result<Self, Misread> {
        let text = member.text(presence)?;
        let mut room = Zeroizing::new([0; 16]);
        let read = base16ct::mixed::decode(text.as_bytes(), &mut *room)
            .ok()
            .and_then(Self::from_slice);
        let read =
            read.ok_or_else(|| Misread::wrong(presence, "not 8 to 32 hexadecimal digits, an even number of them"));
        if let Cow::Owned(text) = text {
            drop(Zeroizing::new(text));
        }
        read
    }

    fn write<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_bytes(self.octets())
    }
}

/// An EAP packet, in base64 (TS 29.509 6.1.6.3.2).
#[derive(Clone, PartialEq, Eq)]
pub struct EapPayload(pub Vec<u8>);

/// Without the octets: they may name the user.
impl fmt::Debug for EapPayload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EapPayload({} octets)", self.0.len())
    }
}

impl Value for EapPayload {
    type Object<'a> = NoObject;

    fn read(member: Member<'_>, presence: Presence) -> Result<Self, Misread> {
        let text = member.text(presence)?;
        // Half of the cores leave the padding out.
        let text = text.trim_end_matches('=');
        match Base64Unpadded::decode_vec(text) {
            Ok(octets) => Ok(Self(octets)),
            Err(_) => Err(Misread::wrong(presence, "not base64")),
        }
    }

    fn write<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&Base64::encode_string(&self.0))
    }
}

/// Reads what a type parses from text.
fn parsed<T: FromStr<Err: Display>>(member: Member<'_>, presence: Presence) -> Result<T, Misread> {
    let text = member.text(presence)?;
    text.parse()
        .map_err(|error: T::Err| Misread::wrong(presence, error.to_string()))
}

macro_rules! texts {
    ($($T:ident: |$value:ident, $to:ident| $write:expr;)*) => {$(
        impl Value for $T {
            type Object<'a> = NoObject;

            fn read(member: Member<'_>, presence: Presence) -> Result<Self, Misread> {
                parsed(member, presence)
            }

            fn write<S: Serializer>(&self, $to: S) -> Result<S::Ok, S::Error> {
                let $value = self;
                $write
            }
        }
    )*};
}

texts! {
    Supi: |supi, to| to.collect_str(&format_args!("{}{}", supi.sbi_prefix(), supi.value()));
    SupiOrSuci: |who, to| to.serialize_str(&who.sbi());
    ServingNetworkName: |name, to| to.serialize_str(name.as_str());
    RoutingIndicator: |indicator, to| to.serialize_str(indicator.as_str());
    NfInstanceId: |id, to| to.serialize_str(id.text().as_str());
    Timestamp: |at, to| to.collect_str(at);
    AuthType: |kind, to| match kind {
        AuthType::FiveGAka => to.serialize_str(AuthType::FIVE_G_AKA),
        AuthType::EapAkaPrime => to.serialize_str(AuthType::EAP_AKA_PRIME),
        AuthType::Other => Err(S::Error::custom("the name of another method is not kept")),
    };
    UsageLabel: |label, to| to.serialize_str(label.as_str());
    UsageApplication: |application, to| to.serialize_str(application.as_str());
    Fqdn: |name, to| to.serialize_str(name.as_str());
    Snssai: |slice, to| to.collect_str(slice);
    RootKeyName: |name, to| to.collect_str(name);
    AKid: |a_kid, to| to.collect_str(a_kid);
    AfId: |af_id, to| to.collect_str(af_id);
    Gpsi: |gpsi, to| to.serialize_str(gpsi.as_str());
    Features: |features, to| to.serialize_str(&features.0);
    Text: |text, to| to.serialize_str(&text.0);
}

impl Value for bool {
    type Object<'a> = NoObject;

    fn read(member: Member<'_>, presence: Presence) -> Result<Self, Misread> {
        member.bool(presence)
    }

    fn write<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_bool(*self)
    }
}

/// Any text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text(pub String);

impl FromStr for Text {
    type Err = core::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.into()))
    }
}

/// An array of one string or more; which ones, nobody here asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Texts;

impl Value for Texts {
    type Object<'a> = NoObject;

    fn read(member: Member<'_>, presence: Presence) -> Result<Self, Misread> {
        match member.texts(presence)? {
            0 if !fault!("empty-array-taken") => Err(Misread::wrong(presence, "an array without an element")),
            _ => Ok(Self),
        }
    }

    fn write<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(S::Error::custom("strings that were not kept"))
    }
}

/// `supportedFeatures`: hexadecimal digits, as many as the peer likes (TS 29.571 5.2.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Features(String);

/// Not the text of features.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not hexadecimal digits")]
pub struct NotFeatures;

impl FromStr for Features {
    type Err = NotFeatures;

    fn from_str(text: &str) -> Result<Self, NotFeatures> {
        match text.bytes().all(|c| c.is_ascii_hexdigit()) {
            true => Ok(Self(text.into())),
            false => Err(NotFeatures),
        }
    }
}

/// A SUPI or a SUCI, as the services take either (TS 29.571 5.3.2, `SupiOrSuci`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SupiOrSuci {
    /// The permanent identity in clear.
    Supi(Supi),
    /// The concealed identity.
    Suci(Suci),
}

impl SupiOrSuci {
    /// Reads the SBI text form; the error says what is wrong, without the subscriber.
    ///
    /// # Errors
    /// [`ParseError`] of the kind that the prefix announces.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        if text.starts_with("suci-") {
            text.parse().map(Self::Suci)
        } else {
            text.parse().map(Self::Supi)
        }
    }

    /// The SBI text form.
    pub fn sbi(&self) -> String {
        match self {
            Self::Supi(supi) => supi.sbi(),
            Self::Suci(suci) => suci.sbi(),
        }
    }
}

impl FromStr for SupiOrSuci {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        Self::parse(text)
    }
}

impl From<Supi> for SupiOrSuci {
    fn from(supi: Supi) -> Self {
        Self::Supi(supi)
    }
}

impl From<Suci> for SupiOrSuci {
    fn from(suci: Suci) -> Self {
        Self::Suci(suci)
    }
}

/// How a user was or is to be authenticated (TS 29.503 6.3.6.3.3, TS 29.509 6.1.6.3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthType {
    /// 5G AKA.
    FiveGAka,
    /// EAP-AKA'.
    EapAkaPrime,
    /// Anything else, which this program does not do yet.
    Other,
}

impl AuthType {
    /// As it travels.
    pub const FIVE_G_AKA: &'static str = "5G_AKA";
    /// As it travels.
    pub const EAP_AKA_PRIME: &'static str = "EAP_AKA_PRIME";
}

impl FromStr for AuthType {
    type Err = core::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            Self::FIVE_G_AKA => Self::FiveGAka,
            Self::EAP_AKA_PRIME => Self::EapAkaPrime,
            _ => Self::Other,
        })
    }
}

crate::body! {
    /// What the UE answered to a challenge that was not fresh (TS 29.503 6.3.6.2.4).
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct ResynchronizationInfo = "ResynchronizationInfo" {
        /// The RAND of that challenge.
        rand "rand": Rand,
        /// AUTS.
        auts "auts": Auts,
    }
}
