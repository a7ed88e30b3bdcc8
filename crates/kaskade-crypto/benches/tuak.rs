//! TUAK against the permutations that it consists of, and what reading whole tables costs COMP128.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::needless_pass_by_value,
    reason = "a benchmark fails by panicking, prints what it saw, and casts its own constants"
)]
#![allow(clippy::print_stdout, reason = "the table is the purpose of this program")]

mod rounds;

use std::hint::black_box;

use kaskade_crypto::gsm::{Ki, comp128v1, comp128v3};
use kaskade_crypto::milenage::Milenage;
use kaskade_crypto::tuak::{Iterations, Parameters, Tuak, TuakKey};
use kaskade_crypto::{Amf, K, K256, Opc, Rand, Sqn, Topc};
use keccak::Keccak;
use rounds::Table;

fn main() {
    let mut table = Table::new();
    tuak(&mut table);
    comp128(&mut table);
    table.finish();
}

fn tuak(table: &mut Table) {
    let (rand, sqn, topc) = (Rand::from_octets([0x23; 16]), Sqn::MAX, Topc::from_octets(&[0xcd; 32]));
    let short = TuakKey::from(K::from_octets(&[0x46; 16]));
    let long = TuakKey::from(K256::from_octets(&[0x46; 32]));
    for (k, name) in [(&short, "TUAK f1-f5, K 16"), (&long, "TUAK f1-f5, K 32")] {
        table.row(
            name,
            "2 permutations of the keccak crate",
            1.3,
            1,
            || {
                Tuak::new(black_box(k), black_box(&topc), Parameters::default()).vector(
                    black_box(&rand),
                    black_box(sqn),
                    Amf::SEPARATION,
                )
            },
            || permutations(2),
        );
    }
    let parameters = Parameters {
        iterations: Iterations::new(8).expect("not 0"),
        ..Parameters::default()
    };
    table.row(
        "TUAK f1-f5, 8 iterations",
        "16 permutations of the keccak crate",
        1.3,
        1,
        || Tuak::new(&long, black_box(&topc), parameters).vector(black_box(&rand), black_box(sqn), Amf::SEPARATION),
        || permutations(16),
    );
    let tuak = Tuak::new(&long, &topc, Parameters::default());
    let auts = tuak.auts(&rand, sqn);
    table.row(
        "TUAK: check of AUTS",
        "2 permutations of the keccak crate",
        1.3,
        1,
        || tuak.verify_auts(black_box(&rand), black_box(&auts)),
        || permutations(2),
    );
}

/// What comes out of one permutation goes into the next, as if an iteration.
fn permutations(count: usize) -> [u64; 25] {
    let mut numbers = black_box([0x5a5a; 25]);
    Keccak::new().with_f1600(|permute| {
        for _ in 0..count {
            permute(&mut numbers);
        }
    });
    numbers
}

/// For the price list only: COMP128 is not for new cards, and nobody waits for it.
fn comp128(table: &mut Table) {
    let (k, ki, opc, rand) = (
        K::from_octets(&[0x46; 16]),
        Ki::from_octets(&[0x46; 16]),
        Opc::from_octets(&[0xcd; 16]),
        Rand::from_octets([0x23; 16]),
    );
    for (name, algorithm) in [
        ("COMP128v1", comp128v1 as fn(&Ki, &Rand) -> _),
        ("COMP128v3", comp128v3),
    ] {
        table.row(
            name,
            "1000 vectors of MILENAGE",
            1.0,
            1,
            || algorithm(black_box(&ki), black_box(&rand)),
            || {
                for _ in 0..1000 {
                    black_box(Milenage::new(black_box(&k), &opc).f2345(black_box(&rand)));
                }
            },
        );
    }
}
