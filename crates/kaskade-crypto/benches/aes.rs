//! Speed of 128-NEA2 and 128-NIA2 against bounds that are measured in the same run: the portable back end, and
//! `oxirush-security` with its keys prepared as ours are.
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

use kaskade_crypto::aes::{Nea2, Nia2};
use kaskade_crypto::cipher::{BackEnd, Bearer, CipherJob, Direction, Key128, Mac32, MacJob, MessageInput};
use oxirush_security as other;
use rounds::Table;

/// A NAS message, and a packet of user data.
const LENGTHS: [usize; 2] = [64, 1500];
const BATCH: usize = 16;

fn main() {
    let mut table = Table::new();
    for length in LENGTHS {
        single(&mut table, length);
        batch(&mut table, length);
    }
    mixed_lengths(&mut table);
    table.finish();
}

const INPUT: MessageInput = MessageInput {
    count: 0x1234,
    bearer: Bearer::new(3).expect("5 bits"),
    direction: Direction::Downlink,
};

/// Both algorithms with one key: ours by both back ends, and theirs.
struct Keyed {
    nea2: [Nea2; 2],
    nia2: [Nia2; 2],
    their_nea2: other::CipheringContext,
    their_nia2: other::IntegrityContext,
}

impl Keyed {
    fn new(octet: usize) -> Self {
        let octets = [u8::try_from(octet).expect("a small number"); 16];
        let key = Key128::from_octets(&octets);
        let (enc, int) = (
            other::nas_5gs::KNasEnc::new(&octets),
            other::nas_5gs::KNasInt::new(&octets),
        );
        // The fastest may be the portable one, on a processor without instructions.
        Self {
            nea2: [
                Nea2::new(&key),
                Nea2::with_back_end(&key, BackEnd::Portable).expect("always there"),
            ],
            nia2: [
                Nia2::new(&key),
                Nia2::with_back_end(&key, BackEnd::Portable).expect("always there"),
            ],
            their_nea2: other::CipheringContext::new(&enc, other::CipheringAlgorithm::NEA2),
            their_nia2: other::IntegrityContext::new(&int, other::IntegrityAlgorithm::NIA2),
        }
    }
}

fn their_bearer() -> other::Bearer {
    other::Bearer::new(INPUT.bearer.value()).expect("5 bits")
}

fn single(table: &mut Table, length: usize) {
    let keyed = Keyed::new(7);
    let [mut ours, mut theirs] = [vec![0x55; length], vec![0x55; length]];
    let [fastest, portable] = &keyed.nea2;
    let figure = format!("128-NEA2, {length} octets");
    table.row(
        &figure,
        "portable back end",
        1.0,
        1,
        || fastest.apply(black_box(&INPUT), black_box(&mut ours)),
        || portable.apply(black_box(&INPUT), black_box(&mut theirs)),
    );
    table.row(
        &figure,
        "oxirush-security",
        1.0,
        1,
        || fastest.apply(black_box(&INPUT), black_box(&mut ours)),
        || {
            keyed.their_nea2.cipher(
                black_box(INPUT.count),
                their_bearer(),
                other::Direction::Downlink,
                black_box(&mut theirs),
            );
        },
    );
    let [fastest, portable] = &keyed.nia2;
    let figure = format!("128-NIA2, {length} octets");
    table.row(
        &figure,
        "portable back end",
        1.0,
        1,
        || fastest.mac(black_box(&INPUT), black_box(&ours)),
        || portable.mac(black_box(&INPUT), black_box(&theirs)),
    );
    table.row(
        &figure,
        "oxirush-security",
        1.0,
        1,
        || fastest.mac(black_box(&INPUT), black_box(&ours)),
        || {
            keyed.their_nia2.mac(
                black_box(INPUT.count),
                their_bearer(),
                other::Direction::Downlink,
                black_box(&theirs),
            )
        },
    );
}

fn batch(table: &mut Table, length: usize) {
    batch_of(table, &format!("{BATCH} times {length} octets"), &[length; BATCH]);
}

/// A mix as a network function has it: most messages are short.
fn mixed_lengths(table: &mut Table) {
    let lengths: Vec<usize> = (0..4 * BATCH)
        .map(|index| [20, 45, 64, 90, 150, 38, 300, 1400][index * 5 % 8])
        .collect();
    batch_of(table, &format!("{} mixed lengths", lengths.len()), &lengths);
}

fn batch_of(table: &mut Table, what: &str, lengths: &[usize]) {
    let keyed: Vec<Keyed> = (0..lengths.len()).map(Keyed::new).collect();
    let messages = || -> Vec<Vec<u8>> { lengths.iter().map(|length| vec![0x55; *length]).collect() };
    let [mut ours, mut portable, mut theirs] = [messages(), messages(), messages()];

    let [mut jobs, mut portable_jobs] = [(0, &mut ours), (1, &mut portable)].map(|(back_end, messages)| -> Vec<_> {
        let jobs = keyed.iter().zip(messages).map(|(keyed, message)| CipherJob {
            cipher: &keyed.nea2[back_end],
            input: INPUT,
            message,
        });
        jobs.collect()
    });
    let mut their_jobs: Vec<_> = keyed
        .iter()
        .zip(&mut theirs)
        .map(|(keyed, message)| {
            keyed
                .their_nea2
                .job(INPUT.count, their_bearer(), other::Direction::Downlink, message)
        })
        .collect();
    let figure = format!("128-NEA2, {what}");
    let per_call = lengths.len();
    table.row(
        &figure,
        "portable back end",
        1.0,
        per_call,
        || Nea2::apply_batch(black_box(&mut jobs)),
        || Nea2::apply_batch(black_box(&mut portable_jobs)),
    );
    table.row(
        &figure,
        "oxirush-security, its batch",
        1.0,
        per_call,
        || Nea2::apply_batch(black_box(&mut jobs)),
        || other::nea_cipher_batch(black_box(&mut their_jobs)),
    );

    let messages = messages();
    let [mut jobs, mut portable_jobs] = [0, 1].map(|back_end| -> Vec<_> {
        let jobs = keyed.iter().zip(&messages).map(|(keyed, message)| MacJob {
            algorithm: &keyed.nia2[back_end],
            input: INPUT,
            message,
            mac: Mac32::from_octets([0; 4]),
        });
        jobs.collect()
    });
    let mut their_jobs: Vec<_> = keyed
        .iter()
        .zip(&messages)
        .map(|(keyed, message)| {
            keyed
                .their_nia2
                .job(INPUT.count, their_bearer(), other::Direction::Downlink, message)
        })
        .collect();
    let figure = format!("128-NIA2, {what}");
    table.row(
        &figure,
        "portable back end",
        1.0,
        per_call,
        || Nia2::mac_batch(black_box(&mut jobs)),
        || Nia2::mac_batch(black_box(&mut portable_jobs)),
    );
    table.row(
        &figure,
        "oxirush-security, its batch",
        1.0,
        per_call,
        || Nia2::mac_batch(black_box(&mut jobs)),
        || other::nia_mac_batch(black_box(&mut their_jobs)),
    );
}
