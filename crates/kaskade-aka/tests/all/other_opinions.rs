//! Random runs against other people's code: a Python reference composed here call by call, and `osmo-auc-gen`.
#![allow(clippy::panic, reason = "a test fails by panicking")]

use crate::parties::cascade_rows;
use kaskade_aka::auc::{self, AucError};
use kaskade_aka::fivegs::cascade::{Binding, Cascade};
use kaskade_aka::fivegs::keys::{Algorithms, FiveGsKeys, Selection};
use kaskade_aka::sqn::{Seq, SqnLayout};
use kaskade_aka::usim::{Usim, UsimError, UsimOptions};
use kaskade_aka::visit::{RevealedKeys, VisitKeys};
use kaskade_crypto::kdf::sha256;
use kaskade_crypto::{Auts, Rand, Sqn};
use kaskade_keys::{Abba, CipheringAlgorithm, IntegrityAlgorithm, NasCount, ServingNetworkName, Supi};
use kaskade_oracle::{Arg, Oracle, OsmoAucGen, octets};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use std::cell::Cell;
use std::collections::BTreeMap;

/// The random inputs of one run.
#[derive(Clone, Debug)]
struct Inputs {
    k: [u8; 16],
    opc: [u8; 16],
    rand: [u8; 16],
    sqn: [u8; 6],
    amf: [u8; 2],
    serving_network_name: String,
    supi: String,
    abba: Vec<u8>,
    algorithms: [u8; 4],
    counts: [u32; 2],
}

fn inputs() -> impl Strategy<Value = Inputs> {
    let serving_network_name = prop_oneof![
        "5G:mnc[0-9]{3}\\.mcc[0-9]{3}\\.3gppnetwork\\.org",
        "5G:mnc[0-9]{3}\\.mcc[0-9]{3}\\.3gppnetwork\\.org:[0-9A-F]{11}",
    ];
    // Lengths of IMSI and ABBA decide how many blocks S has.
    let supi = prop_oneof!["imsi-[0-9]{5,15}", "nai-[a-z0-9.]{1,80}@[a-z]{1,60}\\.example"];
    let abba = prop_oneof![Just(vec![0, 0]), prop::collection::vec(any::<u8>(), 2..=255)];
    let amf = any::<[u8; 2]>();
    let counts = prop::array::uniform2(0_u32..1 << 24);
    let algorithms = prop::array::uniform4(0_u8..4);
    let whose = (
        any::<[u8; 16]>(),
        any::<[u8; 16]>(),
        any::<[u8; 16]>(),
        any::<[u8; 6]>(),
        amf,
    );
    let bound = (serving_network_name, supi, abba, algorithms, counts);
    (whose, bound).prop_map(
        |((k, opc, rand, sqn, amf), (serving_network_name, supi, abba, algorithms, counts))| Inputs {
            k,
            opc,
            rand,
            sqn,
            amf,
            serving_network_name,
            supi,
            abba,
            algorithms,
            counts,
        },
    )
}

/// Every value of the tree by its name, as the reference computes it.
fn theirs(oracle: &Oracle, inputs: &Inputs) -> BTreeMap<&'static str, Vec<u8>> {
    let Inputs {
        k, opc, rand, sqn, amf, ..
    } = inputs;
    let set = oracle.call("milenage", &[k.into(), opc.into(), rand.into(), sqn.into(), amf.into()]);
    let part = |name| octets(&set[name]);
    let kdf = |key: &[u8], fc: u64, parameters: &[&[u8]]| {
        let fixed = [Arg::Octets(key), Arg::Number(fc)];
        let parameters = parameters.iter().map(|parameter| Arg::Octets(parameter));
        oracle.octets("kdf", &fixed.into_iter().chain(parameters).collect::<Vec<_>>())
    };
    let low = |key: Vec<u8>| key[16..].to_vec();
    let name = inputs.serving_network_name.as_bytes();
    let (_, supi) = inputs.supi.split_once('-').expect("a prefix");
    let [nas_enc, nas_int, as_enc, as_int] = inputs.algorithms;
    let [count, count_non_3gpp] = inputs.counts.map(u32::to_be_bytes);

    let ck_ik = [part("ck"), part("ik")].concat();
    let concealed: Vec<u8> = sqn.iter().zip(part("ak")).map(|(sqn, ak)| sqn ^ ak).collect();
    let k_ausf = kdf(&ck_ik, 0x6a, &[name, &concealed]);
    let res_star = low(kdf(&ck_ik, 0x6b, &[name, rand, &part("res")]));
    let hres_star = sha256(&[rand, &res_star])[16..].to_vec();
    let k_seaf = kdf(&k_ausf, 0x6c, &[name]);
    let k_amf = kdf(&k_seaf, 0x6d, &[supi.as_bytes(), &inputs.abba]);
    let k_gnb = kdf(&k_amf, 0x6e, &[&count, &[1]]);
    let algorithm = |key: &[u8], distinguisher, identity| low(kdf(key, 0x69, &[&[distinguisher], &[identity]]));
    BTreeMap::from([
        ("RES", part("res")),
        ("CK", part("ck")),
        ("IK", part("ik")),
        ("AK", part("ak")),
        ("K_NASenc", algorithm(&k_amf, 1, nas_enc)),
        ("K_NASint", algorithm(&k_amf, 2, nas_int)),
        ("K_RRCenc", algorithm(&k_gnb, 3, as_enc)),
        ("K_RRCint", algorithm(&k_gnb, 4, as_int)),
        ("K_UPenc", algorithm(&k_gnb, 5, as_enc)),
        ("K_UPint", algorithm(&k_gnb, 6, as_int)),
        ("K_N3IWF", kdf(&k_amf, 0x6e, &[&count_non_3gpp, &[2]])),
        ("NH", kdf(&k_amf, 0x6f, &[&k_gnb])),
        ("CK||IK", ck_ik),
        ("K_AUSF", k_ausf),
        ("RES*", res_star.clone()),
        ("XRES*", res_star),
        ("HRES*", hres_star.clone()),
        ("HXRES*", hres_star),
        ("K_SEAF", k_seaf),
        ("K_AMF", k_amf),
        ("K_gNB", k_gnb),
    ])
}

fn algorithms([ciphering, integrity]: [u8; 2]) -> Algorithms {
    Algorithms {
        ciphering: CipheringAlgorithm::ALL[usize::from(ciphering)],
        integrity: IntegrityAlgorithm::ALL[usize::from(integrity)],
    }
}

/// The keys of the network's side and of the UE's side, which must accept the challenge.
fn ours(inputs: &Inputs) -> [RevealedKeys; 2] {
    let credentials = crate::parties::credentials(&inputs.k, &inputs.opc, inputs.amf);
    let (rand, sqn) = (Rand::from_octets(inputs.rand), Sqn::from_octets(inputs.sqn));
    let serving_network_name: ServingNetworkName = inputs.serving_network_name.parse().expect("a name");
    let supi: Supi = inputs.supi.parse().expect("a SUPI");
    let abba = Abba::from_octets(&inputs.abba).expect("an ABBA");
    let [nas_enc, nas_int, as_enc, as_int] = inputs.algorithms;
    let [count, count_non_3gpp] = inputs.counts.map(|count| NasCount::new(count).expect("24 bits"));
    let selection = Selection {
        nas: algorithms([nas_enc, nas_int]),
        access_stratum: algorithms([as_enc, as_int]),
        ul_nas_count: count,
        ul_nas_count_non_3gpp: count_non_3gpp,
    };
    let binding = Binding {
        serving_network_name: &serving_network_name,
        supi: &supi,
        abba: &abba,
        selection: &selection,
    };
    let cascade = Cascade::derive(&credentials, &rand, sqn, binding);
    let [mut network, mut device] = [(); 2].map(|()| RevealedKeys::to_operator());
    cascade.visit_keys(&mut network);

    let mut ue = kaskade_aka::fivegs::ue::Ue::new(plain_counter(inputs, 0), supi.clone());
    let autn = cascade.quintet.autn;
    if credentials.amf.separation_bit() && sqn.value() > 0 {
        let authenticated = ue
            .challenge_visited(&rand, &autn, &serving_network_name, &abba, &mut device)
            .expect("authentic and fresh");
        FiveGsKeys::derive(&authenticated.k_amf, &selection).visit_keys(&mut device);
    }
    [network, device]
}

/// A card without IND and without Δ, whose last SQN is known.
fn plain_counter(inputs: &Inputs, sqn_ms: u64) -> Usim {
    let credentials = crate::parties::credentials(&inputs.k, &inputs.opc, inputs.amf);
    let options = UsimOptions {
        layout: SqnLayout::new(0).expect("no IND"),
        delta: None,
        ..UsimOptions::default()
    };
    Usim::restore(&credentials.keys, options, &[Seq(sqn_ms)]).expect("one entry")
}

#[test]
fn the_whole_tree_equals_the_python_reference() {
    let Some(oracle) = Oracle::start() else { return };
    let ue_runs = Cell::new(0);
    TestRunner::new(ProptestConfig::with_cases(200))
        .run(&inputs(), |inputs| {
            let theirs = theirs(&oracle, &inputs);
            let [network, device] = ours(&inputs);
            for row in cascade_rows() {
                let expected = &theirs[row.child];
                let key = network.of(row.child).expect("the cascade shows every row");
                prop_assert_eq!(key.expose_to_operator(), &expected[..], "{} of the network", row.child);
            }
            for key in device.iter() {
                prop_assert_eq!(
                    key.expose_to_operator(),
                    &theirs[key.name()][..],
                    "{} of the UE",
                    key.name()
                );
            }
            ue_runs.set(ue_runs.get() + usize::from(device.iter().count() > 0));
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
    // Half of all AMF have the separation bit.
    assert!(
        ue_runs.get() > 50,
        "the UE's side was compared in {} runs only",
        ue_runs.get()
    );
}

#[test]
fn auts_equals_the_python_reference() {
    let Some(oracle) = Oracle::start() else { return };
    TestRunner::new(ProptestConfig::with_cases(100))
        .run(&(inputs(), 1_u64..1 << 48), |(inputs, sqn_ms)| {
            let Inputs { k, opc, rand, .. } = &inputs;
            let [_, _, sqn @ ..] = sqn_ms.to_be_bytes();
            let set = oracle.call(
                "milenage",
                &[k.into(), opc.into(), rand.into(), (&sqn).into(), (&[0; 2]).into()],
            );
            let concealed = sqn.iter().zip(octets(&set["ak_star"])).map(|(sqn, ak)| sqn ^ ak);
            let expected: Vec<u8> = concealed.chain(octets(&set["mac_s"])).collect();
            let auts = auts_of(&inputs, sqn_ms);
            prop_assert_eq!(&auts.octets()[..], &expected[..]);
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
}

/// What a card at `sqn_ms` answers to a challenge that is not fresh.
fn auts_of(inputs: &Inputs, sqn_ms: u64) -> Auts {
    let credentials = crate::parties::credentials(&inputs.k, &inputs.opc, inputs.amf);
    let rand = Rand::from_octets(inputs.rand);
    let stale = auc::quintet(&credentials, &rand, Sqn::new(sqn_ms).expect("48 bits"));
    match plain_counter(inputs, sqn_ms).authenticate(&rand, &stale.autn) {
        Err(UsimError::SynchronisationFailure(auts)) => auts,
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("a stale challenge was accepted"),
    }
}

#[test]
fn vectors_and_auts_equal_osmo_auc_gen() {
    let Some(osmo) = OsmoAucGen::find() else { return };
    TestRunner::new(ProptestConfig::with_cases(40))
        .run(&(inputs(), 1_u64..1 << 48, 0_usize..14 * 8), |(inputs, sqn_ms, bit)| {
            let Inputs {
                k, opc, rand, sqn, amf, ..
            } = &inputs;
            let credentials = crate::parties::credentials(k, opc, *amf);
            let quintet = auc::quintet(&credentials, &Rand::from_octets(*rand), Sqn::from_octets(*sqn));
            let vector = osmo.run(k, opc, rand, sqn, amf);
            prop_assert_eq!(&quintet.autn.octets()[..], &vector.autn[..]);
            prop_assert_eq!(quintet.xres.octets(), &vector.res[..]);
            prop_assert_eq!(&quintet.ck.expose_to_operator()[..], &vector.ck[..]);
            prop_assert_eq!(&quintet.ik.expose_to_operator()[..], &vector.ik[..]);

            let auts = *auts_of(&inputs, sqn_ms).octets();
            let [_, _, expected @ ..] = sqn_ms.to_be_bytes();
            prop_assert_eq!(osmo.sqn_ms(k, opc, rand, &auts), Some(expected));
            let mut changed = auts;
            changed[bit / 8] ^= 0x80 >> (bit % 8);
            prop_assert_eq!(osmo.sqn_ms(k, opc, rand, &changed), None);
            let ours = auc::verify_auts(&credentials, &Rand::from_octets(*rand), &Auts::from_octets(changed));
            prop_assert_eq!(ours, Err(AucError::WrongMacS));
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
}
