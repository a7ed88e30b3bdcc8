//! Algorithms that give their key away take no K of another algorithm set: not by hand, and not by sealing.
use kaskade_crypto::gsm::{Ki, comp128v1, comp128v2, comp128v3};
use kaskade_crypto::subscription::GsmKeys;
use kaskade_crypto::xor_test::{ResLength, TestK, XorTest};
use kaskade_crypto::{K, Rand};

fn res_of_zeros(k: &K) {
    let rand = Rand::from_octets([0; 16]);
    XorTest::new(k, ResLength::LONGEST).f2(&rand);
    comp128v1(k, &rand);
    comp128v2(k, &rand);
    comp128v3(k, &rand);
    let _: TestK = k.clone().into();
    let _ = Ki::from(k.clone());
    let _ = |keys: GsmKeys| -> K { keys.k };
}

fn main() {}
