//! TUAK against the test sets of TS 35.232 and TS 35.233.

use crate::known_answers::{Case, load};
use kaskade_crypto::tuak::{
    InvalidParameter, Iterations, KeySize, MacSize, Parameters, ResSize, SizedTuak, Sizes, Tuak, TuakKey, VectorRes,
};
use kaskade_crypto::{Amf, Auts, K, K256, Rand, Sqn, Top, Topc};
use proptest::prelude::*;

/// The cases of the permutation itself, and those of TUAK.
fn cases() -> (Vec<Case>, Vec<Case>) {
    load("tuak.json").into_iter().partition(|case| case.has("function"))
}

fn number(case: &Case, field: &str) -> usize {
    case.number(field).try_into().expect("small")
}

fn sizes(case: &Case) -> Sizes {
    let octets = |field| number(case, field) / 8;
    Sizes {
        mac: MacSize::new(octets("mac_bits")).expect("a size of TUAK"),
        res: ResSize::new(octets("res_bits")).expect("a size of TUAK"),
        ck: KeySize::new(octets("ck_bits")).expect("a size of TUAK"),
        ik: KeySize::new(octets("ik_bits")).expect("a size of TUAK"),
    }
}

#[test]
fn the_permutation_agrees() {
    let (permutations, _) = cases();
    assert_eq!(permutations.len(), 4);
    for case in permutations {
        let octets: [u8; 200] = case.octets("state_in");
        let mut numbers = [0; 25];
        for (number, octets) in numbers.iter_mut().zip(octets.as_chunks().0) {
            *number = u64::from_le_bytes(*octets);
        }
        keccak::Keccak::new().with_f1600(|permute| permute(&mut numbers));
        let out = numbers.map(u64::to_le_bytes).concat();
        assert_eq!(hex::encode(out), case.text("state_out"), "{}", case.name());
    }
}

#[test]
fn every_known_answer_agrees() {
    let (_, cases) = cases();
    let (mut compared, mut carried) = (0, 0);
    for case in &cases {
        let mut compare = |field: &str, ours: &[u8]| {
            assert_eq!(hex::encode(ours), case.text(field), "{} {field}", case.name());
            compared += 1;
        };
        let k = TuakKey::from_slice(&case.vec("k")).expect("a size of TUAK");
        assert_eq!(matches!(k, TuakKey::K256(_)), number(case, "k_bits") == 256);
        let iterations = Iterations::new(number(case, "keccak_iterations").try_into().expect("small")).expect("not 0");
        let topc = Topc::derive(&k, &Top::from_octets(&case.octets("top")), iterations);
        assert_eq!(topc, Topc::from_octets(&case.octets("topc")), "{} topc", case.name());
        let rand = Rand::from_octets(case.octets("rand"));
        let (sqn, amf) = (
            Sqn::from_octets(case.octets("sqn")),
            Amf::from_octets(case.octets("amf")),
        );
        let sizes = sizes(case);
        let sized = SizedTuak::new(&k, &topc, sizes, iterations);
        compare("f1_mac_a", sized.f1(&rand, sqn, amf).octets());
        compare("f1star_mac_s", sized.f1_star(&rand, sqn, amf).octets());
        let outputs = sized.f2345(&rand);
        compare("f2_res", outputs.res.octets());
        compare("f3_ck", outputs.ck.octets());
        compare("f4_ik", outputs.ik.octets());
        compare("f5_ak", outputs.ak.expose_to_operator());
        compare("f5star_ak", sized.f5_star(&rand).expose_to_operator());

        // What a quintet can carry, through the other face.
        let Ok(res) = VectorRes::new(sizes.res.octets().into()) else {
            continue;
        };
        let tuak = Tuak::new(&k, &topc, Parameters { res, iterations });
        compare("f5star_ak", tuak.f5_star(&rand).expose_to_operator());
        if sizes.mac == MacSize::Octets8 {
            compare("f1_mac_a", tuak.f1(&rand, sqn, amf).octets());
            compare("f1star_mac_s", tuak.f1_star(&rand, sqn, amf).octets());
        }
        if (sizes.ck, sizes.ik) == (KeySize::Octets16, KeySize::Octets16) {
            let (res, ck, ik, ak) = tuak.f2345(&rand);
            compare("f2_res", res.octets());
            compare("f3_ck", ck.expose_to_operator());
            compare("f4_ik", ik.expose_to_operator());
            compare("f5_ak", ak.expose_to_operator());
            carried += 1;
        }
    }
    // Eight values of each of four sets; of two a quintet can carry f2 to f5, of one f1, of three f5*.
    assert_eq!((cases.len(), compared, carried), (4, 4 * 7 + 3 + 2 * 4 + 2, 2));
}

#[test]
fn sizes_and_iterations_are_checked() {
    let size = |field, octets, allowed: &'static [usize]| InvalidParameter::Size { field, octets, allowed };
    assert_eq!(TuakKey::from_slice(&[0; 24]), Err(size("K", 24, &[16, 32])));
    assert_eq!(MacSize::new(4), Err(size("MAC", 4, &[8, 16, 32])));
    assert_eq!(ResSize::new(6), Err(size("RES", 6, &[4, 8, 16, 32])));
    assert_eq!(KeySize::new(8), Err(size("CK or IK", 8, &[16, 32])));
    assert_eq!(VectorRes::new(32), Err(size("RES", 32, &[4, 8, 16])));
    assert_eq!(Iterations::new(0), Err(InvalidParameter::Iterations));
    assert_eq!(
        VectorRes::new(32).map_err(|error| error.to_string()),
        Err("TUAK: RES of 32 octets, expected one of [4, 8, 16]".into())
    );
    for octets in ResSize::ALLOWED {
        assert_eq!(ResSize::new(*octets).map(|size| size.octets().into()), Ok(*octets));
    }
}

#[test]
fn secrets_are_silent() {
    let (k, topc) = (TuakKey::from(K256::from_octets(&[7; 32])), Topc::from_octets(&[8; 32]));
    let tuak = Tuak::new(&k, &topc, Parameters::default());
    let sized = SizedTuak::new(&k, &topc, Sizes::default(), Iterations::ONE);
    let outputs = sized.f2345(&Rand::from_octets([1; 16]));
    assert_eq!(
        format!("{k:?} {topc:?} {tuak:?} {sized:?} {outputs:?}"),
        "K256(K-256(…)) TOPc(…) TUAK(…) TUAK(…) SizedOutputs { res: SizedValue(…), ck: SizedValue(…), \
         ik: SizedValue(…), ak: AK(…) }"
    );
}

prop_compose! {
    fn any_key()(short in any::<bool>(), octets in any::<[u8; 32]>()) -> TuakKey {
        if short {
            K::from_octets(octets.first_chunk().expect("16 of 32")).into()
        } else {
            K256::from_octets(&octets).into()
        }
    }
}

fn any_res() -> impl Strategy<Value = VectorRes> {
    prop::sample::select(vec![VectorRes::Octets4, VectorRes::Octets8, VectorRes::Octets16])
}

proptest! {
    #[test]
    fn the_two_faces_agree(
        k in any_key(), topc: [u8; 32], res in any_res(), iterations in 1_u8..4,
        rand: [u8; 16], sqn: [u8; 6], amf: [u8; 2],
    ) {
        let (topc, rand) = (Topc::from_octets(&topc), Rand::from_octets(rand));
        let (sqn, amf) = (Sqn::from_octets(sqn), Amf::from_octets(amf));
        let iterations = Iterations::new(iterations).expect("not 0");
        let tuak = Tuak::new(&k, &topc, Parameters { res, iterations });
        let sized = SizedTuak::new(&k, &topc, Sizes { res: res.into(), ..Sizes::default() }, iterations);
        let (f1, f2345) = (sized.f1(&rand, sqn, amf), sized.f2345(&rand));
        let vector = tuak.vector(&rand, sqn, amf);
        prop_assert_eq!(&vector.mac_a.octets()[..], f1.octets());
        prop_assert_eq!(vector.res.octets(), f2345.res.octets());
        prop_assert_eq!(&vector.ck.expose_to_operator()[..], f2345.ck.octets());
        prop_assert_eq!(&vector.ik.expose_to_operator()[..], f2345.ik.octets());
        prop_assert_eq!(&vector.ak, &f2345.ak);
        prop_assert_eq!(vector.autn().mac_a(), vector.mac_a);
        prop_assert_eq!(Sqn::from_xor_ak(vector.autn().sqn_xor_ak(), &vector.ak), sqn);
        let each = (tuak.f2(&rand), tuak.f3(&rand), tuak.f4(&rand), tuak.f5(&rand));
        prop_assert_eq!(each, (vector.res, vector.ck, vector.ik, vector.ak));
    }

    #[test]
    fn auts_opens_and_a_changed_one_does_not(
        k in any_key(), topc: [u8; 32], rand: [u8; 16], sqn_ms: [u8; 6], bit in 0..Auts::LEN * 8,
    ) {
        let (rand, sqn_ms) = (Rand::from_octets(rand), Sqn::from_octets(sqn_ms));
        let tuak = Tuak::new(&k, &Topc::from_octets(&topc), Parameters::default());
        let auts = tuak.auts(&rand, sqn_ms);
        prop_assert_eq!(tuak.verify_auts(&rand, &auts), Some(sqn_ms));
        let mut changed = *auts.octets();
        changed[bit / 8] ^= 1 << (bit % 8);
        prop_assert_eq!(tuak.verify_auts(&rand, &Auts::from_octets(changed)), None);
    }
}
