//! Speed of the algorithms against bounds that are measured in the same run.
//!
//! Each row times two pieces of work in turns, in many short rounds, and compares them round by round: a machine that
//! slows down slows both. The median over the rounds is printed.
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

use core::mem::ManuallyDrop;
use std::hint::black_box;

use aes::cipher::{BlockCipherEncrypt, KeyInit};
use aes::{Aes128Enc, Block};
use kaskade_crypto::ecies::{BackEnd, EphemeralSecret, HnPrivateKey, Profile, conceal, deconceal};
use kaskade_crypto::kdf::{Fc, HmacKey, KdfOutput};
use kaskade_crypto::milenage::{Milenage, MilenageVector, OperatorConstants, Request, vectors};
use kaskade_crypto::{Amf, K, Opc, Rand, Sqn};
use oxirush_security::milenage as other;
use rounds::Table;
use sha2::block_api::compress256;

/// K_AUSF and XRES* take a serving network name of this length: S has 43 and 63 octets, 2 and 3 compressions.
const SERVING_NETWORK_NAME: &[u8; 32] = b"5G:mnc001.mcc001.3gppnetwork.org";
const BATCH: usize = 1000;

fn main() {
    let mut table = Table::new();
    milenage(&mut table);
    kdf(&mut table);
    home_vector(&mut table);
    ecies(&mut table);
    refusals(&mut table);
    table.finish();
}

/// What one vector is made from.
struct Inputs {
    k: K,
    opc: Opc,
    rand: Rand,
    sqn: Sqn,
    amf: Amf,
}

impl Inputs {
    fn new() -> Self {
        Self {
            k: K::from_octets(&[0x46; 16]),
            opc: Opc::from_octets(&[0xcd; 16]),
            rand: Rand::from_octets([0x23; 16]),
            sqn: Sqn::from_octets([1, 2, 3, 4, 5, 6]),
            amf: Amf::SEPARATION,
        }
    }

    fn vector(&self) -> MilenageVector {
        let Self { k, opc, rand, sqn, amf } = black_box(self);
        Milenage::new(k, opc).vector(rand, *sqn, *amf)
    }
}

fn milenage(table: &mut Table) {
    let inputs = Inputs::new();
    let (their_k, their_opc) = (other::K::new(&[0x46; 16]), other::Opc::new(&[0xcd; 16]));
    let their_rand = oxirush_security::Rand::new(&[0x23; 16]);
    let (their_sqn, their_amf) = (other::Sqn::new(&[1, 2, 3, 4, 5, 6]), other::Amf::new(&[0x80, 0]));
    table.row(
        "MILENAGE f1-f5 from K and OPc",
        "oxirush-security, single",
        1.0,
        1,
        || inputs.vector(),
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
        "1 key schedule, 5 blocks of the aes crate",
        1.0,
        1,
        || inputs.vector(),
        || five_blocks(&[0x46; 16]),
    );

    let number = |index: usize| u8::try_from(index % 251).expect("below 251");
    let subscriptions: Vec<_> = (0..BATCH)
        .map(|index| {
            (
                K::from_octets(&[number(index); 16]),
                Opc::from_octets(&[number(index + 7); 16]),
            )
        })
        .collect();
    let requests: Vec<_> = subscriptions
        .iter()
        .zip(0..)
        .map(|((k, opc), index)| Request {
            k,
            opc,
            constants: &OperatorConstants::STANDARD,
            rand: Rand::from_octets([number(index); 16]),
            sqn: inputs.sqn,
            amf: inputs.amf,
        })
        .collect();
    let mut places: Vec<Option<MilenageVector>> = vec![None; BATCH];
    let their_subscriptions: Vec<_> = (0..BATCH)
        .map(|index| {
            other::Milenage::new(
                &other::K::new(&[number(index); 16]),
                &other::Opc::new(&[number(index + 7); 16]),
            )
        })
        .collect();
    let their_rands: Vec<_> = (0..BATCH)
        .map(|index| oxirush_security::Rand::new(&[number(index); 16]))
        .collect();
    let mut jobs: Vec<_> = their_subscriptions
        .iter()
        .zip(&their_rands)
        .map(|(subscription, rand)| other::VectorJob::new(subscription, rand, &their_sqn, &their_amf))
        .collect();
    table.row(
        "MILENAGE f1-f5, batch of 1000",
        "oxirush-security, batch of 1000",
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
        compressions::<2>,
    );
    table.row(
        "K_AUSF shape, pads shared",
        "2 compressions, one hashing the other",
        1.5,
        1,
        || k_ausf(&key, &[5; 6]),
        nested_compressions::<1>,
    );
    table.row(
        "XRES* shape, pads shared",
        "3 compressions, one hashing the others",
        1.5,
        1,
        || xres_star(&key, &[9; 16], &[3; 8]),
        nested_compressions::<2>,
    );
}

fn home_vector(table: &mut Table) {
    let inputs = Inputs::new();
    let vector = || {
        let vector = inputs.vector();
        let key = HmacKey::from_two(vector.ck.expose_to_derivation(), vector.ik.expose_to_derivation());
        let k_ausf = k_ausf(&key, &vector.autn().sqn_xor_ak());
        let xres_star = xres_star(&key, inputs.rand.octets(), vector.res.octets());
        (vector, k_ausf, xres_star)
    };
    table.row(
        "5G home vector: MILENAGE, K_AUSF, XRES*",
        "1 schedule, 5 AES blocks, 7 compressions",
        1.3,
        1,
        vector,
        || (five_blocks(&[0x46; 16]), compressions::<7>()),
    );
    // The aes crate is slow at a few blocks; this bound does not profit from that.
    table.row(
        "5G home vector: MILENAGE, K_AUSF, XRES*",
        "MILENAGE alone, 7 compressions",
        1.3,
        1,
        vector,
        || (inputs.vector(), compressions::<7>()),
    );
}

fn ecies(table: &mut Table) {
    for back_end in BackEnd::ALL {
        for profile in Profile::ALL {
            let private = [0x17; 32];
            let key = HnPrivateKey::with_back_end(*back_end, profile, &private).expect("a valid key");
            let ephemeral = EphemeralSecret::from_octets(&[0x29; 32]);
            let output = conceal(key.public_key(), ephemeral, &[0, 1, 0x20, 0x80, 0xf6]).expect("concealed");
            let mut multiply = scalar_multiplication(*back_end, profile, &private, &output);
            table.row(
                &format!("SUCI profile {profile} deconcealed, {back_end:?}"),
                "1 scalar multiplication, symmetric part",
                1.15,
                1,
                || deconceal(black_box(&key), black_box(&output)),
                || symmetric_part(&multiply(), &output, profile.public_key_len()),
            );
        }
    }
}

/// Whoever sends a scheme output must not learn from the time why it was refused.
fn refusals(table: &mut Table) {
    for back_end in BackEnd::ALL {
        for profile in Profile::ALL {
            let key = HnPrivateKey::with_back_end(*back_end, profile, &[0x17; 32]).expect("a valid key");
            let ephemeral = EphemeralSecret::from_octets(&[0x29; 32]);
            let mut wrong_tag = conceal(key.public_key(), ephemeral, &[0, 1, 0x20, 0x80, 0xf6]).expect("concealed");
            if let Some(last) = wrong_tag.last_mut() {
                *last ^= 1;
            }
            // For A the point 0, of low order; for B the first x from the good one on that has no point.
            let mut no_point = wrong_tag.clone();
            match profile {
                Profile::A => no_point[..32].fill(0),
                Profile::B => {
                    while p256::PublicKey::from_sec1_bytes(&no_point[..33]).is_ok() {
                        no_point[32] = no_point[32].wrapping_add(1);
                    }
                }
            }
            table.row(
                &format!("SUCI profile {profile}, unusable point, {back_end:?}"),
                "wrong tag",
                1.1,
                1,
                || deconceal(black_box(&key), black_box(&no_point)),
                || deconceal(black_box(&key), black_box(&wrong_tag)),
            );
        }
    }
}

/// The bare agreement of a back end with the ephemeral public key of a scheme output.
fn scalar_multiplication(
    back_end: BackEnd,
    profile: Profile,
    private: &[u8; 32],
    output: &[u8],
) -> Box<dyn FnMut() -> [u8; 32]> {
    let point = output[..profile.public_key_len()].to_vec();
    match (back_end, profile) {
        (BackEnd::RustCrypto, Profile::A) => {
            let secret = x25519_dalek::StaticSecret::from(*private);
            let point = <[u8; 32]>::try_from(point).expect("32 octets");
            Box::new(move || secret.diffie_hellman(&black_box(point).into()).to_bytes())
        }
        (BackEnd::RustCrypto, Profile::B) => {
            let secret = p256::SecretKey::from_slice(private).expect("in range");
            Box::new(move || {
                let point = p256::PublicKey::from_sec1_bytes(black_box(&point)).expect("a point");
                let z = p256::ecdh::diffie_hellman(secret.to_nonzero_scalar(), point.as_affine());
                (*z.raw_secret_bytes()).into()
            })
        }
        #[cfg(feature = "aws-lc")]
        (BackEnd::AwsLc, _) => {
            use aws_lc_rs::agreement::{ECDH_P256, PrivateKey, UnparsedPublicKey, X25519, agree};
            let algorithm = if profile == Profile::A { &X25519 } else { &ECDH_P256 };
            let key = PrivateKey::from_private_key(algorithm, private).expect("in range");
            Box::new(move || {
                agree(&key, UnparsedPublicKey::new(algorithm, black_box(&point)), (), |z| {
                    z.try_into().map_err(|_| ())
                })
                .expect("a secret")
            })
        }
        (other, _) => unreachable!("{other:?} has no measurement"),
    }
}

/// X9.63 KDF, tag and decryption by the usual crates.
fn symmetric_part(z: &[u8; 32], output: &[u8], public_key_len: usize) -> (Vec<u8>, bool) {
    use ctr::cipher::{KeyIvInit, StreamCipher};
    use hmac::{Hmac, Mac};
    use sha2::{Digest, Sha256};

    let (shared_info, rest) = output.split_at(public_key_len);
    let (ciphertext, tag) = rest.split_at(rest.len() - 8);
    let block = |counter: u32| {
        Sha256::new()
            .chain_update(z)
            .chain_update(counter.to_be_bytes())
            .chain_update(shared_info)
            .finalize()
    };
    let (ek_and_icb, mk) = (block(1), block(2));
    let mut mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(&mk).expect("any length");
    mac.update(ciphertext);
    let tag_is_right = mac.verify_truncated_left(tag).is_ok();
    let mut plain = ciphertext.to_vec();
    let (ek, icb) = ek_and_icb.split_at(16);
    ctr::Ctr32BE::<Aes128Enc>::new_from_slices(ek, icb)
        .expect("16 octets each")
        .apply_keystream(&mut plain);
    (plain, tag_is_right)
}

fn k_ausf(key: &HmacKey, sqn_xor_ak: &[u8; 6]) -> KdfOutput {
    key.derive(Fc::new(0x6a), |s| {
        s.push(black_box(&SERVING_NETWORK_NAME[..])).push(black_box(sqn_xor_ak));
    })
}

fn xres_star(key: &HmacKey, rand: &[u8; 16], res: &[u8]) -> KdfOutput {
    key.derive(Fc::new(0x6b), |s| {
        s.push(black_box(&SERVING_NETWORK_NAME[..]))
            .push(black_box(rand))
            .push(black_box(res));
    })
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

/// `N` compressions, one after the other, and one of their result: the least that an HMAC with shared pads can do.
fn nested_compressions<const N: usize>() -> [u32; 8] {
    let mut block = [[0; 64]];
    for (octets, word) in block[0].as_chunks_mut().0.iter_mut().zip(compressions::<N>()) {
        *octets = word.to_be_bytes();
    }
    let mut state = black_box([0x5a5a_5a5a; 8]);
    compress256(&mut state, &block);
    state
}
