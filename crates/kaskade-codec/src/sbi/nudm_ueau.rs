//! Bodies of Nudm_UEAuthentication (TS 29.503 6.3.6).

use kaskade_crypto::{Autn, Rand};
use kaskade_keys::fivegs::{KAusf, XresStar};
use kaskade_keys::{ServingNetworkName, Supi};

use super::date_time::Timestamp;
use super::nf_instance::NfInstanceId;
use super::values::{AuthType, Features, ResynchronizationInfo, Text};

crate::body! {
    /// A request for a vector (TS 29.503 6.3.6.2.2).
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct AuthenticationInfoRequest = "AuthenticationInfoRequest" {
        /// Where the user is to be authenticated.
        serving_network_name "servingNetworkName": ServingNetworkName,
        /// Which AUSF asks.
        ausf_instance_id "ausfInstanceId": NfInstanceId,
        /// Present after a synchronisation failure.
        resynchronization_info "resynchronizationInfo": Option<ResynchronizationInfo>,
    }
    checked {
        n5gc_ind "n5gcInd": bool,
        nswo_ind "nswoInd": bool,
        disaster_roaming_ind "disasterRoamingInd": bool,
        aun3_ind "aun3Ind": bool,
        supported_features "supportedFeatures": Features,
    }
}

crate::body! {
    /// A 5G HE AV (TS 29.503 6.3.6.2.5).
    #[derive(Clone, Debug)]
    pub struct Av5gHeAka = "Av5GHeAka" {
        /// RAND.
        rand "rand": Rand,
        /// XRES*.
        xres_star "xresStar": XresStar,
        /// AUTN.
        autn "autn": Autn,
        /// K_AUSF.
        k_ausf "kausf": KAusf,
    }
    fixed { av_type "avType" = "5G_HE_AKA" }
}

crate::body! {
    /// A vector, and whose it is (TS 29.503 6.3.6.2.3).
    #[derive(Clone, Debug)]
    pub struct AuthenticationInfoResult = "AuthenticationInfoResult" {
        /// The vector.
        he_av "authenticationVector": Av5gHeAka,
        /// The user, deconcealed: there whenever the request had a SUCI. Without it the AUSF knows it already.
        supi "supi": Option<Supi>,
    }
    fixed { auth_type "authType" = AuthType::FIVE_G_AKA }
}

crate::body! {
    /// The report of an authentication, or of its removal (TS 29.503 6.3.6.2.7).
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct AuthEvent = "AuthEvent" {
        /// Which AUSF reports.
        nf_instance_id "nfInstanceId": NfInstanceId,
        /// Whether the user was authenticated.
        success "success": bool,
        /// When.
        time_stamp "timeStamp": Timestamp,
        /// How.
        auth_type "authType": AuthType,
        /// Where.
        serving_network_name "servingNetworkName": ServingNetworkName,
        /// Whether this takes an earlier report back.
        auth_removal_ind "authRemovalInd": bool as OrFalse,
    }
    checked {
        nf_set_id "nfSetId": Text,
        data_restoration_callback_uri "dataRestorationCallbackUri": Text,
        udr_restart_ind "udrRestartInd": bool,
    }
}
