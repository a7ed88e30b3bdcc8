//! Derivations from many parents at once are those from each alone.
#![allow(missing_docs)]

use kaskade_crypto::{Autn, Ck, Ik, Rand, Res};
use kaskade_keys::ServingNetworkName;
use kaskade_keys::derivation::Prepared;
use kaskade_keys::lanes::{LANES, PreparedLanes};
use kaskade_keys::umts::{CkIk, SqnXorAk};
use proptest::collection::vec;
use proptest::prelude::*;

const NAMES: [&str; 3] = [
    "5G:mnc001.mcc001.3gppnetwork.org",
    "5G:mnc001.mcc001.3gppnetwork.org:000007ED9D5",
    "5G:NSWO",
];

proptest! {
    /// XRES of every length that TS 33.102 allows, and any number of lanes.
    #[test]
    fn every_lane_gives_what_its_parent_gives_alone(
        lanes in vec((any::<[u8; 32]>(), any::<[u8; 16]>(), vec(any::<u8>(), 4..=16), 0..NAMES.len()), 0..=LANES),
    ) {
        let names = NAMES.map(|name| name.parse::<ServingNetworkName>().expect("a name"));
        let lanes: Vec<_> = lanes
            .iter()
            .map(|(key, rand, res, name)| {
                let [ck, ik] = [&key[..16], &key[16..]].map(|half| half.try_into().expect("16 octets"));
                let sqn_xor_ak = SqnXorAk::from(&Autn::from_octets(*rand));
                let res = Res::from_slice(res).expect("4 to 16 octets");
                (Ck::from_octets(ck), Ik::from_octets(ik), Rand::from_octets(*rand), res, sqn_xor_ak, &names[*name])
            })
            .collect();
        let together = PreparedLanes::<CkIk>::from_ck_ik(lanes.iter().map(|(ck, ik, ..)| (ck, ik)));
        let k_ausf = together.k_ausf(lanes.iter().map(|(_, _, _, _, sqn_xor_ak, name)| (*name, *sqn_xor_ak)));
        let xres_star = together.xres_star(lanes.iter().map(|(_, _, rand, res, _, name)| (*name, rand, res)));
        prop_assert_eq!(k_ausf.of_lanes().count(), lanes.len());
        prop_assert_eq!(xres_star.of_lanes().count(), lanes.len());
        for ((lane, k_ausf), xres_star) in lanes.iter().zip(k_ausf.of_lanes()).zip(xres_star.of_lanes()) {
            let (ck, ik, rand, res, sqn_xor_ak, name) = lane;
            let alone = Prepared::<CkIk>::from_ck_ik(ck, ik);
            prop_assert_eq!(k_ausf, alone.k_ausf(name, sqn_xor_ak));
            prop_assert_eq!(xres_star, alone.xres_star(name, rand, res));
        }
    }
}

#[test]
fn lanes_are_silent() {
    let lanes = PreparedLanes::<CkIk>::from_ck_ik([(&Ck::from_octets(&[1; 16]), &Ik::from_octets(&[2; 16]))]);
    let k_ausf = lanes.k_ausf([(&ServingNetworkName::NSWO, SqnXorAk::from(&Autn::from_octets([3; 16])))]);
    assert_eq!(format!("{lanes:?} {k_ausf:?}"), "PreparedLanes(CK||IK) Derived(K_AUSF)");
}
