//! ECIES of the SUCI: private keys, the shared secret and the SUPI are secret; public keys and lengths are public.
//!
//! A few branches depend on what comes out of a private key and is public: whether it is in range, and whether the shared
//! secret is usable, as both are but once in 2^32 times or less; and the form of its public key, odd or even. Each is
//! counted. A scalar multiplication that leaked would branch hundreds of times.

use kaskade_crypto::ecies::{EphemeralSecret, HnPrivateKey, Profile, conceal, deconceal};

use crate::check::{Checks, constant_time_but_for, decision_but_for, hidden, secret, secret_vec};

/// Branches on the range of a private key and the form of its public key.
const fn of_the_key(profile: Profile) -> u64 {
    match profile {
        Profile::A => 0,
        Profile::B => 5,
    }
}

pub(crate) fn run(checks: &mut Checks) {
    let usable = "a usable key";
    for profile in Profile::ALL {
        let home_network = |octets: &[u8; 32]| HnPrivateKey::from_octets(profile, octets).expect(usable);
        let public_key = home_network(&[0x42; 32]).public_key().clone();
        let known = of_the_key(profile) + 1;
        checks.holds(&format!("SUCI profile {profile}: conceal"), || {
            constant_time_but_for(known, || {
                conceal(&public_key, EphemeralSecret::from_octets(&secret(7)), &secret_vec(5)).expect(usable)
            })
        });
        checks.holds(&format!("SUCI profile {profile}: deconceal"), || {
            decision_but_for::<8>(known + 1, |difference| {
                let mut output = conceal(&public_key, EphemeralSecret::from_octets(&[7; 32]), &[1; 5]).expect(usable);
                let (_, tag) = output.split_last_chunk_mut::<8>().expect("a tag");
                tag.iter_mut()
                    .zip(difference)
                    .for_each(|(octet, difference)| *octet ^= difference);
                deconceal(&home_network(&hidden([0x42; 32])), &output).is_ok()
            })
        });
    }
}
