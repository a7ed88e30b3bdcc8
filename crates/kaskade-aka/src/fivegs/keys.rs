//! The keys below K_AMF, for both ends, with HMAC pads shared (TS 33.501 A.8 to A.10).

use kaskade_keys::derivation::Prepared;
use kaskade_keys::fivegs::{KAmf, KGnb, KN3iwf, KNasEnc, KNasInt, KRrcEnc, KRrcInt, KUpEnc, KUpInt, Nh, SyncInput};
use kaskade_keys::{CipheringAlgorithm, IntegrityAlgorithm, NasCount};

use crate::visit::{KeyVisitor, VisitKeys};

/// A ciphering and an integrity algorithm, as a security mode command selects them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Algorithms {
    /// For ciphering.
    pub ciphering: CipheringAlgorithm,
    /// For integrity protection.
    pub integrity: IntegrityAlgorithm,
}

impl Algorithms {
    /// 128-NEA2 and 128-NIA2: AES.
    pub const AES: Self = Self {
        ciphering: CipheringAlgorithm::Nea2,
        integrity: IntegrityAlgorithm::Nia2,
    };
}

/// Everything that the keys below K_AMF depend on, besides K_AMF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Selection {
    /// For NAS: what the AMF selects.
    pub nas: Algorithms,
    /// For RRC and the user plane: what the gNB selects (TS 33.501 6.7.3).
    pub access_stratum: Algorithms,
    /// Uplink NAS COUNT of 3GPP access when K_gNB is derived (TS 33.501 6.8.1.2.2).
    pub ul_nas_count: NasCount,
    /// Uplink NAS COUNT of non-3GPP access when K_N3IWF is derived.
    pub ul_nas_count_non_3gpp: NasCount,
}

impl Selection {
    /// The same algorithms for NAS, RRC and user plane, and the same COUNT for both accesses.
    pub const fn same(algorithms: Algorithms, ul_nas_count: NasCount) -> Self {
        Self {
            nas: algorithms,
            access_stratum: algorithms,
            ul_nas_count,
            ul_nas_count_non_3gpp: ul_nas_count,
        }
    }
}

/// AES everywhere, and COUNT 0.
impl Default for Selection {
    fn default() -> Self {
        Self::same(Algorithms::AES, NasCount::from_parts(0, 0))
    }
}

/// The keys of NAS (TS 33.501 A.8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NasKeys {
    /// K_NASenc.
    pub k_nas_enc: KNasEnc,
    /// K_NASint.
    pub k_nas_int: KNasInt,
}

/// The keys of RRC and the user plane (TS 33.501 A.8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AsKeys {
    /// K_RRCenc.
    pub k_rrc_enc: KRrcEnc,
    /// K_RRCint.
    pub k_rrc_int: KRrcInt,
    /// K_UPenc.
    pub k_up_enc: KUpEnc,
    /// K_UPint.
    pub k_up_int: KUpInt,
}

/// Everything below K_AMF after a first registration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FiveGsKeys {
    /// K_NASenc and K_NASint.
    pub nas: NasKeys,
    /// K_gNB.
    pub k_gnb: KGnb,
    /// What is below K_gNB.
    pub access_stratum: AsKeys,
    /// The first NH, from K_gNB.
    pub nh: Nh,
    /// K_N3IWF.
    pub k_n3iwf: KN3iwf,
}

impl NasKeys {
    /// Derives both from K_AMF.
    #[inline]
    pub fn derive(k_amf: &Prepared<KAmf>, algorithms: Algorithms) -> Self {
        Self {
            k_nas_enc: k_amf.k_nas_enc(algorithms.ciphering),
            k_nas_int: k_amf.k_nas_int(algorithms.integrity),
        }
    }
}

impl AsKeys {
    /// Derives all four from K_gNB.
    #[inline]
    pub fn derive(k_gnb: &KGnb, algorithms: Algorithms) -> Self {
        let k_gnb = Prepared::new(k_gnb);
        Self {
            k_rrc_enc: k_gnb.k_rrc_enc(algorithms.ciphering),
            k_rrc_int: k_gnb.k_rrc_int(algorithms.integrity),
            k_up_enc: k_gnb.k_up_enc(algorithms.ciphering),
            k_up_int: k_gnb.k_up_int(algorithms.integrity),
        }
    }
}

impl FiveGsKeys {
    /// Derives everything, for either end. Allocates nothing.
    #[inline]
    pub fn derive(k_amf: &KAmf, selection: &Selection) -> Self {
        let k_amf = Prepared::new(k_amf);
        let k_gnb = k_amf.k_gnb(selection.ul_nas_count.into());
        Self {
            nas: NasKeys::derive(&k_amf, selection.nas),
            access_stratum: AsKeys::derive(&k_gnb, selection.access_stratum),
            nh: k_amf.nh(SyncInput::KGnb(&k_gnb)),
            k_n3iwf: k_amf.k_n3iwf(selection.ul_nas_count_non_3gpp),
            k_gnb,
        }
    }
}

/// K_NASenc and K_NASint.
impl VisitKeys for NasKeys {
    fn visit_keys(&self, visitor: &mut impl KeyVisitor) {
        visitor.key(&self.k_nas_enc);
        visitor.key(&self.k_nas_int);
    }
}

/// K_RRCenc, K_RRCint, K_UPenc and K_UPint.
impl VisitKeys for AsKeys {
    fn visit_keys(&self, visitor: &mut impl KeyVisitor) {
        visitor.key(&self.k_rrc_enc);
        visitor.key(&self.k_rrc_int);
        visitor.key(&self.k_up_enc);
        visitor.key(&self.k_up_int);
    }
}

/// All of them.
impl VisitKeys for FiveGsKeys {
    fn visit_keys(&self, visitor: &mut impl KeyVisitor) {
        self.nas.visit_keys(visitor);
        visitor.key(&self.k_n3iwf);
        visitor.key(&self.nh);
        visitor.key(&self.k_gnb);
        self.access_stratum.visit_keys(visitor);
    }
}
