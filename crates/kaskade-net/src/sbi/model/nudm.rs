//! Bodies of Nudm_UEAuthentication (TS 29.503 6.3.6).

use kaskade_aka::fivegs::udm::HeAv5g;
use kaskade_crypto::{Autn, Rand};
use kaskade_keys::fivegs::{KAusf, XresStar};
use kaskade_keys::{ServingNetworkName, Supi};
use serde::Deserialize;

use super::{AuthType, NfInstanceId, RawResynchronizationInfo, ResynchronizationInfo, expect_text};
use crate::sbi::json::{self, Member, Object, Presence};
use crate::sbi::message::secret_buffer;
use crate::sbi::problem::Problem;
use crate::time::Timestamp;

/// A request for a vector (TS 29.503 6.3.6.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuthenticationInfoRequest {
    /// Where the user is to be authenticated.
    pub serving_network_name: ServingNetworkName,
    /// Which AUSF asks.
    pub ausf_instance_id: NfInstanceId,
    /// Present after a synchronisation failure.
    pub resynchronization_info: Option<ResynchronizationInfo>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct RawAuthenticationInfoRequest<'a> {
    #[serde(borrow)]
    serving_network_name: Member<'a>,
    #[serde(borrow)]
    ausf_instance_id: Member<'a>,
    #[serde(borrow)]
    resynchronization_info: Member<'a, RawResynchronizationInfo<'a>>,
    #[serde(borrow)]
    n5gc_ind: Member<'a>,
    #[serde(borrow)]
    nswo_ind: Member<'a>,
    #[serde(borrow)]
    disaster_roaming_ind: Member<'a>,
    #[serde(borrow)]
    aun3_ind: Member<'a>,
    #[serde(borrow)]
    supported_features: Member<'a>,
}

/// Reads a request for a vector.
///
/// # Errors
/// [`Problem`] with the pointer of the member that is missing or wrong.
pub fn parse_authentication_info_request(body: &[u8]) -> Result<AuthenticationInfoRequest, Problem> {
    let raw: RawAuthenticationInfoRequest<'_> = json::object(body)?;
    let request = AuthenticationInfoRequest {
        serving_network_name: raw.serving_network_name.required("/servingNetworkName")?,
        ausf_instance_id: raw.ausf_instance_id.required("/ausfInstanceId")?,
        resynchronization_info: ResynchronizationInfo::parse(raw.resynchronization_info)?,
    };
    raw.n5gc_ind.optional_bool("/n5gcInd")?;
    raw.nswo_ind.optional_bool("/nswoInd")?;
    raw.disaster_roaming_ind.optional_bool("/disasterRoamingInd")?;
    raw.aun3_ind.optional_bool("/aun3Ind")?;
    raw.supported_features.optional_features("/supportedFeatures")?;
    Ok(request)
}

impl AuthenticationInfoRequest {
    /// The body.
    pub fn json(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(256);
        let mut object = Object::new(&mut out);
        object.text("servingNetworkName", self.serving_network_name.as_str());
        object.text("ausfInstanceId", self.ausf_instance_id.text().as_str());
        if let Some(info) = &self.resynchronization_info {
            info.write(&mut object);
        }
        object.end();
        out
    }
}

/// A vector, and whose it is (TS 29.503 6.3.6.2.3).
#[derive(Clone, Debug)]
pub struct AuthenticationInfoResult {
    /// The vector.
    pub he_av: HeAv5g,
    /// The user, deconcealed.
    pub supi: Supi,
}

impl AuthenticationInfoResult {
    /// The body. It holds XRES* and K_AUSF: wipe it after use.
    pub fn json(&self) -> Vec<u8> {
        let mut out = secret_buffer(self.supi.value().len());
        let mut object = Object::new(&mut out);
        object.text("authType", AuthType::FIVE_G_AKA);
        object.object("authenticationVector", |object| {
            object.text("avType", AV_TYPE);
            object.hex("rand", self.he_av.rand.octets());
            object.hex("xresStar", self.he_av.xres_star.expose_to_ausf());
            object.hex("autn", self.he_av.autn.octets());
            object.hex("kausf", self.he_av.k_ausf.expose_to_ausf());
        });
        object.text_of("supi", &[self.supi.sbi_prefix(), self.supi.value()]);
        object.end();
        out
    }
}

const AV_TYPE: &str = "5G_HE_AKA";

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct RawAuthenticationInfoResult<'a> {
    #[serde(borrow)]
    auth_type: Member<'a>,
    #[serde(borrow)]
    authentication_vector: Member<'a, RawAv5gHeAka<'a>>,
    #[serde(borrow)]
    supi: Member<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct RawAv5gHeAka<'a> {
    #[serde(borrow)]
    av_type: Member<'a>,
    #[serde(borrow)]
    rand: Member<'a>,
    #[serde(borrow)]
    xres_star: Member<'a>,
    #[serde(borrow)]
    autn: Member<'a>,
    #[serde(borrow)]
    kausf: Member<'a>,
}

/// Reads a vector, as the AUSF does. `supi` is there whenever the request had a SUCI; without it the AUSF knows it already.
///
/// # Errors
/// [`Problem`] with the pointer of the member that is missing or wrong; another method than 5G AKA is wrong too.
pub fn parse_authentication_info_result(body: &[u8]) -> Result<(HeAv5g, Option<Supi>), Problem> {
    let raw: RawAuthenticationInfoResult<'_> = json::object(body)?;
    expect_text(
        &raw.auth_type.required_text("/authType")?,
        "/authType",
        AuthType::FIVE_G_AKA,
    )?;
    let av = raw.authentication_vector.required_object("/authenticationVector")?;
    let av_type = av.av_type.required_text("/authenticationVector/avType")?;
    expect_text(&av_type, "/authenticationVector/avType", AV_TYPE)?;
    let xres_star = av
        .xres_star
        .required_secret("/authenticationVector/xresStar", XresStar::from_octets)?;
    let k_ausf = av
        .kausf
        .required_secret("/authenticationVector/kausf", KAusf::from_octets)?;
    let he_av = HeAv5g {
        rand: Rand::from_octets(av.rand.required_hex("/authenticationVector/rand")?),
        autn: Autn::from_octets(av.autn.required_hex("/authenticationVector/autn")?),
        xres_star,
        k_ausf,
    };
    let supi = match raw.supi.optional_text("/supi")? {
        None => None,
        Some(text) => Some(
            text.parse()
                .map_err(|error: kaskade_keys::ParseError| Presence::Optional.wrong("/supi", error.to_string()))?,
        ),
    };
    Ok((he_av, supi))
}

/// The report of an authentication, or of its removal (TS 29.503 6.3.6.2.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuthEvent {
    /// Which AUSF reports.
    pub nf_instance_id: NfInstanceId,
    /// Whether the user was authenticated.
    pub success: bool,
    /// When.
    pub time_stamp: Timestamp,
    /// How.
    pub auth_type: AuthType,
    /// Where.
    pub serving_network_name: ServingNetworkName,
    /// Whether this takes an earlier report back.
    pub auth_removal_ind: bool,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct RawAuthEvent<'a> {
    #[serde(borrow)]
    nf_instance_id: Member<'a>,
    #[serde(borrow)]
    success: Member<'a>,
    #[serde(borrow)]
    time_stamp: Member<'a>,
    #[serde(borrow)]
    auth_type: Member<'a>,
    #[serde(borrow)]
    serving_network_name: Member<'a>,
    #[serde(borrow)]
    auth_removal_ind: Member<'a>,
    #[serde(borrow)]
    nf_set_id: Member<'a>,
    #[serde(borrow)]
    data_restoration_callback_uri: Member<'a>,
    #[serde(borrow)]
    udr_restart_ind: Member<'a>,
}

/// Reads a report.
///
/// # Errors
/// [`Problem`] with the pointer of the member that is missing or wrong.
pub fn parse_auth_event(body: &[u8]) -> Result<AuthEvent, Problem> {
    let raw: RawAuthEvent<'_> = json::object(body)?;
    let event = AuthEvent {
        nf_instance_id: raw.nf_instance_id.required("/nfInstanceId")?,
        success: raw.success.required_bool("/success")?,
        time_stamp: raw.time_stamp.required("/timeStamp")?,
        auth_type: AuthType::parse(&raw.auth_type.required_text("/authType")?),
        serving_network_name: raw.serving_network_name.required("/servingNetworkName")?,
        auth_removal_ind: raw.auth_removal_ind.optional_bool("/authRemovalInd")?,
    };
    raw.nf_set_id.optional_text("/nfSetId")?;
    raw.data_restoration_callback_uri
        .optional_text("/dataRestorationCallbackUri")?;
    raw.udr_restart_ind.optional_bool("/udrRestartInd")?;
    Ok(event)
}

impl AuthEvent {
    /// The body.
    pub fn json(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(256);
        let mut object = Object::new(&mut out);
        object.text("nfInstanceId", self.nf_instance_id.text().as_str());
        object.bool("success", self.success);
        object.text("timeStamp", self.time_stamp.to_string().as_str());
        object.text(
            "authType",
            match self.auth_type {
                AuthType::FiveGAka | AuthType::Other => AuthType::FIVE_G_AKA,
            },
        );
        object.text("servingNetworkName", self.serving_network_name.as_str());
        if self.auth_removal_ind {
            object.bool("authRemovalInd", true);
        }
        object.end();
        out
    }
}
