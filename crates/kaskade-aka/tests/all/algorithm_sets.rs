//! Every algorithm set on both ends: 5G AKA, resynchronisation, triplets; and TUAK's keys against a Python reference.
#![allow(clippy::panic, reason = "a test fails by panicking")]

use crate::parties::{home, sqn, supi};
use kaskade_aka::auc::{self, AlgorithmKeys, AucError, Credentials, GsmAlgorithm, GsmKeys};
use kaskade_aka::fivegs::ausf::Challenged;
use kaskade_aka::fivegs::udm;
use kaskade_aka::fivegs::ue::{Ue, UeReject};
use kaskade_aka::usim::{Usim, UsimError, UsimOptions};
use kaskade_crypto::gsm::{self, Ki, SresFunction};
use kaskade_crypto::milenage::OperatorConstants;
use kaskade_crypto::tuak::{Iterations, Parameters, TuakKey, VectorRes};
use kaskade_crypto::xor_test::{ResLength, TestK};
use kaskade_crypto::{K, K256, Opc, Rand, Sqn, Topc};
use kaskade_keys::Abba;
use kaskade_oracle::{Arg, Oracle, octets};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

fn any_keys() -> impl Strategy<Value = AlgorithmKeys> {
    let k = || any::<[u8; 16]>().prop_map(|k| K::from_octets(&k));
    let milenage = (k(), any::<[u8; 16]>(), 1_u8..64).prop_map(|(k, opc, r1)| {
        // r1 is of f1 alone, so that any value leaves the pairs distinct where c1 is 0 and the others are not.
        let mut r = *OperatorConstants::STANDARD.r();
        r[0] = r1;
        AlgorithmKeys::Milenage {
            k,
            opc: Opc::from_octets(&opc),
            constants: OperatorConstants::new(*OperatorConstants::STANDARD.c(), r).expect("distinct"),
        }
    });
    let xor = (any::<[u8; 16]>(), 4_usize..=16).prop_map(|(k, octets)| AlgorithmKeys::Xor {
        k: TestK::from_octets(&k),
        res_length: ResLength::new(octets).expect("in range"),
    });
    prop_oneof![milenage, any_tuak(), xor]
}

fn any_tuak() -> impl Strategy<Value = AlgorithmKeys> {
    let k = prop_oneof![
        any::<[u8; 16]>().prop_map(|k| TuakKey::from(K::from_octets(&k))),
        any::<[u8; 32]>().prop_map(|k| TuakKey::from(K256::from_octets(&k))),
    ];
    let res = prop::sample::select(vec![VectorRes::Octets4, VectorRes::Octets8, VectorRes::Octets16]);
    (k, any::<[u8; 32]>(), res, 1_u8..4).prop_map(|(k, topc, res, iterations)| AlgorithmKeys::Tuak {
        k,
        topc: Topc::from_octets(&topc),
        parameters: Parameters {
            res,
            iterations: Iterations::new(iterations).expect("not 0"),
        },
    })
}

/// Keys of every set, and the octets that they were made of.
fn any_keys_with_octets() -> impl Strategy<Value = (AlgorithmKeys, Vec<Vec<u8>>)> {
    (any::<[u8; 32]>(), any::<[u8; 32]>(), 0..4).prop_map(|(k, code, set)| {
        let (short, opc) = (
            k.first_chunk().expect("16 of 32"),
            code.first_chunk().expect("16 of 32"),
        );
        let tuak = |k| AlgorithmKeys::Tuak {
            k,
            topc: Topc::from_octets(&code),
            parameters: Parameters::default(),
        };
        match set {
            0 => (
                AlgorithmKeys::milenage(K::from_octets(short), Opc::from_octets(opc)),
                vec![short.to_vec(), opc.to_vec()],
            ),
            1 => (tuak(K::from_octets(short).into()), vec![short.to_vec(), code.to_vec()]),
            2 => (tuak(K256::from_octets(&k).into()), vec![k.to_vec(), code.to_vec()]),
            _ => (
                AlgorithmKeys::Xor {
                    k: TestK::from_octets(short),
                    res_length: ResLength::LONGEST,
                },
                vec![short.to_vec()],
            ),
        }
    })
}

/// The length of RES that the set has.
fn res_octets(keys: &AlgorithmKeys) -> usize {
    match keys {
        AlgorithmKeys::Milenage { .. } => 8,
        AlgorithmKeys::Tuak { parameters, .. } => parameters.res.octets().into(),
        AlgorithmKeys::Xor { res_length, .. } => res_length.octets().into(),
    }
}

proptest! {
    #[test]
    fn both_ends_agree_and_come_back_into_step(keys in any_keys(), rand: [u8; 16], bit in 0_usize..8 * 16) {
        let credentials = Credentials::from(keys);
        let rand = Rand::from_octets(rand);
        let mut ue = Ue::new(Usim::new(&credentials.keys, UsimOptions::default()), supi());
        let he_av = udm::he_av(&credentials, &rand, sqn(7, 0), &home());
        let autn = he_av.autn;
        let (_, challenged) = Challenged::new(he_av, supi(), home());

        let mut changed = *autn.octets();
        changed[bit / 8] ^= 1 << (bit % 8);
        let refused = ue.challenge(&rand, &kaskade_crypto::Autn::from_octets(changed), &home(), &Abba::INITIAL);
        // Bit 0 of AMF is looked at before MAC-A.
        let separation = bit / 8 == 6 && bit % 8 == 7;
        prop_assert!(
            matches!(
                (refused.map(drop), separation),
                (Err(UeReject::MacFailure), false) | (Err(UeReject::Non5gAuthenticationUnacceptable), true)
            ),
            "a changed AUTN was not refused as such"
        );

        let answer = ue.challenge(&rand, &autn, &home(), &Abba::INITIAL).expect("authentic and fresh");
        let confirmed = challenged.confirm(&answer.res_star).expect("the right RES*");
        prop_assert_eq!(confirmed.k_seaf, answer.k_seaf);

        // The same again is not fresh: the card says where it is, and the AuC believes it.
        match ue.challenge(&rand, &autn, &home(), &Abba::INITIAL) {
            Err(UeReject::SynchronisationFailure(auts)) => {
                prop_assert_eq!(auc::verify_auts(&credentials, &rand, &auts), Ok(sqn(7, 0)));
                let mut changed = *auts.octets();
                changed[bit % 14] ^= 1 << (bit % 8);
                let changed = kaskade_crypto::Auts::from_octets(changed);
                prop_assert_eq!(auc::verify_auts(&credentials, &rand, &changed), Err(AucError::WrongMacS));
            }
            other => prop_assert!(false, "{:?}", other.map(drop)),
        }
    }

    #[test]
    fn a_card_of_another_set_refuses(one in any_keys(), other in any_keys(), rand: [u8; 16]) {
        prop_assume!(one != other);
        let rand = Rand::from_octets(rand);
        let quintet = auc::quintet(&one.clone().into(), &rand, sqn(7, 0));
        prop_assert_eq!(auc::open_autn(&one, &rand, &quintet.autn), Some(sqn(7, 0)));
        prop_assert_eq!(auc::open_autn(&other, &rand, &quintet.autn), None);
        let refused = Usim::new(&other, UsimOptions::default()).authenticate(&rand, &quintet.autn);
        prop_assert_eq!(refused.map(drop), Err(UsimError::MacFailure));
    }

    #[test]
    fn no_set_shows_a_secret((keys, secrets) in any_keys_with_octets()) {
        let text = format!("{:?}", Credentials::from(keys.clone()));
        for secret in &secrets {
            let listed = format!("{secret:?}");
            prop_assert!(!text.contains(&listed[1..listed.len() - 1]) && !text.contains(&hex::encode(secret)));
        }
        prop_assert!(text.to_uppercase().contains(keys.profile().name()));
    }

    #[test]
    fn a_quintet_has_the_length_of_res_and_gives_the_triplet(keys in any_keys(), rand: [u8; 16]) {
        let credentials = Credentials::from(keys);
        let rand = Rand::from_octets(rand);
        let quintet = auc::quintet(&credentials, &rand, sqn(7, 0));
        prop_assert_eq!(quintet.xres.octets().len(), res_octets(&credentials.keys));
        let card = Usim::new(&credentials.keys, UsimOptions::default()).authenticate_gsm(&rand);
        let triplet = auc::triplet(&credentials, &rand, SresFunction::Folded);
        prop_assert_eq!((&triplet.sres, &triplet.kc), (&card.sres, &card.kc));
        prop_assert_eq!(triplet.sres, gsm::c2(&quintet.xres));
        prop_assert_eq!(triplet.kc, gsm::c3(&quintet.ck, &quintet.ik));
        let truncated = auc::triplet(&credentials, &rand, SresFunction::Truncated);
        prop_assert_eq!(&truncated.sres.expose_to_serving_network()[..], &quintet.xres.octets()[..4]);
        prop_assert_eq!(truncated.kc, card.kc);
    }
}

#[test]
fn gsm_keys_give_the_triplets_of_their_algorithm() {
    let (k, rand) = (Ki::from_octets(&[0x46; 16]), Rand::from_octets([0x23; 16]));
    let theirs = [gsm::comp128v1, gsm::comp128v2, gsm::comp128v3];
    for (algorithm, theirs) in GsmAlgorithm::ALL.into_iter().zip(theirs) {
        let keys = GsmKeys {
            k: k.clone(),
            algorithm,
        };
        let (ours, theirs) = (keys.triplet(&rand), theirs(&k, &rand));
        assert_eq!((ours.sres, ours.kc), (theirs.sres, theirs.kc), "{}", algorithm.name());
    }
}

/// TUAK, then K_AUSF and XRES* over RES of each length, composed here call by call.
#[test]
fn home_vectors_of_tuak_equal_the_python_reference() {
    let Some(oracle) = Oracle::start() else { return };
    let res = prop::sample::select(vec![VectorRes::Octets4, VectorRes::Octets8, VectorRes::Octets16]);
    let k = prop_oneof![
        prop::collection::vec(any::<u8>(), 16),
        prop::collection::vec(any::<u8>(), 32)
    ];
    let inputs = (
        k,
        any::<[u8; 32]>(),
        (res, 1_u8..4),
        any::<[u8; 16]>(),
        any::<[u8; 6]>(),
    );
    let result = TestRunner::new(ProptestConfig::with_cases(100)).run(&inputs, |(k, topc, (res, times), rand, sqn)| {
        let parameters = Parameters {
            res,
            iterations: Iterations::new(times).expect("not 0"),
        };
        let keys = AlgorithmKeys::Tuak {
            k: TuakKey::from_slice(&k).expect("16 or 32"),
            topc: Topc::from_octets(&topc),
            parameters,
        };
        let times = Arg::Number(parameters.iterations.count().into());
        let fixed = [Arg::Octets(&k), (&topc).into(), (&rand).into()];
        let bits = |octets: u8| Arg::Number(u64::from(octets) * 8);
        let lengths = [bits(parameters.res.octets()), bits(16), bits(16), times];
        let rest = oracle.call("tuak_f2345", &[&fixed[..], &lengths].concat());
        let of_f1 = [(&sqn).into(), (&[0x80, 0]).into(), bits(8), times];
        let mac_a = oracle.octets("tuak_f1", &[&fixed[..], &of_f1].concat());
        let part = |index: usize| octets(&rest[index]);
        let concealed: Vec<u8> = sqn.iter().zip(part(3)).map(|(sqn, ak)| sqn ^ ak).collect();
        let ck_ik = [part(1), part(2)].concat();
        let name = home();
        let kdf = |fc: u64, rest: &[&[u8]]| {
            let fixed = [(&ck_ik).into(), Arg::Number(fc), Arg::Octets(name.as_str().as_bytes())];
            let rest = rest.iter().map(|parameter| Arg::Octets(parameter));
            oracle.octets("kdf", &fixed.into_iter().chain(rest).collect::<Vec<_>>())
        };

        let he_av = udm::he_av(
            &keys.clone().into(),
            &Rand::from_octets(rand),
            Sqn::from_octets(sqn),
            &name,
        );
        let autn = [&concealed[..], &[0x80, 0], &mac_a].concat();
        prop_assert_eq!(hex::encode(he_av.autn.octets()), hex::encode(autn));
        let xres_star = kdf(0x6b, &[&rand, &part(0)])[16..].to_vec();
        prop_assert_eq!(hex::encode(he_av.xres_star.expose_to_ausf()), hex::encode(xres_star));
        prop_assert_eq!(
            hex::encode(he_av.k_ausf.expose_to_operator()),
            hex::encode(kdf(0x6a, &[&concealed]))
        );
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
}
