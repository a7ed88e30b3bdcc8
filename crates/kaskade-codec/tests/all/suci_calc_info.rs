//! EF_SUCI_Calc_Info against published files, its round trip, and what is refused with which words.

use kaskade_codec::usim_file::{HnPublicKeyEntry, SchemeEntry, SuciCalcInfo, UsimFileError};
use kaskade_keys::{HnKeyId, ProtectionScheme};
use proptest::prelude::*;

fn cases() -> Vec<serde_json::Value> {
    kaskade_oracle::vectors("usim-files.json")["cases"]
        .as_array()
        .expect("cases")
        .clone()
}

fn octets(case: &serde_json::Value, field: &str) -> Vec<u8> {
    hex::decode(case[field].as_str().expect(field)).expect(field)
}

#[test]
fn published_files() {
    let cases = cases();
    assert!(!cases.is_empty());
    for case in &cases {
        let file = octets(case, "ef_suci_calc_info");
        let info = SuciCalcInfo::parse(&file).expect("a published file");
        let ids: Vec<u8> = info.schemes().iter().map(|entry| entry.scheme.id()).collect();
        let indexes: Vec<u8> = info.schemes().iter().map(|entry| entry.key_index).collect();
        let key_ids: Vec<u8> = info.keys().iter().map(|key| key.key_id.0).collect();
        assert_eq!(ids, octets(case, "scheme_ids"), "{}", case["name"]);
        assert_eq!(indexes, octets(case, "key_indexes"), "{}", case["name"]);
        assert_eq!(key_ids, octets(case, "key_ids"), "{}", case["name"]);
        assert_eq!(info.keys()[0].octets, octets(case, "public_key_1"), "{}", case["name"]);
        assert_eq!(info.keys()[1].octets, octets(case, "public_key_2"), "{}", case["name"]);
        assert_eq!(info.emit(), file, "{}", case["name"]);

        let mut padded = file.clone();
        padded.extend([0xFF; 20]);
        assert_eq!(SuciCalcInfo::parse(&padded), Ok(info), "padding is not content");
    }
}

#[test]
fn every_cut_is_refused_with_its_place() {
    let file = octets(&cases()[0], "ef_suci_calc_info");
    for end in 1..file.len() {
        match SuciCalcInfo::parse(&file[..end]) {
            // The whole scheme list without keys: scheme 2 has no key then.
            Err(UsimFileError::KeyIndex {
                entry: 1,
                scheme: 2,
                index: 1,
                ..
            }) => assert_eq!(end, 8),
            Err(UsimFileError::Truncated { needed, available, .. }) => assert!(needed > available, "{end}"),
            other => unreachable!("{end} octets: {other:?}"),
        }
    }
}

#[test]
fn words() {
    let said = |hex: &str| SuciCalcInfo::parse(&hex::decode(hex).expect("hex")).map_err(|error| error.to_string());
    let key = "20".to_owned() + &"42".repeat(32);
    let refused = [
        (
            "A1".into(),
            "EF_SUCI_Calc_Info: tag A1 at octet 0, expected A0 (Protection Scheme Identifier List)",
        ),
        (
            "A003020100".into(),
            "EF_SUCI_Calc_Info: Protection Scheme Identifier List at octet 0 has 3 octets, expected two for each scheme",
        ),
        (
            "A0021000".into(),
            "EF_SUCI_Calc_Info: protection scheme 16 in entry 1, expected 0 to 15",
        ),
        (
            "A0020001".into(),
            "EF_SUCI_Calc_Info: entry 1 is the null scheme with key index 1, expected 0",
        ),
        (
            format!("A00400000102A12580010181{key}"),
            "EF_SUCI_Calc_Info: entry 2 (protection scheme 1) uses key 2, the list has 1",
        ),
        (
            format!("A0020201A12580010181{key}"),
            "EF_SUCI_Calc_Info: key 1 is used with protection scheme 2 and has 32 octets, expected 33 or 65",
        ),
        (
            "A00084".into(),
            "EF_SUCI_Calc_Info: tag 84 at octet 2, expected A1 (Home Network Public Key List)",
        ),
        (
            format!("A0020101A12580010181{key}FFFE"),
            "EF_SUCI_Calc_Info: octet FE at 44 after the last data object, expected FF padding only",
        ),
        (
            "A083".into(),
            "EF_SUCI_Calc_Info: length octet 83 of Protection Scheme Identifier List at octet 1, expected 00 to 7F, 81 or 82",
        ),
        (
            "A000A10480020101".into(),
            "EF_SUCI_Calc_Info: Home Network Public Key Identifier at octet 4 has 2 octets, expected 1",
        ),
        (
            "A000A10780010181208100".into(),
            "EF_SUCI_Calc_Info: Home Network Public Key at octet 7 needs 34 octets, 4 are left",
        ),
    ];
    for (file, words) in refused {
        let file: String = file;
        let said = said(&file).expect_err(words);
        assert_eq!(said, words, "{file}");
    }
    assert_eq!(
        said("FFFFFFFF"),
        Ok(SuciCalcInfo::default()),
        "an unwritten file is empty"
    );
    assert_eq!(said(""), Ok(SuciCalcInfo::default()));
}

fn any_info() -> impl Strategy<Value = SuciCalcInfo> {
    let keys = proptest::collection::vec((1..=255_u8, any::<u8>(), 0..3_u8), 0..20);
    (keys, any::<bool>()).prop_map(|(keys, null)| {
        let mut schemes = Vec::new();
        let mut list = Vec::new();
        for (index, (key_id, fill, kind)) in (1_u8..).zip(keys) {
            let (scheme, length) = match kind {
                0 => (ProtectionScheme::ProfileA, 32),
                1 => (ProtectionScheme::ProfileB, 33),
                _ => (ProtectionScheme::ProfileB, 65),
            };
            schemes.push(SchemeEntry {
                scheme,
                key_index: index,
            });
            list.push(HnPublicKeyEntry {
                key_id: HnKeyId(key_id),
                octets: vec![fill; length],
            });
        }
        if null {
            schemes.push(SchemeEntry {
                scheme: ProtectionScheme::Null,
                key_index: 0,
            });
        }
        SuciCalcInfo::new(schemes, list).expect("made to fit")
    })
}

proptest! {
    #[test]
    fn round_trip(info in any_info(), padding in 0..10_usize) {
        let mut file = info.emit();
        file.extend(std::iter::repeat_n(0xFF, padding));
        let back = SuciCalcInfo::parse(&file).expect("written by emit");
        prop_assert_eq!(&back, &info);
        for entry in info.schemes() {
            prop_assert_eq!(back.key_of(*entry).is_some(), entry.key_index > 0);
        }
    }

    #[test]
    fn never_panics(file in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(info) = SuciCalcInfo::parse(&file) {
            prop_assert_eq!(SuciCalcInfo::parse(&info.emit()), Ok(info));
        }
    }
}
