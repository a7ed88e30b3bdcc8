//! Speed of 128-NEA3 and 128-NIA3 against bounds that are measured in the same run.
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

use kaskade_crypto::cipher::{BackEnd, Bearer, CipherJob, Direction, Key128, Mac32, MacJob, MessageInput};
use kaskade_crypto::zuc::{Nea3, Nia3};
use oxirush_security::nas_5gs::{KNasEnc, KNasInt};
use oxirush_security::{self as other, CipheringAlgorithm, CipheringContext, IntegrityAlgorithm, IntegrityContext};
use rounds::Table;

const BATCH: usize = 16;
const LENGTHS: [usize; 2] = [64, 1500];

fn main() {
    let mut table = Table::new();
    let key = Key128::from_octets(&[0x46; 16]);
    if Nea3::new(&key).back_end() == BackEnd::Portable {
        println!("this processor has no instructions of the accelerated back end: the portable one is measured");
    }
    for octets in LENGTHS {
        ciphering(&mut table, &key, octets);
        integrity(&mut table, &key, octets);
    }
    table.finish();
}

fn input() -> MessageInput {
    MessageInput {
        count: 0x3984_12a7,
        bearer: Bearer::new(9).expect("5 bits"),
        direction: Direction::Downlink,
    }
}

fn ciphering(table: &mut Table, key: &Key128, octets: usize) {
    let portable = Nea3::with_back_end(key, BackEnd::Portable).expect("always there");
    let fastest = Nea3::new(key);
    let theirs = CipheringContext::new(&KNasEnc::new(&[0x46; 16]), CipheringAlgorithm::NEA3);
    let their_bearer = other::Bearer::new(9).expect("5 bits");
    let (mut ours, mut bound) = (vec![0x35; octets], vec![0x35; octets]);
    let single = format!("128-NEA3, {octets} octets");
    table.row(
        &single,
        "portable",
        1.0,
        1,
        || black_box(&fastest).apply(&input(), black_box(&mut ours)),
        || black_box(&portable).apply(&input(), black_box(&mut bound)),
    );
    table.row(
        &single,
        "oxirush-security",
        1.0,
        1,
        || black_box(&fastest).apply(&input(), black_box(&mut ours)),
        || {
            theirs.cipher(
                0x3984_12a7_u32,
                their_bearer,
                other::Direction::Downlink,
                black_box(&mut bound),
            );
        },
    );
    let (mut ours, mut bound) = (vec![vec![0x35; octets]; BATCH], vec![vec![0x35; octets]; BATCH]);
    let batch = format!("128-NEA3, {BATCH} messages of {octets} octets");
    table.row(
        &batch,
        "portable",
        1.0,
        BATCH,
        || cipher_batch(&fastest, &mut ours),
        || cipher_batch(&portable, &mut bound),
    );
    table.row(
        &batch,
        "oxirush-security",
        1.0,
        BATCH,
        || cipher_batch(&fastest, &mut ours),
        || {
            let mut jobs = black_box(&mut bound)
                .iter_mut()
                .map(|message| theirs.job(0x3984_12a7_u32, their_bearer, other::Direction::Downlink, message));
            let mut jobs: [_; BATCH] = std::array::from_fn(|_| jobs.next().expect("as many"));
            other::nea_cipher_batch(&mut jobs);
        },
    );
}

fn cipher_batch(cipher: &Nea3, messages: &mut [Vec<u8>]) {
    let mut messages = black_box(messages).iter_mut();
    let mut jobs: [_; BATCH] = std::array::from_fn(|_| CipherJob {
        cipher: black_box(cipher),
        input: input(),
        message: messages.next().expect("as many"),
    });
    Nea3::apply_batch(&mut jobs);
}

fn integrity(table: &mut Table, key: &Key128, octets: usize) {
    let portable = Nia3::with_back_end(key, BackEnd::Portable).expect("always there");
    let fastest = Nia3::new(key);
    let theirs = IntegrityContext::new(&KNasInt::new(&[0x46; 16]), IntegrityAlgorithm::NIA3);
    let their_bearer = other::Bearer::new(9).expect("5 bits");
    let messages = vec![vec![0x35; octets]; BATCH];
    let single = format!("128-NIA3, {octets} octets");
    table.row(
        &single,
        "portable",
        1.0,
        1,
        || black_box(&fastest).mac(&input(), black_box(&messages[0])),
        || black_box(&portable).mac(&input(), black_box(&messages[0])),
    );
    table.row(
        &single,
        "oxirush-security",
        1.0,
        1,
        || black_box(&fastest).mac(&input(), black_box(&messages[0])),
        || {
            theirs.mac(
                0x3984_12a7_u32,
                their_bearer,
                other::Direction::Downlink,
                black_box(&messages[0]),
            )
        },
    );
    let batch = format!("128-NIA3, {BATCH} messages of {octets} octets");
    table.row(
        &batch,
        "portable",
        1.0,
        BATCH,
        || mac_batch(&fastest, &messages),
        || mac_batch(&portable, &messages),
    );
    table.row(
        &batch,
        "oxirush-security",
        1.0,
        BATCH,
        || mac_batch(&fastest, &messages),
        || {
            let mut jobs: [_; BATCH] = std::array::from_fn(|i| {
                theirs.job(
                    0x3984_12a7_u32,
                    their_bearer,
                    other::Direction::Downlink,
                    black_box(&messages[i]),
                )
            });
            other::nia_mac_batch(&mut jobs);
            jobs.map(|job| job.mac())
        },
    );
}

fn mac_batch(algorithm: &Nia3, messages: &[Vec<u8>]) -> [Mac32; BATCH] {
    let mut jobs: [_; BATCH] = std::array::from_fn(|i| MacJob {
        algorithm: black_box(algorithm),
        input: input(),
        message: black_box(&messages[i]),
        mac: Mac32::from_octets([0; 4]),
    });
    Nia3::mac_batch(&mut jobs);
    jobs.map(|job| job.mac)
}
