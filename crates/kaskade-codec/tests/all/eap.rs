//! EAP packets: every malformed length has its error, what is written is read, and nothing is believed before its code is checked.

use kaskade_codec::eap::write::{self, Protection};
use kaskade_codec::eap::{
    AkaMethod, AttributeType, Body, Challenge, ChallengeAnswer, Code, EapError, FsOffer, Hidden, IdRequest,
    NotificationAnswer, NotificationCode, NotificationRequest, Packet, Request, Response, Sealing, Shape, WrongMac,
    failure, identity_response, nak, success,
};
use kaskade_crypto::{Autn, Auts, Rand, Res};
use kaskade_keys::eap::{AtMacKey, KAut, KAutAka, KEncr};
use kaskade_keys::id::{EapCounter, EapIdentity, NonceS};
use proptest::prelude::*;

fn k_aut() -> KAut {
    KAut::from_octets(&[3; 32])
}

fn k_encr() -> KEncr {
    KEncr::from_octets(&[4; 16])
}

fn aka_prime(subtype: u8, code: Code, attributes: &[u8]) -> Vec<u8> {
    let [high, low] = (attributes.len() as u16 + 8).to_be_bytes();
    let mut packet = vec![code as u8, 9, high, low, 50, subtype, 0, 0];
    packet.extend(attributes);
    packet
}

#[track_caller]
fn request(packet: &[u8]) -> Result<Request<'_>, EapError> {
    let Packet::Request(message) = Packet::parse(packet)? else {
        panic!("no request")
    };
    let Body::Aka(aka) = message.body else { panic!("no AKA") };
    aka.request()
}

#[track_caller]
fn response(packet: &[u8]) -> Result<Response<'_>, EapError> {
    let Packet::Response(message) = Packet::parse(packet)? else {
        panic!("no response")
    };
    let Body::Aka(aka) = message.body else { panic!("no AKA") };
    aka.response()
}

#[test]
fn headers_say_what_is_wrong() {
    for (packet, error) in [
        (&[][..], EapError::Truncated { expected: 4, actual: 0 }),
        (&[1, 2, 0], EapError::Truncated { expected: 4, actual: 3 }),
        (&[1, 2, 0, 9, 1], EapError::Truncated { expected: 9, actual: 5 }),
        (&[1, 2, 0, 3, 1], EapError::Length { length: 3, least: 4 }),
        (&[1, 2, 0, 4, 1], EapError::Length { length: 4, least: 5 }),
        (&[2, 2, 0, 4], EapError::Length { length: 4, least: 5 }),
        (&[0, 2, 0, 5, 1], EapError::Code(0)),
        (&[5, 2, 0, 5, 1], EapError::Code(5)),
        (&[1, 2, 0, 6, 3, 50], EapError::Type(3)),
    ] {
        assert_eq!(Packet::parse(packet), Err(error), "{packet:02x?}");
    }
    // Padding of a lower layer.
    assert_eq!(
        Packet::parse(&[3, 2, 0, 4, 9, 9]),
        Ok(Packet::Success { identifier: 2 })
    );
    assert_eq!(Packet::parse(&success(2)), Ok(Packet::Success { identifier: 2 }));
    assert_eq!(Packet::parse(&failure(7)), Ok(Packet::Failure { identifier: 7 }));
    let Ok(Packet::Response(message)) = Packet::parse(&[2, 2, 0, 7, 3, 50, 23]) else {
        panic!()
    };
    assert_eq!(message.body, Body::Nak(&[50, 23]));
    assert_eq!(nak(2, &[AkaMethod::AkaPrime, AkaMethod::Aka]), [2, 2, 0, 7, 3, 50, 23]);
    assert_eq!(nak(2, &[]), [2, 2, 0, 6, 3, 0]);
    let identity: EapIdentity = "0001@example.org".parse().unwrap();
    let packet = identity_response(5, &identity);
    let Ok(Packet::Response(message)) = Packet::parse(&packet) else {
        panic!()
    };
    assert_eq!(message.body, Body::Identity(b"0001@example.org"));
}

/// Whether an attribute of a shape may have so many octets.
fn may_have(shape: Shape, length: usize) -> bool {
    match shape {
        Shape::Flag | Shape::Number => length == 4,
        Shape::Octets16 => length == 20,
        Shape::Octets14 => length == 16,
        Shape::Bits => (8..=20).contains(&length),
        Shape::Text => length >= 4,
        Shape::Blocks => length >= 20 && length % 16 == 4,
        Shape::Padding => [4, 8, 12].contains(&length),
        Shape::Hash => [4, 24, 36].contains(&length),
        Shape::Key => length >= 8,
    }
}

#[test]
fn every_length_of_every_attribute_has_its_error() {
    for &attribute in AttributeType::ALL {
        for words in 0..=255_u8 {
            let length = usize::from(words) * 4;
            // As long as it says, and one octet less.
            let mut octets = vec![0; length.max(4)];
            octets[0] = attribute.number();
            octets[1] = words;
            let packet = aka_prime(5, Code::Response, &octets);
            let error = response(&packet).err();
            match words {
                0 => assert_eq!(
                    error,
                    Some(EapError::ZeroLength {
                        attribute: attribute.number(),
                        position: 8
                    })
                ),
                _ if !may_have(attribute.shape(), length) => {
                    let position = 8;
                    assert_eq!(
                        error,
                        Some(EapError::AttributeLength {
                            attribute,
                            position,
                            length
                        })
                    );
                }
                _ => assert!(!matches!(
                    error,
                    Some(EapError::AttributeLength { .. } | EapError::BeyondPacket { .. })
                )),
            }
            if words > 0 {
                let short = aka_prime(5, Code::Response, &octets[..octets.len() - 1]);
                assert_eq!(
                    response(&short).err(),
                    Some(EapError::BeyondPacket {
                        attribute: attribute.number(),
                        position: 8,
                        length,
                        available: length - 1
                    })
                );
            }
        }
        // The number alone.
        let alone = aka_prime(5, Code::Response, &[attribute.number()]);
        assert!(matches!(response(&alone), Err(EapError::BeyondPacket { .. })));
    }
}

#[test]
fn a_length_within_an_attribute_must_be_its_own() {
    for (octets, value) in [(0, 1), (4, 0), (4, 5), (8, 4), (8, 9), (8, 0xffff)] {
        let mut identity = vec![14, 1 + octets / 4, (value >> 8) as u8, value as u8];
        identity.extend(vec![b'x'; usize::from(octets)]);
        let packet = aka_prime(5, Code::Response, &identity);
        assert!(
            matches!(response(&packet), Err(EapError::ValueLength { unit: "octets", .. })),
            "{octets} {value}"
        );
    }
    for bits in [0, 8, 31, 33, 63, 65, 96, 136, 0xffff_u16] {
        let mut res = vec![3, 3];
        res.extend(bits.to_be_bytes());
        res.extend([1; 8]);
        res.extend([11, 5, 0, 0]);
        res.extend([0; 16]);
        let packet = aka_prime(1, Code::Response, &res);
        assert!(
            matches!(response(&packet), Err(EapError::ValueLength { unit: "bits", .. })),
            "{bits}"
        );
    }
}

#[test]
fn what_is_not_known_is_skipped_or_refused_by_its_number() {
    for number in 0..=255_u8 {
        if AttributeType::of(number).is_some() {
            continue;
        }
        let attributes = [&[number, 2, 1, 2, 3, 4, 5, 6][..], &[14, 2, 0, 1, b'x', 0, 0, 0]].concat();
        let packet = aka_prime(5, Code::Response, &attributes);
        match number {
            0..=127 => assert_eq!(
                response(&packet).err(),
                Some(EapError::Unknown {
                    attribute: number,
                    position: 8
                })
            ),
            _ => assert!(matches!(response(&packet), Ok(Response::Identity(Some(b"x"))))),
        }
    }
    // Known, and not of this message.
    let packet = aka_prime(5, Code::Response, &[12, 1, 0, 0]);
    assert!(matches!(
        response(&packet),
        Err(EapError::NotAllowed {
            attribute: AttributeType::Notification,
            position: 8,
            ..
        })
    ));
    let packet = aka_prime(5, Code::Response, &[135, 1, 0, 0, 14, 1, 0, 0]);
    assert!(matches!(response(&packet), Ok(Response::Identity(Some(b"")))));
    // EAP-AKA has no AT_KDF.
    let mut packet = aka_prime(1, Code::Response, &[24, 1, 0, 1]);
    packet[4] = 23;
    assert!(matches!(response(&packet), Err(EapError::NotAllowed { .. })));
}

#[test]
fn the_same_twice_is_refused_but_for_lists() {
    let twice = aka_prime(5, Code::Response, &[14, 1, 0, 0, 14, 1, 0, 0]);
    assert_eq!(
        response(&twice).err(),
        Some(EapError::Duplicate {
            attribute: AttributeType::Identity,
            position: 12
        })
    );
    let auts = Auts::from_octets([7; 14]);
    let packet = write::synchronization_failure(AkaMethod::AkaPrime, 9, &auts, &[2, 1, 2]);
    let Ok(Response::SynchronizationFailure { auts: read, kdf }) = response(&packet) else {
        panic!()
    };
    assert_eq!((read, kdf), (auts, vec![2, 1, 2]));
}

#[test]
fn what_must_be_there_is_named() {
    for (subtype, code, attribute) in [
        (1, Code::Request, AttributeType::Rand),
        (1, Code::Response, AttributeType::Res),
        (12, Code::Request, AttributeType::Notification),
        (13, Code::Request, AttributeType::Mac),
        (13, Code::Response, AttributeType::EncrData),
        (4, Code::Response, AttributeType::Auts),
        (14, Code::Response, AttributeType::ClientErrorCode),
    ] {
        let packet = aka_prime(subtype, code, &[]);
        let error = match code {
            Code::Request => request(&packet).err(),
            _ => response(&packet).err(),
        };
        match error {
            Some(EapError::Missing { attribute: missing, .. }) => assert_eq!(missing, attribute),
            error => panic!("{subtype} {error:?}"),
        }
    }
    for (attributes, count) in [(&[][..], 0), (&[10, 1, 0, 0, 13, 1, 0, 0], 2)] {
        let packet = aka_prime(5, Code::Request, attributes);
        assert_eq!(request(&packet).err(), Some(EapError::IdRequests(count)));
    }
    for subtype in [0, 2, 3, 4, 6, 14, 255] {
        let packet = aka_prime(subtype, Code::Request, &[]);
        assert_eq!(request(&packet).err(), Some(EapError::Subtype(subtype)));
    }
    // AT_IV without AT_ENCR_DATA, and the reverse.
    let iv = [&[129, 5, 0, 0][..], &[1; 16]].concat();
    let data = [&[130, 5, 0, 0][..], &[1; 16]].concat();
    for (attributes, missing) in [(iv, AttributeType::EncrData), (data, AttributeType::Iv)] {
        let packet = aka_prime(13, Code::Request, &[&attributes[..], &[11, 5, 0, 0], &[0; 16]].concat());
        assert!(matches!(request(&packet), Err(EapError::Missing { attribute, .. }) if attribute == missing));
    }
    // One that is protected says so by a bit, and has a code; the other has none.
    let bare = write::notification(AkaMethod::AkaPrime, 9, NotificationCode::GENERAL_FAILURE);
    assert!(matches!(
        request(&bare),
        Ok(Request::Notification(NotificationRequest::Bare(_)))
    ));
    let without = write::notification(AkaMethod::AkaPrime, 9, NotificationCode::SUCCESS);
    assert!(matches!(request(&without), Err(EapError::Missing { .. })));
}

#[test]
fn forward_secrecy_needs_both_of_its_attributes() {
    let challenge = |offer| {
        let challenge = Challenge {
            rand: Rand::from_octets([1; 16]),
            autn: Autn::from_octets([2; 16]),
            kdf: vec![1],
            kdf_input: Some(b"WLAN"),
            forward_secrecy: offer,
            checkcode: None,
            result_ind: false,
            bidding: None,
            encrypted: None,
        };
        let protection = Protection {
            key: &k_aut(),
            hidden: None,
        };
        write::challenge(AkaMethod::AkaPrime, 9, &challenge, &protection).unwrap()
    };
    let packet = challenge(Some(FsOffer {
        kdf_fs: vec![1, 2],
        public_key: &[5; 32],
    }));
    let Ok(Request::Challenge(read)) = request(&packet) else {
        panic!()
    };
    assert_eq!(read.kdf_fs(), [1, 2]);
    let read = read.verify(&k_aut(), &[]).unwrap();
    assert_eq!(read.forward_secrecy.unwrap().public_key[..32], [5; 32]);
    // Without the key.
    let packet = challenge(Some(FsOffer {
        kdf_fs: vec![],
        public_key: &[5; 32],
    }));
    let Ok(Request::Challenge(read)) = request(&packet) else {
        panic!()
    };
    assert!(read.kdf_fs().is_empty());
    assert_eq!(read.verify(&k_aut(), &[]).unwrap().forward_secrecy, None);
}

#[test]
fn padding_is_zeros_at_the_end() {
    let open = |mut clear: Vec<u8>| {
        let iv = [6; 16];
        k_encr().encipher(&iv, &mut clear).unwrap();
        let mut attributes = [
            &[129, 5, 0, 0][..],
            &iv,
            &[130, 1 + clear.len() as u8 / 4, 0, 0],
            &clear,
        ]
        .concat();
        attributes.extend([11, 5, 0, 0]);
        attributes.extend([0; 16]);
        let mut packet = aka_prime(13, Code::Response, &attributes);
        let end = packet.len() - 16;
        let mac = k_aut().at_mac(&[&packet]);
        packet[end..].copy_from_slice(&mac);
        let Ok(Response::Reauthentication(answer)) = response(&packet) else {
            panic!()
        };
        answer.verify(&k_aut(), &[]).unwrap().encrypted.open(&k_encr())
    };
    let counter = [19, 1, 0, 7];
    let right = open([&counter[..], &[6, 3], &[0; 10]].concat()).unwrap();
    assert_eq!(right.counter, Some(EapCounter::new(7)));
    let wrong = open([&counter[..], &[6, 3], &[0; 9], &[1]].concat());
    assert_eq!(wrong, Err(EapError::Padding { position: 4 }));
    let first = open([&[6, 2, 0, 0, 0, 0, 0, 0][..], &counter, &[6, 1, 0, 0]].concat());
    assert_eq!(first, Err(EapError::Padding { position: 0 }));
    // An attribute that is not for there, an unknown one, and one that does not end.
    assert!(matches!(
        open([&[14, 1, 0, 0][..], &[6, 3], &[0; 10]].concat()),
        Err(EapError::NotAllowed { .. })
    ));
    assert!(matches!(
        open([&[99, 4][..], &[0; 14]].concat()),
        Err(EapError::Unknown { .. })
    ));
    assert!(matches!(
        open([&[19, 5][..], &[0; 14]].concat()),
        Err(EapError::BeyondPacket { .. })
    ));
}

fn identities() -> impl Strategy<Value = EapIdentity> {
    "[ -~]{1,253}".prop_map(|text| text.parse().unwrap())
}

fn hidden() -> impl Strategy<Value = Hidden> {
    (
        prop::option::of(any::<u16>().prop_map(EapCounter::new)),
        any::<bool>(),
        prop::option::of(any::<[u8; 16]>().prop_map(NonceS::from_octets)),
        prop::option::of(identities()),
        prop::option::of(identities()),
    )
        .prop_map(
            |(counter, counter_too_small, nonce_s, next_pseudonym, next_reauth_id)| Hidden {
                counter,
                counter_too_small,
                nonce_s,
                next_pseudonym,
                next_reauth_id,
            },
        )
}

proptest! {
    #[test]
    fn no_octets_panic(octets in prop::collection::vec(any::<u8>(), 0..200), code in 1..3_u8, method in prop::sample::select(vec![23_u8, 50]), subtype in 0..16_u8) {
        let _ = Packet::parse(&octets);
        let mut packet = vec![code, 1, 0, octets.len() as u8 + 8, method, subtype, 0, 0];
        packet.extend(octets);
        if let Ok(Packet::Request(message) | Packet::Response(message)) = Packet::parse(&packet)
            && let Body::Aka(aka) = message.body
        {
            let _ = (aka.request().is_ok(), aka.response().is_ok());
        }
    }

    #[test]
    fn a_challenge_that_is_written_is_read(
        rand: [u8; 16], autn: [u8; 16], kdf in prop::collection::vec(any::<u16>(), 1..5), name in "[ -~]{1,100}",
        hidden in hidden(), iv: [u8; 16], result_ind: bool, sha: bool,
    ) {
        let checkcode = [8; 32];
        let challenge = Challenge {
            rand: Rand::from_octets(rand),
            autn: Autn::from_octets(autn),
            kdf: kdf.clone(),
            kdf_input: Some(name.as_bytes()),
            forward_secrecy: None,
            checkcode: Some(if sha { &checkcode[..] } else { &[] }),
            result_ind,
            bidding: None,
            encrypted: None,
        };
        let (key, k_encr) = (k_aut(), k_encr());
        let protection = Protection { key: &key, hidden: Some((&hidden, Sealing { k_encr: &k_encr, iv })) };
        if hidden.is_empty() {
            return Ok(());
        }
        let written = match write::challenge(AkaMethod::AkaPrime, 3, &challenge, &protection) {
            Ok(written) => written,
            Err(EapError::MessageTooLong { length, most: 1020 }) => {
                prop_assert!(length > 1020);
                return Ok(());
            }
            Err(error) => panic!("{error}"),
        };
        let Ok(Request::Challenge(read)) = request(&written) else { panic!() };
        prop_assert_eq!((read.rand(), read.autn(), read.kdf(), read.kdf_input()), (&challenge.rand, &challenge.autn, &kdf[..], Some(name.as_bytes())));
        let read = read.verify(&key, &[]).unwrap();
        prop_assert_eq!(read.encrypted.unwrap().open(&k_encr), Ok(hidden));
        prop_assert_eq!(Challenge { encrypted: None, ..read }, challenge);
        // Another key, something behind it, one octet changed: nothing is read.
        let Ok(Request::Challenge(read)) = request(&written) else { panic!() };
        prop_assert_eq!(read.verify(&KAut::from_octets(&[9; 32]), &[]).err(), Some(WrongMac));
        let Ok(Request::Challenge(read)) = request(&written) else { panic!() };
        prop_assert_eq!(read.verify(&key, &[0]).err(), Some(WrongMac));
    }

    #[test]
    fn answers_that_are_written_are_read(
        res in prop::collection::vec(any::<u8>(), 4..=16), result_ind: bool, code: u16, counter: u16, too_small: bool, iv: [u8; 16], nonce: [u8; 16],
        identity in identities(),
    ) {
        for method in AkaMethod::ALL {
            let key = k_aut();
            let answer = ChallengeAnswer { res: Res::from_slice(&res).unwrap(), public_key: None, checkcode: None, result_ind };
            let written = write::challenge_answer(method, 3, &answer, &key).unwrap();
            let Ok(Response::Challenge(read)) = response(&written) else { panic!() };
            prop_assert_eq!(read.verify(&key, &[]), Ok(answer));
            let written = write::client_error(method, 3, code);
            prop_assert!(matches!(response(&written), Ok(Response::ClientError(read)) if read == code));
            let written = write::authentication_reject(method, 3);
            prop_assert!(matches!(response(&written), Ok(Response::AuthenticationReject)));
            let written = write::notification_answer(method, 3);
            prop_assert!(matches!(response(&written), Ok(Response::Notification(NotificationAnswer::Bare))));
            let written = write::identity_response(method, 3, &identity).unwrap();
            prop_assert!(matches!(response(&written), Ok(Response::Identity(Some(read))) if read == identity.as_str().as_bytes()));
            for which in [IdRequest::Any, IdRequest::FullAuth, IdRequest::Permanent] {
                let written = write::identity_request(method, 3, which);
                prop_assert!(matches!(request(&written), Ok(Request::Identity(read)) if read == which));
            }
            let hidden = Hidden { counter: Some(EapCounter::new(counter)), counter_too_small: too_small, ..Hidden::default() };
            let (key, k_encr) = (KAutAka::from_octets(&[2; 16]), k_encr());
            let protection = Protection { key: &key, hidden: Some((&hidden, Sealing { k_encr: &k_encr, iv })) };
            let written = write::reauthentication((Code::Response, method, 3), Some(&[]), result_ind, &protection, &nonce).unwrap();
            let Ok(Response::Reauthentication(read)) = response(&written) else { panic!() };
            prop_assert!(read.verify(&key, &[]).is_err(), "NONCE_S is behind it");
            let Ok(Response::Reauthentication(read)) = response(&written) else { panic!() };
            let read = read.verify(&key, &nonce).unwrap();
            prop_assert_eq!((read.checkcode, read.result_ind), (Some(&[][..]), result_ind));
            prop_assert_eq!(read.encrypted.open(&k_encr), Ok(hidden));
        }
        let other = write::other_kdf(3, code);
        prop_assert!(matches!(response(&other), Ok(Response::OtherKdf(read)) if read == code));
        let other = write::other_kdf_fs(3, code);
        prop_assert!(matches!(response(&other), Ok(Response::OtherKdfFs(read)) if read == code));
    }
}
