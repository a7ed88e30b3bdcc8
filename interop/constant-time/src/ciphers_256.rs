//! The 256-bit algorithms: key, message and associated data are secret; the IV and lengths are public.

use kaskade_crypto::cipher::{BackEnd, Key256};
use kaskade_crypto::nxa256::{
    CipherJob256, Iv256, MacJob256, Nca4, Nca5, Nca6, Nea4, Nea5, Nea6, Nia4, Nia5, Nia6, Tag, TagLength,
};
use subtle::ConstantTimeEq;

use crate::check::{Checks, constant_time, decision, secret, secret_vec, xor};
use crate::ciphers::{LENGTHS, on};

fn iv() -> Iv256 {
    Iv256::from_octets([0x44, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 0, 0, 0, 0]).expect("room for the counter")
}

fn length(bits: usize) -> TagLength {
    TagLength::from_bits(bits).expect("a length of tags")
}

macro_rules! ciphers {
    ($checks:expr, $back_end:expr, $($Name:ident)*) => {$(
        let new = || $Name::with_back_end(&Key256::from_octets(&secret(1)), $back_end);
        let name = |what: &str| format!("{} {:?}: {what}", stringify!($Name), $back_end);
        on($checks, &name("octets"), $back_end, new().is_ok(), || constant_time(|| {
            let mut message = secret_vec(333);
            new().expect("available").apply(&iv(), &mut message);
            message
        }));
        on($checks, &name("batch"), $back_end, new().is_ok(), || constant_time(|| {
            let ciphers = LENGTHS.map(|_| new().expect("available"));
            let mut messages = LENGTHS.map(secret_vec);
            let mut jobs: Vec<_> = ciphers
                .iter()
                .zip(&mut messages)
                .map(|(cipher, message)| CipherJob256 { cipher, iv: iv(), message })
                .collect();
            $Name::apply_batch(&mut jobs);
            messages.concat()
        }));
    )*};
}

macro_rules! macs {
    ($checks:expr, $back_end:expr, $($Name:ident)*) => {$(
        let new = || $Name::with_back_end(&Key256::from_octets(&secret(1)), $back_end);
        let name = |what: &str| format!("{} {:?}: {what}", stringify!($Name), $back_end);
        on($checks, &name("octets"), $back_end, new().is_ok(), || constant_time(|| {
            new().expect("available").mac(&iv(), &secret_vec(333), length(128)).octets().to_vec()
        }));
        on($checks, &name("batch"), $back_end, new().is_ok(), || constant_time(|| {
            let algorithms = LENGTHS.map(|_| new().expect("available"));
            let messages = LENGTHS.map(secret_vec);
            let mut jobs: Vec<_> = algorithms
                .iter()
                .zip(&messages)
                .map(|(algorithm, message)| MacJob256 {
                    algorithm,
                    iv: iv(),
                    message,
                    length: length(64),
                    tag: None,
                })
                .collect();
            $Name::mac_batch(&mut jobs);
            let tags = jobs.iter().filter_map(|job| Some(job.tag.as_ref()?.octets().to_vec()));
            tags.collect::<Vec<_>>().concat()
        }));
        on($checks, &name("verify"), $back_end, new().is_ok(), || decision::<8>(|difference| {
            let algorithm = new().expect("available");
            let message = secret_vec(50);
            let tag = algorithm.mac(&iv(), &message, length(64));
            algorithm.verify(&iv(), &message, &changed(&tag, difference)).is_ok()
        }));
    )*};
}

macro_rules! combined {
    ($checks:expr, $back_end:expr, $($Name:ident)*) => {$(
        let new = || $Name::with_back_end(&Key256::from_octets(&secret(1)), $back_end);
        let name = |what: &str| format!("{} {:?}: {what}", stringify!($Name), $back_end);
        on($checks, &name("seal"), $back_end, new().is_ok(), || constant_time(|| {
            let mut message = secret_vec(333);
            let tag = new().expect("available").seal(&iv(), &secret_vec(21), &mut message, length(128));
            [&message, tag.octets()].concat()
        }));
        on($checks, &name("open"), $back_end, new().is_ok(), || decision::<8>(|difference| {
            let (algorithm, aad) = (new().expect("available"), secret_vec(21));
            let mut message = secret_vec(50);
            let tag = algorithm.seal(&iv(), &aad, &mut message, length(64));
            algorithm.open(&iv(), &aad, &mut message, &changed(&tag, difference)).is_ok()
        }));
    )*};
}

/// A tag of 8 octets with `difference` added.
fn changed(tag: &Tag, difference: &[u8; 8]) -> Tag {
    let octets = tag.octets().try_into().expect("8 octets");
    Tag::from_octets(&xor(octets, difference)).expect("a length of tags")
}

pub(crate) fn run(checks: &mut Checks) {
    for back_end in BackEnd::ALL {
        ciphers!(checks, back_end, Nea4 Nea5 Nea6);
        macs!(checks, back_end, Nia4 Nia5 Nia6);
        combined!(checks, back_end, Nca4 Nca5 Nca6);
    }
    let tag = |difference: &[u8; 16]| Tag::from_octets(&xor(secret::<16>(1), difference)).expect("a length of tags");
    checks.holds("Tag: ct_eq", || {
        constant_time(|| [tag(&[0; 16]).ct_eq(&tag(&[0; 16])).unwrap_u8()])
    });
    checks.holds("Tag: ==", || {
        decision::<16>(|difference| tag(&[0; 16]) == tag(difference))
    });
}
