//! Every name of a UE leads back to its SUPI at the home network, and draws random octets only to conceal.

use kaskade_crypto::ecies::{self, HnPrivateKey, Profile};
use kaskade_flow::entropy::{Entropy, NoRandomness};
use kaskade_keys::{HnKeyId, Plmn, RoutingIndicator, SchemeOutput, Suci, Supi};
use kaskade_ue::{Identity, IdentityError, MobileIdentity};

fn supi() -> Supi {
    "imsi-001010123456789".parse().unwrap()
}

fn plmn() -> Plmn {
    "001-01".parse().unwrap()
}

fn concealed(key: &HnPrivateKey, home: Option<Plmn>) -> Identity {
    Identity::Concealed {
        home,
        routing_indicator: "12".parse().unwrap(),
        hn_key_id: HnKeyId(7),
        hn_public_key: key.public_key().clone(),
    }
}

/// Draws of 32 octets, each of one octet over and over; nothing after the last.
struct Draws<'a>(&'a [u8]);

impl Entropy for Draws<'_> {
    fn fill(&mut self, octets: &mut [u8]) -> Result<(), NoRandomness> {
        let (first, rest) = self.0.split_first().ok_or(NoRandomness)?;
        self.0 = rest;
        octets.fill(*first);
        Ok(())
    }
}

/// Where nothing is concealed.
struct Never;

impl Entropy for Never {
    fn fill(&mut self, _: &mut [u8]) -> Result<(), NoRandomness> {
        panic!("nothing is concealed, and random octets are drawn")
    }
}

fn suci(identity: MobileIdentity) -> Suci {
    match identity {
        MobileIdentity::Suci(suci) => suci,
        MobileIdentity::Supi(supi) => panic!("{} in clear", supi.masked()),
    }
}

#[test]
fn in_clear_nothing_is_drawn() {
    assert_eq!(Identity::Supi.of(&supi(), &mut Never), Ok(MobileIdentity::Supi(supi())));
    let null = Identity::Null {
        home: Some(plmn()),
        routing_indicator: RoutingIndicator::DEFAULT,
    };
    let suci = suci(null.of(&supi(), &mut Never).unwrap());
    assert_eq!(suci.null_supi(), Some(supi()));
    assert_eq!(suci.sbi(), "suci-0-001-01-0-0-0-0123456789");
}

#[test]
fn the_home_network_opens_what_is_concealed_and_nobody_links_it() {
    for profile in [Profile::A, Profile::B] {
        let key = HnPrivateKey::from_octets(profile, &[0x42; 32]).unwrap();
        let identity = concealed(&key, Some(plmn()));
        let mut draws = Draws(&[1, 2]);
        let named = [(); 2].map(|()| suci(identity.of(&supi(), &mut draws).unwrap()));
        assert_ne!(named[0], named[1]);
        for suci in named {
            assert_eq!(
                (suci.hn_key_id, suci.routing_indicator.to_string()),
                (HnKeyId(7), "12".into())
            );
            let octets = match (profile, &suci.output) {
                (Profile::A, SchemeOutput::ProfileA(octets)) | (Profile::B, SchemeOutput::ProfileB(octets)) => octets,
                _ => panic!("another scheme than that of the key"),
            };
            let plain = ecies::deconceal(&key, octets).unwrap();
            assert_eq!(suci.supi_from_scheme_input(&plain).unwrap(), supi());
        }
    }
}

#[test]
fn an_ephemeral_key_out_of_range_is_drawn_again_and_not_for_ever() {
    let key = HnPrivateKey::from_octets(Profile::B, &[0x42; 32]).unwrap();
    let identity = concealed(&key, Some(plmn()));
    // 0 and 2^256 - 1 are no scalars of P-256.
    let mut draws = Draws(&[0, 0xff, 3, 4]);
    let third = identity.of(&supi(), &mut draws);
    assert_eq!(third, identity.of(&supi(), &mut Draws(&[3])));
    assert_eq!(draws.0, [4]);
    let mut draws = Draws(&[0; 9]);
    assert_eq!(identity.of(&supi(), &mut draws), Err(IdentityError::BrokenRandomness));
    assert_eq!(draws.0, [0]);
    let none = identity.of(&supi(), &mut Draws(&[0]));
    assert_eq!(none, Err(IdentityError::NoRandomness(NoRandomness)));
}

#[test]
fn a_supi_of_another_network_has_no_suci_of_this_one() {
    let key = HnPrivateKey::from_octets(Profile::A, &[0x42; 32]).unwrap();
    for home in [None, Some("999-70".parse().unwrap())] {
        let null = Identity::Null {
            home,
            routing_indicator: RoutingIndicator::DEFAULT,
        };
        for identity in [null, concealed(&key, home)] {
            let error = identity.of(&supi(), &mut Never).unwrap_err();
            assert!(matches!(error, IdentityError::Parts(_)), "{error}");
            assert!(!error.to_string().contains("0123456789"), "{error}");
        }
    }
}
