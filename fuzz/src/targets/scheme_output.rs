//! Output of the SUCI protection schemes.

use kaskade_crypto::ecies::{BackEnd, EphemeralSecret, HnPrivateKey, Profile, conceal_with, deconceal};
use std::sync::LazyLock;

/// Private keys of TS 33.501 C.4.3 and C.4.4, so that the seeds can be decrypted.
const HOME_NETWORK_KEYS: [[u8; 32]; 2] = [
    *b"\xc5\x3c\x22\x20\x8b\x61\x86\x0b\x06\xc6\x2e\x54\x06\xa7\xb3\x30\xc2\xb5\x77\xaa\x55\x58\x98\x15\x10\xd1\x28\x24\x7d\x38\xbd\x1d",
    *b"\xf1\xab\x10\x74\x47\x7e\xbc\xc7\xf5\x54\xea\x1c\x5f\xc3\x68\xb1\x61\x67\x30\x15\x5e\x00\x41\xac\x44\x7d\x63\x01\x97\x5f\xec\xda",
];

/// The keys of both profiles in every library of curves.
static KEYS: LazyLock<Vec<(BackEnd, HnPrivateKey)>> = LazyLock::new(|| {
    let key = |&back_end: &BackEnd| {
        Profile::ALL
            .into_iter()
            .zip(&HOME_NETWORK_KEYS)
            .map(move |(profile, octets)| {
                let key = HnPrivateKey::with_back_end(back_end, profile, octets);
                (back_end, key.expect("the specification's keys are in range"))
            })
    };
    BackEnd::ALL.iter().flat_map(key).collect()
});

/// ECIES scheme output: an octet whose lowest bit says profile A or B, then what the UE sends. TS 33.501 C.3.3.
pub fn ecies_deconceal(data: &[u8]) -> bool {
    let Some((selector, output)) = data.split_first() else {
        return false;
    };
    let profile = if selector & 1 == 0 { Profile::A } else { Profile::B };
    let keys = KEYS.iter().filter(|(_, key)| key.profile() == profile);
    let results: Vec<_> = keys
        .map(|(back_end, key)| {
            conceal_and_back(*back_end, key, output);
            deconceal(key, output)
        })
        .collect();
    // Every library of curves accepts and refuses the same.
    assert!(results.windows(2).all(|pair| pair[0] == pair[1]), "{results:?}");
    matches!(&results[..], [Ok(plain), ..] if plain.len() + profile.overhead() == output.len())
}

/// Whatever is concealed comes back, and not after one bit has changed.
fn conceal_and_back(back_end: BackEnd, key: &HnPrivateKey, plain: &[u8]) {
    let ephemeral = EphemeralSecret::from_octets(&[0x42; 32]);
    let Ok(mut output) = conceal_with(back_end, key.public_key(), ephemeral, plain) else {
        return assert!(plain.is_empty());
    };
    assert_eq!(deconceal(key, &output).as_deref(), Ok(plain));
    let middle = output.len() - 9;
    output[middle] ^= 1;
    assert!(deconceal(key, &output).is_err());
}
