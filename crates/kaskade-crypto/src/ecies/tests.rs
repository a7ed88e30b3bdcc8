//! What can be seen only from inside: the agreed secrets themselves, and the keying data.
#![allow(clippy::panic, reason = "a test reports so")]

use super::symmetric::KeyingData;
use super::{BackEnd, Profile};
use crate::known_answers::{Case, load};
use crate::wipe::Wiped;

fn profile(case: &Case) -> Profile {
    match case.text("profile") {
        "A" => Profile::A,
        "B" => Profile::B,
        other => panic!("{}: profile {other}", case.name()),
    }
}

/// The agreement alone, with every back end.
#[test]
fn known_agreements() {
    let mut compared = 0;
    for case in load("suci.json") {
        let [private, public, shared] = if case.has("shared_key") {
            ["private_key", "public_key", "shared_key"]
        } else if case.has("ephemeral_shared_key") {
            [
                "ephemeral_private_key",
                "home_network_public_key",
                "ephemeral_shared_key",
            ]
        } else {
            continue;
        };
        for back_end in BackEnd::ALL {
            let key = back_end
                .private_key(profile(&case), &case.octets(private))
                .expect("a valid key");
            let agreed = key.agree(&case.vec(public));
            assert!(bool::from(agreed.usable), "{}", case.name());
            assert_eq!(
                hex::encode(agreed.z.0),
                case.text(shared),
                "{} {back_end:?}",
                case.name()
            );
            compared += 1;
        }
    }
    assert_eq!(compared, (4 + 3) * BackEnd::ALL.len());
}

/// EK, ICB and MK, through what they do.
#[test]
fn known_keying_data() {
    let mut compared = 0;
    for case in load("suci.json") {
        if !case.has("icb") {
            continue;
        }
        let z = Wiped(case.octets("ephemeral_shared_key"));
        let keys = KeyingData::derive(&z, &case.vec("ephemeral_public_key"));
        let [ek_and_icb, mk] = keys.octets();
        assert_eq!(
            hex::encode(ek_and_icb),
            [case.text("ephemeral_encryption_key"), case.text("icb")].concat(),
            "{}",
            case.name()
        );
        assert_eq!(hex::encode(mk), case.text("ephemeral_mac_key"), "{}", case.name());
        compared += 1;
    }
    assert_eq!(compared, 3);
}

/// The counter is the low 32 bits of the block: it wraps without carrying into the others.
#[test]
fn the_counter_has_32_bits() {
    use aes::cipher::{BlockCipherEncrypt, KeyInit};

    let (ek, mut icb) = ([0x17; 16], [0xff; 16]);
    let keys = KeyingData::from_parts(&ek, &icb);
    let mut keystream = [0; 32];
    keys.apply_keystream(&mut keystream);
    let cipher = aes::Aes128Enc::new(&ek.into());
    for (block, counter) in keystream.chunks(16).zip([u32::MAX, 0]) {
        icb[12..].copy_from_slice(&counter.to_be_bytes());
        let mut expected = icb.into();
        cipher.encrypt_block(&mut expected);
        assert_eq!(block, expected.as_slice());
    }
}
