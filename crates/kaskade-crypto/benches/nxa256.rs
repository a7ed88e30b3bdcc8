//! Speed of the 256-bit algorithms against bounds that are measured in the same run.
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

use aes::Aes256Enc;
use ctr::cipher::{KeyIvInit, StreamCipher};
use kaskade_crypto::cipher::{BackEnd, Key256};
use kaskade_crypto::nxa256::{
    CipherJob256, Iv256, MacJob256, Nca4, Nca5, Nca6, Nea4, Nea5, Nea6, Nia4, Nia5, Nia6, TagLength,
};
use rounds::Table;

/// A NAS message, and what fits into one packet of Ethernet.
const LENGTHS: [usize; 2] = [64, 1500];
const BATCH: usize = 64;

/// Rows of one family: the fastest back end against the portable one, and a batch against its messages one by one.
macro_rules! rows {
    ($table:ident, $Nea:ident, $Nia:ident, $Nca:ident, $at_most:expr, $batch_at_most:expr) => {
        for octets in LENGTHS {
            let (nea, other) = both(|key, back_end| $Nea::with_back_end(key, back_end));
            let (mut message, mut same) = (vec![0x5a; octets], vec![0x5a; octets]);
            $table.row(
                &format!("{}, {octets} octets", stringify!($Nea)),
                "portable back end",
                $at_most,
                1,
                || nea.apply(black_box(&iv(1)), &mut message),
                || other.apply(black_box(&iv(1)), &mut same),
            );
            let (nia, other) = both(|key, back_end| $Nia::with_back_end(key, back_end));
            let length = TagLength::BITS_32;
            $table.row(
                &format!("{}, {octets} octets", stringify!($Nia)),
                "portable back end",
                $at_most,
                1,
                || nia.mac(black_box(&iv(1)), &message, length),
                || other.mac(black_box(&iv(1)), &message, length),
            );
            let (nca, other) = both(|key, back_end| $Nca::with_back_end(key, back_end));
            $table.row(
                &format!("{}, {octets} octets", stringify!($Nca)),
                "portable back end",
                $at_most,
                1,
                || nca.seal(black_box(&iv(1)), b"header", &mut message, length),
                || other.seal(black_box(&iv(1)), b"header", &mut same, length),
            );
            let mut messages = vec![vec![0x5a; octets]; BATCH];
            let mut others = messages.clone();
            let mut jobs: Vec<_> = messages
                .iter_mut()
                .zip(0..)
                .map(|(message, count)| CipherJob256 {
                    cipher: &nea,
                    iv: iv(count),
                    message,
                })
                .collect();
            $table.row(
                &format!("{}, {octets} octets, batch of {BATCH}", stringify!($Nea)),
                "one by one",
                $batch_at_most,
                BATCH,
                || $Nea::apply_batch(black_box(&mut jobs)),
                || {
                    for (message, count) in others.iter_mut().zip(0..) {
                        nea.apply(black_box(&iv(count)), message);
                    }
                },
            );
            let mut jobs: Vec<_> = messages
                .iter()
                .zip(0..)
                .map(|(message, count)| MacJob256 {
                    algorithm: &nia,
                    iv: iv(count),
                    message,
                    length,
                    tag: None,
                })
                .collect();
            $table.row(
                &format!("{}, {octets} octets, batch of {BATCH}", stringify!($Nia)),
                "one by one",
                $batch_at_most,
                BATCH,
                || $Nia::mac_batch(black_box(&mut jobs)),
                || {
                    for (message, count) in messages.iter().zip(0..) {
                        black_box(nia.mac(black_box(&iv(count)), message, length));
                    }
                },
            );
        }
    };
}

fn main() {
    let mut table = Table::new();
    rows!(table, Nea4, Nia4, Nca4, 0.5, 0.8);
    rows!(table, Nea5, Nia5, Nca5, 1.0, 1.05);
    rows!(table, Nea6, Nia6, Nca6, 0.5, 0.5);
    counter_mode(&mut table);
    table.finish();
}

/// 256-NEA5 against the crates `aes` and `ctr`, which have the same instructions.
fn counter_mode(table: &mut Table) {
    for octets in LENGTHS {
        let nea5 = Nea5::new(&key());
        let (mut message, mut same) = (vec![0x5a; octets], vec![0x5a; octets]);
        table.row(
            &format!("Nea5 with its key schedule, {octets} octets"),
            "aes and ctr crates",
            1.0,
            1,
            || Nea5::new(black_box(&key())).apply(black_box(&iv(1)), &mut message),
            || {
                ctr::Ctr32BE::<Aes256Enc>::new(black_box(&[7; 32]).into(), iv(1).octets().into())
                    .apply_keystream(&mut same);
            },
        );
        let schedule = <Aes256Enc as aes::cipher::KeyInit>::new(&[7; 32].into());
        table.row(
            &format!("Nea5, {octets} octets"),
            "aes and ctr crates",
            1.0,
            1,
            || nea5.apply(black_box(&iv(1)), &mut message),
            || {
                let core = ctr::cipher::InnerIvInit::inner_iv_init(&schedule, black_box(&iv(1)).octets().into());
                ctr::Ctr32BE::<&Aes256Enc>::from_core(core).apply_keystream(&mut same);
            },
        );
    }
}

fn key() -> Key256 {
    Key256::from_octets(&[7; 32])
}

fn iv(count: u32) -> Iv256 {
    let [a, b, c, d] = count.to_be_bytes();
    Iv256::from_octets([0x20, 4, 0, 0, 0, 0, 0, 0, a, b, c, d, 0, 0, 0, 0]).expect("an IV")
}

/// The fastest back end, and the portable one.
fn both<A, E: core::fmt::Debug>(keyed: impl Fn(&Key256, BackEnd) -> Result<A, E>) -> (A, A) {
    let of = |back_end| keyed(&key(), back_end).expect("this processor has the instructions");
    (of(BackEnd::fastest()), of(BackEnd::Portable))
}
