//! Cards that follow from a seed, so that a network and a crowd of devices need no file in common.
//!
//! For tests and measurements only: whoever knows the seed knows every K.

use alloc::format;

use kaskade_aka::algorithm::AlgorithmKeys;
use kaskade_crypto::kdf::sha256;
use kaskade_crypto::{K, Opc};
use kaskade_keys::{Imsi, Plmn, Supi};

/// A subscriber whose K is nobody's.
#[derive(Debug)]
pub struct DemoSubscriber {
    /// `imsi-<PLMN><10 digits of the index>`, or fewer digits with a 3-digit MNC.
    pub supi: Supi,
    /// K, from the seed.
    pub k: K,
    /// OPc, from the seed.
    pub opc: Opc,
}

impl DemoSubscriber {
    /// MILENAGE with its K and OPc.
    pub fn keys(&self) -> AlgorithmKeys {
        AlgorithmKeys::milenage(self.k.clone(), self.opc.clone())
    }
}

/// The subscriber of this index: always the same for the same seed.
pub fn demo_subscriber(plmn: Plmn, seed: u64, index: u64) -> DemoSubscriber {
    let digits = 15 - plmn.mcc().len() - plmn.mnc().len();
    let msin = format!("{:0digits$}", index % 10_u64.pow(u32::try_from(digits).unwrap_or(9)));
    let supi = Imsi::from_parts(plmn, &msin).expect("15 digits");
    let octets = sha256(&[b"kaskade load 1", &seed.to_be_bytes(), &index.to_be_bytes()]);
    let half = |octets: &[u8]| *octets.first_chunk::<16>().expect("half of 32 octets");
    DemoSubscriber {
        supi: Supi::Imsi(supi),
        k: K::from_octets(&half(&octets)),
        opc: Opc::from_octets(&half(octets.get(16..).unwrap_or_default())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subscribers_differ_and_return() {
        let plmn = Plmn::new("001", "01").expect("a PLMN");
        let (a, b) = (demo_subscriber(plmn, 1, 2), demo_subscriber(plmn, 1, 2));
        assert_eq!((&a.supi, &a.k, &a.opc), (&b.supi, &b.k, &b.opc));
        assert_ne!(a.k, demo_subscriber(plmn, 2, 2).k);
        assert_ne!(a.k, demo_subscriber(plmn, 1, 3).k);
        assert_ne!(a.k, K::from_octets(&[0; 16]));
        assert_eq!(a.supi.sbi(), "imsi-001010000000002");
        let three = demo_subscriber(Plmn::new("310", "410").expect("a PLMN"), 1, 2);
        assert_eq!(three.supi.sbi(), "imsi-310410000000002");
    }
}
