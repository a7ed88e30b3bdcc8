//! Labels, data and names of usages of the EMSK; the branches below it, and those of the project profile for 5G AKA.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use kaskade_crypto::{Autn, Rand};
use kaskade_keys::derivation::{Rule, Source};
use kaskade_keys::eap::Emsk;
use kaskade_keys::emsk::of_5g_aka::row_mk_5g_aka;
use kaskade_keys::fivegs::KAusf;
use kaskade_keys::id::{RootKeyName, SessionId, Snssai, UsageApplication, UsageData, UsageLabel};
use kaskade_keys::{ParseError, Supi, tree};
use proptest::prelude::*;

#[test]
fn a_label_is_what_its_registry_allows() {
    let longest = format!("{}@example.org", "x".repeat(52));
    assert_eq!(longest.len(), UsageLabel::MOST);
    for good in [
        "a@b",
        "telemetry@example.org",
        "private1",
        "TEAPbindkey@ietf.org",
        "!#$%@example.org",
        &longest,
    ] {
        assert_eq!(good.parse::<UsageLabel>().unwrap().as_str(), good);
    }
    let long = format!("x{longest}");
    for bad in [
        "",
        "EMSK",
        "telemetry",
        "experimental3",
        "@example.org",
        "a@",
        "a@b@c",
        "a@-b",
        "a@b..c",
        "a@b.",
        "a b@example.org",
        "a,b@example.org",
        "a\tb@example.org",
        "a\u{7f}@example.org",
        "a\0@example.org",
        "ä@example.org",
        "dsrk@ietf.org",
        "dsrk@IETF.org",
        "EAP Re-authentication Root Key@ietf.org",
        "DSRK Delivery Authorized Key@ietf.org",
        "Re-authentication Integrity Key@ietf.org",
        &long,
    ] {
        assert!(bad.parse::<UsageLabel>().is_err(), "{bad:?}");
    }
    assert!(matches!(
        "a,b@c".parse::<UsageLabel>(),
        Err(ParseError::Character { position: 1, .. })
    ));
    // Labels that differ in case are different labels.
    assert_ne!("a@b".parse::<UsageLabel>(), "A@b".parse::<UsageLabel>());
}

/// The labels of rows, other than the usages' own: no usage can have one of them, so that no USRK is a DSRK, an rRK or another.
#[test]
fn no_usage_has_the_label_of_another_key() {
    let mut looked_at = 0;
    for row in ["EMSK", "EMSK (5G AKA)", "DSRK", "rRK"]
        .into_iter()
        .flat_map(tree::children)
    {
        for label in row
            .parameters
            .iter()
            .filter(|spec| spec.name == "label")
            .filter_map(|spec| spec.fixed())
        {
            let label = String::from_utf8(label).unwrap();
            assert!(label.parse::<UsageLabel>().is_err(), "{label}");
            looked_at += 1;
        }
    }
    assert!(looked_at >= 7, "{looked_at}");
}

#[test]
fn slices_are_read_in_one_form() {
    let slice = |text: &str| text.parse::<Snssai>();
    assert_eq!(slice("1"), Ok(Snssai::new(1, None)));
    assert_eq!(slice("1-0000D1"), Ok(Snssai::new(1, Some([0, 0, 0xd1]))));
    assert_eq!(slice("1-ffffff"), slice("1"), "this SD says that there is none");
    assert_eq!(slice("255-abcdef").unwrap().octets(), [255, 0xab, 0xcd, 0xef]);
    assert_eq!(slice("1").unwrap().octets(), [1]);
    for text in ["0", "7-00000f", "128-0000d1"] {
        assert_eq!(slice(text).unwrap().to_string(), text);
    }
    for bad in [
        "",
        "256",
        "1-",
        "-1",
        "1-0000d",
        "1-0000d1a",
        "1-0000dx",
        "+1",
        " 1",
        "0001",
        "1-0000d1-2",
    ] {
        assert!(slice(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn data_have_at_most_2048_octets_and_reach_the_function_whole() {
    let emsk = Emsk::from_octets(&[7; 64]);
    let label: UsageLabel = "a@example.org".parse().unwrap();
    let mut data = vec![3; UsageData::MOST];
    let longest = emsk.usrk(&label, &UsageData::from_octets(&data).unwrap());
    data[UsageData::MOST - 1] ^= 1;
    assert_ne!(longest, emsk.usrk(&label, &UsageData::from_octets(&data).unwrap()));
    data.push(0);
    assert!(matches!(
        UsageData::from_octets(&data),
        Err(ParseError::Length { actual: 2049, .. })
    ));
    assert!("zz".parse::<UsageData>().is_err() && "0".parse::<UsageData>().is_err());
    assert!("slice:".parse::<UsageData>().is_err() && "slice:1/".parse::<UsageData>().is_err());
    assert!("service:".parse::<UsageData>().is_err());
    assert_eq!(
        "slice:1-0000d1/chat".parse::<UsageData>().unwrap().octets(),
        b"\x01\x02\x04\x01\0\0\xd1\0\x04chat"
    );
    assert_eq!(
        "service:chat".parse::<UsageData>().unwrap().octets(),
        b"\x01\x01\0\0\x04chat"
    );
    assert_eq!(
        "slice:9".parse::<UsageData>().unwrap().octets(),
        b"\x01\x02\x01\x09\0\0"
    );
}

/// SST and SD of a slice, or none of a service; an application.
type Drawn = (Option<(u8, Option<[u8; 3]>)>, String);

proptest! {
    /// Services and slices never have one text for different things.
    #[test]
    fn data_of_services_and_slices_are_told_apart(
        one in (any::<Option<(u8, Option<[u8; 3]>)>>(), "[ -~]{1,4}"),
        other in (any::<Option<(u8, Option<[u8; 3]>)>>(), "[ -~]{1,4}"),
    ) {
        let data = |(slice, application): &Drawn| {
            let application: UsageApplication = application.parse().unwrap();
            match slice {
                None => UsageData::service(&application),
                Some((sst, sd)) => UsageData::slice(&Snssai::new(*sst, *sd), Some(&application)),
            }
        };
        let slice = |of: &Drawn| of.0.map(|(sst, sd)| Snssai::new(sst, sd));
        let same = slice(&one) == slice(&other) && one.1 == other.1;
        prop_assert_eq!(data(&one) == data(&other), same);
    }
}

#[test]
fn names_are_those_of_the_specification() {
    let case = kaskade_oracle::vectors("emsk.json")["cases"]
        .as_array()
        .unwrap()
        .clone();
    let names: Vec<_> = case.iter().filter(|case| case["function"] == "name").collect();
    assert!(names.len() >= 5);
    for case in names {
        let octets = |name: &str| hex::decode(case[name].as_str().unwrap()).unwrap();
        let label = String::from_utf8(octets("label")).unwrap();
        let data = UsageData::from_octets(&octets("data")).unwrap();
        let made = match <[u8; 33]>::try_from(octets("key")) {
            Ok(session) if label == "EMSK" => SessionId::from_octets(session).emsk_name(),
            Ok(session) => SessionId::from_octets(session).usrk_name(&label.parse().unwrap(), &data),
            Err(key) => RootKeyName::from_octets(key.try_into().unwrap()).dsusrk_name(&label.parse().unwrap(), &data),
        };
        assert_eq!(made.octets()[..], octets("output"), "{}", case["name"]);
        assert_eq!(made.to_string().parse(), Ok(made));
    }
}

/// What falls with a key of one branch is below it: no branch leads to another, and none up. Every derivation there is is a row.
#[test]
fn no_branch_of_an_emsk_leads_to_another_or_up() {
    let below = |key: &'static str| {
        let mut fallen = tree::fallen(&[key]);
        fallen.sort_unstable();
        fallen
    };
    for leaf in [
        "USRK",
        "DSUSRK",
        "rIK",
        "rMSK",
        "DSRK delivery authorization key",
        "MSK (5G AKA)",
    ] {
        assert!(below(leaf).is_empty(), "{leaf}: {:?}", below(leaf));
        assert!(tree::children(leaf).next().is_none());
    }
    assert_eq!(below("rRK"), ["rIK", "rMSK"]);
    assert_eq!(below("DSRK"), ["DSUSRK", "rIK", "rMSK", "rRK"]);
    assert_eq!(below("EMSK (5G AKA)"), ["DSRK", "DSUSRK", "USRK", "rIK", "rMSK", "rRK"]);
    assert!(!below("MSK").contains(&"EMSK"));
    for key in ["K_SEAF", "K_AKMA", "K_AMF"] {
        assert!(
            below(key)
                .iter()
                .all(|fallen| !["USRK", "DSRK", "EMSK", "EMSK (5G AKA)"].contains(fallen)),
            "{key}"
        );
    }
    // What an operator is told of the profile: K_AUSF is above that EMSK.
    assert!(below("K_AUSF").contains(&"EMSK (5G AKA)") && !below("K_AUSF").contains(&"EMSK"));
}

/// The text that the profile hashes is never one that the KDF of TS 33.220 hashes under K_AUSF.
#[test]
fn the_profile_of_5g_aka_is_apart_from_every_key_of_3gpp() {
    let profile: Vec<_> = tree::rows()
        .filter(|row| row.clause.contains("5G-AKA-EMSK-1"))
        .collect();
    assert_eq!(profile.len(), 5);
    assert!(profile.iter().all(|row| row.source() == Source::ProjectProfile));
    for row in tree::children("K_AUSF") {
        assert!(
            matches!(row.rule, Rule::Kdf(_)) || row.child == "MK (5G AKA)",
            "{}",
            row.child
        );
    }
    // A text of that KDF ends with the length of its last parameter, so that it has at least as many octets as that says.
    let longest: Supi = format!("nai-{}@{}", "u".repeat(60), "r".repeat(60)).parse().unwrap();
    for supi in ["imsi-001010000000001".parse().unwrap(), longest] {
        let s = row_mk_5g_aka::transcript(&supi).s();
        // label ‖ 0x00 ‖ SUPI ‖ 128, behind a block of prf+, before its number.
        let whole = 32 + s.len() + 1 + 2 + 1;
        for block in 1..=4_u16 {
            let says = usize::from(128 << 8 | block);
            assert!(whole < says);
        }
    }
    let k_ausf = KAusf::from_octets(&[4; 32]);
    let supi: Supi = "imsi-001010000000001".parse().unwrap();
    let mk = k_ausf.mk_5g_aka(&supi);
    assert_ne!(
        mk,
        k_ausf.mk_5g_aka(&"imsi-001010000000002".parse().unwrap()),
        "bound to the subscriber"
    );
    let label: UsageLabel = "a@example.org".parse().unwrap();
    let data = UsageData::default();
    assert_eq!(
        mk.emsk().usrk(&label, &data),
        k_ausf.mk_5g_aka(&supi).emsk().usrk(&label, &data),
        "in the UE alike"
    );
    let (rand, autn) = (Rand::from_octets([1; 16]), Autn::from_octets([2; 16]));
    assert_ne!(
        SessionId::five_g_aka(&rand, &autn).emsk_name(),
        SessionId::aka_prime(&rand, &autn).emsk_name()
    );
}
