//! Vectors made many at once are those made one by one.

use crate::parties::{home, rand, sqn, subscription};
use kaskade_aka::auc::{self, AlgorithmKeys, Credentials, LengthsDiffer, quintet, quintets};
use kaskade_aka::fivegs::udm::{HeAv5g, Request, he_av, he_avs};
use kaskade_crypto::milenage::OperatorConstants;
use kaskade_crypto::xor_test::{ResLength, TestK};
use kaskade_crypto::{Amf, K, Opc, Rand, Sqn};
use kaskade_keys::{Nid, Plmn, ServingNetworkName};
use proptest::collection::vec;
use proptest::prelude::*;

/// Networks with and without NID, and the short name of NSWO: S of K_AUSF and XRES* in one block or in two.
fn serving_network_name() -> impl Strategy<Value = ServingNetworkName> {
    let plmn = prop_oneof!["[0-9]{3}-[0-9]{2}", "[0-9]{3}-[0-9]{3}"];
    let nid = prop_oneof![Just(None), "[0-9A-F]{11}".prop_map(Some)];
    prop_oneof![
        1 => Just(ServingNetworkName::NSWO),
        8 => (plmn, nid).prop_map(|(plmn, nid)| {
            let plmn: Plmn = plmn.parse().expect("a PLMN");
            let nid: Option<Nid> = nid.map(|nid| nid.parse().expect("a NID"));
            ServingNetworkName::new(plmn, nid)
        }),
    ]
}

fn credentials() -> impl Strategy<Value = Credentials> {
    (any::<[u8; 16]>(), any::<[u8; 16]>(), any::<[u8; 2]>(), 0_u8..128).prop_map(|(k, opc, amf, r5)| {
        // Most operators have the constants of the specification.
        let constants = match OperatorConstants::new(*OperatorConstants::STANDARD.c(), [64, 0, 32, 64, r5]) {
            Ok(constants) if r5 % 3 == 0 => constants,
            _ => OperatorConstants::STANDARD,
        };
        let (test_k, k, opc) = (TestK::from_octets(&k), K::from_octets(&k), Opc::from_octets(&opc));
        let keys = if r5 % 5 == 1 {
            let res_length = ResLength::new(8).expect("4 to 16");
            AlgorithmKeys::Xor { k: test_k, res_length }
        } else {
            AlgorithmKeys::Milenage { k, opc, constants }
        };
        Credentials {
            keys,
            amf: Amf::from_octets(amf),
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_batch_gives_what_each_gives_alone(
        subscriptions in vec(credentials(), 1..4),
        inputs in vec((any::<[u8; 16]>(), 0_u64..1 << 48, serving_network_name()), 0..=50),
    ) {
        let requests: Vec<_> = inputs
            .iter()
            .zip(subscriptions.iter().cycle())
            .map(|((rand, sqn, serving_network_name), credentials)| Request {
                quintet: auc::Request {
                    credentials,
                    rand: Rand::from_octets(*rand),
                    sqn: Sqn::new(*sqn).expect("48 bits"),
                },
                serving_network_name,
            })
            .collect();
        let mut at_once: Vec<Option<HeAv5g>> = vec![None; requests.len()];
        he_avs(&requests, &mut at_once)?;
        let of_auc: Vec<_> = requests.iter().map(|request| request.quintet).collect();
        let mut umts = vec![None; requests.len()];
        quintets(&of_auc, &mut umts)?;

        for ((request, at_once), umts) in requests.iter().zip(at_once).zip(umts) {
            let auc::Request { credentials, rand, sqn } = &request.quintet;
            let (at_once, alone) = (at_once.expect("made"), he_av(credentials, rand, *sqn, request.serving_network_name));
            prop_assert_eq!((at_once.rand, at_once.autn), (alone.rand, alone.autn));
            prop_assert_eq!(at_once.xres_star, alone.xres_star);
            prop_assert_eq!(at_once.k_ausf, alone.k_ausf);
            let (at_once, alone) = (umts.expect("made"), quintet(credentials, rand, *sqn));
            prop_assert_eq!((at_once.rand, at_once.autn), (alone.rand, alone.autn));
            prop_assert_eq!((at_once.xres, at_once.ck, at_once.ik), (alone.xres, alone.ck, alone.ik));
            prop_assert_eq!(at_once.ak, alone.ak);
        }
    }
}

#[test]
fn slices_of_different_length_are_refused_and_nothing_is_done() {
    let (credentials, serving_network_name) = (subscription(), home());
    let quintet = auc::Request {
        credentials: &credentials,
        rand: rand(1),
        sqn: sqn(1, 0),
    };
    let request = Request {
        quintet,
        serving_network_name: &serving_network_name,
    };
    let wrong = LengthsDiffer {
        requests: 20,
        places: 19,
    };
    let (mut of_udm, mut of_auc) = (vec![None; 19], vec![None; 19]);
    assert_eq!(he_avs(&[request; 20], &mut of_udm), Err(wrong));
    assert_eq!(quintets(&[quintet; 20], &mut of_auc), Err(wrong));
    assert!(of_udm.iter().all(Option::is_none) && of_auc.iter().all(Option::is_none));
    assert_eq!(
        wrong.to_string(),
        "batch of vectors: 20 requests, but 19 places for vectors"
    );
}
