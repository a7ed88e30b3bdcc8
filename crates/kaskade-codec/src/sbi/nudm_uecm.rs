//! Bodies of Nudm_UEContextManagement, as far as a home network needs them to have a subscriber authenticated again (TS 29.503 6.2.6).
//!
//! ```text
//! {"amfInstanceId": "…", "guami": {"plmnId": {"mcc": "001", "mnc": "01"}, "amfId": "020040"}, "ratType": "NR",
//!  "deregCallbackUri": "https://…", "reauthNotifyCallbackUri": "https://…"}
//! ```
//!
//! Of a registration, members that nobody here needs are not looked at.

use alloc::boxed::Box;
use alloc::string::ToString;
use core::fmt;
use core::str::FromStr;

use kaskade_keys::id::Nid;
use kaskade_keys::{ParseError, Plmn, Supi};
use serde::ser::{SerializeMap, Serializer};

use super::body::{Form, Plain, Value, Written};
use super::member::{Member, NoObject};
use super::misread::{Misread, Presence};
use super::nf_instance::NfInstanceId;
use super::values::{Features, Text, octets};

crate::body! {
    /// An AMF serves a subscriber over 3GPP access (TS 29.503 6.2.6.2.2).
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct AmfRegistration = "Amf3GppAccessRegistration" {
        /// Which AMF.
        amf_instance_id "amfInstanceId": NfInstanceId,
        /// Where it wants to hear that it serves the subscriber no more.
        dereg_callback_uri "deregCallbackUri": Text,
        /// What the subscriber's devices call it.
        guami "guami": Guami,
        /// Whether the device has registered anew, and has not only moved.
        initial_registration_ind "initialRegistrationInd": bool as OrFalse,
        /// Over which radio.
        rat_type "ratType": RatType,
        /// Where it wants to hear that the subscriber is to be authenticated again.
        reauth_notify_callback_uri "reauthNotifyCallbackUri": Option<Text>,
    }
    checked { supported_features "supportedFeatures": Features }
}

crate::body! {
    /// What changes of a registration (TS 29.503 6.2.6.2.7).
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct AmfRegistrationModification = "Amf3GppAccessRegistrationModification" {
        /// Of which AMF.
        guami "guami": Guami,
        /// Whether it has forgotten the subscriber.
        purge_flag "purgeFlag": bool as OrFalse,
        /// Where it wants to hear from now on that the subscriber is to be authenticated again.
        reauth_notify_callback_uri "reauthNotifyCallbackUri": Option<Text>,
    }
}

crate::body! {
    /// Whoever wants a subscriber to be authenticated again (TS 29.503, `AuthTriggerInfo`).
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct AuthTriggerInfo = "AuthTriggerInfo" {
        /// Whom; as in the path.
        supi "supi": Option<Supi>,
    }
}

crate::body! {
    /// What the AMF is told: authenticate this subscriber again (TS 29.503, `ReauthNotificationInfo`).
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct ReauthNotificationInfo = "ReauthNotificationInfo" {
        /// Whom.
        supi "supi": Supi,
    }
}

crate::body! {
    /// What an AMF is told: it serves a subscriber over 3GPP access no more (TS 29.503 6.2.6.2.5, `DeregistrationData`).
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct DeregistrationData = "DeregistrationData" {
        /// Why.
        dereg_reason "deregReason": DeregistrationReason,
    }
    fixed { access_type "accessType" = "3GPP_ACCESS" }
}

/// Why an AMF serves a subscriber no more: of the reasons of TS 29.503, those that this UDM tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeregistrationReason {
    /// The device has registered anew at another AMF.
    InitialRegistration,
    /// The device has moved to another AMF.
    RegistrationAreaChange,
    /// The subscription is no more, or is suspended.
    SubscriptionWithdrawn,
}

impl DeregistrationReason {
    /// All of them.
    pub const ALL: [Self; 3] = [
        Self::InitialRegistration,
        Self::RegistrationAreaChange,
        Self::SubscriptionWithdrawn,
    ];

    /// As it travels.
    pub const fn name(self) -> &'static str {
        match self {
            Self::InitialRegistration => "UE_INITIAL_REGISTRATION",
            Self::RegistrationAreaChange => "UE_REGISTRATION_AREA_CHANGE",
            Self::SubscriptionWithdrawn => "SUBSCRIPTION_WITHDRAWN",
        }
    }
}

impl FromStr for DeregistrationReason {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let known = Self::ALL.into_iter().find(|reason| reason.name() == text);
        known.ok_or(ParseError::Form {
            field: "reason of a deregistration",
            expected: "UE_INITIAL_REGISTRATION, UE_REGISTRATION_AREA_CHANGE or SUBSCRIPTION_WITHDRAWN",
        })
    }
}

impl Value for DeregistrationReason {
    type Object<'a> = NoObject;

    fn read(member: Member<'_>, presence: Presence) -> Result<Self, Misread> {
        let text = member.text(presence)?;
        text.parse()
            .map_err(|error: ParseError| Misread::wrong(presence, error.to_string()))
    }

    fn write<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.name())
    }
}

/// A network: PLMN, and the NID of a stand-alone non-public one (TS 29.571 5.4.4, `PlmnIdNid`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlmnIdNid {
    /// The PLMN.
    pub plmn: Plmn,
    /// The NID.
    pub nid: Option<Nid>,
}

/// GUAMI: which AMF of which network (TS 29.571 5.4.4, TS 23.003 2.10.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guami {
    /// Of which network.
    pub network: PlmnIdNid,
    /// AMF region, set and pointer.
    pub amf_id: AmfId,
}

/// AMF identifier: region 8 bits, set 10 bits, pointer 6 bits; 3 octets, most significant first (TS 23.003 2.10.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AmfId(pub [u8; 3]);

impl Value for AmfId {
    type Object<'a> = NoObject;

    fn read(member: Member<'_>, presence: Presence) -> Result<Self, Misread> {
        octets(member, presence).map(Self)
    }

    fn write<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_bytes(&self.0)
    }
}

/// The name of a radio access, such as `NR`: 1 to 64 visible ASCII characters (TS 29.571 5.4.3.2).
#[derive(Clone, PartialEq, Eq)]
pub struct RatType(Box<str>);

impl RatType {
    /// The most characters.
    pub const MOST: usize = 64;

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RatType {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        match (1..=Self::MOST).contains(&text.len()) && text.bytes().all(|c| c.is_ascii_graphic()) {
            true => Ok(Self(text.into())),
            false => Err(ParseError::Form {
                field: "RAT type",
                expected: "1 to 64 visible ASCII characters, such as NR",
            }),
        }
    }
}

impl fmt::Debug for RatType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RatType({})", self.0)
    }
}

impl Value for RatType {
    type Object<'a> = NoObject;

    fn read(member: Member<'_>, presence: Presence) -> Result<Self, Misread> {
        let text = member.text(presence)?;
        text.parse()
            .map_err(|error: ParseError| Misread::wrong(presence, error.to_string()))
    }

    fn write<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.0)
    }
}

const _: () = {
    crate::members! {
        NetworkMembers {
            mcc "mcc": [Plain] [Text];
            mnc "mnc": [Plain] [Text];
            nid "nid": [Plain] [Option<Text>];
        }
    }

    impl Value for PlmnIdNid {
        type Object<'a> = NetworkMembers<'a>;

        fn read<'a>(member: Member<'a, NetworkMembers<'a>>, presence: Presence) -> Result<Self, Misread> {
            let members = member.object(presence)?;
            let mcc = <Plain as Form<Text>>::read(members.mcc).map_err(|wrong| wrong.within("mcc"))?;
            let mnc = <Plain as Form<Text>>::read(members.mnc).map_err(|wrong| wrong.within("mnc"))?;
            let nid = <Plain as Form<Option<Text>>>::read(members.nid).map_err(|wrong| wrong.within("nid"))?;
            let wrong =
                |name: &'static str| move |error: ParseError| Misread::wrong(presence, error.to_string()).within(name);
            // The one that is right beside a right other.
            Plmn::new(&mcc.0, "01").map_err(wrong("mcc"))?;
            let plmn = Plmn::new(&mcc.0, &mnc.0).map_err(wrong("mnc"))?;
            let nid = nid.map(|nid| nid.0.parse()).transpose().map_err(wrong("nid"))?;
            Ok(Self { plmn, nid })
        }

        fn write<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
            let mut object = to.serialize_map(None)?;
            object.serialize_entry("mcc", self.plmn.mcc())?;
            object.serialize_entry("mnc", self.plmn.mnc())?;
            if let Some(nid) = &self.nid {
                object.serialize_entry("nid", nid.as_str())?;
            }
            object.end()
        }
    }

    crate::members! {
        GuamiMembers {
            network "plmnId": [Plain] [PlmnIdNid];
            amf_id "amfId": [Plain] [AmfId];
        }
    }

    impl Value for Guami {
        type Object<'a> = GuamiMembers<'a>;

        fn read<'a>(member: Member<'a, GuamiMembers<'a>>, presence: Presence) -> Result<Self, Misread> {
            let members = member.object(presence)?;
            Ok(Self {
                network: <Plain as Form<PlmnIdNid>>::read(members.network).map_err(|wrong| wrong.within("plmnId"))?,
                amf_id: <Plain as Form<AmfId>>::read(members.amf_id).map_err(|wrong| wrong.within("amfId"))?,
            })
        }

        fn write<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
            let mut object = to.serialize_map(None)?;
            object.serialize_entry("plmnId", &Written::<PlmnIdNid>::of(&self.network))?;
            object.serialize_entry("amfId", &Written::<AmfId>::of(&self.amf_id))?;
            object.end()
        }
    }
};

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::String;

    use super::*;
    use crate::sbi::Body;
    use crate::sbi::misread::Wrong;

    fn registration(guami: &str, more: &str) -> String {
        format!(
            r#"{{"amfInstanceId":"01020304-0506-4708-890a-0b0c0d0e0f10","deregCallbackUri":"https://amf.example.org/dereg",
                "guami":{guami},"ratType":"NR","imsVoPs":"HOMOGENEOUS_SUPPORT"{more}}}"#
        )
    }

    #[test]
    fn a_registration_is_read_as_far_as_it_is_needed() {
        let guami = r#"{"plmnId":{"mcc":"310","mnc":"410","nid":"0000000000a"},"amfId":"02A040"}"#;
        let read = AmfRegistration::from_json(registration(guami, "").as_bytes()).unwrap();
        assert_eq!(read.guami.amf_id, AmfId([2, 0xa0, 0x40]));
        assert_eq!(read.guami.network.plmn, "310-410".parse().unwrap());
        assert_eq!(
            read.guami.network.nid.map(|nid| nid.to_string()).as_deref(),
            Some("0000000000A")
        );
        assert_eq!((read.rat_type.as_str(), read.reauth_notify_callback_uri), ("NR", None));
        let more = r#","reauthNotifyCallbackUri":"https://amf.example.org/again""#;
        let read = AmfRegistration::from_json(registration(guami, more).as_bytes()).unwrap();
        assert_eq!(
            read.reauth_notify_callback_uri,
            Some(Text("https://amf.example.org/again".into()))
        );
    }

    #[test]
    fn why_an_amf_serves_no_more_is_written_and_read() {
        for reason in DeregistrationReason::ALL {
            let told = format!(r#"{{"deregReason":"{}","accessType":"3GPP_ACCESS"}}"#, reason.name());
            let read = DeregistrationData::from_json(told.as_bytes()).unwrap();
            assert_eq!(read, DeregistrationData { dereg_reason: reason });
        }
        let wrong = DeregistrationData::from_json(br#"{"deregReason":"WHATEVER","accessType":"3GPP_ACCESS"}"#);
        assert_eq!(wrong.unwrap_err().pointer(), "/deregReason");
    }

    #[test]
    fn what_is_missing_or_wrong_has_its_pointer() {
        for (guami, what, pointer) in [
            (r#"{"amfId":"020040"}"#, Wrong::Missing, "/guami/plmnId"),
            (
                r#"{"plmnId":{"mnc":"01"},"amfId":"020040"}"#,
                Wrong::Missing,
                "/guami/plmnId/mcc",
            ),
            (
                r#"{"plmnId":{"mcc":"01","mnc":"01"},"amfId":"020040"}"#,
                Wrong::Mandatory,
                "/guami/plmnId/mcc",
            ),
            (
                r#"{"plmnId":{"mcc":"001","mnc":"1"},"amfId":"020040"}"#,
                Wrong::Mandatory,
                "/guami/plmnId/mnc",
            ),
            (
                r#"{"plmnId":{"mcc":"001","mnc":"01","nid":"1"},"amfId":"020040"}"#,
                Wrong::Mandatory,
                "/guami/plmnId/nid",
            ),
            (
                r#"{"plmnId":{"mcc":"001","mnc":"01"},"amfId":"2004"}"#,
                Wrong::Mandatory,
                "/guami/amfId",
            ),
            (r#""020040""#, Wrong::Mandatory, "/guami"),
        ] {
            let wrong = AmfRegistration::from_json(registration(guami, "").as_bytes()).unwrap_err();
            assert_eq!((wrong.what(), wrong.pointer()), (what, pointer), "{guami}: {wrong}");
        }
        let change = |body: &str| AmfRegistrationModification::from_json(body.as_bytes());
        assert_eq!(change(r#"{"purgeFlag":true}"#).unwrap_err().pointer(), "/guami");
        let guami = r#"{"guami":{"plmnId":{"mcc":"001","mnc":"01"},"amfId":"020040"}}"#;
        assert!(!change(guami).unwrap().purge_flag);
        assert!("".parse::<RatType>().is_err() && "N R".parse::<RatType>().is_err());
    }
}
