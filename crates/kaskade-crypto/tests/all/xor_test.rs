//! The XOR test algorithm against a test USIM's recorded challenge, and by its own arithmetic.

use kaskade_crypto::xor_test::{InvalidResLength, ResLength, TestK, XorTest};
use kaskade_crypto::{Amf, Autn, Auts, Rand, Sqn};
use proptest::prelude::*;

/// The challenge of the USIM test of srsRAN 4G, whose AUTN a network of test equipment made.
#[test]
fn the_recorded_challenge_agrees() {
    let octets = |text: &str| <[u8; 16]>::try_from(hex::decode(text).expect("hex")).expect("16 octets");
    let k = TestK::from_octets(&octets("00112233445566778899aabbccddeeff"));
    let rand = Rand::from_octets(octets("0c63a85413e6a4ced986fbe5ce9b625e"));
    let autn = Autn::from_octets(octets("6757b3c2b97090010c728a67579252b8"));
    let set = XorTest::new(&k, ResLength::default());
    let sqn = Sqn::from_xor_ak(autn.sqn_xor_ak(), &set.f5(&rand));
    assert_eq!(sqn.octets(), [0, 0, 0, 0, 0, 0x21]);
    assert_eq!(set.f1(&rand, sqn, autn.amf()), autn.mac_a());
    assert_eq!(set.vector(&rand, sqn, autn.amf()).autn(), autn);
    let (res, ck, ik, ak) = set.f2345(&rand);
    assert_eq!(hex::encode(res.octets()), "0c728a6757b3c2b9511f515e02468ca1");
    assert_eq!(hex::encode(ck.expose_to_operator()), "728a6757b3c2b9511f515e02468ca10c");
    assert_eq!(hex::encode(ik.expose_to_operator()), "8a6757b3c2b9511f515e02468ca10c72");
    assert_eq!(hex::encode(ak.expose_to_operator()), "6757b3c2b951");
}

#[test]
fn the_length_of_res_is_checked() {
    for octets in 0..40 {
        let length = ResLength::new(octets);
        if (4..=16).contains(&octets) {
            assert_eq!(length.map(|length| length.octets().into()), Ok(octets));
        } else {
            assert_eq!(length, Err(InvalidResLength { octets }));
        }
    }
}

proptest! {
    #[test]
    fn auts_opens_and_res_is_cut(
        k: [u8; 16], rand: [u8; 16], sqn: [u8; 6], amf: [u8; 2], octets in 4_usize..=16, bit in 0..Auts::LEN * 8,
    ) {
        let rand = Rand::from_octets(rand);
        let (sqn, amf) = (Sqn::from_octets(sqn), Amf::from_octets(amf));
        let k = TestK::from_octets(&k);
        let (whole, cut) = (
            XorTest::new(&k, ResLength::LONGEST),
            XorTest::new(&k, ResLength::new(octets).expect("in range")),
        );
        let (whole_res, cut_res) = (whole.f2(&rand), cut.f2(&rand));
        prop_assert_eq!(cut_res.octets(), &whole_res.octets()[..octets]);
        prop_assert_eq!((cut.f3(&rand), cut.f4(&rand)), (whole.f3(&rand), whole.f4(&rand)));
        let vector = cut.vector(&rand, sqn, amf);
        prop_assert_eq!(vector.autn().mac_a(), cut.f1(&rand, sqn, amf));
        prop_assert_eq!(Sqn::from_xor_ak(vector.autn().sqn_xor_ak(), &cut.f5(&rand)), sqn);

        let auts = cut.auts(&rand, sqn);
        prop_assert_eq!(cut.verify_auts(&rand, &auts), Some(sqn));
        let mut changed = *auts.octets();
        changed[bit / 8] ^= 1 << (bit % 8);
        // MAC-S adds SQN to the key: the same bit changed in SQN and in MAC-S would pass, one bit alone does not.
        prop_assert_eq!(cut.verify_auts(&rand, &Auts::from_octets(changed)), None);
    }
}
