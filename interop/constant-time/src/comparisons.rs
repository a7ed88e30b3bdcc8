//! Comparisons of codes and keys: both sides are secret, and so is where they differ.

use kaskade_crypto::cipher::{Key128, Key256, Mac32};
use kaskade_crypto::{Autn, Auts, Ck, MacA, MacS, Rand, Res};
use kaskade_keys::fivegs::{HxresStar, ResStar, XresStar};
use subtle::ConstantTimeEq;

use crate::check::{Checks, constant_time, decision, secret, xor};

/// What travels: as a `Choice`, which takes no branch at all, and as `==`.
macro_rules! codes {
    ($checks:expr, $($Name:ident($len:literal)),*) => {$(
        $checks.holds(concat!(stringify!($Name), ": ct_eq"), || {
            constant_time(|| [$Name::from_octets(secret(1)).ct_eq(&$Name::from_octets(secret(1))).unwrap_u8()])
        });
        $checks.holds(concat!(stringify!($Name), ": =="), || {
            decision::<$len>(|difference| {
                $Name::from_octets(secret(1)) == $Name::from_octets(xor(secret(1), difference))
            })
        });
    )*};
}

/// What `secret_octets!` makes.
macro_rules! keys {
    ($checks:expr, $($Name:ident($len:literal)),*) => {$(
        $checks.holds(concat!(stringify!($Name), ": =="), || {
            decision::<$len>(|difference| {
                $Name::from_octets(&secret(1)) == $Name::from_octets(&xor(secret(1), difference))
            })
        });
    )*};
}

pub(crate) fn run(checks: &mut Checks) {
    codes!(checks, Mac32(4), MacA(8), MacS(8), Autn(16), Auts(14));
    keys!(checks, Key128(16), Key256(32), Ck(16), XresStar(16));
    checks.holds("RES: == at 16 octets", || {
        decision::<16>(|difference| res(&secret::<16>(1)) == res(&xor(secret::<16>(1), difference)))
    });
    checks.holds("RES: == at 4 octets", || {
        decision::<4>(|difference| res(&secret::<4>(1)) == res(&xor(secret::<4>(1), difference)))
    });
    checks.holds("RES* against XRES*", || {
        decision::<16>(|difference| {
            XresStar::from_octets(&secret(1)).verify(&ResStar::from_octets(&xor(secret(1), difference)))
        })
    });
    checks.holds("HRES* against HXRES*", || {
        decision::<16>(|difference| {
            let rand = Rand::from_octets([0x23; 16]);
            let expected = XresStar::from_octets(&secret(1)).hxres_star(&rand);
            let expected = HxresStar::from_octets(xor(*expected.octets(), difference));
            expected.verify(&ResStar::from_octets(&secret(1)).hres_star(&rand))
        })
    });
}

fn res(octets: &[u8]) -> Res {
    Res::from_slice(octets).expect("4 to 16 octets")
}
