//! RADIUS: published packets, what is refused with which words, and both ends with each other.

use kaskade_codec::radius::{
    AccessRequest, AnswerError, AnswerWriter, AttributeType, Code, Exchange, NoRoom, NotAuthentic, Packet, RadiusError,
    Salts, Sent, Told,
};
use kaskade_crypto::radius::SharedSecret;
use kaskade_keys::eap::Msk;
use kaskade_keys::emsk::RMsk;
use proptest::prelude::*;

const REQUEST_AUTHENTICATOR: [u8; 16] = [0x5a; 16];

fn secret() -> SharedSecret {
    SharedSecret::new(b"at least sixteen octets").unwrap()
}

fn exchange() -> Exchange {
    Exchange::new(secret(), b"0001010000000001@wlan.mnc001.mcc001.3gppnetwork.org")
}

fn sent(exchange: &Exchange, eap: &[u8]) -> Sent {
    exchange.request(eap, 9, &REQUEST_AUTHENTICATOR).unwrap()
}

/// The answer to a request, as `fill` makes it.
fn answered(sent: &Sent, code: Code, fill: impl FnOnce(&mut AnswerWriter, &Packet<'_>)) -> Vec<u8> {
    let packet = Packet::parse(sent.octets()).unwrap();
    let mut answer = AnswerWriter::new(code);
    fill(&mut answer, &packet);
    answer.finish(&packet, &secret()).unwrap().to_vec()
}

/// A packet with these attributes, as they are.
fn raw(code: u8, attributes: &[&[u8]]) -> Vec<u8> {
    let attributes = attributes.concat();
    let length = u16::try_from(20 + attributes.len()).unwrap().to_be_bytes();
    [&[code, 9][..], &length, &REQUEST_AUTHENTICATOR, &attributes].concat()
}

/// With the code that belongs to it, which has its place at the end.
fn signed(code: u8, attributes: &[&[u8]]) -> Vec<u8> {
    let mut all = attributes.to_vec();
    let empty = [&[80, 18][..], &[0; 16]].concat();
    all.push(&empty);
    let mut packet = raw(code, &all);
    let right = secret().message_authenticator(&[&packet]);
    let at = packet.len() - 16;
    packet[at..].copy_from_slice(&right);
    packet
}

fn refused(packet: &[u8]) -> RadiusError {
    let parsed = Packet::parse(packet).and_then(|packet| AccessRequest::of(&packet).map(drop));
    parsed.expect_err("it was taken")
}

fn cases() -> Vec<serde_json::Value> {
    let vectors = kaskade_oracle::vectors("radius.json");
    vectors["cases"].as_array().expect("cases").clone()
}

fn octets(case: &serde_json::Value, field: &str) -> Vec<u8> {
    hex::decode(case[field].as_str().expect(field)).expect(field)
}

#[test]
fn published_packets() {
    let cases = cases();
    for operation in ["bound", "authenticated", "keys"] {
        assert!(cases.iter().any(|case| case["operation"] == operation), "{operation}");
    }
    for case in &cases {
        let name = &case["name"];
        let secret = SharedSecret::new(&octets(case, "secret")).unwrap();
        let (request, answer) = (octets(case, "request"), octets(case, "answer"));
        let (request, answer) = (Packet::parse(&request).unwrap(), Packet::parse(&answer).unwrap());
        let bound = [&answer.octets()[..4], request.authenticator(), &answer.octets()[20..]];
        assert!(
            secret.is_response_authenticator(answer.authenticator(), &bound),
            "{name}"
        );
        match case["operation"].as_str() {
            // Written before there was a Message-Authenticator: what is not believed today.
            Some("bound") => {
                assert_eq!(
                    request.authenticate_request(&secret),
                    Err(NotAuthentic::Missing),
                    "{name}"
                );
                let told = answer.authenticate_answer(&secret, request.authenticator());
                assert_eq!(told, Err(NotAuthentic::Missing), "{name}");
            }
            Some("authenticated") => assert_eq!(request.authenticate_request(&secret), Ok(()), "{name}"),
            _ => {
                request.authenticate_request(&secret).unwrap();
                answer.authenticate_answer(&secret, request.authenticator()).unwrap();
                let (salts, msk) = (octets(case, "salts"), octets(case, "msk"));
                let hidden: Vec<_> = answer.all(AttributeType::VendorSpecific).map(|own| own.value).collect();
                assert_eq!(hidden.len(), 2, "{name}");
                for (own, salt) in hidden.iter().zip(salts.chunks(2)) {
                    assert_eq!(&own[6..8], salt, "{name}");
                    // 17 is Recv: the first half.
                    let half = if own[4] == 17 { &msk[..32] } else { &msk[32..] };
                    let mut clear = own[8..].to_vec();
                    secret.reveal(request.authenticator(), [salt[0], salt[1]], &mut clear);
                    assert_eq!((clear[0], &clear[1..33]), (32, half), "{name}");
                }
            }
        }
    }
}

#[test]
fn keys_of_another_server_are_read() {
    for case in cases().iter().filter(|case| case["operation"] == "keys") {
        let secret = SharedSecret::new(&octets(case, "secret")).unwrap();
        let request = octets(case, "request");
        let packet = Packet::parse(&request).unwrap();
        let user = packet.once(AttributeType::UserName).unwrap().unwrap();
        // The same request again, so that the answer is to it.
        let mut exchange = Exchange::new(secret, user);
        let again = exchange
            .request(&[], packet.identifier(), packet.authenticator())
            .unwrap();
        let Told::Accept { msk, .. } = exchange.answer(&again, &octets(case, "answer")).unwrap() else {
            unreachable!("{}", case["name"]);
        };
        let expected: [u8; 64] = octets(case, "msk").try_into().unwrap();
        assert_eq!(msk, Some(Msk::from_octets(&expected)));
    }
}

#[test]
fn every_cut_of_a_packet_is_refused_with_its_place() {
    let exchange = exchange().saying(AttributeType::NasIdentifier, b"twag");
    let whole = sent(&exchange, &[2; 600]).octets().to_vec();
    for end in 0..whole.len() {
        let said = whole.len();
        let expected = match end {
            0..20 => RadiusError::NoHeader { actual: end },
            _ => RadiusError::Truncated { said, actual: end },
        };
        assert_eq!(Packet::parse(&whole[..end]), Err(expected));
        // The length is cut too: then an attribute does not fit, unless the cut is between two.
        if let Some(cut) = whole.get(..end).filter(|cut| cut.len() >= 20) {
            let mut cut = cut.to_vec();
            cut[2..4].copy_from_slice(&u16::try_from(end).unwrap().to_be_bytes());
            match Packet::parse(&cut) {
                Ok(packet) => assert_ne!(packet.authenticate_request(&secret()), Ok(())),
                Err(RadiusError::BeyondPacket { length, available, .. }) => assert!(length > available),
                Err(other) => unreachable!("{end}: {other}"),
            }
        }
    }
    let mut padded = whole.clone();
    padded.extend([0xff; 100]);
    assert_eq!(
        Packet::parse(&padded).unwrap().octets(),
        whole,
        "padding is not content"
    );
}

#[test]
fn words() {
    let with = |attributes: &[&[u8]]| refused(&raw(1, attributes)).to_string();
    let long = |length: u16| {
        let mut packet = raw(1, &[]);
        packet.resize(5000, 0);
        packet[2..4].copy_from_slice(&length.to_be_bytes());
        refused(&packet).to_string()
    };
    for (said, expected) in [
        (
            refused(b"").to_string(),
            "0 octets are no RADIUS packet: its header has 20",
        ),
        (
            refused(&[1; 19]).to_string(),
            "19 octets are no RADIUS packet: its header has 20",
        ),
        (long(19), "the packet says it has 19 octets, expected 20 to 4096"),
        (long(4097), "the packet says it has 4097 octets, expected 20 to 4096"),
        (
            refused(&raw(1, &[&[1, 3, 0]])[..22]).to_string(),
            "the packet says it has 23 octets, 22 have come",
        ),
        (
            with(&[&[1, 0]]),
            "attribute 1 at octet 20 says it has 0 octets, expected 2 to 255",
        ),
        (
            with(&[&[24, 3, 7], &[1, 1]]),
            "attribute 1 at octet 23 says it has 1 octets, expected 2 to 255",
        ),
        (
            with(&[&[24, 3, 7], &[1]]),
            "attribute 1 at octet 23 needs 2 octets, 1 are left",
        ),
        (
            with(&[&[200, 9, 7, 7]]),
            "attribute 200 at octet 20 needs 9 octets, 4 are left",
        ),
        (
            with(&[&[1, 2]]),
            "the value of User-Name at octet 20 has 0 octets, expected 1 to 253",
        ),
        (
            with(&[&[12, 5, 0, 5, 0]]),
            "the value of Framed-MTU at octet 20 has 3 octets, expected 4 to 4",
        ),
        (
            with(&[&[80, 3, 0]]),
            "the value of Message-Authenticator at octet 20 has 1 octets, expected 16 to 16",
        ),
        (
            with(&[&[24, 3, 7], &[24, 3, 7]]),
            "State at octet 23 is the second one, expected one at the most",
        ),
        (
            with(&[&[79, 3, 2], &[24, 3, 7], &[79, 3, 2]]),
            "EAP-Message at octet 26 does not stand beside the one before it",
        ),
        (
            with(&[&[79, 3, 2], &[79, 2]]),
            "EAP-Message at octet 23 is empty, and not the only one",
        ),
        (
            refused(&raw(4, &[])).to_string(),
            "the packet has code 4, expected 1 (Access-Request)",
        ),
        (
            NotAuthentic::Missing.to_string(),
            "there is no Message-Authenticator, which every packet needs here",
        ),
        (
            exchange().request(&[2; 4000], 1, &[0; 16]).unwrap_err().to_string(),
            "EAP-Message has no room: 205 octets of value in a packet of 4096 octets at the most",
        ),
        (
            SharedSecret::new(b"").unwrap_err().to_string(),
            "a RADIUS secret has 1 to 128 octets, not 0",
        ),
    ] {
        assert_eq!(said, expected);
    }
}

#[test]
fn each_attribute_has_its_number_name_and_lengths() {
    let mut names = std::collections::BTreeSet::new();
    for attribute in AttributeType::ALL {
        assert_eq!(AttributeType::of(attribute.number()), Some(*attribute));
        assert!(names.insert(attribute.name()));
        let (least, most) = attribute.lengths();
        assert!(least <= most && most <= 253, "{attribute}");
        let of = |length: usize| {
            raw(
                1,
                &[
                    &[attribute.number(), u8::try_from(length + 2).unwrap()],
                    &vec![1; length],
                ],
            )
        };
        for length in 0..=253 {
            let taken = Packet::parse(&of(length)).is_ok();
            assert_eq!(taken, (least..=most).contains(&length), "{attribute} {length}");
        }
    }
    let known = (0..=u8::MAX).filter(|number| Code::of(*number).is_some());
    assert!(known.eq(Code::ALL.map(Code::number)));
}

#[test]
fn a_request_without_its_code_is_not_believed() {
    let told = |attributes: &[&[u8]]| {
        Packet::parse(&raw(1, attributes))
            .unwrap()
            .authenticate_request(&secret())
    };
    let code = [&[80, 18][..], &[0; 16]].concat();
    assert_eq!(told(&[&[1, 3, b'a']]), Err(NotAuthentic::Missing));
    assert_eq!(told(&[&[1, 3, b'a'], &code]), Err(NotAuthentic::Wrong));
    assert_eq!(told(&[&code, &[1, 3, b'a'], &code]), Err(NotAuthentic::Repeated));
    let good = signed(1, &[&[1, 3, b'a']]);
    assert_eq!(
        Packet::parse(&good).unwrap().authenticate_request(&secret()),
        Ok(()),
        "it need not be the first"
    );
    let other = SharedSecret::new(b"another secret altogether").unwrap();
    assert_eq!(
        Packet::parse(&good).unwrap().authenticate_request(&other),
        Err(NotAuthentic::Wrong)
    );
}

#[test]
fn no_bit_of_a_request_or_an_answer_can_be_turned() {
    let mut exchange = exchange().saying(AttributeType::ChargeableUserIdentity, &[0]);
    let sent = sent(&exchange, &[2, 1, 0, 5, 1]);
    let answer = answered(&sent, Code::AccessAccept, |answer, packet| {
        answer.eap(&[3, 1, 0, 4]).unwrap();
        let msk = Msk::from_octets(&[7; 64]);
        answer.msk(&msk, packet, &secret(), Salts::from_random([1, 2])).unwrap();
    });
    let turned = |octets: &[u8], bit: usize| {
        let mut octets = octets.to_vec();
        octets[bit / 8] ^= 1 << (bit % 8);
        octets
    };
    for bit in 0..8 * sent.octets().len() {
        let turned = turned(sent.octets(), bit);
        let believed = Packet::parse(&turned).is_ok_and(|packet| packet.authenticate_request(&secret()).is_ok());
        assert!(!believed, "bit {bit} of the request");
    }
    for bit in 0..8 * answer.len() {
        assert!(
            exchange.answer(&sent, &turned(&answer, bit)).is_err(),
            "bit {bit} of the answer"
        );
    }
    assert!(exchange.answer(&sent, &answer).is_ok());
}

#[test]
fn an_answer_begins_with_its_code_and_ends_with_what_proxies_gave() {
    let states: Vec<Vec<u8>> = (0..12_u8).map(|n| vec![n ^ 5; 1 + usize::from(n) * 20]).collect();
    let attributes: Vec<Vec<u8>> = states
        .iter()
        .map(|state| [&[33, u8::try_from(state.len() + 2).unwrap()][..], state].concat())
        .collect();
    let mut all: Vec<&[u8]> = attributes.iter().map(Vec::as_slice).collect();
    all.insert(5, &[1, 3, b'a']);
    let request = signed(1, &all);
    let packet = Packet::parse(&request).unwrap();
    let mut answer = AnswerWriter::new(Code::AccessReject);
    answer.eap(&[4, 1, 0, 4]).unwrap();
    let octets = answer.finish(&packet, &secret()).unwrap();
    let read = Packet::parse(&octets).unwrap();
    assert_eq!(read.authenticate_answer(&secret(), &REQUEST_AUTHENTICATOR), Ok(()));
    assert_eq!(read.attributes().next().map(|first| first.number), Some(80));
    let kept: Vec<_> = read
        .all(AttributeType::ProxyState)
        .map(|state| state.value.to_vec())
        .collect();
    assert_eq!(kept, states, "all, in their order");
    let last: Vec<_> = read.attributes().skip(2).map(|attribute| attribute.number).collect();
    assert_eq!(last, [33; 12]);
}

#[test]
fn what_proxies_gave_is_never_left_out_for_want_of_room() {
    let state = [&[33, 255][..], &[1; 253]].concat();
    let all = [&state[..]; 15];
    let request = signed(1, &all);
    let packet = Packet::parse(&request).unwrap();
    let mut answer = AnswerWriter::new(Code::AccessChallenge);
    answer.eap(&[1; 300]).unwrap();
    let told = answer.finish(&packet, &secret()).unwrap_err();
    let attribute = AttributeType::ProxyState;
    assert_eq!(told, NoRoom { attribute, actual: 253 });
}

#[test]
fn no_two_keys_of_a_packet_have_one_salt() {
    let exchange = exchange();
    for random in (0..=u16::MAX).step_by(251) {
        let answer = answered(&sent(&exchange, b""), Code::AccessAccept, |answer, packet| {
            let salts = Salts::from_random(random.to_be_bytes());
            answer
                .msk(&Msk::from_octets(&[7; 64]), packet, &secret(), salts)
                .unwrap();
        });
        let packet = Packet::parse(&answer).unwrap();
        let salts: Vec<_> = packet
            .all(AttributeType::VendorSpecific)
            .map(|own| own.value[6..8].to_vec())
            .collect();
        assert!(salts.len() == 2 && salts[0] != salts[1], "{random}");
        assert!(salts.iter().all(|salt| salt[0] & 0x80 != 0), "{random}");
    }
}

#[test]
fn keys_that_are_not_as_they_should_be_are_refused() {
    let vendor = |rest: &[u8]| {
        let length = u8::try_from(6 + rest.len()).unwrap();
        [&[26, length, 0, 0, 1, 55][..], rest].concat()
    };
    let hidden = |kind: u8, salt: [u8; 2], clear: [u8; 48]| {
        let mut blocks = clear;
        secret().hide(&REQUEST_AUTHENTICATOR, salt, &mut blocks);
        vendor(&[&[kind, 52][..], &salt, &blocks].concat())
    };
    let mut clear = [7; 48];
    clear[0] = 32;
    let mut short = clear;
    short[0] = 31;
    let told = |attributes: &[&[u8]]| {
        let mut exchange = exchange();
        let sent = sent(&exchange, b"");
        let mut packet = signed(2, attributes);
        let bound = secret().response_authenticator(&[&packet]);
        packet[4..20].copy_from_slice(&bound);
        exchange.answer(&sent, &packet)
    };
    let (recv, send) = (hidden(17, [0x80, 1], clear), hidden(16, [0x80, 2], clear));
    assert!(matches!(told(&[&recv, &send]), Ok(Told::Accept { msk: Some(_), .. })));
    assert!(
        matches!(told(&[&recv]), Ok(Told::Accept { msk: None, .. })),
        "half a key is none"
    );
    // Both in one attribute of the vendor, beside one that is not known.
    let both = vendor(&[&[12, 3, 0][..], &recv[6..], &send[6..]].concat());
    assert!(matches!(told(&[&both]), Ok(Told::Accept { msk: Some(_), .. })));
    let other = [&[26, 9, 0, 0, 0x28, 0xaf][..], &[1, 3, 0]].concat();
    assert!(matches!(told(&[&other]), Ok(Told::Accept { msk: None, .. })));
    for (what, attributes) in [
        ("one salt", vec![recv.clone(), hidden(16, [0x80, 1], clear)]),
        ("a salt below", vec![hidden(17, [0x7f, 1], clear)]),
        ("one key twice", vec![recv.clone(), hidden(17, [0x80, 3], clear)]),
        ("31 octets", vec![hidden(17, [0x80, 1], short)]),
        ("cut", vec![vendor(&recv[6..50])]),
        ("no length", vec![vendor(&[17])]),
        ("length 0", vec![vendor(&[17, 0, 1, 1])]),
        ("length 1", vec![vendor(&[17, 1, 1, 1])]),
        ("no salt", vec![vendor(&[17, 3, 1])]),
        ("octets behind", vec![vendor(&[&recv[6..], &[1]].concat())]),
    ] {
        let attributes: Vec<&[u8]> = attributes.iter().map(Vec::as_slice).collect();
        let error = told(&attributes).expect_err(what);
        assert!(
            matches!(error, AnswerError::Malformed(RadiusError::Vendor { vendor: 311, .. })),
            "{what}: {error}"
        );
    }
}

#[test]
fn an_answer_to_another_request_is_refused_and_changes_nothing() {
    let mut exchange = exchange();
    let first = sent(&exchange, b"");
    let challenge = |answer: &mut AnswerWriter, _: &Packet<'_>| {
        answer.attribute(AttributeType::State, b"of the session").unwrap();
        answer.eap(&[1, 1, 0, 5, 1]).unwrap();
        answer.number(AttributeType::SessionTimeout, 30).unwrap();
    };
    let answer = answered(&first, Code::AccessChallenge, challenge);
    let other = exchange.request(b"", 9, &[0xa5; 16]).unwrap();
    let told = exchange.answer(&other, &answer).unwrap_err();
    assert_eq!(told, AnswerError::NotAuthentic(NotAuthentic::Wrong));
    let another = exchange.request(b"", 10, &REQUEST_AUTHENTICATOR).unwrap();
    let told = exchange.answer(&another, &answer).unwrap_err();
    assert_eq!(told.to_string(), "the answer has identifier 9, expected 10");
    let state = |sent: &Sent| {
        let packet = Packet::parse(sent.octets()).unwrap();
        packet.once(AttributeType::State).unwrap().map(<[u8]>::to_vec)
    };
    assert_eq!(state(&sent(&exchange, b"")), None);
    let Told::Challenge {
        eap,
        session_timeout,
        error_cause,
    } = exchange.answer(&first, &answer).unwrap()
    else {
        unreachable!()
    };
    assert_eq!(
        (eap, session_timeout, error_cause),
        (vec![1, 1, 0, 5, 1], Some(30), None)
    );
    assert_eq!(state(&sent(&exchange, b"")), Some(b"of the session".to_vec()));
    // A challenge that asks nothing.
    let empty = answered(&first, Code::AccessChallenge, |_, _| {});
    assert_eq!(exchange.answer(&first, &empty), Err(AnswerError::NoEap));
    let request = answered(&first, Code::AccessRequest, |_, _| {});
    assert!(matches!(
        exchange.answer(&first, &request),
        Err(AnswerError::Malformed(RadiusError::Code { actual: 1, .. }))
    ));
}

#[test]
fn what_a_gateway_says_is_read() {
    let exchange = exchange()
        .saying(AttributeType::NasIdentifier, b"twag")
        .saying(AttributeType::NasIpAddress, &[192, 0, 2, 1])
        .saying(AttributeType::NasIpv6Address, &[0x20; 16])
        .saying(AttributeType::NasPort, &[0, 0, 0, 7])
        .saying(AttributeType::NasPortType, &[0, 0, 0, 19])
        .saying(AttributeType::NasPortId, b"wlan0")
        .saying(AttributeType::ServiceType, &[0, 0, 0, 2])
        .saying(AttributeType::OperatorName, b"1example.org")
        .saying(AttributeType::FramedMtu, &[0, 0, 5, 0x78])
        .saying(AttributeType::CallingStationId, b"02-00-00-00-00-01")
        .saying(AttributeType::CalledStationId, b"02-00-00-00-00-02:ssid")
        .saying(AttributeType::ChargeableUserIdentity, &[0])
        .saying(AttributeType::EapKeyName, &[1]);
    let sent = sent(&exchange, b"");
    let packet = Packet::parse(sent.octets()).unwrap();
    let request = AccessRequest::of(&packet).unwrap();
    assert_eq!(request.eap.as_deref(), Some(&[][..]), "EAP-Start");
    assert_eq!(request.framed_mtu, Some(1400));
    assert_eq!(request.calling_station_id, Some(&b"02-00-00-00-00-01"[..]));
    assert_eq!(request.called_station_id, Some(&b"02-00-00-00-00-02:ssid"[..]));
    assert!(
        request.wants_cui && !request.wants_eap_key_name,
        "a NUL asks, and nothing else"
    );
    let gateway = request.gateway;
    assert_eq!(gateway.identifier, Some(&b"twag"[..]));
    assert_eq!(gateway.ipv4, Some([192, 0, 2, 1].into()));
    assert_eq!(gateway.ipv6, Some([0x20; 16].into()));
    assert_eq!(
        (gateway.port, gateway.port_type, gateway.service_type),
        (Some(7), Some(19), Some(2))
    );
    assert_eq!(gateway.port_id, Some(&b"wlan0"[..]));
    assert_eq!(gateway.operator, Some(&b"1example.org"[..]));
    // Nothing that people see names them.
    for shown in [
        format!("{packet:?}"),
        format!("{request:?}"),
        format!("{exchange:?}"),
        format!("{sent:?}"),
    ] {
        assert!(!shown.contains("001010") && !shown.contains("02-00"), "{shown}");
    }
    let bare = raw(1, &[]);
    let no_eap = Packet::parse(&bare).map(|packet| AccessRequest::of(&packet).unwrap().eap);
    assert_eq!(no_eap, Ok(None));
}

proptest! {
    #[test]
    fn an_eap_packet_comes_through_in_its_parts(eap in prop::collection::vec(any::<u8>(), 0..3700)) {
        let sent = sent(&exchange(), &eap);
        let packet = Packet::parse(sent.octets()).unwrap();
        let parts: Vec<_> = packet.all(AttributeType::EapMessage).collect();
        prop_assert_eq!(parts.len(), eap.len().div_ceil(253).max(1));
        let got = packet.eap().unwrap();
        prop_assert_eq!(got.as_deref(), Some(&eap[..]));
    }

    #[test]
    fn an_msk_comes_through(msk: [u8; 64], random: [u8; 2], authenticator: [u8; 16], identifier: u8) {
        let mut exchange = exchange();
        let sent = exchange.request(b"", identifier, &authenticator).unwrap();
        let msk = Msk::from_octets(&msk);
        let answer = answered(&sent, Code::AccessAccept, |answer, packet| {
            answer.eap(&[3, 1, 0, 4]).unwrap();
            answer.attribute(AttributeType::ChargeableUserIdentity, b"opaque").unwrap();
            answer.msk(&msk, packet, &secret(), Salts::from_random(random)).unwrap();
        });
        let Told::Accept { eap, msk: got, cui, .. } = exchange.answer(&sent, &answer).unwrap() else { unreachable!() };
        prop_assert_eq!(eap, Some(vec![3, 1, 0, 4]));
        prop_assert_eq!(got.as_ref(), Some(&msk));
        prop_assert_eq!(cui, Some(b"opaque".to_vec()));
        // An rMSK looks the same on its way.
        let r_msk = RMsk::from_octets(msk.expose_to_authenticator());
        let again = answered(&sent, Code::AccessAccept, |answer, packet| {
            answer.eap(&[3, 1, 0, 4]).unwrap();
            answer.attribute(AttributeType::ChargeableUserIdentity, b"opaque").unwrap();
            answer.r_msk(&r_msk, packet, &secret(), Salts::from_random(random)).unwrap();
        });
        prop_assert_eq!(again, answer);
    }

    #[test]
    fn no_octets_panic(octets in prop::collection::vec(any::<u8>(), 0..200), said: bool) {
        let mut octets = octets;
        if let (true, Some(length), Ok(actual)) = (said, octets.get(2..4).map(<[u8]>::len), u16::try_from(octets.len())) {
            octets[2..2 + length].copy_from_slice(&actual.to_be_bytes());
        }
        if let Ok(packet) = Packet::parse(&octets) {
            let _ = (AccessRequest::of(&packet), packet.authenticate_request(&secret()));
            let mut exchange = exchange();
            let sent = sent(&exchange, b"");
            prop_assert!(exchange.answer(&sent, &octets).is_err());
        }
    }
}
