//! Lawful interception: whose events are reported when, and what of it is kept.

use kaskade_anchor::interception::{
    AfKeyInfo, FeedRecord, FeedRow, Iri, KeyGetType, Notice, Said, Target, TargetRow, Waiting, Warrants, Who, Xid,
};
use kaskade_crypto::seal::{InterceptionKeys, OpenedSecrets, RootKey, SecretWriter};
use kaskade_flow::UnixMillis;
use kaskade_flow::record::Record;
use kaskade_keys::akma::{ATid, KAf, KAkma};
use kaskade_keys::{AKid, Gpsi, HomeRealm, Supi};

const SUPI: &str = "imsi-001010000000001";
const GPSI: &str = "msisdn-491701234567";

fn keys() -> InterceptionKeys {
    RootKey::from_octets(&[7; 32]).interception_keys()
}

fn through(says: &SecretWriter) -> OpenedSecrets {
    let keys = keys();
    keys.open(b"here", &keys.seal(&[1; 12], b"here", says, 0)).unwrap()
}

fn at(ms: u64) -> UnixMillis {
    UnixMillis::new(ms)
}

fn xid(octet: u8) -> Xid {
    Xid([octet; 16])
}

fn target(octet: u8, who: &str, begin: u64, end: Option<u64>) -> Target {
    Target {
        xid: xid(octet),
        who: who.parse().unwrap(),
        begin: at(begin),
        end: end.map(at),
        added: at(1),
        is_started: false,
    }
}

fn events() -> [Iri; 4] {
    let realm = HomeRealm::new("001-01".parse().unwrap(), None);
    let a_kid = AKid::new("0".parse().unwrap(), &ATid::from_octets(&[1; 32]), realm);
    let k_akma = KAkma::from_octets(&[2; 32]);
    let key = |octet: u8| AfKeyInfo {
        af_id: "af.example.com0100000002".parse().unwrap(),
        k_af: KAf::from_octets(&[octet; 32]),
        expires: at(99),
    };
    [
        Iri::AnchorKeyRegister {
            a_kid: a_kid.clone(),
            k_akma: k_akma.clone(),
        },
        Iri::ApplicationKeyGet {
            kind: KeyGetType::External,
            a_kid: a_kid.clone(),
            key: key(3),
        },
        Iri::StartWithEstablished {
            a_kid: a_kid.clone(),
            k_akma,
            af_keys: vec![key(4), key(5)],
        },
        Iri::ContextRemoval {
            a_kid,
            nf: "ausf.example.org".into(),
        },
    ]
}

#[test]
fn an_xid_is_a_uuid() {
    let text = "29f28e1c-f230-486a-a860-f5a784ab9172";
    let xid: Xid = text.parse().unwrap();
    assert_eq!(xid.to_string(), text);
    assert_eq!(text.to_uppercase().parse::<Xid>().unwrap(), xid);
    for wrong in [
        "",
        "29f28e1cf230486aa860f5a784ab9172",
        "29f28e1c-f230-486a-a860-f5a784ab917",
        "29f28e1c-f230-486a-a860-f5a784ab9172-",
        "+9f28e1c-f230-486a-a860-f5a784ab9172",
        "ä9f28e1c-f23-486a-a860-f5a784ab9172",
    ] {
        assert!(wrong.parse::<Xid>().is_err(), "{wrong}");
    }
}

#[test]
fn what_is_kept_of_interception_reads_back() {
    for iri in events() {
        let (supi, gpsi): (Supi, Gpsi) = (SUPI.parse().unwrap(), GPSI.parse().unwrap());
        let waiting = Waiting::Event {
            at: at(5),
            xids: vec![xid(1), xid(2)],
            supi: supi.clone(),
            gpsi: Some(gpsi),
            iri: iri.clone(),
        };
        let (says, _) = waiting.put();
        assert_eq!(Waiting::read(through(&says).reader()), Ok(Some(waiting.clone())));
        let records = waiting.records(17);
        assert_eq!(records.len(), 2, "one for each warrant");
        for (place, record) in (0..).zip(&records) {
            let mut says = SecretWriter::new();
            record.put(&mut says);
            assert_eq!(FeedRecord::read(through(&says).reader()).as_ref(), Ok(record));
            assert_eq!(record.row, (17, place));
            assert!(matches!(&record.said, Said::Event { iri: own, .. } if *own == iri));
        }
    }
    let notices = [
        Notice::TargetAdded(target(1, GPSI, 2, None), 1000),
        Notice::TargetRemoved(target(1, SUPI, 2, Some(3)), 0),
        Notice::Lost(3, at(4), at(5)),
        Notice::FeedLost(6),
        Notice::StoreBehind(7),
    ];
    for notice in notices {
        let waiting = Waiting::Notice(at(9), notice);
        let (says, _) = waiting.put();
        assert_eq!(Waiting::read(through(&says).reader()), Ok(Some(waiting)));
    }
    let mut kept = target(3, SUPI, 7, Some(8));
    kept.is_started = true;
    assert_eq!(TargetRow::read(through(&TargetRow::put(&kept)).reader()), Ok(kept));
    let row = FeedRow {
        lost: 4,
        lost_from: at(1),
        lost_until: at(2),
        ..FeedRow::of(vec![1, 2, 3])
    };
    let (mut clear, mut secret) = (Vec::new(), SecretWriter::new());
    row.encode(&mut clear, &mut secret);
    assert!(clear.is_empty(), "nothing of it in clear");
    assert_eq!(FeedRow::decode(1, &clear, through(&secret).reader()), Ok(row));
}

#[test]
fn whoever_is_no_target_has_a_row_of_the_same_length() {
    let keys = keys();
    let supis = [SUPI, "imsi-0010100000", "nai-a-user-with-quite-a-long-name@example.org"];
    for (supi, iri) in supis.iter().flat_map(|supi| events().map(|iri| (supi, iri))) {
        for gpsi in [None, Some(GPSI.parse().unwrap())] {
            let row = |warrants: u8| {
                let waiting = Waiting::Event {
                    at: at(5),
                    xids: (0..warrants).map(xid).collect(),
                    supi: supi.parse().unwrap(),
                    gpsi: gpsi.clone(),
                    iri: iri.clone(),
                };
                let (says, octets) = waiting.put();
                keys.seal(&[warrants; 12], b"here", &says, octets)
            };
            let blank = row(0);
            for warrants in 1..=32 {
                assert_eq!(row(warrants).len(), blank.len(), "{warrants} warrants, {supi}");
            }
            let opened = keys.open(b"here", &blank).unwrap();
            assert_eq!(Waiting::read(opened.reader()), Ok(None), "nothing is in it");
        }
    }
    let rows = [SUPI, GPSI, "nai-a-user-with-quite-a-long-name@example.org"].map(|who| {
        let says = TargetRow::put(&target(1, who, 2, Some(3)));
        keys.seal(&[1; 12], b"here", &says, TargetRow::OCTETS).len()
    });
    assert!(rows.iter().all(|len| *len == rows[0]), "{rows:?}");
}

#[test]
fn a_warrant_counts_in_its_time_alone() {
    let supi: Supi = SUPI.parse().unwrap();
    let mut warrants = Warrants::default();
    warrants.put(target(1, SUPI, 10, Some(20)));
    let count = |at_ms: u64| warrants.of(&supi, None, at(at_ms)).len();
    assert_eq!([9, 10, 19, 20, 21].map(count), [0, 1, 1, 0, 0]);
}

#[test]
fn every_warrant_about_a_subscriber_counts_and_no_other() {
    let (supi, gpsi): (Supi, Gpsi) = (SUPI.parse().unwrap(), GPSI.parse().unwrap());
    let mut warrants = Warrants::default();
    warrants.put(target(1, SUPI, 0, None));
    warrants.put(target(2, GPSI, 0, None));
    warrants.put(target(3, SUPI, 0, None));
    warrants.put(target(4, "imsi-001010000000002", 0, None));
    assert_eq!(warrants.of(&supi, Some(&gpsi), at(5)), [xid(1), xid(3), xid(2)]);
    assert_eq!(warrants.of(&supi, None, at(5)), [xid(1), xid(3)]);
    assert_eq!(warrants.about(&Who::Supi(supi.clone())), 2);
    warrants.remove(xid(1));
    assert_eq!(warrants.of(&supi, Some(&gpsi), at(5)), [xid(3), xid(2)]);
    let other: Supi = "imsi-001010000000003".parse().unwrap();
    assert!(warrants.of(&other, None, at(5)).is_empty());
    // Another time for the same warrant takes the place of the first.
    warrants.put(target(3, SUPI, 100, None));
    assert_eq!(warrants.of(&supi, None, at(5)), []);
    assert_eq!(warrants.targets().count(), 3);
}
