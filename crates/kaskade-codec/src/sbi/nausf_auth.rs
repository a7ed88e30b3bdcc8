//! Bodies of Nausf_UEAuthentication (TS 29.509 6.1.6).

use alloc::string::String;
use alloc::vec::Vec;

use kaskade_crypto::{Autn, Rand};
use kaskade_keys::eap::Msk;
use kaskade_keys::fivegs::{HxresStar, KSeaf, ResStar};
use kaskade_keys::{RoutingIndicator, ServingNetworkName, Supi};
use serde::ser::{SerializeMap, Serializer};

use super::body::{Body, Form, OrNull, Plain, Value, Written};
use super::member::Member;
use super::misread::{Misread, Presence};
use super::values::{AuthType, EapPayload, Features, ResynchronizationInfo, SupiOrSuci, Text};

crate::body! {
    /// A request to authenticate (TS 29.509 6.1.6.2.2).
    ///
    /// Members that have no bearing on 5G AKA (`pei`, `traceData`, …) are not read.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct AuthenticationInfo = "AuthenticationInfo" {
        /// Who.
        supi_or_suci "supiOrSuci": SupiOrSuci,
        /// Where.
        serving_network_name "servingNetworkName": ServingNetworkName,
        /// Present after a synchronisation failure.
        resynchronization_info "resynchronizationInfo": Option<ResynchronizationInfo>,
    }
    checked {
        routing_indicator "routingIndicator": RoutingIndicator,
        n5gc_ind "n5gcInd": bool,
        nswo_ind "nswoInd": bool,
        disaster_roaming_ind "disasterRoamingInd": bool,
        onboarding_ind "onboardingInd": bool,
        aun3_ind "aun3Ind": bool,
        supported_features "supportedFeatures": Features,
    }
}

crate::body! {
    /// The challenge of 5G AKA as the AUSF gives it: a 5G SE AV (TS 29.509 6.1.6.2.5).
    #[derive(Clone, Debug)]
    pub struct Av5gAka = "Av5gAka" {
        /// RAND.
        rand "rand": Rand,
        /// HXRES*.
        hxres_star "hxresStar": HxresStar,
        /// AUTN.
        autn "autn": Autn,
    }
}

crate::body! {
    /// A link to a resource (TS 29.571 5.2.4.3).
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Link = "Link" {
        /// URI.
        href "href": Text,
    }
}

crate::body! {
    /// Where an answer to a challenge goes (TS 29.509 6.1.6.2.3).
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Links = "Links" {
        /// The confirmation of 5G AKA.
        five_g_aka "5g-aka": Option<Link>,
        /// The next packet of EAP.
        eap_session "eap-session": Option<Link>,
    }
}

impl Links {
    /// To the confirmation of 5G AKA.
    const fn five_g_aka(href: String) -> Self {
        Self {
            five_g_aka: Some(Link { href: Text(href) }),
            eap_session: None,
        }
    }

    /// To the next packet of EAP.
    const fn eap_session(href: String) -> Self {
        Self {
            five_g_aka: None,
            eap_session: Some(Link { href: Text(href) }),
        }
    }
}

/// The first message to the UE, by the method (TS 29.509 6.1.6.2.3).
#[derive(Clone, Debug)]
pub enum FiveGAuthData {
    /// RAND, AUTN and HXRES*.
    Av5gAka(Av5gAka),
    /// A request of EAP.
    Eap(EapPayload),
}

impl Value for FiveGAuthData {
    type Object<'a> = <Av5gAka as Value>::Object<'a>;

    fn read<'a>(member: Member<'a, Self::Object<'a>>, presence: Presence) -> Result<Self, Misread> {
        match member {
            Member::Text(text) => EapPayload::read(Member::Text(text), presence).map(Self::Eap),
            object => Av5gAka::read(object, presence).map(Self::Av5gAka),
        }
    }

    fn write<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Av5gAka(av) => av.write(to),
            Self::Eap(payload) => payload.write(to),
        }
    }
}

/// A challenge, and where its answer goes (TS 29.509 6.1.6.2.3).
#[derive(Clone, Debug)]
pub struct UeAuthenticationCtx {
    /// The challenge.
    pub data: FiveGAuthData,
    /// The serving network, as the AUSF repeats it.
    pub serving_network_name: Option<ServingNetworkName>,
    href: String,
}

impl UeAuthenticationCtx {
    /// A challenge whose context has no URI yet.
    pub const fn new(data: FiveGAuthData, serving_network_name: ServingNetworkName) -> Self {
        Self {
            data,
            serving_network_name: Some(serving_network_name),
            href: String::new(),
        }
    }

    /// URI of where the answer goes.
    pub fn href(&self) -> &str {
        &self.href
    }

    /// The context has this URI.
    pub fn set_context(&mut self, uri: &str) {
        let below = match &self.data {
            FiveGAuthData::Av5gAka(_) => "/5g-aka-confirmation",
            FiveGAuthData::Eap(_) => "/eap-session",
        };
        self.href.clear();
        self.href.reserve_exact(uri.len().saturating_add(below.len()));
        self.href.push_str(uri);
        self.href.push_str(below);
    }
}

const _: () = {
    crate::members! {
        CtxMembers {
            auth_type "authType": [Plain] [AuthType];
            data "5gAuthData": [Plain] [FiveGAuthData];
            links "_links": [Plain] [Links];
            serving_network_name "servingNetworkName": [Plain] [Option<ServingNetworkName>];
        }
    }

    impl Value for UeAuthenticationCtx {
        type Object<'a> = CtxMembers<'a>;

        fn read<'a>(member: Member<'a, CtxMembers<'a>>, presence: Presence) -> Result<Self, Misread> {
            let members = member.object(presence)?;
            let auth_type = <Plain as Form<AuthType>>::read(members.auth_type);
            let auth_type = auth_type.map_err(|wrong| wrong.within("authType"))?;
            let data =
                <Plain as Form<FiveGAuthData>>::read(members.data).map_err(|wrong| wrong.within("5gAuthData"))?;
            let links = <Plain as Form<Links>>::read(members.links).map_err(|wrong| wrong.within("_links"))?;
            let missing = |name| Misread::missing().within(name).within("_links");
            let link = match (auth_type, &data) {
                (AuthType::FiveGAka, FiveGAuthData::Av5gAka(_)) => links.five_g_aka.ok_or_else(|| missing("5g-aka"))?,
                (AuthType::EapAkaPrime, FiveGAuthData::Eap(_)) => {
                    links.eap_session.ok_or_else(|| missing("eap-session"))?
                }
                _ => return Err(Misread::wrong(Presence::Mandatory, "not the method of the data").within("authType")),
            };
            let name = <Plain as Form<Option<ServingNetworkName>>>::read(members.serving_network_name);
            Ok(Self {
                data,
                serving_network_name: name.map_err(|wrong| wrong.within("servingNetworkName"))?,
                href: link.href.0,
            })
        }

        fn write<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
            let (auth_type, links) = match &self.data {
                FiveGAuthData::Av5gAka(_) => (AuthType::FIVE_G_AKA, Links::five_g_aka(self.href.clone())),
                FiveGAuthData::Eap(_) => (AuthType::EAP_AKA_PRIME, Links::eap_session(self.href.clone())),
            };
            let mut object = to.serialize_map(None)?;
            object.serialize_entry("authType", auth_type)?;
            object.serialize_entry("5gAuthData", &Written::<FiveGAuthData>::of(&self.data))?;
            object.serialize_entry("_links", &Written::<Links>::of(&links))?;
            if let Some(name) = &self.serving_network_name {
                object.serialize_entry("servingNetworkName", &Written::<ServingNetworkName>::of(name))?;
            }
            object.end()
        }
    }

    impl Body for UeAuthenticationCtx {
        const NAME: &'static str = "UEAuthenticationCtx";
    }
};

crate::body! {
    /// The UE's answer (TS 29.509 6.1.6.2.6).
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct ConfirmationData = "ConfirmationData" {
        /// RES*; `None` when the SEAF got none, or none that it could use.
        res_star "resStar": Option<ResStar> as OrNull,
    }
    checked { supported_features "supportedFeatures": Features }
}

/// What came of a confirmation (TS 29.509 6.1.6.2.8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfirmationDataResponse {
    /// The user is authenticated.
    Success {
        /// Who.
        supi: Supi,
        /// The anchor of the serving network.
        k_seaf: KSeaf,
    },
    /// The user is not.
    Failure,
}

const SUCCESS: &str = "AUTHENTICATION_SUCCESS";
const FAILURE: &str = "AUTHENTICATION_FAILURE";

const _: () = {
    crate::members! {
        Members {
            auth_result "authResult": [Plain] [Text];
            supi "supi": [Plain] [Supi];
            k_seaf "kseaf": [Plain] [KSeaf];
        }
    }

    impl Value for ConfirmationDataResponse {
        type Object<'a> = Members<'a>;

        const SECRET: bool = true;

        fn read<'a>(member: Member<'a, Members<'a>>, presence: Presence) -> Result<Self, Misread> {
            let members = member.object(presence)?;
            let result = members.auth_result.text(Presence::Mandatory);
            match result.map_err(|wrong| wrong.within("authResult"))?.as_ref() {
                SUCCESS => Ok(Self::Success {
                    k_seaf: <Plain as Form<KSeaf>>::read(members.k_seaf).map_err(|wrong| wrong.within("kseaf"))?,
                    supi: <Plain as Form<Supi>>::read(members.supi).map_err(|wrong| wrong.within("supi"))?,
                }),
                FAILURE => Ok(Self::Failure),
                _ => Err(Misread::wrong(Presence::Mandatory, "neither success nor failure").within("authResult")),
            }
        }

        fn write<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
            let mut object = to.serialize_map(None)?;
            match self {
                Self::Success { supi, k_seaf } => {
                    object.serialize_entry("authResult", SUCCESS)?;
                    object.serialize_entry("supi", &Written::<Supi>::of(supi))?;
                    object.serialize_entry("kseaf", &Written::<KSeaf>::of(k_seaf))?;
                }
                Self::Failure => object.serialize_entry("authResult", FAILURE)?,
            }
            object.end()
        }
    }

    impl Body for ConfirmationDataResponse {
        const NAME: &'static str = "ConfirmationDataResponse";
    }
};

crate::body! {
    /// A confirmation that failed: it holds nothing.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct AuthenticationFailure = "ConfirmationDataResponse" {}
    fixed { auth_result "authResult" = FAILURE }
}

impl From<AuthenticationFailure> for ConfirmationDataResponse {
    fn from(_: AuthenticationFailure) -> Self {
        Self::Failure
    }
}

crate::body! {
    /// Who is gone (TS 29.509 6.1.6.2.21).
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct DeregistrationInfo = "DeregistrationInfo" {
        /// Who.
        supi "supi": Supi,
    }
    checked { supported_features "supportedFeatures": Features }
}

crate::body! {
    /// A packet of the UE (TS 29.509 6.1.6.2.7).
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct EapResponse = "EapSession" {
        /// The packet; `None` when there was none.
        eap_payload "eapPayload": Option<EapPayload> as OrNull,
    }
    checked { supported_features "supportedFeatures": Features }
}

/// What the AUSF answers to a packet of the UE (TS 29.509 6.1.6.2.7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EapSession {
    /// Another packet for the UE, whose answer goes to this URI.
    Ongoing {
        /// EAP-Request.
        packet: EapPayload,
        /// Where the answer goes.
        href: String,
    },
    /// The user is authenticated.
    Success {
        /// EAP-Success.
        packet: EapPayload,
        /// Who.
        supi: Supi,
        /// For the network.
        key: SessionKey,
    },
    /// The user is not.
    Failure {
        /// EAP-Failure.
        packet: EapPayload,
    },
}

/// The key that an EAP authentication gives the network.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "it lives for one answer")]
pub enum SessionKey {
    /// The anchor of the serving network.
    KSeaf(KSeaf),
    /// MSK, for non-seamless WLAN offload (TS 33.501 Annex S).
    Msk(Msk),
}

const ONGOING: &str = "AUTHENTICATION_ONGOING";

const _: () = {
    crate::members! {
        SessionMembers {
            eap_payload "eapPayload": [OrNull] [Option<EapPayload>];
            auth_result "authResult": [Plain] [Option<Text>];
            links "_links": [Plain] [Option<Links>];
            supi "supi": [Plain] [Option<Supi>];
            k_seaf "kSeaf": [Plain] [Option<KSeaf>];
            msk "msk": [Plain] [Option<Msk>];
        }
    }

    impl Value for EapSession {
        type Object<'a> = SessionMembers<'a>;

        const SECRET: bool = true;

        fn read<'a>(member: Member<'a, SessionMembers<'a>>, presence: Presence) -> Result<Self, Misread> {
            let members = member.object(presence)?;
            let packet = <OrNull as Form<Option<EapPayload>>>::read(members.eap_payload);
            let packet = packet.map_err(|wrong| wrong.within("eapPayload"))?;
            let packet = || packet.ok_or_else(|| Misread::missing().within("eapPayload"));
            let result = <Plain as Form<Option<Text>>>::read(members.auth_result);
            let result = result.map_err(|wrong| wrong.within("authResult"))?;
            match result.as_ref().map(|text| text.0.as_str()) {
                None | Some(ONGOING) => {
                    let links = <Plain as Form<Option<Links>>>::read(members.links);
                    let links = links.map_err(|wrong| wrong.within("_links"))?;
                    let link = links.and_then(|links| links.eap_session);
                    let link = link.ok_or_else(|| Misread::missing().within("eap-session").within("_links"))?;
                    Ok(Self::Ongoing {
                        packet: packet()?,
                        href: link.href.0,
                    })
                }
                Some(SUCCESS) => {
                    let k_seaf = <Plain as Form<Option<KSeaf>>>::read(members.k_seaf);
                    let msk = <Plain as Form<Option<Msk>>>::read(members.msk);
                    let key = match (
                        k_seaf.map_err(|wrong| wrong.within("kSeaf"))?,
                        msk.map_err(|wrong| wrong.within("msk"))?,
                    ) {
                        (Some(k_seaf), _) => SessionKey::KSeaf(k_seaf),
                        (None, Some(msk)) => SessionKey::Msk(msk),
                        (None, None) => return Err(Misread::missing().within("kSeaf")),
                    };
                    let supi =
                        <Plain as Form<Option<Supi>>>::read(members.supi).map_err(|wrong| wrong.within("supi"))?;
                    Ok(Self::Success {
                        packet: packet()?,
                        supi: supi.ok_or_else(|| Misread::missing().within("supi"))?,
                        key,
                    })
                }
                Some(FAILURE) => Ok(Self::Failure { packet: packet()? }),
                Some(_) => Err(Misread::wrong(Presence::Optional, "no result").within("authResult")),
            }
        }

        fn write<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
            let mut object = to.serialize_map(None)?;
            let (Self::Ongoing { packet, .. } | Self::Success { packet, .. } | Self::Failure { packet }) = self;
            object.serialize_entry("eapPayload", &Written::<EapPayload>::of(packet))?;
            match self {
                Self::Ongoing { href, .. } => {
                    object.serialize_entry("authResult", ONGOING)?;
                    object.serialize_entry("_links", &Written::<Links>::of(&Links::eap_session(href.clone())))?;
                }
                Self::Success { supi, key, .. } => {
                    object.serialize_entry("authResult", SUCCESS)?;
                    object.serialize_entry("supi", &Written::<Supi>::of(supi))?;
                    match key {
                        SessionKey::KSeaf(key) => object.serialize_entry("kSeaf", &Written::<KSeaf>::of(key))?,
                        SessionKey::Msk(key) => object.serialize_entry("msk", &Written::<Msk>::of(key))?,
                    }
                }
                Self::Failure { .. } => object.serialize_entry("authResult", FAILURE)?,
            }
            object.end()
        }
    }

    impl Body for EapSession {
        const NAME: &'static str = "EapSession";
    }
};

crate::body! {
    /// A packet for the UE, of a session that goes on: it holds no key.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct EapOngoing = "EapSession" {
        /// EAP-Request.
        eap_payload "eapPayload": EapPayload,
        /// Where the answer goes.
        links "_links": Option<Links>,
    }
    fixed { auth_result "authResult" = ONGOING }
}

impl EapOngoing {
    /// Where its answer goes is said later.
    pub const fn new(packet: Vec<u8>) -> Self {
        Self {
            eap_payload: EapPayload(packet),
            links: None,
        }
    }
}

crate::body! {
    /// EAP-Failure: it holds no key.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct EapFailure = "EapSession" {
        /// EAP-Failure.
        eap_payload "eapPayload": EapPayload,
    }
    fixed { auth_result "authResult" = FAILURE }
}

impl From<EapOngoing> for EapSession {
    fn from(ongoing: EapOngoing) -> Self {
        let link = ongoing.links.and_then(|links| links.eap_session);
        Self::Ongoing {
            packet: ongoing.eap_payload,
            href: link.map_or_else(String::new, |link| link.href.0),
        }
    }
}

impl From<EapFailure> for EapSession {
    fn from(failure: EapFailure) -> Self {
        Self::Failure {
            packet: failure.eap_payload,
        }
    }
}
