//! TUAK, MILENAGE, the XOR test algorithm and COMP128 with random inputs, against the reference and `osmo-auc-gen`.
#![allow(clippy::panic, reason = "a test fails by panicking")]

use kaskade_crypto::algorithm_set::Vector;
use kaskade_crypto::gsm::{self, SresFunction, Triplet};
use kaskade_crypto::milenage::Milenage;
use kaskade_crypto::tuak::{
    Iterations, KeySize, MacSize, Parameters, ResSize, SizedTuak, Sizes, Tuak, TuakKey, VectorRes,
};
use kaskade_crypto::xor_test::{ResLength, TestK, XorTest};
use kaskade_crypto::{Amf, FromOctets, K, Opc, Rand, Sqn, Top, Topc};
use kaskade_oracle::{Arg, Oracle, OsmoAucGen, UmtsVector, octets};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

#[derive(Clone, Debug)]
struct Inputs {
    /// 16 or 32 octets.
    k: Vec<u8>,
    /// OPc is the first half.
    top: [u8; 32],
    rand: [u8; 16],
    sqn: [u8; 6],
    amf: [u8; 2],
}

impl Inputs {
    fn any() -> impl Strategy<Value = Self> {
        let k = prop::sample::select(vec![16_usize, 32]).prop_flat_map(|len| prop::collection::vec(any::<u8>(), len));
        // osmo-auc-gen has no SQN of 0.
        let sqn = (1_u64..1 << 48).prop_map(|sqn| {
            let [_, _, sqn @ ..] = sqn.to_be_bytes();
            sqn
        });
        (k, any::<[u8; 32]>(), any::<[u8; 16]>(), sqn, any::<[u8; 2]>()).prop_map(|(k, top, rand, sqn, amf)| Self {
            k,
            top,
            rand,
            sqn,
            amf,
        })
    }

    fn short_k(&self) -> [u8; 16] {
        *self.k.first_chunk().expect("at least 16")
    }

    fn opc(&self) -> [u8; 16] {
        *self.top.first_chunk().expect("32")
    }

    fn challenge(&self) -> (Rand, Sqn, Amf) {
        (
            Rand::from_octets(self.rand),
            Sqn::from_octets(self.sqn),
            Amf::from_octets(self.amf),
        )
    }
}

fn run<S: Strategy>(cases: u32, inputs: S, test: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    let config = ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(cases)
    };
    let result = TestRunner::new(config).run(&inputs, test);
    result.unwrap_or_else(|error| panic!("{error}"));
}

fn any_sizes() -> impl Strategy<Value = Sizes> {
    let mac = prop::sample::select(vec![MacSize::Octets8, MacSize::Octets16, MacSize::Octets32]);
    let res = prop::sample::select(vec![
        ResSize::Octets4,
        ResSize::Octets8,
        ResSize::Octets16,
        ResSize::Octets32,
    ]);
    let key = || prop::sample::select(vec![KeySize::Octets16, KeySize::Octets32]);
    (mac, res, key(), key()).prop_map(|(mac, res, ck, ik)| Sizes { mac, res, ck, ik })
}

fn any_res() -> impl Strategy<Value = VectorRes> {
    prop::sample::select(vec![VectorRes::Octets4, VectorRes::Octets8, VectorRes::Octets16])
}

#[test]
fn tuak_of_all_sizes_equals_the_reference() {
    let Some(oracle) = Oracle::start() else { return };
    run(
        300,
        (Inputs::any(), any_sizes(), 1_u8..5),
        |(inputs, sizes, iterations)| {
            let (k, rand, sqn, amf) = (&inputs.k, &inputs.rand, &inputs.sqn, &inputs.amf);
            let times = Arg::Number(iterations.into());
            let bits = |octets: u8| Arg::Number(u64::from(octets) * 8);
            let topc_octets = oracle.octets("tuak_topc", &[k.into(), (&inputs.top).into(), times]);
            let mac = |star| {
                let args = [k.into(), (&topc_octets).into(), rand.into(), sqn.into(), amf.into()];
                let rest = [bits(sizes.mac.octets()), times, Arg::Flag(star)];
                oracle.octets("tuak_f1", &[&args[..], &rest].concat())
            };
            let (res, ck, ik) = (
                bits(sizes.res.octets()),
                bits(sizes.ck.octets()),
                bits(sizes.ik.octets()),
            );
            let rest = oracle.call(
                "tuak_f2345",
                &[k.into(), (&topc_octets).into(), rand.into(), res, ck, ik, times],
            );
            let ak_star = oracle.octets("tuak_f5star", &[k.into(), (&topc_octets).into(), rand.into(), times]);

            let k = TuakKey::from_slice(k).expect("16 or 32");
            let iterations = Iterations::new(iterations).expect("not 0");
            let topc = Topc::derive(&k, &Top::from_octets(&inputs.top), iterations);
            prop_assert_eq!(Topc::from_slice(&topc_octets), Some(topc.clone()));
            let tuak = SizedTuak::new(&k, &topc, sizes, iterations);
            let (rand, sqn, amf) = inputs.challenge();
            same(tuak.f1(&rand, sqn, amf).octets(), &mac(false))?;
            same(tuak.f1_star(&rand, sqn, amf).octets(), &mac(true))?;
            let outputs = tuak.f2345(&rand);
            same(outputs.res.octets(), &octets(&rest[0]))?;
            same(outputs.ck.octets(), &octets(&rest[1]))?;
            same(outputs.ik.octets(), &octets(&rest[2]))?;
            same(&outputs.ak.expose_to_operator()[..], &octets(&rest[3]))?;
            same(&tuak.f5_star(&rand).expose_to_operator()[..], &ak_star)?;
            Ok(())
        },
    );
}

#[test]
fn tuak_vectors_equal_the_reference() {
    let Some(oracle) = Oracle::start() else { return };
    run(200, (Inputs::any(), any_res(), 1_u8..5), |(inputs, res, count)| {
        let (k, topc) = (&inputs.k, &inputs.top);
        let fixed: [Arg<'_>; 3] = [k.into(), topc.into(), (&inputs.rand).into()];
        let (sqn, amf) = (&inputs.sqn, &inputs.amf);
        let (times, eight) = (Arg::Number(count.into()), Arg::Number(64));
        let mac = |sqn, amf, star| {
            oracle.octets(
                "tuak_f1",
                &[&fixed[..], &[sqn, amf, eight, times, Arg::Flag(star)]].concat(),
            )
        };
        let lengths = [
            Arg::Number(u64::from(res.octets()) * 8),
            Arg::Number(128),
            Arg::Number(128),
        ];
        let rest = oracle.call("tuak_f2345", &[&fixed[..], &lengths, &[times]].concat());
        let ak_star = oracle.octets("tuak_f5star", &[&fixed[..], &[times]].concat());
        let concealed = |ak: &[u8]| sqn.iter().zip(ak).map(|(sqn, ak)| sqn ^ ak).collect::<Vec<_>>();

        let parameters = Parameters {
            res,
            iterations: Iterations::new(count).expect("not 0"),
        };
        let tuak = Tuak::new(
            &TuakKey::from_slice(k).expect("16 or 32"),
            &Topc::from_octets(topc),
            parameters,
        );
        let (rand, our_sqn, our_amf) = inputs.challenge();
        let vector = tuak.vector(&rand, our_sqn, our_amf);
        let autn = [
            concealed(&octets(&rest[3])),
            amf.to_vec(),
            mac(sqn.into(), amf.into(), false),
        ]
        .concat();
        same(&vector.autn().octets()[..], &autn)?;
        same(vector.res.octets(), &octets(&rest[0]))?;
        same(&vector.ck.expose_to_operator()[..], &octets(&rest[1]))?;
        same(&vector.ik.expose_to_operator()[..], &octets(&rest[2]))?;
        let auts = [concealed(&ak_star), mac(sqn.into(), (&[0; 2]).into(), true)].concat();
        same(&tuak.auts(&rand, our_sqn).octets()[..], &auts)?;
        Ok(())
    });
}

#[test]
fn milenage_equals_the_reference() {
    let Some(oracle) = Oracle::start() else { return };
    run(200, Inputs::any(), |inputs| {
        let (k, opc) = (inputs.short_k(), inputs.opc());
        let args = [(&k).into(), (&opc).into(), (&inputs.rand).into()];
        let set = oracle.call(
            "milenage",
            &[&args[..], &[(&inputs.sqn).into(), (&inputs.amf).into()]].concat(),
        );
        let milenage = Milenage::new(&K::from_octets(&k), &Opc::from_octets(&opc));
        let (rand, sqn, amf) = inputs.challenge();
        let vector = milenage.vector(&rand, sqn, amf);
        same(&vector.mac_a.octets()[..], &octets(&set["mac_a"]))?;
        same(vector.res.octets(), &octets(&set["res"]))?;
        same(&vector.ck.expose_to_operator()[..], &octets(&set["ck"]))?;
        same(&vector.ik.expose_to_operator()[..], &octets(&set["ik"]))?;
        same(&vector.ak.expose_to_operator()[..], &octets(&set["ak"]))?;
        same(&milenage.f1_star(&rand, sqn, amf).octets()[..], &octets(&set["mac_s"]))?;
        same(
            &milenage.f5_star(&rand).expose_to_operator()[..],
            &octets(&set["ak_star"]),
        )?;
        Ok(())
    });
}

/// Equality, as hex.
fn same(ours: &[u8], theirs: &[u8]) -> Result<(), TestCaseError> {
    let hex = |octets: &[u8]| octets.iter().map(|octet| format!("{octet:02x}")).collect::<String>();
    prop_assert_eq!(hex(ours), hex(theirs));
    Ok(())
}

/// The vector and the triplet that follows from it.
fn equal(rand: &Rand, ours: &Vector, theirs: &UmtsVector) -> Result<(), TestCaseError> {
    same(&ours.autn().octets()[..], &theirs.autn[..])?;
    same(ours.res.octets(), &theirs.res[..])?;
    same(&ours.ck.expose_to_operator()[..], &theirs.ck[..])?;
    same(&ours.ik.expose_to_operator()[..], &theirs.ik[..])?;
    let triplet = Triplet::from_vector(rand, &ours.res, &ours.ck, &ours.ik, SresFunction::Folded);
    same(&triplet.sres.expose_to_serving_network()[..], &theirs.sres[..])?;
    same(&triplet.kc.expose_to_serving_network()[..], &theirs.kc[..])?;
    Ok(())
}

#[test]
fn xor_vectors_and_auts_equal_osmo_auc_gen() {
    let Some(osmo) = OsmoAucGen::find() else { return };
    run(40, (Inputs::any(), 0_usize..14 * 8), |(inputs, bit)| {
        let k = inputs.short_k();
        let set = XorTest::new(&TestK::from_octets(&k), ResLength::LONGEST);
        let (rand, sqn, amf) = inputs.challenge();
        let theirs = osmo.xor(&k, &inputs.rand, &inputs.sqn, &inputs.amf);
        equal(&rand, &set.vector(&rand, sqn, amf), &theirs)?;
        let auts = *set.auts(&rand, sqn).octets();
        prop_assert_eq!(osmo.xor_sqn_ms(&k, &inputs.rand, &auts), Some(inputs.sqn));
        let mut changed = auts;
        changed[bit / 8] ^= 0x80 >> (bit % 8);
        prop_assert_eq!(osmo.xor_sqn_ms(&k, &inputs.rand, &changed), None);
        Ok(())
    });
}

#[test]
fn milenage_triplets_equal_osmo_auc_gen() {
    let Some(osmo) = OsmoAucGen::find() else { return };
    run(40, Inputs::any(), |inputs| {
        let (k, opc) = (inputs.short_k(), inputs.opc());
        let (rand, sqn, amf) = inputs.challenge();
        let vector = Milenage::new(&K::from_octets(&k), &Opc::from_octets(&opc)).vector(&rand, sqn, amf);
        equal(
            &rand,
            &vector,
            &osmo.run(&k, &opc, &inputs.rand, &inputs.sqn, &inputs.amf),
        )
    });
}

#[test]
fn tuak_vectors_equal_osmo_auc_gen() {
    let Some(osmo) = OsmoAucGen::find() else { return };
    let probe = osmo.tuak(&[0; 16], &[0; 32], 8, &[0; 16], &[0, 0, 0, 0, 0, 1], &[0; 2]);
    if probe.is_none() {
        return;
    }
    run(40, (Inputs::any(), any_res()), |(inputs, res)| {
        let Inputs { k, top, rand, sqn, amf } = &inputs;
        let parameters = Parameters {
            res,
            iterations: Iterations::ONE,
        };
        let tuak = Tuak::new(
            &TuakKey::from_slice(k).expect("16 or 32"),
            &Topc::from_octets(top),
            parameters,
        );
        let theirs = osmo
            .tuak(k, top, res.octets(), rand, sqn, amf)
            .expect("known, as probed");
        let (rand, sqn, amf) = inputs.challenge();
        equal(&rand, &tuak.vector(&rand, sqn, amf), &theirs)
    });
}

#[test]
fn comp128_equals_osmo_auc_gen() {
    let Some(osmo) = OsmoAucGen::find() else { return };
    run(60, Inputs::any(), |inputs| {
        let k = inputs.short_k();
        let rand = Rand::from_octets(inputs.rand);
        for (version, algorithm) in (1..).zip([gsm::comp128v1, gsm::comp128v2, gsm::comp128v3]) {
            let triplet = algorithm(&gsm::Ki::from_octets(&k), &rand);
            let theirs = osmo.comp128(version, &k, &inputs.rand);
            same(&triplet.sres.expose_to_serving_network()[..], &theirs.sres[..])?;
            same(&triplet.kc.expose_to_serving_network()[..], &theirs.kc[..])?;
        }
        Ok(())
    });
}
