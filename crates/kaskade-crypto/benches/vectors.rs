//! Speed of derivations from many keys at once against the same derivations one by one, in the same run.
//!
//! Of each key two derivations, those of a 5G home vector. The lanes need AVX-512 F and BW; the bounds are
//! SHA-256 by whatever the `sha2` crate finds on the processor, the SHA instructions where there are some.
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

use kaskade_crypto::cipher::BackEnd;
use kaskade_crypto::kdf::batch::{HmacKeys, KdfOutputs, LANES, fewest};
use kaskade_crypto::kdf::{Fc, HmacKey, KdfOutput};
use rounds::Table;
use sha2::block_api::compress256;

/// K_AUSF and XRES* take a serving network name of this length: S has 43 and 63 octets, 2 and 3 compressions.
const SERVING_NETWORK_NAME: &[u8; 32] = b"5G:mnc001.mcc001.3gppnetwork.org";

fn main() {
    let inputs: Vec<_> = (0..16).map(Inputs::new).collect();
    let mut table = Table::new();
    for (back_end, at_most) in [(BackEnd::Avx512, [1.0, 0.9, 0.6, 0.5]), (BackEnd::Portable, [1.1; 4])] {
        if HmacKeys::with_back_end(back_end, []).is_err() {
            continue;
        }
        for (keys, at_most) in [fewest().unwrap_or(8), 10, 12, LANES].into_iter().zip(at_most) {
            let inputs = &inputs[..keys];
            table.row(
                &format!("K_AUSF, XRES* of {keys} keys, {back_end:?}"),
                "one by one",
                at_most,
                keys,
                || at_once(back_end, black_box(inputs)),
                || one_by_one(black_box(inputs)),
            );
        }
    }
    table.row(
        "K_AUSF, XRES* of 16 keys",
        "7 compressions each",
        1.2,
        LANES,
        || at_once(BackEnd::Avx512, &inputs).or_else(|| at_once(BackEnd::Portable, &inputs)),
        || [(); LANES].map(|()| compressions::<7>()),
    );
    table.finish();
}

struct Inputs {
    ck: [u8; 16],
    ik: [u8; 16],
    rand: [u8; 16],
    res: [u8; 8],
    sqn_xor_ak: [u8; 6],
}

impl Inputs {
    fn new(octet: u8) -> Self {
        Self {
            ck: [octet; 16],
            ik: [octet + 1; 16],
            rand: [octet + 2; 16],
            res: [octet + 3; 8],
            sqn_xor_ak: [octet + 4; 6],
        }
    }

    fn one(&self) -> [KdfOutput; 2] {
        let key = HmacKey::from_two(&self.ck, &self.ik);
        [
            key.derive(Fc::new(0x6a), |s| {
                s.push(name()).push(&self.sqn_xor_ak);
            }),
            key.derive(Fc::new(0x6b), |s| {
                s.push(name()).push(&self.rand).push(&self.res);
            }),
        ]
    }
}

fn name() -> &'static [u8] {
    black_box(&SERVING_NETWORK_NAME[..])
}

fn one_by_one(inputs: &[Inputs]) {
    for inputs in inputs {
        black_box(inputs.one());
    }
}

fn at_once(back_end: BackEnd, inputs: &[Inputs]) -> Option<[KdfOutputs; 2]> {
    let keys = inputs.iter().map(|inputs| (&inputs.ck[..], &inputs.ik[..]));
    let keys = HmacKeys::with_back_end(back_end, keys).ok()?;
    let k_ausf = keys.derive(Fc::new(0x6a), inputs, |input, s| {
        s.push(name()).push(&input.sqn_xor_ak);
    });
    let xres_star = keys.derive(Fc::new(0x6b), inputs, |input, s| {
        s.push(name()).push(&input.rand).push(&input.res);
    });
    Some([k_ausf, xres_star])
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
