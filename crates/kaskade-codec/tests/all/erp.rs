//! Packets of ERP: those of `vectors/emsk.json`, whatever is wrong with one, and whatever else somebody sends.

use kaskade_codec::erp::{Code, ErpError, Flags, Items, KeyNameNai, ReAuth, ReAuthStart};
use kaskade_keys::emsk::{DsrkAuthorization, RRk};
use kaskade_keys::id::{Cryptosuite, ErpSequence};
use proptest::prelude::*;
use serde_json::Value;

fn octets(case: &Value, name: &str) -> Vec<u8> {
    hex::decode(case[name].as_str().unwrap_or_else(|| panic!("{name} of {case}"))).unwrap()
}

fn packets() -> Vec<Value> {
    let cases = kaskade_oracle::vectors("emsk.json")["cases"]
        .as_array()
        .unwrap()
        .clone();
    cases.into_iter().filter(|case| case["function"] == "packet").collect()
}

fn initiate() -> Vec<u8> {
    octets(&packets()[0], "packet")
}

#[test]
fn packets_of_hostap_are_read_and_written_again() {
    let cases = kaskade_oracle::vectors("eap-hostap.json")["cases"].clone();
    let case = cases.as_array().unwrap().iter().find(|case| case["function"] == "ERP");
    let case = case.expect("an exchange");
    let suite = Cryptosuite::HmacSha256Of128;
    let r_ik = RRk::from_octets(&octets(case, "r_rk").try_into().unwrap()).r_ik(suite);
    for name in ["initiate", "finish"] {
        let packet = octets(case, name);
        let readings = ReAuth::read(&packet).unwrap();
        let reading = &readings[0];
        let protection = reading.protection.as_ref().unwrap();
        assert!(
            r_ik.verify(protection.suite, protection.covered, protection.tag),
            "{name}"
        );
        let key_name = reading.re_auth.key_name_nai.to_string();
        assert!(key_name.starts_with(case["emsk_name"].as_str().unwrap()), "{key_name}");
        assert_eq!(reading.re_auth.seq.kdf_octets()[..], octets(case, "seq"));
        assert_eq!(
            reading.re_auth.protect(suite, |covered| r_ik.tag(covered)),
            packet,
            "{name}"
        );
    }
}

#[test]
fn packets_are_read_and_written_as_an_independent_script_makes_them() {
    let packets = packets();
    assert!(packets.len() >= 11);
    for case in &packets {
        let packet = octets(case, "packet");
        let suite = Cryptosuite::of(octets(case, "suite")[0]).unwrap();
        let r_ik = RRk::from_octets(&octets(case, "r_rk").try_into().unwrap()).r_ik(suite);
        let readings = ReAuth::read(&packet).unwrap();
        let right: Vec<_> = readings
            .iter()
            .filter(|reading| {
                let protection = reading.protection.as_ref().unwrap();
                r_ik.verify(protection.suite, protection.covered, protection.tag)
            })
            .collect();
        assert_eq!(right.len(), 1, "{}", case["name"]);
        let reading = right[0];
        let re_auth = &reading.re_auth;
        assert_eq!(reading.protection.unwrap().suite, suite);
        assert_eq!(re_auth.seq.kdf_octets()[..], octets(case, "seq"), "{}", case["name"]);
        assert_eq!(re_auth.key_name_nai.to_string(), "3e027fa0d26cc5fc@example.org");
        let bits = octets(case, "flags")[0];
        let flags = Flags {
            failed: bits & 0x80 != 0,
            bootstrapping: bits & 0x40 != 0,
            lifetimes: bits & 0x20 != 0,
        };
        assert_eq!(re_auth.flags, flags);
        if case["name"].as_str().unwrap().contains("channel binding") {
            continue; // left alone, and so not written again
        }
        let written = if case["authorization_key"].is_null() {
            re_auth.protect(suite, |covered| r_ik.tag(covered))
        } else {
            let key = DsrkAuthorization::from_octets(&octets(case, "authorization_key").try_into().unwrap());
            let covered = reading.covered_by_authorization().unwrap();
            assert!(key.verify(suite, &covered, re_auth.items.authorization.as_ref().unwrap()));
            re_auth.protect_authorized(suite, |covered| key.tag(covered), |covered| r_ik.tag(covered))
        };
        assert_eq!(hex::encode(written), hex::encode(&packet), "{}", case["name"]);
    }
}

#[test]
fn what_is_wrong_with_a_packet_is_said() {
    let good = initiate();
    let with = |at: usize, value: u8| {
        let mut packet = good.clone();
        packet[at] = value;
        ReAuth::read(&packet).map(|readings| readings.len())
    };
    assert_eq!(with(1, 9), Ok(1), "another identifier");
    assert_eq!(with(0, 1), Err(ErpError::Code(1)));
    assert_eq!(with(4, 7), Err(ErpError::Type(7)));
    assert_eq!(with(3, 0x38), Err(ErpError::Length { says: 56, has: 55 }));
    assert_eq!(with(3, 7), Err(ErpError::Short { has: 7, least: 8 }));
    assert_eq!(with(8, 7), Err(ErpError::NoKeyName), "an item that is left alone");
    assert_eq!(with(9, 0x1d), Err(ErpError::Item { at: 8 }));
    assert_eq!(with(10, b'x'), Err(ErpError::Form { kind: 1, at: 8 }));
    assert_eq!(with(38, 9), Err(ErpError::NoCryptosuite));
    for end in 0..good.len() {
        assert!(ReAuth::read(&good[..end]).is_err(), "{end}");
    }
    let behind = [&good[..], &[0xff; 9]].concat();
    assert_eq!(
        ReAuth::read(&behind).unwrap(),
        ReAuth::read(&good).unwrap(),
        "padding of the link"
    );
    let mut twice = good.clone();
    let name = good[8..38].to_vec();
    twice.splice(8..8, name);
    twice[3] += 30;
    assert_eq!(ReAuth::read(&twice), Err(ErpError::Twice { kind: 1, at: 38 }));
    assert_eq!(ReAuth::read(&[]), Err(ErpError::Short { has: 0, least: 8 }));
}

#[test]
fn only_a_failure_may_be_without_a_tag() {
    let name: KeyNameNai = "3E027FA0D26CC5FC@example.org".parse().unwrap();
    let finish = |failed| ReAuth {
        code: Code::Finish,
        identifier: 3,
        flags: Flags {
            failed,
            ..Flags::default()
        },
        seq: ErpSequence::new(5),
        key_name_nai: name.clone(),
        items: Items::default(),
    };
    let packet = finish(true).unprotected();
    let readings = ReAuth::read(&packet).unwrap();
    assert!(
        readings
            .iter()
            .any(|reading| reading.protection.is_none() && reading.re_auth == finish(true))
    );
    assert!(ReAuth::read(&finish(false).unprotected()).is_err());
    let initiate = ReAuth {
        code: Code::Initiate,
        ..finish(true)
    };
    assert!(ReAuth::read(&initiate.unprotected()).is_err());
}

#[test]
fn names_and_starts() {
    for bad in [
        "",
        "3e027fa0d26cc5fc",
        "3e027fa0d26cc5f@a",
        "3e027fa0d26cc5fcx@a",
        "3e027fa0d26cc5fc@",
        "3e027fa0d26cc5fc@a@b",
    ] {
        assert!(bad.parse::<KeyNameNai>().is_err(), "{bad}");
    }
    let label = "a".repeat(58);
    let longest = format!("{label}.{label}.{label}.{}", "b".repeat(59));
    assert!(format!("3e027fa0d26cc5fc@{longest}").parse::<KeyNameNai>().is_ok());
    assert!(format!("3e027fa0d26cc5fc@{longest}b").parse::<KeyNameNai>().is_err());
    for domain in [None, Some("local.example.org".parse().unwrap())] {
        let start = ReAuthStart { identifier: 7, domain };
        let packet = start.emit();
        assert_eq!(ReAuthStart::read(&packet), Ok(start));
        assert!(ReAuth::read(&packet).is_err());
    }
    assert_eq!(
        hex::encode(
            ReAuthStart {
                identifier: 7,
                domain: Some("a.b".parse().unwrap())
            }
            .emit()
        ),
        "0507000b0100".to_owned() + "0403612e62"
    );
    assert!(ReAuthStart::read(&initiate()).is_err());
}

proptest! {
    /// A reading says all that counts: written again, the octets have it as one of their readings.
    #[test]
    fn whatever_is_read_can_be_written(octets: Vec<u8>, cut in 0..56_usize, at in 0..55_usize, value: u8) {
        let mut near = initiate();
        near[at] = value;
        near.truncate(cut);
        let mut long = initiate();
        long.splice(8..8, octets.iter().copied());
        let length = u16::try_from(long.len()).unwrap_or(u16::MAX);
        long[2..4].copy_from_slice(&length.to_be_bytes());
        for packet in [&octets, &near, &long] {
            let _ = ReAuthStart::read(packet);
            for reading in ReAuth::read(packet).unwrap_or_default() {
                let written = match reading.protection {
                    Some(protection) => reading.re_auth.protect(protection.suite, |_| [7; 32]),
                    None => reading.re_auth.unprotected(),
                };
                let again = ReAuth::read(&written).unwrap();
                prop_assert!(again.iter().any(|again| again.re_auth == reading.re_auth));
            }
        }
    }
}
