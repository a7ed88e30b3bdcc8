//! Bodies of Nudm_UEAuthentication (TS 29.503 6.3.6).

use kaskade_crypto::{Autn, Rand, Res};
use kaskade_keys::fivegs::{KAusf, XresStar};
use kaskade_keys::{RoutingIndicator, ServingNetworkName, Supi};
use serde::ser::{SerializeMap, Serializer};

use super::body::{Body, Form, OrFalse, Plain, Value, Written};
use super::date_time::Timestamp;
use super::member::Member;
use super::misread::{Misread, Presence};
use super::nf_instance::NfInstanceId;
use super::values::{AuthType, Features, PrimeHalf, ResynchronizationInfo, Text, Texts};

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
    fixed { av_type "avType" = FIVE_G_HE_AKA }
}

crate::body! {
    /// A vector of EAP-AKA' in 5GS: AV' (TS 29.503 6.3.6.2.6).
    #[derive(Clone, Debug)]
    pub struct AvEapAkaPrime = "AvEapAkaPrime" {
        /// RAND.
        rand "rand": Rand,
        /// XRES, 4 to 16 octets.
        xres "xres": Res,
        /// AUTN.
        autn "autn": Autn,
        /// CK'.
        ck_prime "ckPrime": PrimeHalf,
        /// IK'.
        ik_prime "ikPrime": PrimeHalf,
    }
    fixed { av_type "avType" = EAP_AKA_PRIME }
}

/// A vector of one of the methods (TS 29.503 6.3.6.2.9).
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant, reason = "it lives for one answer")]
pub enum AuthenticationVector {
    /// Of 5G AKA.
    FiveGHeAka(Av5gHeAka),
    /// Of EAP-AKA'.
    EapAkaPrime(AvEapAkaPrime),
}

impl AuthenticationVector {
    /// How the user is to be authenticated with it.
    pub const fn auth_type(&self) -> AuthType {
        match self {
            Self::FiveGHeAka(_) => AuthType::FiveGAka,
            Self::EapAkaPrime(_) => AuthType::EapAkaPrime,
        }
    }

    /// RAND.
    pub const fn rand(&self) -> &Rand {
        match self {
            Self::FiveGHeAka(av) => &av.rand,
            Self::EapAkaPrime(av) => &av.rand,
        }
    }
}

/// A vector, and whose it is (TS 29.503 6.3.6.2.3).
#[derive(Clone, Debug)]
pub struct AuthenticationInfoResult {
    /// The vector.
    pub vector: AuthenticationVector,
    /// The user, deconcealed: there whenever the request had a SUCI. Without it the AUSF knows it already.
    pub supi: Option<Supi>,
    /// `akmaInd` with `routingId`: keys for applications are made of this authentication, and this is the routing indicator in their A-KID,
    /// which must be there then (TS 33.501 6.1.3). `None`: they are not.
    pub akma: Option<RoutingIndicator>,
}

const EAP_AKA_PRIME: &str = AuthType::EAP_AKA_PRIME;
const FIVE_G_HE_AKA: &str = "5G_HE_AKA";

const _: () = {
    crate::members! {
        VectorMembers {
            av_type "avType": [Plain] [Text];
            rand "rand": [Plain] [Rand];
            autn "autn": [Plain] [Autn];
            xres_star "xresStar": [Plain] [XresStar];
            k_ausf "kausf": [Plain] [KAusf];
            xres "xres": [Plain] [Res];
            ck_prime "ckPrime": [Plain] [PrimeHalf];
            ik_prime "ikPrime": [Plain] [PrimeHalf];
        }
    }

    impl Value for AuthenticationVector {
        type Object<'a> = VectorMembers<'a>;

        const SECRET: bool = true;

        fn read<'a>(member: Member<'a, VectorMembers<'a>>, presence: Presence) -> Result<Self, Misread> {
            fn read<'a, V: Value>(member: Member<'a, V::Object<'a>>, name: &str) -> Result<V, Misread> {
                <Plain as Form<V>>::read(member).map_err(|wrong| wrong.within(name))
            }
            let members = member.object(presence)?;
            let kind = members.av_type.text(Presence::Mandatory);
            match kind.map_err(|wrong| wrong.within("avType"))?.as_ref() {
                FIVE_G_HE_AKA => Ok(Self::FiveGHeAka(Av5gHeAka {
                    rand: read(members.rand, "rand")?,
                    xres_star: read(members.xres_star, "xresStar")?,
                    autn: read(members.autn, "autn")?,
                    k_ausf: read(members.k_ausf, "kausf")?,
                })),
                EAP_AKA_PRIME => Ok(Self::EapAkaPrime(AvEapAkaPrime {
                    rand: read(members.rand, "rand")?,
                    xres: read(members.xres, "xres")?,
                    autn: read(members.autn, "autn")?,
                    ck_prime: read(members.ck_prime, "ckPrime")?,
                    ik_prime: read(members.ik_prime, "ikPrime")?,
                })),
                _ => Err(Misread::wrong(Presence::Mandatory, "neither 5G_HE_AKA nor EAP_AKA_PRIME").within("avType")),
            }
        }

        fn write<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
            match self {
                Self::FiveGHeAka(av) => av.write(to),
                Self::EapAkaPrime(av) => av.write(to),
            }
        }
    }

    crate::members! {
        Members {
            auth_type "authType": [Plain] [AuthType];
            vector "authenticationVector": [Plain] [AuthenticationVector];
            supi "supi": [Plain] [Option<Supi>];
            akma_ind "akmaInd": [OrFalse] [bool];
            routing_id "routingId": [Plain] [Option<RoutingIndicator>];
        }
    }

    impl Value for AuthenticationInfoResult {
        type Object<'a> = Members<'a>;

        const SECRET: bool = true;

        fn read<'a>(member: Member<'a, Members<'a>>, presence: Presence) -> Result<Self, Misread> {
            let members = member.object(presence)?;
            let auth_type = <Plain as Form<AuthType>>::read(members.auth_type);
            let auth_type = auth_type.map_err(|wrong| wrong.within("authType"))?;
            let vector = <Plain as Form<AuthenticationVector>>::read(members.vector);
            let vector = vector.map_err(|wrong| wrong.within("authenticationVector"))?;
            if auth_type != vector.auth_type() {
                return Err(Misread::wrong(Presence::Mandatory, "not the method of the vector").within("authType"));
            }
            let supi = <Plain as Form<Option<Supi>>>::read(members.supi).map_err(|wrong| wrong.within("supi"))?;
            let akma_ind = <OrFalse as Form<bool>>::read(members.akma_ind).map_err(|wrong| wrong.within("akmaInd"))?;
            let routing_id = <Plain as Form<Option<RoutingIndicator>>>::read(members.routing_id);
            let routing_id = routing_id.map_err(|wrong| wrong.within("routingId"))?;
            if akma_ind && routing_id.is_none() {
                return Err(Misread::missing().within("routingId"));
            }
            Ok(Self {
                vector,
                supi,
                akma: routing_id.filter(|_| akma_ind),
            })
        }

        fn write<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
            let mut object = to.serialize_map(None)?;
            object.serialize_entry("authType", &Written::<AuthType>::of(&self.vector.auth_type()))?;
            object.serialize_entry(
                "authenticationVector",
                &Written::<AuthenticationVector>::of(&self.vector),
            )?;
            if let Some(supi) = &self.supi {
                object.serialize_entry("supi", &Written::<Supi>::of(supi))?;
            }
            if let Some(routing_id) = &self.akma {
                object.serialize_entry("akmaInd", &true)?;
                object.serialize_entry("routingId", &Written::<RoutingIndicator>::of(routing_id))?;
            }
            object.end()
        }
    }

    impl Body for AuthenticationInfoResult {
        const NAME: &'static str = "AuthenticationInfoResult";
    }
};

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
        reset_ids "resetIds": Texts,
        data_restoration_callback_uri "dataRestorationCallbackUri": Text,
        udr_restart_ind "udrRestartInd": bool,
    }
}
