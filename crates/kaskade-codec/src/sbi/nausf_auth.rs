//! Bodies of Nausf_UEAuthentication (TS 29.509 6.1.6).

use alloc::string::String;

use kaskade_crypto::{Autn, Rand};
use kaskade_keys::fivegs::{HxresStar, KSeaf, ResStar};
use kaskade_keys::{RoutingIndicator, ServingNetworkName, Supi};
use serde::ser::{SerializeMap, Serializer};

use super::body::{Body, Form, Plain, Value, Written};
use super::member::Member;
use super::misread::{Misread, Presence};
use super::values::{AuthType, Features, ResynchronizationInfo, SupiOrSuci, Text};

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
        five_g_aka "5g-aka": Link,
    }
}

crate::body! {
    /// A challenge, and where to confirm it (TS 29.509 6.1.6.2.3).
    #[derive(Clone, Debug)]
    pub struct UeAuthenticationCtx = "UEAuthenticationCtx" {
        /// RAND, AUTN, HXRES*.
        se_av "5gAuthData": Av5gAka,
        /// Where to confirm it.
        links "_links": Links,
        /// The serving network, as the AUSF repeats it.
        serving_network_name "servingNetworkName": Option<ServingNetworkName>,
    }
    fixed { auth_type "authType" = AuthType::FIVE_G_AKA }
}

impl UeAuthenticationCtx {
    /// A challenge whose context has no URI yet.
    pub fn new(se_av: Av5gAka, serving_network_name: ServingNetworkName) -> Self {
        let href = Text(String::new());
        Self {
            se_av,
            links: Links {
                five_g_aka: Link { href },
            },
            serving_network_name: Some(serving_network_name),
        }
    }

    /// URI of the confirmation.
    pub fn confirmation(&self) -> &str {
        &self.links.five_g_aka.href.0
    }

    /// The context has this URI.
    pub fn set_context(&mut self, uri: &str) {
        const CONFIRMATION: &str = "/5g-aka-confirmation";
        let href = &mut self.links.five_g_aka.href.0;
        href.clear();
        href.reserve_exact(uri.len().saturating_add(CONFIRMATION.len()));
        href.push_str(uri);
        href.push_str(CONFIRMATION);
    }
}

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
