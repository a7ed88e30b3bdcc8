//! The EPS branch: from CK, IK to the keys of NAS, RRC and user plane of LTE (TS 33.401 Annex A).
//!
//! ```text
//! CK ‖ IK ── K_ASME ─┬─ K_NASenc, K_NASint                                     A.2, A.7
//!                    ├─ NAS-token; CK' ‖ IK', CK_SRVCC ‖ IK_SRVCC              A.9; A.8, A.13, A.12
//!                    ├─ NH                                                     A.4
//!                    └─ K_eNB ─┬─ K_eNB*, the next K_eNB                       A.3, A.5
//!                              ├─ K_RRCenc, K_RRCint, K_UPenc, K_UPint         A.7
//!                              └─ S-K_eNB, S-K_gNB, S-K_WT, LWIP-PSK           A.15, Annex G, H
//! ```

use kaskade_crypto::KeyMaterial;

use crate::derivation::{Encoding, KeyParameter, cut, function_rows, kdf_parameters, keys, rows};
use crate::gsm::CkIkPs;
use crate::id::{
    EarfcnDl, EutraPci, LwipCounter, NonceMme, NonceUe, ScgCounter, ServingNetworkIdentity, TypeDistinguisher,
    WtCounter,
};
use crate::umts::{CkIk, SqnXorAk};
use crate::{CipheringAlgorithm, IntegrityAlgorithm, NasCount, UplinkCount};

keys! {
    /// K_ASME: the anchor of the serving network, and the key of an EPS NAS security context. 32 octets (TS 33.401 A.2).
    pub struct KAsme(32) = "K_ASME" {
        /// To the MME, in the answer of the HSS.
        expose_to_mme,
    }

    /// K_ASME_SRVCC: stands for K_ASME in a voice call that goes from 5GS to UTRAN. 32 octets (TS 33.501 A.21).
    pub struct KAsmeSrvcc(32) = "K_ASME_SRVCC";

    /// K_NASenc: ciphers NAS. 16 octets (TS 33.401 A.7).
    pub struct KNasEnc(16) = "K_NASenc (EPS)";

    /// K_NASint: protects the integrity of NAS. 16 octets (TS 33.401 A.7).
    pub struct KNasInt(16) = "K_NASint (EPS)";

    /// K_eNB: the key of the access stratum. 32 octets (TS 33.401 A.3).
    pub struct KEnb(32) = "K_eNB";

    /// NH: the next hop parameter, forward security of handovers. 32 octets (TS 33.401 A.4).
    pub struct Nh(32) = "NH (EPS)";

    /// K_RRCenc: ciphers RRC. 16 octets (TS 33.401 A.7).
    pub struct KRrcEnc(16) = "K_RRCenc (EPS)";

    /// K_RRCint: protects the integrity of RRC. 16 octets (TS 33.401 A.7).
    pub struct KRrcInt(16) = "K_RRCint (EPS)";

    /// K_UPenc: ciphers the user plane. 16 octets (TS 33.401 A.7).
    pub struct KUpEnc(16) = "K_UPenc (EPS)";

    /// K_UPint: protects the integrity of the user plane of a relay node. 16 octets (TS 33.401 A.7).
    pub struct KUpInt(16) = "K_UPint (EPS)";

    /// CK' ‖ IK': the keys of UTRAN or GERAN after EPS. 32 octets (TS 33.401 A.8, A.13).
    pub struct CkIkPrime(32) = "CK'||IK' (UTRAN)";

    /// CK_SRVCC ‖ IK_SRVCC: the keys of a voice call that leaves for UTRAN or GERAN. 32 octets (TS 33.401 A.12).
    pub struct CkIkSrvcc(32) = "CK_SRVCC||IK_SRVCC";

    /// NAS-token: shows in UTRAN that the UE has K_ASME; 16 bits of it are sent. 32 octets (TS 33.401 A.9).
    pub struct NasToken(32) = "NAS-token";

    /// S-K_eNB: the key of a secondary eNB. 32 octets (TS 33.401 A.15).
    pub struct SKEnb(32) = "S-K_eNB";

    /// K_UPenc of a secondary eNB. 16 octets (TS 33.401 A.7).
    pub struct SenbUpEnc(16) = "K_UPenc (SeNB)";

    /// S-K_gNB: the key of a secondary gNB in EN-DC. 32 octets (TS 33.401 A.15).
    pub struct SKGnb(32) = "S-K_gNB";

    /// K_RRCenc of a secondary gNB. 16 octets (TS 33.401 A.19).
    pub struct SgnbRrcEnc(16) = "K_RRCenc (SgNB)";

    /// K_RRCint of a secondary gNB. 16 octets (TS 33.401 A.19).
    pub struct SgnbRrcInt(16) = "K_RRCint (SgNB)";

    /// K_UPenc of a secondary gNB. 16 octets (TS 33.401 A.19).
    pub struct SgnbUpEnc(16) = "K_UPenc (SgNB)";

    /// K_UPint of a secondary gNB. 16 octets (TS 33.401 A.19).
    pub struct SgnbUpInt(16) = "K_UPint (SgNB)";

    /// S-K_WT: the key of LTE-WLAN aggregation. 32 octets (TS 33.401 Annex G).
    pub struct SKWt(32) = "S-K_WT";

    /// LWIP-PSK: the IKEv2 secret of LTE-WLAN integration over IPsec. 32 octets (TS 33.401 Annex H).
    pub struct LwipPsk(32) = "LWIP-PSK";
}

rows! {
    /// K_ASME of EPS AKA. `sqn_xor_ak` is octets 0..5 of AUTN.
    row_k_asme: CkIk.k_asme(serving_network: &ServingNetworkIdentity, sqn_xor_ak: &SqnXorAk) -> KAsme {
        fc: 0x10,
        s: [
            "SN id": ServingNetworkIdentity = serving_network,
            "SQN ⊕ AK": SqnXorAk = sqn_xor_ak,
        ],
        keep: all,
        clause: "TS 33.401 A.2",
        derived_by: [Auc, Me],
        held_by: [Mme, Me],
        life: NAS_CONTEXT,
    }

    /// K_NASenc for a ciphering algorithm.
    row_k_nas_enc: KAsme.k_nas_enc(algorithm: CipheringAlgorithm) -> KNasEnc {
        fc: 0x15,
        s: [
            "algorithm type distinguisher" fixed: TypeDistinguisher = &TypeDistinguisher::NasEnc,
            "ciphering algorithm identity": CipheringAlgorithm = &algorithm,
        ],
        keep: low_128,
        clause: "TS 33.401 A.7",
        derived_by: [Mme, Me],
        held_by: [Mme, Me],
        life: NAS_CONTEXT,
    }

    /// K_NASint for an integrity algorithm.
    row_k_nas_int: KAsme.k_nas_int(algorithm: IntegrityAlgorithm) -> KNasInt {
        fc: 0x15,
        s: [
            "algorithm type distinguisher" fixed: TypeDistinguisher = &TypeDistinguisher::NasInt,
            "integrity algorithm identity": IntegrityAlgorithm = &algorithm,
        ],
        keep: low_128,
        clause: "TS 33.401 A.7",
        derived_by: [Mme, Me],
        held_by: [Mme, Me],
        life: NAS_CONTEXT,
    }

    /// K_eNB.
    row_k_enb: KAsme.k_enb(uplink_nas_count: UplinkCount) -> KEnb {
        fc: 0x11,
        s: [
            "uplink NAS COUNT": UplinkCount = &uplink_nas_count,
        ],
        keep: all,
        clause: "TS 33.401 A.3",
        derived_by: [Mme, Me],
        held_by: [Enb, Me],
        life: ACCESS_STRATUM,
    }

    /// NH, from K_eNB the first time and from the previous NH afterwards.
    row_nh: KAsme.nh(sync_input: SyncInput<'_>) -> Nh {
        fc: 0x12,
        s: [
            "SYNC-input" key: SyncInput<'_> = &sync_input,
        ],
        keep: all,
        clause: "TS 33.401 A.4",
        derived_by: [Mme, Me],
        held_by: [Enb, Me],
        life: ACCESS_STRATUM,
    }

    /// K_eNB* for a target cell, from the current K_eNB: its K_eNB. EARFCN-DL has 2 octets up to 65535, and 3 above.
    row_k_enb_star_of_k_enb: KEnb.k_enb_star(pci: EutraPci, earfcn_dl: EarfcnDl) -> KEnb {
        fc: 0x13,
        s: [
            "PCI": EutraPci = &pci,
            "EARFCN-DL": EarfcnDl = &earfcn_dl,
        ],
        keep: all,
        clause: "TS 33.401 A.5",
        derived_by: [Enb, Me],
        held_by: [Enb, Me],
        life: ACCESS_STRATUM,
        named: "K_eNB*",
    }

    /// K_eNB* for a target cell, from a fresh NH: its K_eNB. EARFCN-DL has 2 octets up to 65535, and 3 above.
    row_k_enb_star_of_nh: Nh.k_enb_star(pci: EutraPci, earfcn_dl: EarfcnDl) -> KEnb {
        fc: 0x13,
        s: [
            "PCI": EutraPci = &pci,
            "EARFCN-DL": EarfcnDl = &earfcn_dl,
        ],
        keep: all,
        clause: "TS 33.401 A.5",
        derived_by: [Enb, Me],
        held_by: [Enb, Me],
        life: ACCESS_STRATUM,
        named: "K_eNB*",
    }

    /// K_RRCenc for a ciphering algorithm.
    row_k_rrc_enc: KEnb.k_rrc_enc(algorithm: CipheringAlgorithm) -> KRrcEnc {
        fc: 0x15,
        s: [
            "algorithm type distinguisher" fixed: TypeDistinguisher = &TypeDistinguisher::RrcEnc,
            "ciphering algorithm identity": CipheringAlgorithm = &algorithm,
        ],
        keep: low_128,
        clause: "TS 33.401 A.7",
        derived_by: [Enb, Me],
        held_by: [Enb, Me],
        life: ACCESS_STRATUM,
    }

    /// K_RRCint for an integrity algorithm.
    row_k_rrc_int: KEnb.k_rrc_int(algorithm: IntegrityAlgorithm) -> KRrcInt {
        fc: 0x15,
        s: [
            "algorithm type distinguisher" fixed: TypeDistinguisher = &TypeDistinguisher::RrcInt,
            "integrity algorithm identity": IntegrityAlgorithm = &algorithm,
        ],
        keep: low_128,
        clause: "TS 33.401 A.7",
        derived_by: [Enb, Me],
        held_by: [Enb, Me],
        life: ACCESS_STRATUM,
    }

    /// K_UPenc for a ciphering algorithm.
    row_k_up_enc: KEnb.k_up_enc(algorithm: CipheringAlgorithm) -> KUpEnc {
        fc: 0x15,
        s: [
            "algorithm type distinguisher" fixed: TypeDistinguisher = &TypeDistinguisher::UpEnc,
            "ciphering algorithm identity": CipheringAlgorithm = &algorithm,
        ],
        keep: low_128,
        clause: "TS 33.401 A.7",
        derived_by: [Enb, Me],
        held_by: [Enb, Me],
        life: ACCESS_STRATUM,
    }

    /// K_UPint for an integrity algorithm.
    row_k_up_int: KEnb.k_up_int(algorithm: IntegrityAlgorithm) -> KUpInt {
        fc: 0x15,
        s: [
            "algorithm type distinguisher" fixed: TypeDistinguisher = &TypeDistinguisher::UpInt,
            "integrity algorithm identity": IntegrityAlgorithm = &algorithm,
        ],
        keep: low_128,
        clause: "TS 33.401 A.7",
        derived_by: [Enb, Me],
        held_by: [Enb, Me],
        life: ACCESS_STRATUM,
    }

    /// CK' ‖ IK' at handover from EPS to UTRAN or GERAN.
    row_ck_ik_handover: KAsme.ck_ik_prime_handover(downlink_nas_count: NasCount) -> CkIkPrime {
        fc: 0x16,
        s: [
            "downlink NAS COUNT": NasCount = &downlink_nas_count,
        ],
        keep: all,
        clause: "TS 33.401 A.8",
        derived_by: [Mme, Me],
        held_by: [VlrSgsn, Me],
        life: NAS_CONTEXT,
    }

    /// CK' ‖ IK' in idle mode from EPS to UTRAN or GERAN.
    row_ck_ik_idle: KAsme.ck_ik_prime_idle(uplink_nas_count: NasCount) -> CkIkPrime {
        fc: 0x1B,
        s: [
            "uplink NAS COUNT": NasCount = &uplink_nas_count,
        ],
        keep: all,
        clause: "TS 33.401 A.13",
        derived_by: [Mme, Me],
        held_by: [VlrSgsn, Me],
        life: NAS_CONTEXT,
    }

    /// NAS-token, whose 256 bits are all given here.
    row_nas_token: KAsme.nas_token(uplink_nas_count: NasCount) -> NasToken {
        fc: 0x17,
        s: [
            "uplink NAS COUNT": NasCount = &uplink_nas_count,
        ],
        keep: all,
        clause: "TS 33.401 A.9",
        derived_by: [Mme, Me],
        held_by: [Mme, Me],
        life: ONE_EXCHANGE,
        doubt: "which 16 of its bits are sent was not read; of two implementations one sends the first, one the last",
    }

    /// K'_ASME at handover from UTRAN, from the CK ‖ IK in use there.
    row_k_asme_from_utran_handover: CkIk.k_asme_prime_handover(nonce_mme: NonceMme) -> KAsme {
        fc: 0x18,
        s: [
            "NONCE_MME": NonceMme = &nonce_mme,
        ],
        keep: all,
        clause: "TS 33.401 A.10",
        derived_by: [Mme, Me],
        held_by: [Mme, Me],
        life: NAS_CONTEXT,
        named: "K'_ASME",
    }

    /// K'_ASME in idle mode from UTRAN, from the CK ‖ IK in use there.
    row_k_asme_from_utran_idle: CkIk.k_asme_prime_idle(nonce_ue: NonceUe, nonce_mme: NonceMme) -> KAsme {
        fc: 0x19,
        s: [
            "NONCE_UE": NonceUe = &nonce_ue,
            "NONCE_MME": NonceMme = &nonce_mme,
        ],
        keep: all,
        clause: "TS 33.401 A.11",
        derived_by: [Mme, Me],
        held_by: [Mme, Me],
        life: NAS_CONTEXT,
        named: "K'_ASME",
    }

    /// CK_SRVCC ‖ IK_SRVCC for a voice call that leaves LTE.
    row_ck_ik_srvcc: KAsme.ck_ik_srvcc(downlink_nas_count: NasCount) -> CkIkSrvcc {
        fc: 0x1A,
        s: [
            "downlink NAS COUNT": NasCount = &downlink_nas_count,
        ],
        keep: all,
        clause: "TS 33.401 A.12",
        derived_by: [Mme, Me],
        held_by: [Msc, Me],
        life: ONE_EXCHANGE,
    }

    /// CK_SRVCC ‖ IK_SRVCC for a voice call that left 5GS; the count is 0 (TS 33.501 J.1.2).
    row_ck_ik_srvcc_5g: KAsmeSrvcc.ck_ik_srvcc() -> CkIkSrvcc {
        fc: 0x1A,
        s: [
            "downlink NAS COUNT" fixed: NasCount = &NasCount::from_parts(0, 0),
        ],
        keep: all,
        clause: "TS 33.401 A.12",
        derived_by: [Mme, Me],
        held_by: [Msc, Me],
        life: ONE_EXCHANGE,
    }

    /// S-K_eNB for a secondary eNB.
    row_s_k_enb: KEnb.s_k_enb(scg_counter: ScgCounter) -> SKEnb {
        fc: 0x1C,
        s: [
            "SCG Counter": ScgCounter = &scg_counter,
        ],
        keep: all,
        clause: "TS 33.401 A.15",
        derived_by: [Enb, Me],
        held_by: [SecondaryNode, Me],
        life: ACCESS_STRATUM,
    }

    /// S-K_gNB for a secondary gNB.
    row_s_k_gnb: KEnb.s_k_gnb(scg_counter: ScgCounter) -> SKGnb {
        fc: 0x1C,
        s: [
            "SCG Counter": ScgCounter = &scg_counter,
        ],
        keep: all,
        clause: "TS 33.401 A.15",
        derived_by: [Enb, Me],
        held_by: [SecondaryNode, Me],
        life: ACCESS_STRATUM,
    }

    /// K_UPenc of the secondary eNB for a ciphering algorithm.
    row_senb_k_up_enc: SKEnb.k_up_enc(algorithm: CipheringAlgorithm) -> SenbUpEnc {
        fc: 0x15,
        s: [
            "algorithm type distinguisher" fixed: TypeDistinguisher = &TypeDistinguisher::UpEnc,
            "ciphering algorithm identity": CipheringAlgorithm = &algorithm,
        ],
        keep: low_128,
        clause: "TS 33.401 A.7",
        derived_by: [SecondaryNode, Me],
        held_by: [SecondaryNode, Me],
        life: ACCESS_STRATUM,
    }

    /// K_RRCenc of the secondary gNB for a ciphering algorithm of NR.
    row_sgnb_k_rrc_enc: SKGnb.k_rrc_enc(algorithm: CipheringAlgorithm) -> SgnbRrcEnc {
        fc: 0x69,
        s: [
            "algorithm type distinguisher" fixed: TypeDistinguisher = &TypeDistinguisher::RrcEnc,
            "ciphering algorithm identity": CipheringAlgorithm = &algorithm,
        ],
        keep: low_128,
        clause: "TS 33.401 A.19",
        derived_by: [SecondaryNode, Me],
        held_by: [SecondaryNode, Me],
        life: ACCESS_STRATUM,
        doubt: "as two implementations have it; the text of the clause was not read",
    }

    /// K_RRCint of the secondary gNB for an integrity algorithm of NR.
    row_sgnb_k_rrc_int: SKGnb.k_rrc_int(algorithm: IntegrityAlgorithm) -> SgnbRrcInt {
        fc: 0x69,
        s: [
            "algorithm type distinguisher" fixed: TypeDistinguisher = &TypeDistinguisher::RrcInt,
            "integrity algorithm identity": IntegrityAlgorithm = &algorithm,
        ],
        keep: low_128,
        clause: "TS 33.401 A.19",
        derived_by: [SecondaryNode, Me],
        held_by: [SecondaryNode, Me],
        life: ACCESS_STRATUM,
        doubt: "as two implementations have it; the text of the clause was not read",
    }

    /// K_UPenc of the secondary gNB for a ciphering algorithm of NR.
    row_sgnb_k_up_enc: SKGnb.k_up_enc(algorithm: CipheringAlgorithm) -> SgnbUpEnc {
        fc: 0x69,
        s: [
            "algorithm type distinguisher" fixed: TypeDistinguisher = &TypeDistinguisher::UpEnc,
            "ciphering algorithm identity": CipheringAlgorithm = &algorithm,
        ],
        keep: low_128,
        clause: "TS 33.401 A.19",
        derived_by: [SecondaryNode, Me],
        held_by: [SecondaryNode, Me],
        life: ACCESS_STRATUM,
        doubt: "as two implementations have it; the text of the clause was not read",
    }

    /// K_UPint of the secondary gNB for an integrity algorithm of NR.
    row_sgnb_k_up_int: SKGnb.k_up_int(algorithm: IntegrityAlgorithm) -> SgnbUpInt {
        fc: 0x69,
        s: [
            "algorithm type distinguisher" fixed: TypeDistinguisher = &TypeDistinguisher::UpInt,
            "integrity algorithm identity": IntegrityAlgorithm = &algorithm,
        ],
        keep: low_128,
        clause: "TS 33.401 A.19",
        derived_by: [SecondaryNode, Me],
        held_by: [SecondaryNode, Me],
        life: ACCESS_STRATUM,
        doubt: "as two implementations have it; the text of the clause was not read",
    }

    /// S-K_WT for LTE-WLAN aggregation.
    row_s_k_wt: KEnb.s_k_wt(wt_counter: WtCounter) -> SKWt {
        fc: 0x1F,
        s: [
            "WT Counter": WtCounter = &wt_counter,
        ],
        keep: all,
        clause: "TS 33.401 Annex G",
        derived_by: [Enb, Me],
        held_by: [WlanAccess, Me],
        life: ACCESS_STRATUM,
        doubt: "the annex names the inputs; FC 0x1F and its clause, A.18, are what one implementation has",
    }

    /// LWIP-PSK for LTE-WLAN integration over IPsec.
    row_lwip_psk: KEnb.lwip_psk(lwip_counter: LwipCounter) -> LwipPsk {
        fc: 0x1E,
        s: [
            "LWIP Counter": LwipCounter = &lwip_counter,
        ],
        keep: all,
        clause: "TS 33.401 Annex H",
        derived_by: [Enb, Me],
        held_by: [Enb, Me],
        life: ACCESS_STRATUM,
        doubt: "FC 0x1E and its clause, A.16, are what one implementation has; the annex was not read",
    }
}

function_rows! {
    /// K'_ASME of a voice call that comes back from the circuit switched domain; NONCE_MME does not matter then.
    row_k_asme_of_ps: CkIkPs.k_asme() -> KAsme {
        function: cut::<0>, "CK'_PS ‖ IK'_PS",
        s: [],
        clause: "TS 24.301 4.4.2.5",
        derived_by: [Mme, Me],
        held_by: [Mme, Me],
        life: NAS_CONTEXT,
        named: "K'_ASME",
    }
}

/// SYNC-input of NH (TS 33.401 A.4). 32 octets.
#[derive(Clone, Copy, Debug)]
pub enum SyncInput<'k> {
    /// The K_eNB that was derived last: gives the first NH.
    KEnb(&'k KEnb),
    /// The previous NH.
    Nh(&'k Nh),
}

kdf_parameters! {
    SyncInput<'_>: Encoding::Secret(32), |this| match this {
        SyncInput::KEnb(key) => key.secret_octets(),
        SyncInput::Nh(key) => key.secret_octets(),
    };
    Nh: Encoding::Secret(32), |this| this.secret_octets();
}

impl KeyParameter for SyncInput<'_> {
    const KEYS: &'static [&'static str] = &[KEnb::NAME, Nh::NAME];
}

impl KeyParameter for Nh {
    const KEYS: &'static [&'static str] = &[Nh::NAME];
}
