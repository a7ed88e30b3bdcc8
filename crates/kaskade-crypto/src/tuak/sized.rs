//! TUAK with all sizes of TS 35.231, most of which no message of 3GPP AKA carries yet.

use subtle::ConstantTimeEq;

use super::parameters::{Iterations, Sizes, TuakKey};
use super::state::Keyed;
use crate::types::{Ak, Amf, Rand, Sqn, Topc};
use crate::wipe::{Wiped, wipe};

/// TUAK of one subscription with any sizes. Wiped on drop.
#[derive(Clone)]
pub struct SizedTuak {
    keyed: Keyed,
    sizes: Sizes,
}

/// f2 to f5 of one RAND.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SizedOutputs {
    /// RES, f2: 4, 8, 16 or 32 octets.
    pub res: SizedValue,
    /// CK, f3: 16 or 32 octets.
    pub ck: SizedValue,
    /// IK, f4: 16 or 32 octets.
    pub ik: SizedValue,
    /// AK, f5: 6 octets.
    pub ak: Ak,
}

/// An output of 4 to 32 octets. Silent, wiped on drop; equality takes constant time, the length is public.
#[derive(Clone)]
pub struct SizedValue {
    octets: [u8; 32],
    len: u8,
}

impl SizedTuak {
    /// Takes K, TOPc and the operator's choices.
    pub fn new(k: &TuakKey, topc: &Topc, sizes: Sizes, iterations: Iterations) -> Self {
        Self {
            keyed: Keyed::new(k, topc, iterations),
            sizes,
        }
    }

    /// f1: MAC-A over SQN, RAND and AMF (TS 35.231).
    pub fn f1(&self, rand: &Rand, sqn: Sqn, amf: Amf) -> SizedValue {
        let outputs = self.keyed.f1(self.sizes.mac, rand, sqn, amf);
        SizedValue::last(&outputs.mac_or_res(), self.sizes.mac.octets())
    }

    /// f1*: MAC-S over SQN_MS, RAND and AMF* (TS 35.231).
    pub fn f1_star(&self, rand: &Rand, sqn_ms: Sqn, amf_star: Amf) -> SizedValue {
        let outputs = self.keyed.f1_star(self.sizes.mac, rand, sqn_ms, amf_star);
        SizedValue::last(&outputs.mac_or_res(), self.sizes.mac.octets())
    }

    /// f2 to f5 of one RAND, from one block (TS 35.231).
    pub fn f2345(&self, rand: &Rand) -> SizedOutputs {
        let outputs = self.keyed.f2345(self.sizes, rand);
        SizedOutputs {
            res: SizedValue::last(&outputs.mac_or_res(), self.sizes.res.octets()),
            ck: SizedValue::last(&outputs.long_ck(), self.sizes.ck.octets()),
            ik: SizedValue::last(&outputs.long_ik(), self.sizes.ik.octets()),
            ak: outputs.ak(),
        }
    }

    /// f5*: AK, 6 octets, hides SQN_MS in AUTS (TS 35.231).
    pub fn f5_star(&self, rand: &Rand) -> Ak {
        self.keyed.f5_star(rand).ak()
    }
}

impl core::fmt::Debug for SizedTuak {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("TUAK(…)")
    }
}

impl SizedValue {
    /// The last `len` of 32 octets.
    fn last(Wiped(all): &Wiped<u8, 32>, len: u8) -> Self {
        let mut octets = [0; 32];
        let len = len.min(32);
        let start = 32 - usize::from(len);
        octets[..usize::from(len)].copy_from_slice(&all[start..]);
        Self { octets, len }
    }

    /// The octets of their actual length, most significant first.
    pub fn octets(&self) -> &[u8] {
        &self.octets[..usize::from(self.len)]
    }
}

impl core::fmt::Debug for SizedValue {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("SizedValue(…)")
    }
}

/// In constant time for equal lengths.
impl PartialEq for SizedValue {
    fn eq(&self, other: &Self) -> bool {
        self.octets().ct_eq(other.octets()).into()
    }
}

impl Eq for SizedValue {}

impl Drop for SizedValue {
    fn drop(&mut self) {
        wipe(&mut self.octets);
    }
}
