//! The 256-bit algorithms of the project and of the reference agree on random inputs.

use kaskade_crypto::cipher::{BackEnd, Key256};
use kaskade_crypto::nxa256::{Iv256, Nca4, Nca5, Nca6, Nea4, Nea5, Nea6, Nia4, Nia5, Nia6, TagLength};
use kaskade_oracle::{Arg, Oracle, octets};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

/// Octets, AAD, key, IV and tag length in octets of one comparison.
type Input = (Vec<u8>, Vec<u8>, [u8; 32], [u8; 12], u64);

/// Random inputs; the reference is slow, so that few are long.
fn inputs(longest: usize) -> impl Strategy<Value = Input> {
    let message = prop::collection::vec(any::<u8>(), 0..=longest);
    let aad = prop::collection::vec(any::<u8>(), 0..100);
    (message, aad, any::<[u8; 32]>(), any::<[u8; 12]>(), 4_u64..=16)
}

macro_rules! compare {
    ($oracle:ident, $number:literal, $back_end:ident, $input:ident, $Nea:ident, $Nia:ident, $Nca:ident) => {{
        let (message, aad, key_octets, iv_octets, tag_octets) = $input;
        let mut all = [0; 16];
        all[..12].copy_from_slice(iv_octets);
        all[0] &= 0xfe;
        let iv = Iv256::from_octets(all).expect("an IV");
        let key = Key256::from_octets(key_octets);
        let length = TagLength::from_bits(8 * usize::try_from(*tag_octets).expect("few")).expect("a length");
        let (key_arg, iv_arg, message_arg): (Arg<'_>, Arg<'_>, Arg<'_>) =
            (key_octets.into(), (&all).into(), message.into());

        let mut ciphered = message.clone();
        $Nea::with_back_end(&key, $back_end)
            .expect("a back end")
            .apply(&iv, &mut ciphered);
        let theirs = $oracle.octets("nea", &[Arg::Text($number), key_arg, iv_arg, message_arg]);
        prop_assert_eq!(ciphered, theirs, "NEA{}", $number);

        let mac = $Nia::with_back_end(&key, $back_end)
            .expect("a back end")
            .mac(&iv, message, length);
        let theirs = $oracle.octets(
            "nia",
            &[
                Arg::Text($number),
                key_arg,
                iv_arg,
                message_arg,
                Arg::Number(*tag_octets),
            ],
        );
        prop_assert_eq!(mac.octets(), theirs, "NIA{}", $number);

        let mut sealed = message.clone();
        let nca = $Nca::with_back_end(&key, $back_end).expect("a back end");
        let tag = nca.seal(&iv, aad, &mut sealed, length);
        let theirs = $oracle.call(
            "nca",
            &[
                Arg::Text($number),
                key_arg,
                iv_arg,
                aad.into(),
                message_arg,
                Arg::Number(*tag_octets),
            ],
        );
        prop_assert_eq!(sealed, octets(&theirs[0]), "NCA{}", $number);
        prop_assert_eq!(tag.octets(), octets(&theirs[1]), "NCA{}", $number);
    }};
}

fn agree(cases: u32, longest: usize) {
    let Some(oracle) = Oracle::start() else { return };
    let mut runner = TestRunner::new(Config {
        failure_persistence: None,
        ..Config::with_cases(cases)
    });
    let result = runner.run(&inputs(longest), |input| {
        let input = &input;
        for back_end in BackEnd::available() {
            compare!(oracle, "4", back_end, input, Nea4, Nia4, Nca4);
            compare!(oracle, "5", back_end, input, Nea5, Nia5, Nca5);
            compare!(oracle, "6", back_end, input, Nea6, Nia6, Nca6);
        }
        Ok(())
    });
    assert_eq!(result, Ok(()));
}

#[test]
fn short_messages_agree() {
    agree(40, 130);
}

#[test]
fn long_messages_agree() {
    agree(6, 2500);
}
