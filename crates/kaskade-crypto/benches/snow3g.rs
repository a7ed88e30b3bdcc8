//! Speed of SNOW 3G's algorithms against bounds that are measured in the same run.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::needless_pass_by_value,
    reason = "a benchmark fails by panicking, prints what it saw, and casts its own constants"
)]
#![allow(clippy::print_stdout, reason = "the tables are the purpose of this program")]

mod rounds;

use std::hint::black_box;

use kaskade_crypto::cipher::{BackEnd, Bearer, CipherJob, Direction, Key128, Mac32, MacJob, MessageInput};
use kaskade_crypto::snow3g::{Nea1, Nia1};
use other::nas_5gs::{KNasEnc, KNasInt};
use oxirush_security as other;
use rounds::Table;

/// Messages of a batch.
const BATCH: usize = 16;

/// Octets of a message: one of NAS, and one of user data.
const LENGTHS: [usize; 2] = [64, 1500];

const INPUT: MessageInput = MessageInput {
    count: 0x0102_0304,
    bearer: Bearer::new(5).expect("5 bits"),
    direction: Direction::Downlink,
};

fn main() {
    if BackEnd::fastest() == BackEnd::Portable {
        println!("this processor has no accelerated back end");
        return;
    }
    let mut table = Table::new();
    for length in LENGTHS {
        f8(&mut table, length);
        f9(&mut table, length);
    }
    table.finish();
}

/// Sixteen keys.
fn keys() -> [[u8; 16]; BATCH] {
    core::array::from_fn(|index| [u8::try_from(index).expect("small"); 16])
}

fn of_keys<T>(back_end: BackEnd, keyed: impl Fn(&Key128, BackEnd) -> T) -> Vec<T> {
    keys()
        .iter()
        .map(|key| keyed(&Key128::from_octets(key), back_end))
        .collect()
}

fn nea1s(back_end: BackEnd) -> Vec<Nea1> {
    of_keys(back_end, |key, back_end| {
        Nea1::with_back_end(key, back_end).expect("this processor has the instructions")
    })
}

fn nia1s(back_end: BackEnd) -> Vec<Nia1> {
    of_keys(back_end, |key, back_end| {
        Nia1::with_back_end(key, back_end).expect("this processor has the instructions")
    })
}

fn apply(cipher: &Nea1, message: &mut [u8]) {
    cipher.apply(black_box(&INPUT), black_box(message));
}

fn apply_batch(ciphers: &[Nea1], messages: &mut [Vec<u8>]) {
    let mut jobs: [_; BATCH] = {
        let mut pairs = ciphers.iter().zip(messages);
        core::array::from_fn(|_| {
            let (cipher, message) = pairs.next().expect("sixteen");
            CipherJob {
                cipher,
                input: INPUT,
                message,
            }
        })
    };
    Nea1::apply_batch(black_box(&mut jobs));
}

fn mac_batch(algorithms: &[Nia1], messages: &[Vec<u8>]) -> [Mac32; BATCH] {
    let mut jobs: [_; BATCH] = core::array::from_fn(|index| MacJob {
        algorithm: &algorithms[index],
        input: INPUT,
        message: &messages[index],
        mac: Mac32::from_octets([0; 4]),
    });
    Nia1::mac_batch(black_box(&mut jobs));
    jobs.map(|job| job.mac)
}

fn f8(table: &mut Table, length: usize) {
    let [fast, portable] = [BackEnd::fastest(), BackEnd::Portable].map(nea1s);
    let theirs: Vec<_> = keys()
        .iter()
        .map(|key| other::CipheringContext::new(&KNasEnc::new(key), other::CipheringAlgorithm::NEA1))
        .collect();
    let their_bearer = other::Bearer::new(5).expect("5 bits");
    let their_direction = other::Direction::Downlink;
    let mut messages = vec![vec![0x55; length]; BATCH];
    let mut others = messages.clone();
    let alone = format!("f8, {length} octets");
    let batch = format!("f8, {length} octets, batch of {BATCH}");
    table.row(
        &alone,
        "portable",
        0.2,
        1,
        || apply(&fast[0], &mut messages[0]),
        || apply(&portable[0], &mut others[0]),
    );
    table.row(
        &alone,
        "oxirush-security",
        1.0,
        1,
        || apply(&fast[0], &mut messages[0]),
        || theirs[0].cipher(INPUT.count, their_bearer, their_direction, black_box(&mut others[0])),
    );
    table.row(
        &batch,
        "portable",
        0.1,
        BATCH,
        || apply_batch(&fast, &mut messages),
        || apply_batch(&portable, &mut others),
    );
    table.row(
        &batch,
        "oxirush-security, batch",
        1.0,
        BATCH,
        || apply_batch(&fast, &mut messages),
        || {
            let mut jobs: [_; BATCH] = {
                let mut pairs = theirs.iter().zip(&mut others);
                core::array::from_fn(|_| {
                    let (cipher, message) = pairs.next().expect("sixteen");
                    cipher.job(INPUT.count, their_bearer, their_direction, message)
                })
            };
            other::nea_cipher_batch(black_box(&mut jobs));
        },
    );
}

fn f9(table: &mut Table, length: usize) {
    let [fast, portable] = [BackEnd::fastest(), BackEnd::Portable].map(nia1s);
    let theirs: Vec<_> = keys()
        .iter()
        .map(|key| other::IntegrityContext::new(&KNasInt::new(key), other::IntegrityAlgorithm::NIA1))
        .collect();
    let their_bearer = other::Bearer::new(5).expect("5 bits");
    let their_direction = other::Direction::Downlink;
    let messages = vec![vec![0x55; length]; BATCH];
    let mac = |algorithm: &Nia1| algorithm.mac(black_box(&INPUT), black_box(&messages[0]));
    let alone = format!("f9, {length} octets");
    let batch = format!("f9, {length} octets, batch of {BATCH}");
    table.row(&alone, "portable", 0.2, 1, || mac(&fast[0]), || mac(&portable[0]));
    table.row(
        &alone,
        "oxirush-security",
        1.0,
        1,
        || mac(&fast[0]),
        || theirs[0].mac(INPUT.count, their_bearer, their_direction, black_box(&messages[0])),
    );
    table.row(
        &batch,
        "portable",
        0.1,
        BATCH,
        || mac_batch(&fast, &messages),
        || mac_batch(&portable, &messages),
    );
    table.row(
        &batch,
        "oxirush-security, batch",
        1.0,
        BATCH,
        || mac_batch(&fast, &messages),
        || {
            let mut jobs: [_; BATCH] = core::array::from_fn(|index| {
                theirs[index].job(INPUT.count, their_bearer, their_direction, &messages[index])
            });
            other::nia_mac_batch(black_box(&mut jobs));
        },
    );
}
