//! The 5G branch: from CK, IK to the keys of NAS, RRC and user plane (TS 33.501 Annex A).
//!
//! ```text
//! CK ‖ IK ─┬─ RES*, XRES* ── HRES*, HXRES*                                     A.4, A.5
//!          └─ K_AUSF ── K_SEAF ── K_AMF ─┬─ K_NASenc, K_NASint                 A.2, A.6, A.7, A.8
//!                                        ├─ K_N3IWF                            A.9
//!                                        ├─ NH                                 A.10
//!                                        └─ K_gNB ── K_RRCenc, K_RRCint,
//!                                                    K_UPenc, K_UPint          A.9, A.8
//! ```

use kaskade_crypto::{KeyMaterial, Rand, Res};

use crate::derivation::{Encoding, KeyParameter, kdf_parameters, keys, rows};
use crate::id::{
    Acknowledgement, HorizontalDirection, SorCounter, SorHeader, SorList, TrustedAccessUsage, TypeDistinguisher,
    UpuCounter, UpuData,
};
use crate::umts::{CkIk, SqnXorAk};
use crate::{
    Abba, AccessType, CipheringAlgorithm, IntegrityAlgorithm, NasCount, ServingNetworkName, Supi, UplinkCount,
};

mod response;

pub use response::{HASH_ROWS, HresStar, HxresStar, ROW_HRES_STAR, ROW_HXRES_STAR};

keys! {
    /// K_AUSF: the anchor of the home network. 32 octets (TS 33.501 A.2, 6.2.1).
    pub struct KAusf(32) = "K_AUSF" {
        /// To the AUSF, in the answer of Nudm_UEAuthentication.
        expose_to_ausf,
    }

    /// RES*: the UE's answer, bound to the serving network. 16 octets (TS 33.501 A.4).
    pub struct ResStar(16) = "RES*" {
        /// To the AUSF, which checks it.
        expose_to_ausf,
    }

    /// XRES*: the answer that the home network expects. 16 octets (TS 33.501 A.4).
    pub struct XresStar(16) = "XRES*" {
        /// To the AUSF, in the answer of Nudm_UEAuthentication.
        expose_to_ausf,
    }

    /// K_SEAF: the anchor of the serving network. 32 octets (TS 33.501 A.6).
    pub struct KSeaf(32) = "K_SEAF" {
        /// To the SEAF, in the answer of Nausf_UEAuthentication.
        expose_to_seaf,
    }

    /// K_AMF: the key of a 5G NAS security context. 32 octets (TS 33.501 A.7).
    pub struct KAmf(32) = "K_AMF";

    /// K_NASenc: ciphers NAS. 16 octets (TS 33.501 A.8).
    pub struct KNasEnc(16) = "K_NASenc";

    /// K_NASint: protects the integrity of NAS. 16 octets (TS 33.501 A.8).
    pub struct KNasInt(16) = "K_NASint";

    /// K_gNB: the key of the access stratum. 32 octets (TS 33.501 A.9).
    pub struct KGnb(32) = "K_gNB";

    /// NH: the next hop parameter, forward security of handovers. 32 octets (TS 33.501 A.10).
    pub struct Nh(32) = "NH";

    /// K_N3IWF: the IKEv2 secret of untrusted non-3GPP access. 32 octets (TS 33.501 A.9).
    pub struct KN3iwf(32) = "K_N3IWF";

    /// K_RRCenc: ciphers RRC. 16 octets (TS 33.501 A.8).
    pub struct KRrcEnc(16) = "K_RRCenc";

    /// K_RRCint: protects the integrity of RRC. 16 octets (TS 33.501 A.8).
    pub struct KRrcInt(16) = "K_RRCint";

    /// K_UPenc: ciphers the user plane. 16 octets (TS 33.501 A.8).
    pub struct KUpEnc(16) = "K_UPenc";

    /// K_UPint: protects the integrity of the user plane. 16 octets (TS 33.501 A.8).
    pub struct KUpInt(16) = "K_UPint";

    /// SoR-MAC-I_AUSF: proves steering of roaming to the UE. 16 octets (TS 33.501 A.17).
    pub struct SorMacIAusf(16) = "SoR-MAC-I_AUSF" {
        /// To the UE, in the steering of roaming container.
        expose_to_ue,
    }

    /// SoR-MAC-I_UE, SoR-XMAC-I_UE: the UE's acknowledgement. 16 octets (TS 33.501 A.18).
    pub struct SorMacIUe(16) = "SoR-MAC-I_UE" {
        /// To the home network, in the acknowledgement.
        expose_to_home_network,
    }

    /// UPU-MAC-I_AUSF: proves a parameters update to the UE. 16 octets (TS 33.501 A.19).
    pub struct UpuMacIAusf(16) = "UPU-MAC-I_AUSF" {
        /// To the UE, in the UPU container.
        expose_to_ue,
    }

    /// UPU-MAC-I_UE, UPU-XMAC-I_UE: the UE's acknowledgement. 16 octets (TS 33.501 A.20).
    pub struct UpuMacIUe(16) = "UPU-MAC-I_UE" {
        /// To the home network, in the acknowledgement.
        expose_to_home_network,
    }

    /// K_TNGF: the key of trusted non-3GPP access. 32 octets (TS 33.501 A.9).
    pub struct KTngf(32) = "K_TNGF";

    /// K_TWIF: the key of a device without 5G NAS over WLAN. 32 octets (TS 33.501 A.9).
    pub struct KTwif(32) = "K_TWIF";

    /// K_WAGF: the key of wireline access. 32 octets (TS 33.501 A.9).
    pub struct KWagf(32) = "K_WAGF";

    /// K_TIPSec: the IKEv2 secret between UE and TNGF. 32 octets (TS 33.501 A.22).
    pub struct KTipsec(32) = "K_TIPSec";

    /// K_TNAP: the access point's key, in the role of a PMK. 32 octets (TS 33.501 A.22).
    pub struct KTnap(32) = "K_TNAP";

    /// K_FT: the root of fast transitions between access points. 32 octets (TS 33.501 A.22).
    pub struct KFt(32) = "K_FT";
}

rows! {
    /// K_AUSF of 5G AKA. `sqn_xor_ak` is octets 0..5 of AUTN.
    row_k_ausf: CkIk.k_ausf(serving_network_name: &ServingNetworkName, sqn_xor_ak: &SqnXorAk) -> KAusf {
        fc: 0x6A,
        s: [
            "serving network name": ServingNetworkName = serving_network_name,
            "SQN ⊕ AK": SqnXorAk = sqn_xor_ak,
        ],
        keep: all,
        clause: "TS 33.501 A.2",
        derived_by: [Arpf, Me],
        held_by: [Ausf, Me],
        life: ANCHOR,
    }

    /// RES*, the ME's answer.
    row_res_star: CkIk.res_star(serving_network_name: &ServingNetworkName, rand: &Rand, res: &Res) -> ResStar {
        fc: 0x6B,
        s: [
            "serving network name": ServingNetworkName = serving_network_name,
            "RAND": Rand = rand,
            "RES": Res = res,
        ],
        keep: low_128,
        clause: "TS 33.501 A.4",
        derived_by: [Me],
        held_by: [Me],
        life: VECTOR,
    }

    /// XRES*, the answer that the ARPF expects.
    row_xres_star: CkIk.xres_star(serving_network_name: &ServingNetworkName, rand: &Rand, xres: &Res) -> XresStar {
        fc: 0x6B,
        s: [
            "serving network name": ServingNetworkName = serving_network_name,
            "RAND": Rand = rand,
            "XRES": Res = xres,
        ],
        keep: low_128,
        clause: "TS 33.501 A.4",
        derived_by: [Arpf],
        held_by: [Ausf],
        life: VECTOR,
    }

    /// K_SEAF.
    row_k_seaf: KAusf.k_seaf(serving_network_name: &ServingNetworkName) -> KSeaf {
        fc: 0x6C,
        s: ["serving network name": ServingNetworkName = serving_network_name],
        keep: all,
        clause: "TS 33.501 A.6",
        derived_by: [Ausf, Me],
        held_by: [Seaf, Me],
        life: ANCHOR,
    }

    /// K_AMF. The SUPI enters as IMSI digits or NAI, without prefix.
    row_k_amf: KSeaf.k_amf(supi: &Supi, abba: &Abba) -> KAmf {
        fc: 0x6D,
        s: ["SUPI": Supi = supi, "ABBA": Abba = abba],
        keep: all,
        clause: "TS 33.501 A.7",
        derived_by: [Seaf, Me],
        held_by: [Amf, Me],
        life: NAS_CONTEXT,
    }

    /// K_NASenc for a ciphering algorithm.
    row_k_nas_enc: KAmf.k_nas_enc(algorithm: CipheringAlgorithm) -> KNasEnc {
        fc: 0x69,
        s: [
            "algorithm type distinguisher" fixed: TypeDistinguisher = &TypeDistinguisher::NasEnc,
            "ciphering algorithm identity": CipheringAlgorithm = &algorithm,
        ],
        keep: low_128,
        clause: "TS 33.501 A.8",
        derived_by: [Amf, Me],
        held_by: [Amf, Me],
        life: NAS_CONTEXT,
    }

    /// K_NASint for an integrity algorithm.
    row_k_nas_int: KAmf.k_nas_int(algorithm: IntegrityAlgorithm) -> KNasInt {
        fc: 0x69,
        s: [
            "algorithm type distinguisher" fixed: TypeDistinguisher = &TypeDistinguisher::NasInt,
            "integrity algorithm identity": IntegrityAlgorithm = &algorithm,
        ],
        keep: low_128,
        clause: "TS 33.501 A.8",
        derived_by: [Amf, Me],
        held_by: [Amf, Me],
        life: NAS_CONTEXT,
    }

    /// K_gNB for 3GPP access.
    row_k_gnb: KAmf.k_gnb(uplink_nas_count: UplinkCount) -> KGnb {
        fc: 0x6E,
        s: [
            "uplink NAS COUNT": UplinkCount = &uplink_nas_count,
            "access type distinguisher" fixed: AccessType = &AccessType::ThreeGpp,
        ],
        keep: all,
        clause: "TS 33.501 A.9",
        derived_by: [Amf, Me],
        held_by: [Gnb, Me],
        life: ACCESS_STRATUM,
    }

    /// K_N3IWF for untrusted non-3GPP access.
    row_k_n3iwf: KAmf.k_n3iwf(uplink_nas_count: NasCount) -> KN3iwf {
        fc: 0x6E,
        s: [
            "uplink NAS COUNT": NasCount = &uplink_nas_count,
            "access type distinguisher" fixed: AccessType = &AccessType::NonThreeGpp,
        ],
        keep: all,
        clause: "TS 33.501 A.9",
        derived_by: [Amf, Me],
        held_by: [N3iwf, Me],
        life: ACCESS_STRATUM,
    }

    /// NH, from K_gNB the first time and from the previous NH afterwards.
    row_nh: KAmf.nh(sync_input: SyncInput<'_>) -> Nh {
        fc: 0x6F,
        s: ["SYNC-input" key: SyncInput<'_> = &sync_input],
        keep: all,
        clause: "TS 33.501 A.10",
        derived_by: [Amf, Me],
        held_by: [Gnb, Me],
        life: ACCESS_STRATUM,
    }

    /// K_RRCenc for a ciphering algorithm.
    row_k_rrc_enc: KGnb.k_rrc_enc(algorithm: CipheringAlgorithm) -> KRrcEnc {
        fc: 0x69,
        s: [
            "algorithm type distinguisher" fixed: TypeDistinguisher = &TypeDistinguisher::RrcEnc,
            "ciphering algorithm identity": CipheringAlgorithm = &algorithm,
        ],
        keep: low_128,
        clause: "TS 33.501 A.8",
        derived_by: [Gnb, Me],
        held_by: [Gnb, Me],
        life: ACCESS_STRATUM,
    }

    /// K_RRCint for an integrity algorithm.
    row_k_rrc_int: KGnb.k_rrc_int(algorithm: IntegrityAlgorithm) -> KRrcInt {
        fc: 0x69,
        s: [
            "algorithm type distinguisher" fixed: TypeDistinguisher = &TypeDistinguisher::RrcInt,
            "integrity algorithm identity": IntegrityAlgorithm = &algorithm,
        ],
        keep: low_128,
        clause: "TS 33.501 A.8",
        derived_by: [Gnb, Me],
        held_by: [Gnb, Me],
        life: ACCESS_STRATUM,
    }

    /// K_UPenc for a ciphering algorithm.
    row_k_up_enc: KGnb.k_up_enc(algorithm: CipheringAlgorithm) -> KUpEnc {
        fc: 0x69,
        s: [
            "algorithm type distinguisher" fixed: TypeDistinguisher = &TypeDistinguisher::UpEnc,
            "ciphering algorithm identity": CipheringAlgorithm = &algorithm,
        ],
        keep: low_128,
        clause: "TS 33.501 A.8",
        derived_by: [Gnb, Me],
        held_by: [Gnb, Me],
        life: ACCESS_STRATUM,
    }

    /// K_UPint for an integrity algorithm.
    row_k_up_int: KGnb.k_up_int(algorithm: IntegrityAlgorithm) -> KUpInt {
        fc: 0x69,
        s: [
            "algorithm type distinguisher" fixed: TypeDistinguisher = &TypeDistinguisher::UpInt,
            "integrity algorithm identity": IntegrityAlgorithm = &algorithm,
        ],
        keep: low_128,
        clause: "TS 33.501 A.8",
        derived_by: [Gnb, Me],
        held_by: [Gnb, Me],
        life: ACCESS_STRATUM,
    }

    /// SoR-MAC-I_AUSF over the steering container. An empty list is left out, with its length.
    row_sor_mac_i_ausf: KAusf.sor_mac_i_ausf(header: SorHeader, counter: SorCounter, list: &SorList) -> SorMacIAusf {
        fc: 0x77,
        s: [
            "SoR header": SorHeader = &header,
            "CounterSoR": SorCounter = &counter,
            "SoR list": SorList = list,
        ],
        keep: low_128,
        clause: "TS 33.501 A.17",
        derived_by: [Ausf, Me],
        held_by: [Ausf, Me],
        life: ONE_EXCHANGE,
    }

    /// SoR-MAC-I_UE; the AUSF computes it as SoR-XMAC-I_UE.
    row_sor_mac_i_ue: KAusf.sor_mac_i_ue(counter: SorCounter) -> SorMacIUe {
        fc: 0x78,
        s: [
            "SoR acknowledgement" fixed: Acknowledgement = &Acknowledgement,
            "CounterSoR": SorCounter = &counter,
        ],
        keep: low_128,
        clause: "TS 33.501 A.18",
        derived_by: [Ausf, Me],
        held_by: [Ausf, Me],
        life: ONE_EXCHANGE,
    }

    /// UPU-MAC-I_AUSF over the parameters update.
    row_upu_mac_i_ausf: KAusf.upu_mac_i_ausf(data: &UpuData, counter: UpuCounter) -> UpuMacIAusf {
        fc: 0x7B,
        s: [
            "UPU data": UpuData = data,
            "CounterUPU": UpuCounter = &counter,
        ],
        keep: low_128,
        clause: "TS 33.501 A.19",
        derived_by: [Ausf, Me],
        held_by: [Ausf, Me],
        life: ONE_EXCHANGE,
    }

    /// UPU-MAC-I_UE; the AUSF computes it as UPU-XMAC-I_UE.
    row_upu_mac_i_ue: KAusf.upu_mac_i_ue(counter: UpuCounter) -> UpuMacIUe {
        fc: 0x7C,
        s: [
            "UPU acknowledgement" fixed: Acknowledgement = &Acknowledgement,
            "CounterUPU": UpuCounter = &counter,
        ],
        keep: low_128,
        clause: "TS 33.501 A.20",
        derived_by: [Ausf, Me],
        held_by: [Ausf, Me],
        life: ONE_EXCHANGE,
    }

    /// K_TNGF for trusted non-3GPP access.
    row_k_tngf: KAmf.k_tngf(uplink_nas_count: NasCount) -> KTngf {
        fc: 0x6E,
        s: [
            "uplink NAS COUNT": NasCount = &uplink_nas_count,
            "access type distinguisher" fixed: AccessType = &AccessType::NonThreeGpp,
        ],
        keep: all,
        clause: "TS 33.501 A.9",
        derived_by: [Amf, Me],
        held_by: [Tngf, Me],
        life: ACCESS_STRATUM,
    }

    /// K_TWIF for a device without 5G NAS; its count is 0.
    row_k_twif: KAmf.k_twif() -> KTwif {
        fc: 0x6E,
        s: [
            "uplink NAS COUNT" fixed: NasCount = &NasCount::from_parts(0, 0),
            "access type distinguisher" fixed: AccessType = &AccessType::NonThreeGpp,
        ],
        keep: all,
        clause: "TS 33.501 A.9",
        derived_by: [Amf, Me],
        held_by: [Twif, Me],
        life: ACCESS_STRATUM,
    }

    /// K_WAGF for wireline access; the count is 0 for AUN3 devices.
    row_k_wagf: KAmf.k_wagf(uplink_nas_count: NasCount) -> KWagf {
        fc: 0x6E,
        s: [
            "uplink NAS COUNT": NasCount = &uplink_nas_count,
            "access type distinguisher" fixed: AccessType = &AccessType::NonThreeGpp,
        ],
        keep: all,
        clause: "TS 33.501 A.9",
        derived_by: [Amf, Me],
        held_by: [Wagf, Me],
        life: ACCESS_STRATUM,
    }

    /// K_TIPSec for IPsec to the TNGF.
    row_k_tipsec_of_tngf: KTngf.k_tipsec() -> KTipsec {
        fc: 0x84,
        s: [
            "usage type distinguisher" fixed: TrustedAccessUsage = &TrustedAccessUsage::Ipsec,
        ],
        keep: all,
        clause: "TS 33.501 A.22",
        derived_by: [Tngf, Me],
        held_by: [Tngf, Me],
        life: PARENT,
    }

    /// K_TNAP for the access point.
    row_k_tnap_of_tngf: KTngf.k_tnap() -> KTnap {
        fc: 0x84,
        s: [
            "usage type distinguisher" fixed: TrustedAccessUsage = &TrustedAccessUsage::Tnap,
        ],
        keep: all,
        clause: "TS 33.501 A.22",
        derived_by: [Tngf, Me],
        held_by: [Tnap, Me],
        life: PARENT,
    }

    /// K_FT for fast transitions.
    row_k_ft_of_tngf: KTngf.k_ft() -> KFt {
        fc: 0x84,
        s: [
            "usage type distinguisher" fixed: TrustedAccessUsage = &TrustedAccessUsage::FastTransition,
        ],
        keep: all,
        clause: "TS 33.501 A.22",
        derived_by: [Tngf, Me],
        held_by: [Tnap, Me],
        life: PARENT,
    }

    /// K_TNAP for the access point.
    row_k_tnap_of_twif: KTwif.k_tnap() -> KTnap {
        fc: 0x84,
        s: [
            "usage type distinguisher" fixed: TrustedAccessUsage = &TrustedAccessUsage::Tnap,
        ],
        keep: all,
        clause: "TS 33.501 A.22",
        derived_by: [Twif, Me],
        held_by: [Tnap, Me],
        life: PARENT,
    }

    /// K_FT for fast transitions.
    row_k_ft_of_twif: KTwif.k_ft() -> KFt {
        fc: 0x84,
        s: [
            "usage type distinguisher" fixed: TrustedAccessUsage = &TrustedAccessUsage::FastTransition,
        ],
        keep: all,
        clause: "TS 33.501 A.22",
        derived_by: [Twif, Me],
        held_by: [Tnap, Me],
        life: PARENT,
    }

    /// K_AMF' of a horizontal derivation: the next K_AMF, when the AMF changes or chooses to.
    row_k_amf_horizontal: KAmf.k_amf_prime(direction: HorizontalDirection, nas_count: NasCount) -> KAmf {
        fc: 0x72,
        s: [
            "DIRECTION": HorizontalDirection = &direction,
            "NAS COUNT": NasCount = &nas_count,
        ],
        keep: all,
        clause: "TS 33.501 A.13",
        derived_by: [Amf, Me],
        held_by: [Amf, Me],
        life: NAS_CONTEXT,
        named: "K_AMF'",
    }
}

/// SYNC-input of NH (TS 33.501 A.10). 32 octets.
#[derive(Clone, Copy, Debug)]
pub enum SyncInput<'k> {
    /// The K_gNB that was derived last: gives the first NH.
    KGnb(&'k KGnb),
    /// The previous NH.
    Nh(&'k Nh),
}

kdf_parameters! {
    SyncInput<'_>: Encoding::Secret(32), |this| this.octets();
}

impl KeyParameter for SyncInput<'_> {
    const KEYS: &'static [&'static str] = &[KGnb::NAME, Nh::NAME];
}

impl SyncInput<'_> {
    pub(crate) fn octets(&self) -> &[u8] {
        match self {
            Self::KGnb(key) => key.secret_octets(),
            Self::Nh(key) => key.secret_octets(),
        }
    }
}
