//! 128-NEA3, 128-NIA3 and the generator below them agree with the reference on random inputs, on every back end.

use kaskade_crypto::cipher::{BackEnd, Bearer, Direction, Key128, MessageInput};
use kaskade_crypto::zuc::{Nea3, Nia3};
use kaskade_oracle::{Arg, Oracle};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

const BACK_ENDS: [BackEnd; 3] = BackEnd::ALL;

/// Key, COUNT, BEARER, DIRECTION, message and its bits: up to 20 000, more often few, since the reference is slow.
type Case = ([u8; 16], u32, u8, bool, Vec<u8>, usize);

fn cases() -> impl Strategy<Value = Case> {
    let messages = prop_oneof![3 => 0..70_usize, 1 => 0..2_501_usize]
        .prop_flat_map(|octets| (prop::collection::vec(any::<u8>(), octets), 0..8_usize));
    (any::<[u8; 16]>(), any::<u32>(), 0..32_u8, any::<bool>(), messages).prop_map(
        |(key, count, bearer, down, (message, less))| {
            let bits = (8 * message.len()).saturating_sub(less);
            (key, count, bearer, down, message, bits)
        },
    )
}

#[test]
fn ciphertexts_and_codes_agree() {
    let Some(oracle) = Oracle::start() else { return };
    let config = Config {
        cases: 100,
        ..Config::default()
    };
    let compare = |(key, count, bearer, down, message, bits): Case| {
        let args = [
            (&key).into(),
            Arg::Number(count.into()),
            Arg::Number(bearer.into()),
            Arg::Number(down.into()),
            Arg::Octets(&message),
            Arg::Number(u64::try_from(bits).expect("few")),
        ];
        let (ciphered, mac) = (oracle.octets("eea3", &args), oracle.octets("eia3", &args));
        let input = MessageInput {
            count,
            bearer: Bearer::new(bearer).expect("5 bits"),
            direction: if down { Direction::Downlink } else { Direction::Uplink },
        };
        let key = Key128::from_octets(&key);
        for back_end in BACK_ENDS {
            let (Ok(nea3), Ok(nia3)) = (Nea3::with_back_end(&key, back_end), Nia3::with_back_end(&key, back_end))
            else {
                continue;
            };
            let mut ours = message.clone();
            nea3.apply_bits(&input, &mut ours, bits).expect("bits that are there");
            prop_assert_eq!(
                &ours[..bits.div_ceil(8)],
                &ciphered[..bits.div_ceil(8)],
                "{:?}",
                back_end
            );
            let ours = nia3.mac_bits(&input, &message, bits).expect("bits that are there");
            prop_assert_eq!(&ours.octets()[..], &mac[..], "{:?}", back_end);
        }
        Ok(())
    };
    TestRunner::new(config).run(&cases(), compare).expect("agreement");
}
