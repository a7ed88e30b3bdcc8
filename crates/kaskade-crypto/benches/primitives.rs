//! Speed of the algorithms against bounds that are measured in the same run.
//!
//! Each row times two pieces of work in turns, in many short rounds, and compares them round by round: a machine that
//! slows down slows both. The median over the rounds is printed.
#![allow(clippy::print_stdout, reason = "the table is the purpose of this program")]

mod rounds;

use core::mem::ManuallyDrop;
use std::hint::black_box;

use aes::cipher::{BlockCipherEncrypt, KeyInit};
use aes::{Aes128Enc, Block};
use kaskade_crypto::kdf::{Fc, HmacKey, KdfOutput};
use kaskade_crypto::milenage::{Milenage, MilenageVector, OperatorConstants, Request, vectors};
use kaskade_crypto::{Amf, K, KeyMaterial, Opc, Rand, Sqn};
use oxirush_security::milenage as other;
use rounds::Table;
use sha2::block_api::compress256;

const SERVING_NETWORK_NAME: &[u8] = b"5G:mnc001.mcc001.3gppnetwork.org";
const BATCH: usize = 1000;

fn main() {
    let mut table = Table::new();
    milenage(&mut table);
    kdf(&mut table);
    home_vector(&mut table);
    table.finish();
}

fn milenage(table: &mut Table) {
    let (k, opc) = (K::from_octets(&[0x46; 16]), Opc::from_octets(&[0xcd; 16]));
    let (rand, sqn, amf) = (Rand::from_octets([0x23; 16]), Sqn::from_octets([1, 2, 3, 4, 5, 6]), Amf::SEPARATION);
    let (their_k, their_opc) = (other::K::new(&[0x46; 16]), other::Opc::new(&[0xcd; 16]));
    let their_rand = oxirush_security::Rand::new(&[0x23; 16]);
    let (their_sqn, their_amf) = (other::Sqn::new(&[1, 2, 3, 4, 5, 6]), other::Amf::new(&[0x80, 0]));

    table.row(
        "MILENAGE f1-f5 from K and OPc",
        "oxirush-security, single",
        1.0,
        1,
        || Milenage::new(black_box(&k), black_box(&opc)).vector(black_box(&rand), black_box(sqn), black_box(amf)),
        || {
            other::Milenage::new(black_box(&their_k), black_box(&their_opc)).authentication_vector(
                black_box(&their_rand),
                black_box(&their_sqn),
                black_box(&their_amf),
            )
        },
    );

    table.row(
        "MILENAGE f1-f5 from K and OPc",
        "1 key schedule, 5 AES blocks",
        1.3,
        1,
        || Milenage::new(black_box(&k), black_box(&opc)).vector(black_box(&rand), black_box(sqn), black_box(amf)),
        || five_blocks(&[0x46; 16]),
    );

    let number = |index: usize| u8::try_from(index % 251).expect("below 251");
    let subscriptions: Vec<_> = (0..BATCH)
        .map(|index| (K::from_octets(&[number(index); 16]), Opc::from_octets(&[number(index + 7); 16])))
        .collect();
    let requests: Vec<_> = subscriptions
        .iter()
        .zip(0..)
        .map(|((k, opc), index)| Request {
            k,
            opc,
            constants: &OperatorConstants::STANDARD,
            rand: Rand::from_octets([number(index); 16]),
            sqn,
            amf,
        })
        .collect();
    let mut places: Vec<Option<MilenageVector>> = vec![None; BATCH];
    let their_subscriptions: Vec<_> = (0..BATCH)
        .map(|index| {
            other::Milenage::new(&other::K::new(&[number(index); 16]), &other::Opc::new(&[number(index + 7); 16]))
        })
        .collect();
    let their_rands: Vec<_> = (0..BATCH).map(|index| oxirush_security::Rand::new(&[number(index); 16])).collect();
    let mut jobs: Vec<_> = their_subscriptions
        .iter()
        .zip(&their_rands)
        .map(|(subscription, rand)| other::VectorJob::new(subscription, rand, &their_sqn, &their_amf))
        .collect();
    table.row(
        "MILENAGE f1-f5, batch of 1000",
        "oxirush-security, batch",
        1.0,
        BATCH,
        || vectors(black_box(&requests), black_box(&mut places)),
        || other::authentication_vector_batch(black_box(&mut jobs)),
    );
}

fn kdf(table: &mut Table) {
    let key = HmacKey::new(&[7; 32]);
    table.row(
        "HMAC key pads of CK ‖ IK",
        "2 compressions",
        1.3,
        1,
        || HmacKey::from_two(black_box(&[1; 16]), black_box(&[2; 16])),
        || compressions::<2>(),
    );
    table.row(
        "K_AUSF shape, pads shared",
        "2 compressions",
        1.3,
        1,
        || k_ausf(&key),
        || compressions::<2>(),
    );
    table.row(
        "XRES* shape, pads shared",
        "3 compressions",
        1.3,
        1,
        || xres_star(&key, &[3; 8]),
        || compressions::<3>(),
    );
}

fn home_vector(table: &mut Table) {
    let (k, opc) = (K::from_octets(&[0x46; 16]), Opc::from_octets(&[0xcd; 16]));
    let (rand, sqn, amf) = (Rand::from_octets([0x23; 16]), Sqn::from_octets([1, 2, 3, 4, 5, 6]), Amf::SEPARATION);
    table.row(
        "5G home vector: MILENAGE, K_AUSF, XRES*",
        "1 schedule, 5 blocks, 7 compressions",
        1.3,
        1,
        || {
            let vector = Milenage::new(black_box(&k), black_box(&opc)).vector(black_box(&rand), sqn, amf);
            let key = HmacKey::from_two(vector.ck.derivation_octets(), vector.ik.derivation_octets());
            let k_ausf = key
                .kdf(Fc::new(0x6a))
                .parameter(black_box(SERVING_NETWORK_NAME))
                .parameter(&vector.autn().sqn_xor_ak())
                .finish();
            let xres_star = key
                .kdf(Fc::new(0x6b))
                .parameter(black_box(SERVING_NETWORK_NAME))
                .parameter(rand.octets())
                .parameter(vector.res.octets())
                .finish();
            (vector, k_ausf, xres_star)
        },
        || (five_blocks(&[0x46; 16]), compressions::<7>()),
    );
}

fn k_ausf(key: &HmacKey) -> KdfOutput {
    key.kdf(Fc::new(0x6a)).parameter(black_box(SERVING_NETWORK_NAME)).parameter(black_box(&[5; 6])).finish()
}

fn xres_star(key: &HmacKey, res: &[u8; 8]) -> KdfOutput {
    key.kdf(Fc::new(0x6b))
        .parameter(black_box(SERVING_NETWORK_NAME))
        .parameter(black_box(&[9; 16]))
        .parameter(black_box(res))
        .finish()
}

/// One key schedule, one block, and four that depend on it, side by side; nothing is wiped.
fn five_blocks(key: &[u8; 16]) -> [Block; 4] {
    let cipher = ManuallyDrop::new(Aes128Enc::new(black_box(key).into()));
    let mut first = Block::default();
    cipher.encrypt_block(black_box(&mut first));
    let mut blocks = [first; 4];
    cipher.encrypt_blocks(&mut blocks);
    blocks
}

/// `N` compressions, one after the other.
fn compressions<const N: usize>() -> [u32; 8] {
    let mut state = black_box([0x5a5a_5a5a; 8]);
    let block = black_box([[0x3c; 64]]);
    for _ in 0..N {
        compress256(&mut state, &block);
    }
    state
}
