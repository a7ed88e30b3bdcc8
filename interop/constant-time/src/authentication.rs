//! The algorithm sets of authentication: K, the operator's variant and SQN are secret, RAND and AMF are public.

use kaskade_crypto::algorithm_set::{AlgorithmSet, Vector};
use kaskade_crypto::milenage::{Milenage, OperatorConstants, Request, vectors};
use kaskade_crypto::tuak::{Iterations, Parameters, Tuak, TuakKey};
use kaskade_crypto::xor_test::{ResLength, TestK, XorTest};
use kaskade_crypto::{Amf, Auts, K, K256, MacS, Op, Opc, Rand, Sqn, Top, Topc};

use crate::check::{Checks, constant_time, decision, secret, xor};

const RAND: Rand = Rand::from_octets([0x23; 16]);

fn sqn() -> Sqn {
    Sqn::from_octets(secret(9))
}

/// K and OPc.
fn keys() -> (K, Opc) {
    let k = K::from_octets(&secret(1));
    let opc = Opc::derive(&k, &Op::from_octets(&secret(2)));
    (k, opc)
}

fn milenage() -> Milenage {
    let (k, opc) = keys();
    Milenage::new(&k, &opc)
}

/// TUAK of a K of 16 or 32 octets.
fn tuak(k: &TuakKey) -> Tuak {
    let iterations = Iterations::new(2).expect("some iterations");
    let topc = Topc::derive(k, &Top::from_octets(&secret(2)), iterations);
    let parameters = Parameters {
        iterations,
        ..Parameters::default()
    };
    Tuak::new(k, &topc, parameters)
}

fn octets(vector: &Vector) -> Vec<u8> {
    let (ck, ik) = (vector.ck.expose_to_operator(), vector.ik.expose_to_operator());
    [ck, ik, &vector.autn().octets()[..], vector.res.octets()].concat()
}

/// What every set has.
fn set<S: AlgorithmSet>(checks: &mut Checks, name: &str, new: impl Fn() -> S) {
    checks.holds(&format!("{name}: f1 to f5"), || {
        constant_time(|| octets(&new().vector(&RAND, sqn(), Amf::SEPARATION)))
    });
    checks.holds(&format!("{name}: AUTS"), || {
        constant_time(|| *new().auts(&RAND, sqn()).octets())
    });
    checks.holds(&format!("{name}: MAC-S of AUTS"), || {
        decision::<8>(|difference| {
            let set = new();
            let auts = set.auts(&RAND, sqn());
            let mac_s = MacS::from_octets(xor(*auts.mac_s().octets(), difference));
            let auts = Auts::from_parts(auts.sqn_ms_xor_ak_star(), &mac_s);
            set.verify_auts(&RAND, &auts).is_some()
        })
    });
}

pub(crate) fn run(checks: &mut Checks) {
    checks.holds("MILENAGE: OP to OPc, and f3", || {
        constant_time(|| *milenage().f3(&RAND).expose_to_operator())
    });
    set(checks, "MILENAGE", milenage);
    checks.holds("MILENAGE: vectors of many subscribers", || {
        constant_time(|| {
            let keys: Vec<_> = (0..19).map(|_| keys()).collect();
            let requests: Vec<_> = keys
                .iter()
                .map(|(k, opc)| Request {
                    k,
                    opc,
                    constants: &OperatorConstants::STANDARD,
                    rand: RAND,
                    sqn: sqn(),
                    amf: Amf::SEPARATION,
                })
                .collect();
            let mut places = vec![None; keys.len()];
            vectors(&requests, &mut places).expect("a place for each");
            places.iter().flatten().map(octets).collect::<Vec<_>>().concat()
        })
    });
    set(checks, "TUAK, K of 16 octets", || {
        tuak(&TuakKey::from(K::from_octets(&secret(1))))
    });
    set(checks, "TUAK, K of 32 octets", || {
        tuak(&TuakKey::from(K256::from_octets(&secret(1))))
    });
    set(checks, "XOR test", || {
        XorTest::new(&TestK::from_octets(&secret(1)), ResLength::default())
    });
}
