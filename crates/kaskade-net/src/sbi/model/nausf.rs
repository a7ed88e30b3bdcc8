//! Bodies of Nausf_UEAuthentication (TS 29.509 6.1.6).

use kaskade_aka::fivegs::ausf::SeAv5g;
use kaskade_crypto::{Autn, Rand};
use kaskade_flow::Refusal;
use kaskade_keys::fivegs::{HxresStar, KSeaf, ResStar};
use kaskade_keys::{RoutingIndicator, ServingNetworkName, Supi};
use serde::Deserialize;

use super::{AuthType, RawResynchronizationInfo, ResynchronizationInfo, SupiOrSuci, expect_text};
use crate::sbi::json::{self, Member, Object, Presence};
use crate::sbi::message::secret_buffer;
use crate::sbi::problem::Problem;

/// A request to authenticate (TS 29.509 6.1.6.2.2).
///
/// Members that have no bearing on 5G AKA (`pei`, `traceData`, …) are not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthenticationInfo {
    /// Who.
    pub supi_or_suci: SupiOrSuci,
    /// Where.
    pub serving_network_name: ServingNetworkName,
    /// Present after a synchronisation failure.
    pub resynchronization_info: Option<ResynchronizationInfo>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct RawAuthenticationInfo<'a> {
    #[serde(borrow)]
    supi_or_suci: Member<'a>,
    #[serde(borrow)]
    serving_network_name: Member<'a>,
    #[serde(borrow)]
    resynchronization_info: Member<'a, RawResynchronizationInfo<'a>>,
    #[serde(borrow)]
    routing_indicator: Member<'a>,
    #[serde(borrow)]
    n5gc_ind: Member<'a>,
    #[serde(borrow)]
    nswo_ind: Member<'a>,
    #[serde(borrow)]
    disaster_roaming_ind: Member<'a>,
    #[serde(borrow)]
    onboarding_ind: Member<'a>,
    #[serde(borrow)]
    aun3_ind: Member<'a>,
    #[serde(borrow)]
    supported_features: Member<'a>,
}

/// Reads a request to authenticate.
///
/// # Errors
/// [`Problem`] with the pointer of the member that is missing or wrong.
pub fn parse_authentication_info(body: &[u8]) -> Result<AuthenticationInfo, Problem> {
    let raw: RawAuthenticationInfo<'_> = json::object(body)?;
    let supi_or_suci = SupiOrSuci::parse(&raw.supi_or_suci.required_text("/supiOrSuci")?)
        .map_err(|error| Presence::Mandatory.wrong("/supiOrSuci", error.to_string()))?;
    let serving_network_name = raw.serving_network_name.required("/servingNetworkName")?;
    let resynchronization_info = ResynchronizationInfo::parse(raw.resynchronization_info)?;
    if let Some(text) = raw.routing_indicator.optional_text("/routingIndicator")? {
        text.parse::<RoutingIndicator>()
            .map_err(|error| Presence::Optional.wrong("/routingIndicator", error.to_string()))?;
    }
    raw.n5gc_ind.optional_bool("/n5gcInd")?;
    raw.nswo_ind.optional_bool("/nswoInd")?;
    raw.disaster_roaming_ind.optional_bool("/disasterRoamingInd")?;
    raw.onboarding_ind.optional_bool("/onboardingInd")?;
    raw.aun3_ind.optional_bool("/aun3Ind")?;
    raw.supported_features.optional_features("/supportedFeatures")?;
    Ok(AuthenticationInfo {
        supi_or_suci,
        serving_network_name,
        resynchronization_info,
    })
}

impl AuthenticationInfo {
    /// The body.
    pub fn json(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(256);
        let mut object = Object::new(&mut out);
        object.text("supiOrSuci", &self.supi_or_suci.sbi());
        object.text("servingNetworkName", self.serving_network_name.as_str());
        if let Some(info) = &self.resynchronization_info {
            info.write(&mut object);
        }
        object.end();
        out
    }
}

/// A challenge, and where to confirm it (TS 29.509 6.1.6.2.3).
#[derive(Clone, Debug)]
pub struct UeAuthenticationCtx {
    /// RAND, AUTN, HXRES*.
    pub se_av: SeAv5g,
    /// URI of the confirmation.
    pub confirmation: String,
    /// The serving network, as the AUSF repeats it.
    pub serving_network_name: Option<ServingNetworkName>,
}

/// Writes a challenge. `confirmation` is given in parts, which make one URI.
pub fn write_ue_authentication_ctx(
    se_av: &SeAv5g,
    confirmation: &[&str],
    serving_network_name: &ServingNetworkName,
) -> Vec<u8> {
    let mut out = Vec::with_capacity(416);
    let mut object = Object::new(&mut out);
    object.text("authType", AuthType::FIVE_G_AKA);
    object.object("5gAuthData", |object| {
        object.hex("rand", se_av.rand.octets());
        object.hex("hxresStar", se_av.hxres_star.octets());
        object.hex("autn", se_av.autn.octets());
    });
    object.object("_links", |object| {
        object.object("5g-aka", |object| object.text_of("href", confirmation));
    });
    object.text("servingNetworkName", serving_network_name.as_str());
    object.end();
    out
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawUeAuthenticationCtx<'a> {
    #[serde(borrow, rename = "authType")]
    auth_type: Member<'a>,
    #[serde(borrow, rename = "5gAuthData")]
    auth_data: Member<'a, RawAv5gAka<'a>>,
    #[serde(borrow, rename = "_links")]
    links: Member<'a, RawLinks<'a>>,
    #[serde(borrow, rename = "servingNetworkName")]
    serving_network_name: Member<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct RawAv5gAka<'a> {
    #[serde(borrow)]
    rand: Member<'a>,
    #[serde(borrow)]
    hxres_star: Member<'a>,
    #[serde(borrow)]
    autn: Member<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawLinks<'a> {
    #[serde(borrow, rename = "5g-aka")]
    five_g_aka: Member<'a, RawLink<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawLink<'a> {
    #[serde(borrow)]
    href: Member<'a>,
}

/// Reads a challenge, as the SEAF does.
///
/// # Errors
/// [`Problem`] with the pointer of the member that is missing or wrong; another method than 5G AKA is wrong too.
pub fn parse_ue_authentication_ctx(body: &[u8]) -> Result<UeAuthenticationCtx, Problem> {
    let raw: RawUeAuthenticationCtx<'_> = json::object(body)?;
    let auth_type = raw.auth_type.required_text("/authType")?;
    expect_text(&auth_type, "/authType", AuthType::FIVE_G_AKA)?;
    let av = raw.auth_data.required_object("/5gAuthData")?;
    let links = raw.links.required_object("/_links")?;
    let link = links.five_g_aka.required_object("/_links/5g-aka")?;
    let serving_network_name = match raw.serving_network_name.optional_text("/servingNetworkName")? {
        None => None,
        Some(text) => Some(text.parse().map_err(|error: kaskade_keys::ParseError| {
            Presence::Optional.wrong("/servingNetworkName", error.to_string())
        })?),
    };
    Ok(UeAuthenticationCtx {
        se_av: SeAv5g {
            rand: Rand::from_octets(av.rand.required_hex("/5gAuthData/rand")?),
            autn: Autn::from_octets(av.autn.required_hex("/5gAuthData/autn")?),
            hxres_star: HxresStar::from_octets(av.hxres_star.required_hex("/5gAuthData/hxresStar")?),
        },
        confirmation: link.href.required_text("/_links/5g-aka/href")?.into_owned(),
        serving_network_name,
    })
}

/// The UE's answer (TS 29.509 6.1.6.2.6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfirmationData {
    /// RES*; `None` when the SEAF got none, or none that it could use.
    pub res_star: Option<ResStar>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct RawConfirmationData<'a> {
    #[serde(borrow)]
    res_star: Member<'a>,
    #[serde(borrow)]
    supported_features: Member<'a>,
}

/// Reads the UE's answer. `resStar` must be there, and may be `null`.
///
/// # Errors
/// [`Problem`] with the pointer of the member that is missing or wrong.
pub fn parse_confirmation_data(body: &[u8]) -> Result<ConfirmationData, Problem> {
    let raw: RawConfirmationData<'_> = json::object(body)?;
    raw.supported_features.optional_features("/supportedFeatures")?;
    if raw.res_star.is_null() {
        return Ok(ConfirmationData { res_star: None });
    }
    let res_star = raw.res_star.required_secret("/resStar", ResStar::from_octets)?;
    Ok(ConfirmationData {
        res_star: Some(res_star),
    })
}

impl ConfirmationData {
    /// The body; wipe it after use.
    pub fn json(&self) -> Vec<u8> {
        let mut out = secret_buffer(0);
        let mut object = Object::new(&mut out);
        match &self.res_star {
            Some(res_star) => object.hex("resStar", res_star.expose_to_ausf()),
            None => object.null("resStar"),
        }
        object.end();
        out
    }
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

/// Writes the result of a success. It holds K_SEAF: wipe it after use.
pub fn write_success(supi: &Supi, k_seaf: &KSeaf) -> Vec<u8> {
    let mut out = secret_buffer(supi.value().len());
    let mut object = Object::new(&mut out);
    object.text("authResult", SUCCESS);
    object.text_of("supi", &[supi.sbi_prefix(), supi.value()]);
    object.hex("kseaf", k_seaf.expose_to_seaf());
    object.end();
    out
}

/// Writes the result of a failure.
pub fn write_failure() -> &'static [u8] {
    br#"{"authResult":"AUTHENTICATION_FAILURE"}"#
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct RawConfirmationDataResponse<'a> {
    #[serde(borrow)]
    auth_result: Member<'a>,
    #[serde(borrow)]
    supi: Member<'a>,
    #[serde(borrow)]
    kseaf: Member<'a>,
}

/// Reads the result of a confirmation, as the SEAF does.
///
/// # Errors
/// [`Problem`] with the pointer of the member that is missing or wrong.
pub fn parse_confirmation_data_response(body: &[u8]) -> Result<ConfirmationDataResponse, Problem> {
    let raw: RawConfirmationDataResponse<'_> = json::object(body)?;
    match raw.auth_result.required_text("/authResult")?.as_ref() {
        SUCCESS => {
            let k_seaf = raw.kseaf.required_secret("/kseaf", KSeaf::from_octets)?;
            Ok(ConfirmationDataResponse::Success {
                supi: raw.supi.required("/supi")?,
                k_seaf,
            })
        }
        FAILURE => Ok(ConfirmationDataResponse::Failure),
        _ => Err(Problem::parameter(
            Refusal::IeIncorrect,
            "/authResult",
            "neither success nor failure",
        )),
    }
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct RawDeregistrationInfo<'a> {
    #[serde(borrow)]
    supi: Member<'a>,
    #[serde(borrow)]
    supported_features: Member<'a>,
}

/// Reads a deregistration: who is gone (TS 29.509 6.1.6.2.21).
///
/// # Errors
/// [`Problem`] with the pointer of the member that is missing or wrong.
pub fn parse_deregistration_info(body: &[u8]) -> Result<Supi, Problem> {
    let raw = json::object::<RawDeregistrationInfo<'_>>(body)?;
    let supi = raw.supi.required("/supi")?;
    raw.supported_features.optional_features("/supportedFeatures")?;
    Ok(supi)
}
