//! The ciphers and codes of radio and NAS: key and message are secret; COUNT, BEARER, DIRECTION and lengths are public.

use kaskade_crypto::aes::{Nea2, Nia2};
use kaskade_crypto::cipher::{BackEnd, Bearer, CipherJob, Direction, Key128, Mac32, MacJob, MessageInput};
use kaskade_crypto::snow3g::{FreshInput, Nea1, Nia1, Uia2};
use kaskade_crypto::zuc::{Nea3, Nia3};

use crate::check::{Checks, Verdict, constant_time, decision, secret, secret_vec, xor};

/// Lengths in octets of the messages of a batch: less than a block, many lanes, uneven.
pub(crate) const LENGTHS: [usize; 20] = [
    1, 3, 4, 5, 15, 16, 17, 31, 40, 64, 65, 100, 127, 128, 129, 200, 255, 256, 300, 7,
];

fn input() -> MessageInput {
    MessageInput {
        count: 0x398a_59b4,
        bearer: Bearer::new(21).expect("5 bits"),
        direction: Direction::Downlink,
    }
}

/// The check of a back end. A build for portable code must not have another, or the run would check too little.
pub(crate) fn on(checks: &mut Checks, name: &str, back_end: BackEnd, available: bool, check: impl FnOnce() -> Verdict) {
    match (available, back_end) {
        (true, BackEnd::Avx2 | BackEnd::Avx512) if cfg!(kaskade_portable) => {
            checks.holds(name, || Err("this build must have no accelerated back end".to_owned()));
        }
        (false, BackEnd::Portable) => checks.holds(name, || Err("no portable back end".to_owned())),
        (true, _) => checks.holds(name, check),
        (false, BackEnd::Avx2 | BackEnd::Avx512) => {}
    }
}

macro_rules! ciphers {
    ($checks:expr, $back_end:expr, $($Name:ident)*) => {$(
        let new = || $Name::with_back_end(&Key128::from_octets(&secret(1)), $back_end);
        let name = |what: &str| format!("{} {:?}: {what}", stringify!($Name), $back_end);
        on($checks, &name("octets"), $back_end, new().is_ok(), || constant_time(|| {
            let mut message = secret_vec(333);
            new().expect("available").apply(&input(), &mut message);
            message
        }));
        on($checks, &name("bits"), $back_end, new().is_ok(), || constant_time(|| {
            let mut message = secret_vec(40);
            new().expect("available").apply_bits(&input(), &mut message, 317).expect("bits within the message");
            message
        }));
        on($checks, &name("batch"), $back_end, new().is_ok(), || constant_time(|| {
            let ciphers = LENGTHS.map(|_| new().expect("available"));
            let mut messages = LENGTHS.map(secret_vec);
            let mut jobs: Vec<_> = ciphers
                .iter()
                .zip(&mut messages)
                .map(|(cipher, message)| CipherJob { cipher, input: input(), message })
                .collect();
            $Name::apply_batch(&mut jobs);
            messages.concat()
        }));
    )*};
}

macro_rules! macs {
    ($checks:expr, $back_end:expr, $($Name:ident)*) => {$(
        let new = || $Name::with_back_end(&Key128::from_octets(&secret(1)), $back_end);
        let name = |what: &str| format!("{} {:?}: {what}", stringify!($Name), $back_end);
        on($checks, &name("octets"), $back_end, new().is_ok(), || constant_time(|| {
            *new().expect("available").mac(&input(), &secret_vec(333)).octets()
        }));
        on($checks, &name("bits"), $back_end, new().is_ok(), || constant_time(|| {
            let mac = new().expect("available").mac_bits(&input(), &secret_vec(40), 317);
            *mac.expect("bits within the message").octets()
        }));
        on($checks, &name("batch"), $back_end, new().is_ok(), || constant_time(|| {
            let algorithms = LENGTHS.map(|_| new().expect("available"));
            let messages = LENGTHS.map(secret_vec);
            let mut jobs: Vec<_> = algorithms
                .iter()
                .zip(&messages)
                .map(|(algorithm, message)| MacJob {
                    algorithm,
                    input: input(),
                    message,
                    mac: Mac32::from_octets([0; 4]),
                })
                .collect();
            $Name::mac_batch(&mut jobs);
            jobs.iter().map(|job| *job.mac.octets()).collect::<Vec<_>>().concat()
        }));
        on($checks, &name("verify"), $back_end, new().is_ok(), || decision::<4>(|difference| {
            let algorithm = new().expect("available");
            let message = secret_vec(50);
            let mac = *algorithm.mac(&input(), &message).octets();
            algorithm.verify(&input(), &message, &Mac32::from_octets(xor(mac, difference))).is_ok()
        }));
    )*};
}

/// FRESH is public.
fn uia2(checks: &mut Checks, back_end: BackEnd) {
    let input = FreshInput {
        count: 0x398a_59b4,
        fresh: 0x8001_7fff,
        direction: Direction::Uplink,
    };
    let new = || Uia2::with_back_end(&Key128::from_octets(&secret(1)), back_end);
    on(checks, &format!("Uia2 {back_end:?}"), back_end, new().is_ok(), || {
        constant_time(|| *new().expect("available").mac(&input, &secret_vec(333)).octets())
    });
}

pub(crate) fn run(checks: &mut Checks) {
    for back_end in BackEnd::ALL {
        ciphers!(checks, back_end, Nea1 Nea2 Nea3);
        macs!(checks, back_end, Nia1 Nia2 Nia3);
        uia2(checks, back_end);
    }
}
