//! The 2G side: K and what comes out of it are secret, RAND is public.

use kaskade_crypto::gsm::{Kc, Ki, Triplet, c2, c3, c4, c5, comp128v1, comp128v2, comp128v3};
use kaskade_crypto::{Ck, Ik, Rand, Res};

use crate::check::{Checks, constant_time, secret};

pub(crate) fn run(checks: &mut Checks) {
    let rand = Rand::from_octets([0x23; 16]);
    let mut version = |name, version: fn(&Ki, &Rand) -> Triplet| {
        checks.holds(name, || {
            constant_time(|| {
                let triplet = version(&Ki::from_octets(&secret(1)), &rand);
                let (sres, kc) = (triplet.sres, triplet.kc);
                [&sres.expose_to_serving_network()[..], kc.expose_to_serving_network()].concat()
            })
        });
    };
    version("COMP128v1", comp128v1);
    version("COMP128v2", comp128v2);
    version("COMP128v3", comp128v3);
    checks.holds("c2 and c3", || {
        constant_time(|| {
            let res = Res::from_slice(&secret::<8>(3)).expect("a length of RES");
            let kc = c3(&Ck::from_octets(&secret(1)), &Ik::from_octets(&secret(2)));
            [
                &c2(&res).expose_to_serving_network()[..],
                kc.expose_to_serving_network(),
            ]
            .concat()
        })
    });
    checks.holds("c4 and c5", || {
        constant_time(|| {
            let kc = Kc::from_octets(&secret(1));
            [*c4(&kc).expose_to_operator(), *c5(&kc).expose_to_operator()].concat()
        })
    });
}
