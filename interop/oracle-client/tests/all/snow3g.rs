//! SNOW 3G's algorithms against the Python reference.

use kaskade_crypto::cipher::{BackEnd, Bearer, Direction, Key128, MessageInput};
use kaskade_crypto::snow3g::{FreshInput, Nea1, Nia1, Uia2};
use kaskade_oracle::{Arg, Oracle};

/// The reference computes some thousand words a second.
const CASES: usize = 90;

/// Octets that a small generator makes: the same in every run, so that a failure comes again.
struct Octets(u64);

impl Octets {
    fn number(&mut self) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn array<const N: usize>(&mut self) -> [u8; N] {
        core::array::from_fn(|_| self.number().to_le_bytes()[0])
    }

    fn below(&mut self, limit: u64) -> usize {
        usize::try_from(self.number() % limit).expect("small")
    }
}

#[test]
fn the_reference_agrees_at_every_remainder_and_up_to_20_000_bits() {
    let Some(oracle) = Oracle::start() else { return };
    let mut random = Octets(0x3617);
    let mut remainders = [0; 8];
    for case in 0..CASES {
        // Short ones, where the shapes of blocks differ; some longer; few up to the longest.
        let bits = match case % 9 {
            0..6 => random.below(600),
            6 | 7 => random.below(5000),
            _ => random.below(20_001),
        };
        remainders[bits % 8] += 1;
        let key: [u8; 16] = random.array();
        let message: Vec<u8> = (0..bits.div_ceil(8)).map(|_| random.array::<1>()[0]).collect();
        let [count, fresh] = [u32::from_le_bytes(random.array()), u32::from_le_bytes(random.array())];
        let bearer = random.array::<1>()[0] % 32;
        let direction = [Direction::Uplink, Direction::Downlink][random.below(2)];
        let input = MessageInput {
            count,
            bearer: Bearer::new(bearer).expect("5 bits"),
            direction,
        };
        let ask = |function: &str, third: u32| {
            oracle.octets(
                function,
                &[
                    Arg::from(&key),
                    Arg::Number(count.into()),
                    Arg::Number(third.into()),
                    Arg::Number(direction.bit().into()),
                    Arg::Octets(&message),
                    Arg::Number(bits as u64),
                ],
            )
        };
        let expected = [
            ask("uea2", bearer.into()),
            ask("eia1", bearer.into()),
            ask("uia2", fresh),
        ];
        let key = Key128::from_octets(&key);
        for back_end in BackEnd::ALL {
            let Ok(nea1) = Nea1::with_back_end(&key, back_end) else {
                continue;
            };
            let nia1 = Nia1::with_back_end(&key, back_end).expect("all or none");
            let uia2 = Uia2::with_back_end(&key, back_end).expect("all or none");
            let mut ciphered = message.clone();
            nea1.apply_bits(&input, &mut ciphered, bits).expect("bits are there");
            let with_bearer = nia1.mac_bits(&input, &message, bits).expect("bits are there");
            let fresh_input = FreshInput {
                count,
                fresh,
                direction,
            };
            let with_fresh = uia2.mac_bits(&fresh_input, &message, bits).expect("bits are there");
            let ours = [ciphered, with_bearer.octets().to_vec(), with_fresh.octets().to_vec()];
            assert_eq!(ours, expected, "case {case}: {bits} bits, {back_end:?}");
        }
    }
    assert!(remainders.iter().all(|cases| *cases > 0), "{remainders:?}");
}
