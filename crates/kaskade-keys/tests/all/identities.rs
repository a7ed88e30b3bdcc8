//! Identities: text, NAS octets, and what is refused.
#![allow(clippy::unwrap_used, missing_docs)]

use kaskade_keys::{
    HnKeyId, Nid, ParseError, Plmn, ProtectionScheme, RoutingIndicator, SchemeOutput, ServingNetworkName, Suci, Supi,
    id::SuciHome,
};
use proptest::prelude::*;

#[test]
fn plmn_knows_its_digit_count() {
    let two: Plmn = "001-01".parse().unwrap();
    let three: Plmn = "001-001".parse().unwrap();
    assert_ne!(two, three);
    assert_eq!((two.mnc(), three.mnc()), ("01", "001"));
    assert_eq!(&two.mnc_3_digits(), b"001");
    assert_eq!("00101".parse::<Plmn>().unwrap(), two);
    assert_eq!("310410".parse::<Plmn>().unwrap().to_string(), "310-410");
    // TS 24.501 9.11.3.4: MCC 2 ‖ MCC 1, MNC 3 ‖ MCC 3, MNC 2 ‖ MNC 1.
    assert_eq!("208-93".parse::<Plmn>().unwrap().nas_octets(), [0x02, 0xf8, 0x39]);
    assert_eq!("310-410".parse::<Plmn>().unwrap().nas_octets(), [0x13, 0x00, 0x14]);
    for bad in ["", "1", "0010", "001-1", "001-0001", "0x1-01", "001-0a", "١٢٣-01"] {
        assert!(bad.parse::<Plmn>().is_err(), "{bad}");
    }
    assert!(Plmn::from_nas_octets([0x0a, 0xf1, 0x10]).is_err());
    assert!(Plmn::from_nas_octets([0x00, 0xe1, 0x10]).is_err());
}

#[test]
fn serving_network_names() {
    let plmn: Plmn = "001-01".parse().unwrap();
    let name = ServingNetworkName::new(plmn, None);
    assert_eq!(name.as_str(), "5G:mnc001.mcc001.3gppnetwork.org");
    assert_eq!(name.kdf_octets().len(), 32);
    assert!(name.is_of(plmn));
    let nid: Nid = "0000000000a".parse().unwrap();
    let snpn = ServingNetworkName::new("999-70".parse().unwrap(), Some(nid));
    assert_eq!(snpn.as_str(), "5G:mnc070.mcc999.3gppnetwork.org:0000000000A");
    assert_eq!(snpn.as_str().parse::<ServingNetworkName>().unwrap(), snpn);
    assert_eq!(
        "5G:NSWO".parse::<ServingNetworkName>().unwrap(),
        ServingNetworkName::NSWO
    );
    for bad in [
        "",
        "internet",
        "5G:mnc01.mcc001.3gppnetwork.org",
        "5g:mnc001.mcc001.3gppnetwork.org",
        "5G:mnc001.mcc001.3gppnetwork.org:0000000000a",
        "5G:mnc001.mcc001.3gppnetwork.org:",
        "5G:mnc001.mcc001.3gppnetwork.orgx",
        "5G:mnc0x1.mcc001.3gppnetwork.org",
        "5G:mnc00é.mcc001.3gppnetwork.org",
    ] {
        assert!(bad.parse::<ServingNetworkName>().is_err(), "{bad}");
    }
}

#[test]
fn supi_enters_a_kdf_without_prefix() {
    let supi: Supi = "imsi-001010000000001".parse().unwrap();
    assert_eq!(supi.kdf_octets(), b"001010000000001");
    assert_eq!(supi.sbi(), "imsi-001010000000001");
    assert_eq!(supi.masked(), "imsi-00101********01");
    assert!(!format!("{supi:?}").contains("0000001"));
    let nai: Supi = "nai-user17@example.com".parse().unwrap();
    assert_eq!(nai.kdf_octets(), b"user17@example.com");
    assert_eq!(nai.masked(), "nai-***@example.com");
    for bad in [
        "001010000000001",
        "imsi-",
        "imsi-0010",
        "imsi-0010100000000012",
        "nai-user",
        "nai-@r",
        "imsi-00a01",
    ] {
        assert!(bad.parse::<Supi>().is_err(), "{bad}");
    }
    assert_eq!(
        "imsi-1234567890123456".parse::<Supi>(),
        Err(ParseError::Length {
            field: "IMSI",
            unit: "digits",
            expected: "5 to 15",
            actual: 16
        })
    );
}

#[test]
fn suci_null_scheme_in_all_forms() {
    // TS 33.501 C.4.2.1: MSIN 001002086 of 274-012.
    let supi: Supi = "imsi-274012001002086".parse().unwrap();
    let plmn: Plmn = "274-012".parse().unwrap();
    let suci = Suci::null(&supi, Some(plmn), RoutingIndicator::DEFAULT).unwrap();
    assert_eq!(suci.sbi(), "suci-0-274-012-0-0-0-001002086");
    assert_eq!(
        suci.nai(),
        "type0.rid0.schid0.userid001002086@5gc.mnc012.mcc274.3gppnetwork.org"
    );
    assert_eq!(hex::encode(suci.nas_octets()), "01722410f0ff000000012080f6");
    assert_eq!(
        Suci::scheme_input(&supi, Some(plmn)).unwrap(),
        hex::decode("00012080f6").unwrap()
    );
    for again in [
        suci.sbi().parse().unwrap(),
        suci.nai().parse().unwrap(),
        Suci::from_nas_octets(&suci.nas_octets()).unwrap(),
    ] {
        assert_eq!(suci, again);
        assert_eq!(again.null_supi().unwrap(), supi);
    }
    assert!(!format!("{suci:?}").contains("001002086"));
    // Of another home network.
    assert!(Suci::null(&supi, Some("001-01".parse().unwrap()), RoutingIndicator::DEFAULT).is_err());
}

#[test]
fn a_realm_pads_an_mnc_of_two_digits_and_ten_digits_of_msin_tell() {
    for (supi, plmn, pads) in [
        ("imsi-001010000000001", "001-01", true),
        ("imsi-274012001002086", "274-012", false),
    ] {
        let (supi, plmn): (Supi, Plmn) = (supi.parse().unwrap(), plmn.parse().unwrap());
        let input = Suci::scheme_input(&supi, Some(plmn)).unwrap();
        let realm: Plmn = if pads { "001-001".parse().unwrap() } else { plmn };
        let output = SchemeOutput::concealed(ProtectionScheme::ProfileA, vec![7; 45]).unwrap();
        let suci = Suci::new(SuciHome::Imsi(realm), RoutingIndicator::DEFAULT, HnKeyId(1), output).unwrap();
        assert_eq!(suci.nai().parse::<Suci>().unwrap(), suci);
        assert_eq!(suci.supi_from_scheme_input(&input).unwrap(), supi);
    }
}

#[test]
fn suci_of_a_network_specific_identifier() {
    // A username with hyphens that look like fields, in a realm with hyphens.
    let supi: Supi = "nai-bob-1-1-1-aa@my-realm.example".parse().unwrap();
    let suci = Suci::null(&supi, None, "678".parse().unwrap()).unwrap();
    assert_eq!(suci.sbi(), "suci-1-my-realm.example-678-0-0-bob-1-1-1-aa");
    assert_eq!(suci.sbi().parse::<Suci>().unwrap(), suci);
    assert_eq!(suci.nai(), "type1.rid678.schid0.useridbob-1-1-1-aa@my-realm.example");
    assert_eq!(suci.nai().parse::<Suci>().unwrap(), suci);
    assert_eq!(suci.nas_octets()[0], 0x11);
    assert_eq!(Suci::from_nas_octets(&suci.nas_octets()).unwrap(), suci);
    assert_eq!(suci.null_supi().unwrap(), supi);
}

#[test]
fn suci_refused() {
    for bad in [
        "",
        "suci-",
        "suci-0",
        "suci-0-001-01-0-0-0-",
        "suci-0-001-01-0-0-1-0000000001",
        "suci-0-001-01-0-1-0-aabb",
        "suci-0-001-01-0-1-256-aabb",
        "suci-0-001-01-0-1-1-aab",
        "suci-0-001-01-0-1-1-aagg",
        "suci-0-001-01-12345-0-0-0000000001",
        "suci-0-001-01-0-0-0-00000000011",
        "suci-0-001-01-0-0-0-00000x",
        "suci-8-realm-0-0-0-user",
        "suci-5-realm-0-0-0-user",
        "suci-1--0-0-0-user",
        "suci-1-realm-0-0-0-us@er",
        "type0.rid0.schid1.hnkey1.ecckeyaa.cipbb.maccc@5gc.mnc001.mcc001.3gppnetwork.org",
        "type0.rid0.schid0.userid1@5gc.mnc01.mcc001.3gppnetwork.org",
    ] {
        assert!(bad.parse::<Suci>().is_err(), "{bad}");
    }
    for bad in [
        "",
        "01",
        "02",
        "0100f110f0ff0000",
        "0100f110ffff000000",
        "0100f110f0ff100000",
        "0100f110f0ff00000f",
        "81",
    ] {
        assert!(Suci::from_nas_octets(&hex::decode(bad).unwrap()).is_err(), "{bad}");
    }
}

fn plmn() -> impl Strategy<Value = Plmn> {
    ("[0-9]{3}", "[0-9]{2,3}").prop_map(|(mcc, mnc)| Plmn::new(&mcc, &mnc).unwrap())
}

fn suci() -> impl Strategy<Value = Suci> {
    let concealed =
        (1_u8..=15, 1_u8..=255, prop::collection::vec(any::<u8>(), 41..80)).prop_map(|(scheme, key, octets)| {
            (
                HnKeyId(key),
                SchemeOutput::concealed(ProtectionScheme::from_id(scheme).unwrap(), octets).unwrap(),
            )
        });
    let clear = "[0-9]{5,9}".prop_map(|msin| (HnKeyId(0), SchemeOutput::Null(msin)));
    let home = prop_oneof![
        plmn().prop_map(SuciHome::Imsi),
        "[a-z][a-z.]{0,20}".prop_map(SuciHome::NetworkSpecific),
        "[a-z][a-z.]{0,20}".prop_map(SuciHome::GlobalCable),
    ];
    (home, "[0-9]{1,4}", prop_oneof![concealed, clear])
        .prop_map(|(home, ri, (key, output))| Suci::new(home, ri.parse().unwrap(), key, output).unwrap())
}

proptest! {
    #[test]
    fn plmn_round_trips(plmn in plmn()) {
        prop_assert_eq!(Plmn::from_nas_octets(plmn.nas_octets()).unwrap(), plmn);
        prop_assert_eq!(plmn.to_string().parse::<Plmn>().unwrap(), plmn);
    }

    #[test]
    fn suci_round_trips(suci in suci()) {
        prop_assert_eq!(&suci.sbi().parse::<Suci>().unwrap(), &suci);
        prop_assert_eq!(&Suci::from_nas_octets(&suci.nas_octets()).unwrap(), &suci);
        let mut by_nai: Suci = suci.nai().parse().unwrap();
        if let (SuciHome::Imsi(expected), SuciHome::Imsi(home)) = (&suci.home, &mut by_nai.home) {
            // The realm always writes three digits.
            prop_assert_eq!(home.mnc_3_digits(), expected.mnc_3_digits());
            *home = *expected;
        }
        prop_assert_eq!(&by_nai, &suci);
    }

    #[test]
    fn routing_indicator_round_trips(text in "[0-9]{1,4}") {
        let ri: RoutingIndicator = text.parse().unwrap();
        prop_assert_eq!(RoutingIndicator::from_nas_octets(ri.nas_octets()).unwrap(), ri);
    }

    #[test]
    fn parsers_never_panic(text in "\\PC{0,80}", octets in prop::collection::vec(any::<u8>(), 0..80)) {
        let _ = text.parse::<Suci>();
        let _ = format!("suci-{text}").parse::<Suci>();
        let _ = text.parse::<Supi>();
        let _ = text.parse::<ServingNetworkName>();
        let _ = Suci::from_nas_octets(&octets);
    }
}
