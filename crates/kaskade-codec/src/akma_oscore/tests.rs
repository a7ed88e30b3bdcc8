use super::*;

fn af() -> OscoreAf {
    OscoreAf::new(
        "af.example".parse().unwrap(),
        UaProtocolId::from_octets([0xff, 0, 0, 0, 1]),
    )
    .unwrap()
}

fn a_kid() -> AKid {
    let text = "rid0.atid2yxx5GbRmkYHPJsa6ixVgbq8OV5DGCCYy3Byds_Kff8@5gc.mnc001.mcc001.3gppnetwork.org";
    text.parse().unwrap()
}

fn id(octets: &[u8]) -> ContextId {
    ContextId::new(octets).unwrap()
}

#[test]
fn both_ends_come_to_the_same_context() {
    let k_af = KAf::from_octets(&[7; 32]);
    let ue = UeSetUp::begin(&af(), &a_kid(), [1; 8], id(&[0xa]));
    let (answer, of_af) = AfSetUp::begin(&af(), ue.payload())
        .unwrap()
        .end(&k_af, [2; 8], id(&[0xb, 0xc]))
        .unwrap();
    let (payload, again) = (ue.payload().to_vec(), ue.clone());
    let of_ue = ue.end(&k_af, &answer).unwrap();
    assert_eq!(of_ue.master_secret, of_af.master_secret);
    assert_eq!(of_ue.master_salt, [payload.as_slice(), &answer].concat());
    assert_eq!(of_ue.master_salt, of_af.master_salt);
    assert_eq!((of_ue.sender_id, of_ue.recipient_id), (id(&[0xb, 0xc]), id(&[0xa])));
    assert_eq!((of_af.sender_id, of_af.recipient_id), (id(&[0xa]), id(&[0xb, 0xc])));
    // The same request once more: another context, since the AF says other octets.
    let begun = AfSetUp::begin(&af(), &payload).unwrap();
    assert_eq!(begun.a_kid(), &a_kid());
    let (other, replayed) = begun.end(&k_af, [3; 8], id(&[0xb, 0xc])).unwrap();
    assert_ne!(replayed.master_salt, of_af.master_salt);
    assert_eq!(again.end(&k_af, &other).unwrap().master_salt, replayed.master_salt);
}

#[test]
fn both_ends_have_ids_of_their_own() {
    let k_af = KAf::from_octets(&[7; 32]);
    let ue = UeSetUp::begin(&af(), &a_kid(), [1; 8], id(&[0xa]));
    let begun = AfSetUp::begin(&af(), ue.payload()).unwrap();
    assert_eq!(begun.end(&k_af, [2; 8], id(&[0xa])), Err(SetUpError::SameId));
    let answer = SetUpAnswer {
        n2: [2; 8],
        ue_sid: id(&[0xa]),
    };
    assert_eq!(ue.end(&k_af, &answer.encode()), Err(SetUpError::SameId));
    for wrong in [&[][..], &[0; 8]] {
        assert!(matches!(ContextId::new(wrong), Err(SetUpError::Length { .. })));
    }
}

#[test]
fn messages_are_read_as_they_are_written_and_no_others() {
    let request = SetUpRequest {
        protocol: af().protocol(),
        a_kid: a_kid(),
        n1: [1; 8],
        af_sid: id(&[9; 7]),
    };
    let octets = request.encode();
    // 84 45 ff00000001 78 56 …: by hand of RFC 8949.
    assert_eq!(octets.get(..9).unwrap(), &[0x84, 0x45, 0xff, 0, 0, 0, 1, 0x78, 86]);
    assert_eq!(SetUpRequest::read(&octets), Ok(request));
    for end in 0..octets.len() {
        assert!(SetUpRequest::read(octets.get(..end).unwrap()).is_err(), "{end}");
    }
    let answer = SetUpAnswer {
        n2: [2; 8],
        ue_sid: id(&[3]),
    };
    let told = answer.encode();
    assert_eq!(told, [0x82, 0x48, 2, 2, 2, 2, 2, 2, 2, 2, 0x41, 3]);
    assert_eq!(SetUpAnswer::read(&told), Ok(answer));
    let wrong: [(&[u8], SetUpError); 8] = [
        (&[], SetUpError::Short { what: "answer" }),
        (&[0xa2], SetUpError::Kind { what: "answer" }),
        (&[0x9f], SetUpError::Head { what: "answer" }),
        (
            &[0x83],
            SetUpError::Members {
                what: "answer",
                has: 3,
                members: 2,
            },
        ),
        (
            &[0x82, 0x58, 8, 0, 0, 0, 0, 0, 0, 0, 0],
            SetUpError::Head { what: "N2" },
        ),
        (&[0x82, 0x59, 0, 8], SetUpError::Head { what: "N2" }),
        (
            &[0x82, 0x41, 2],
            SetUpError::Length {
                what: "N2",
                has: 1,
                expected: "8",
            },
        ),
        (
            &[0x82, 0x48, 2, 2, 2, 2, 2, 2, 2, 2, 0x41, 3, 0],
            SetUpError::Behind { count: 1 },
        ),
    ];
    for (octets, error) in wrong {
        assert_eq!(SetUpAnswer::read(octets), Err(error), "{octets:x?}");
    }
}

#[test]
fn a_key_of_another_protocol_opens_nothing() {
    for taken in ["0100000002", "0100000007", "010001c0a8", "0100000100"] {
        let protocol = taken.parse().unwrap();
        let refused = OscoreAf::new("af.example".parse().unwrap(), protocol);
        assert_eq!(refused, Err(SetUpError::Protocol(protocol)));
    }
    let other = OscoreAf::new("af.example".parse().unwrap(), "ff00000002".parse().unwrap()).unwrap();
    let ue = UeSetUp::begin(&other, &a_kid(), [1; 8], id(&[0xa]));
    let refused = AfSetUp::begin(&af(), ue.payload()).err();
    assert_eq!(refused, Some(SetUpError::Protocol(other.protocol())));
}
